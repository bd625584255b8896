//! What one scan makes of zone maps.

use super::{FileKey, FileState, Gap, ZoneBuilder, ZoneStore};
use crate::input::InputFile;
use tidegate_memory::ByteCount;

/// Which parts of the files of a scan hold nothing that is wanted, and which files are to be learned.
#[derive(Clone, Debug)]
pub struct ZonePlan {
    store: ZoneStore,
    /// The place of the times in the batches of the scan.
    column: usize,
    /// For each file, how to find its map later, if it has none.
    unknown: Vec<Option<FileKey>>,
    gaps: Vec<Option<FileGaps>>,
}

/// The gaps of a file as it was.
#[derive(Clone, Debug)]
pub struct FileGaps {
    /// What the file was.
    pub state: FileState,
    /// In their order.
    pub gaps: Vec<Gap>,
}

/// What an execution of a scan goes by.
#[derive(Debug, Default)]
pub struct ScanZones {
    /// For each file, its gaps.
    pub gaps: Vec<Option<FileGaps>>,
    /// Learns the others.
    pub builder: Option<ZoneBuilder>,
}

impl ZonePlan {
    /// Looks up the files of a scan, of which those records are wanted whose time is within `wanted`, if that is known.
    /// `name` says which times of which format.
    pub fn new(store: &ZoneStore, inputs: &[InputFile], name: &str, column: usize, wanted: Option<(i64, i64)>) -> Self {
        let mut plan = Self { store: store.clone(), column, unknown: Vec::new(), gaps: Vec::new() };
        for input in inputs {
            let path = input.path.as_deref().filter(|_| input.compression.is_none());
            let key = path.and_then(|path| store.key(path, name));
            let key = key.filter(|key| Some(ByteCount::new(key.size())) == input.size);
            let map = key.as_ref().and_then(|key| store.load(key));
            plan.gaps.push(match (&key, &map, wanted) {
                (Some(key), Some(map), Some((low, high))) => {
                    Some(FileGaps { state: key.state(), gaps: map.gaps(low, high) })
                }
                _ => None,
            });
            plan.unknown.push(key.filter(|_| map.is_none()));
        }
        plan
    }

    /// Returns whether there is a file to be learned.
    pub fn learns(&self) -> bool {
        self.unknown.iter().any(Option::is_some)
    }

    /// Returns how many bytes are passed over.
    pub fn passed_over(&self) -> ByteCount {
        let gaps = self.gaps.iter().flatten().flat_map(|file| &file.gaps);
        gaps.map(|gap| ByteCount::new(gap.end - gap.start)).sum()
    }

    /// Returns what an execution goes by.
    pub fn execution(&self) -> ScanZones {
        let builder = self.learns().then(|| ZoneBuilder::new(self.store.clone(), self.column, self.unknown.clone()));
        ScanZones { gaps: self.gaps.clone(), builder }
    }
}
