//! Files that are damaged or that lie are one error that names the place, or other values where nothing but values was changed.

use super::tests::{PLAIN, Written, of_all_types, read, shown, write};
use crate::ipc::QueueOptions;
use datafusion::arrow::{array::RecordBatch, ipc::CompressionType};
use std::{fs, path::Path};

const OPTIONS: QueueOptions = QueueOptions { rows: 8192, bytes: 1 << 20 };

fn small() -> RecordBatch {
    let batch = of_all_types(0, 5);
    // Numbers, a decimal, texts of all kinds, a dictionary, lists, structs, a map.
    batch.project(&[3, 11, 14, 24, 25, 26, 30, 34, 35, 36, 37, 38]).unwrap()
}

fn check(path: &Path, bytes: &[u8]) -> Result<Vec<RecordBatch>, String> {
    fs::write(path, bytes).unwrap();
    let result = read(path, None, OPTIONS);
    if let Err(error) = &result {
        assert!(error.contains("t.arrow") && !error.contains('\n'), "{error}");
    }
    result
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    for way in PLAIN {
        write(&path, &[small(), small()], way);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = read(&path, None, OPTIONS).unwrap_err();
            assert!(error.contains("byte") && error.contains("t.arrow"), "{way:?} {length}: {error}");
        }
        let more = [whole.as_slice(), b"more"].concat();
        fs::write(&path, more).unwrap();
        assert!(read(&path, None, OPTIONS).is_err(), "{way:?}");
    }
}

#[test]
fn no_byte_that_changes_is_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let compressed = [CompressionType::LZ4_FRAME, CompressionType::ZSTD].map(Some);
    let ways = compressed.map(|compression| Written { is_file: true, compression }).into_iter().chain(PLAIN);
    for way in ways {
        write(&path, &[small()], way);
        let whole = fs::read(&path).unwrap();
        let (mut errors, expected) = (0, shown(&[small()]));
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= [0x01, 0x80, 0xff, 0x40][at % 4];
            match check(&path, &bytes) {
                Ok(batches) => drop(shown(&batches)),
                Err(_) => errors += 1,
            }
        }
        assert!(errors > whole.len() / 10, "{way:?}: {errors} of {}", whole.len());
        assert_eq!(shown(&check(&path, &whole).unwrap()), expected);
    }
}

#[test]
fn lengths_that_lie_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let lies: [i64; 6] = [i64::MAX, i64::MIN, -1, 1 << 40, i64::MAX - 7, 0x7fff_ffff];
    let ways = PLAIN.into_iter().chain([Written { is_file: false, compression: Some(CompressionType::ZSTD) }]);
    for way in ways {
        write(&path, &[small()], way);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len() - 8).step_by(4) {
            for lie in lies {
                let mut bytes = whole.clone();
                bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
                let _ = check(&path, &bytes);
                bytes[at..at + 8].copy_from_slice(&whole[at..at + 8]);
                bytes[at..at + 4].copy_from_slice(&lie.to_le_bytes()[..4]);
                let _ = check(&path, &bytes);
            }
        }
    }
}
