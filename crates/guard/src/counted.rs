//! What a guarded process counted, read from the file that it maps.

use crate::layout::{self, FRAMES, site, word};
use std::{fs::File, os::unix::fs::FileExt, path::Path};

/// What a process counted, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    header: Vec<u64>,
    pub(crate) sites: Vec<Site>,
    strings: Vec<u8>,
}

/// A stack of Python lines that allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Site {
    /// Bytes that live.
    pub(crate) live: u64,
    /// Bytes that lived when the most lived.
    pub(crate) peak: u64,
    /// Bytes ever allocated.
    pub(crate) total: u64,
    pub(crate) samples: u64,
    /// Allocations that the samples stand for, in thousandths.
    pub(crate) allocations: u64,
    /// The site that gave the thread its work; 0 for none.
    pub(crate) parent: usize,
    /// The lines are those of the main thread, which waited for a thread without Python.
    pub(crate) is_native: bool,
    /// What is allocated is zero, and perhaps never touched.
    pub(crate) is_zeroed: bool,
    /// The inmost first; places of strings, and the line.
    frames: Vec<[u32; 3]>,
}

/// A line of Python.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::struct_field_names, reason = "the number of a line is what people call the line")]
pub(crate) struct Line {
    pub(crate) file: String,
    pub(crate) function: String,
    pub(crate) line: u32,
}

/// A sampled allocation that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) weight: u64,
    pub(crate) site: usize,
}

impl Counted {
    /// Reads the file of a process; `None` if it is not ready.
    pub(crate) fn read(file: &File) -> Option<Self> {
        let header = words(&bytes(file, 0, 512)?);
        if header.first() != Some(&layout::MAGIC) {
            return None;
        }
        let used = |index: usize, most: usize| {
            usize::try_from(header.get(index).copied().unwrap_or(0)).map_or(most, |used| used.min(most))
        };
        let site_count = used(word::SITES_USED, layout::SITES);
        let string_bytes = (used(word::STRINGS_USED, layout::STRING_BYTES) + 8).min(layout::STRING_BYTES);
        let sites = bytes(file, layout::SITES_AT, site_count * layout::SITE_BYTES)?;
        let strings = bytes(file, layout::STRINGS_AT, string_bytes)?;
        let sites = sites.chunks_exact(layout::SITE_BYTES).map(Site::of).collect();
        Some(Self { header, sites, strings })
    }

    /// Reads the header alone.
    pub(crate) fn read_header(&mut self, file: &File) {
        if let Some(header) = bytes(file, 0, 512) {
            self.header = words(&header);
        }
    }

    /// Reads the blocks that live.
    pub(crate) fn blocks(file: &File) -> Vec<Block> {
        let Some(keys) = bytes(file, layout::KEYS_AT, layout::BLOCKS * 8) else { return Vec::new() };
        let Some(facts) = bytes(file, layout::BLOCKS_AT, layout::BLOCKS * layout::BLOCK_BYTES) else {
            return Vec::new();
        };
        let keys = words(&keys);
        let blocks = keys.iter().zip(facts.chunks_exact(layout::BLOCK_BYTES)).filter(|(key, _)| **key > 1);
        blocks
            .map(|(address, facts)| {
                let facts = words(facts);
                let fact = |at: usize| facts.get(at).copied().unwrap_or(0);
                let site = usize::try_from(fact(2)).unwrap_or(0);
                Block { address: *address, weight: fact(0), size: fact(1), site }
            })
            .filter(|block| block.site < layout::SITES)
            .collect()
    }

