//! What tells two contents apart: 128 bits of XXH3.
//!
//! An output is fingerprinted whole: it counts as done only if every byte of it is there. An input of terabytes cannot be read
//! once more for its fingerprint, so that of a long file is made of its size, its head and tail, samples between them, and its
//! time of change, because samples can miss a change.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    str::FromStr,
};
use xxhash_rust::xxh3::Xxh3;

/// Up to this size an input is read whole, and its time of change does not matter.
const WHOLE: u64 = 1 << 20;

/// Bytes at the head and at the tail of a longer input.
const END: usize = 64 << 10;

/// Bytes of each sample between them, and how many there are.
const SAMPLE: usize = 16 << 10;
const SAMPLES: u64 = 16;

/// Bytes read at a time.
const BLOCK: usize = 256 << 10;

/// A content in 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Returns the fingerprint of all bytes of a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_file(file: &File) -> io::Result<Self> {
        let mut hasher = Xxh3::new();
        add_all(&mut hasher, file)?;
        Ok(Self(hasher.digest128()))
    }

    /// Returns the fingerprint of an input, from parts of it if it is long.
    ///
    /// # Errors
    /// If it cannot be read, or is no file: to open a pipe would wait for its writer.
    pub fn of_input(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let size = metadata.len();
        let mut hasher = Xxh3::new();
        hasher.update(&size.to_le_bytes());
        if size <= WHOLE {
            add_all(&mut hasher, &file)?;
            return Ok(Self(hasher.digest128()));
        }
        hasher.update(&metadata.mtime().to_le_bytes());
        hasher.update(&metadata.mtime_nsec().to_le_bytes());
        let mut buffer = vec![0; END];
        let step = size / (SAMPLES + 1);
        let samples = (1..=SAMPLES).map(|at| (step * at, SAMPLE));
        for (at, length) in [(0, END)].into_iter().chain(samples).chain([(size - END as u64, END)]) {
            let part = buffer.get_mut(..length).unwrap_or_default();
            file.read_exact_at(part, at)?;
            hasher.update(part);
        }
        Ok(Self(hasher.digest128()))
    }

    /// Returns the fingerprint of a list of texts; where one ends and the next begins counts.
    pub fn of_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = Xxh3::new();
        for text in texts {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Self(hasher.digest128())
    }
}

/// Reads from the beginning, whatever was read before.
fn add_all(hasher: &mut Xxh3, file: &File) -> io::Result<()> {
    let mut reader = PositionedReader { file, at: 0 };
    let mut buffer = vec![0; BLOCK];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

struct PositionedReader<'a> {
    file: &'a File,
    at: u64,
}

impl Read for PositionedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn an_input_is_told_from_its_changed_self() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for size in [10, 3 << 20] {
            let mut bytes: Vec<u8> = (0_u32..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            fs::write(&path, &bytes).unwrap();
            let before = Fingerprint::of_input(&path).unwrap();
            assert_eq!(Fingerprint::of_input(&path).unwrap(), before);
            bytes[5] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_ne!(Fingerprint::of_input(&path).unwrap(), before);
            bytes.push(b'x');
            fs::write(&path, &bytes).unwrap();
            assert_ne!(Fingerprint::of_input(&path).unwrap(), before);
        }
    }

    #[test]
    fn the_time_of_change_counts_where_samples_may_miss_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for (size, counts) in [(10, false), (3 << 20, true)] {
            fs::write(&path, vec![b'a'; size]).unwrap();
            let before = Fingerprint::of_input(&path).unwrap();
            File::options().append(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(Fingerprint::of_input(&path).unwrap() != before, counts, "{size}");
        }
    }

    #[test]
    fn fingerprints_are_written_and_read() {
        let one = Fingerprint::of_texts(["ab", "c"]);
        assert_ne!(one, Fingerprint::of_texts(["a", "bc"]));
        assert_eq!(one.to_string().parse(), Ok(one));
        assert_eq!(one.to_string().len(), 32);
    }
}