    /// Returns a word of the header.
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.header.get(index).copied().unwrap_or(0)
    }

    /// Returns the lines of a site, the inmost first.
    pub(crate) fn lines(&self, number: usize) -> Vec<Line> {
        let Some(site) = self.sites.get(number) else { return Vec::new() };
        site.frames
            .iter()
            .map(|[file, function, line]| Line {
                file: self.string(*file),
                function: self.string(*function),
                line: *line,
            })
            .collect()
    }

    fn string(&self, place: u32) -> String {
        let place = usize::try_from(place).unwrap_or(0);
        let length =
            self.strings.get(place..place + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_ne_bytes);
        let text = if place == 0 { None } else { self.strings.get(place + 2..place + 2 + usize::from(length)) };
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

impl Site {
    fn of(bytes: &[u8]) -> Self {
        let (head, frames) = bytes.split_at(layout::SITE_FRAMES_AT.min(bytes.len()));
        let head = words(head);
        let field = |at: usize| head.get(at).copied().unwrap_or(0);
        // A number that was read between two changes may have gone below zero; what a program wrote here itself may be anything.
        let amount = |at: usize| Some(field(at)).filter(|amount| *amount < 1 << 48).unwrap_or(0);
        let sum = |at: usize| field(at).min(1 << 58);
        let shape = field(site::SHAPE);
        let depth = usize::try_from(shape & 0xFFFF).unwrap_or(0).min(FRAMES);
        let frames = frames.chunks_exact(layout::FRAME_BYTES).take(depth).map(|frame| {
            let part =
                |at: usize| frame.get(at..at + 4).and_then(|part| part.try_into().ok()).map_or(0, u32::from_ne_bytes);
            [part(0), part(4), part(8)]
        });
        Self {
            live: amount(site::LIVE),
            peak: amount(site::PEAK),
            total: sum(site::TOTAL),
            samples: sum(site::SAMPLES),
            allocations: sum(site::ALLOCATIONS),
            parent: usize::try_from((shape & !(site::NATIVE | site::ZEROED)) >> 16).unwrap_or(0),
            is_native: shape & site::NATIVE != 0,
            is_zeroed: shape & site::ZEROED != 0,
            frames: frames.collect(),
        }
    }
}

/// Writes a word of the header, for the process to see.
pub(crate) fn tell(file: &File, index: usize, value: u64) {
    // A process that is gone needs no telling.
    let _ = file.write_all_at(&value.to_ne_bytes(), u64::try_from(index * 8).unwrap_or(0));
}

/// What holds for all processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    /// The limit of the tree in bytes; 0 for none.
    pub(crate) limit: u64,
    /// From here on, memory is given back.
    pub(crate) soft: u64,
    /// Bytes between two samples, on average.
    pub(crate) interval: u64,
    /// The process that ends what is far above the limit; 0 where the kernel does.
    pub(crate) guard: u64,
}

/// Writes what holds for all processes.
pub(crate) fn write_control(folder: &Path, all: Control) -> std::io::Result<()> {
    let mut words = [0_u64; layout::control::WORDS];
    let values = [
        (layout::control::LIMIT, all.limit),
        (layout::control::SOFT, all.soft),
        (layout::control::INTERVAL, all.interval),
        (layout::control::GUARD, all.guard),
    ];
    for (at, value) in values {
        if let Some(word) = words.get_mut(at) {
            *word = value;
        }
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    std::fs::write(folder.join(layout::CONTROL), bytes)
}

fn bytes(file: &File, from: usize, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, u64::try_from(from).ok()?).ok()?;
    Some(bytes)
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(8).map(|word| word.try_into().map_or(0, u64::from_ne_bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::{Charges, Ledger, Lives, charged};
    use std::io::Write;

    #[test]
    fn what_a_program_wrote_over_its_file_is_read_without_harm() {
        let mut file = tempfile::tempfile().unwrap();
        let mut random = 7_u64;
        let mut words = vec![layout::MAGIC];
        words.resize_with(layout::BYTES / 8, || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        });
        file.write_all(&words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>()).unwrap();
        let counted = Counted::read(&file).unwrap();
        let mut ledger = Ledger::default();
        ledger.add(&counted, &mut Charges::default(), Lives::Still);
        ledger.add_peak(&counted, &counted.sites.iter().map(|site| site.peak).collect::<Vec<_>>());
        charged(&counted, usize::MAX);
        assert!(Counted::blocks(&file).len() <= layout::BLOCKS);
        assert!(ledger.stacks.len() <= layout::SITES);
    }

    #[test]
    fn a_file_that_is_not_ready_is_not_read() {
        assert!(Counted::read(&tempfile::tempfile().unwrap()).is_none());
    }
}
