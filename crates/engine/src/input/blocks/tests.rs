//! Tests of the block queue: whatever the block size, the same records at the same places.

use super::*;
use crate::input::{SampleSize, find};
use std::{fs, io::Write};
use tidegate_formats::{
    Sample,
    csv::{CsvLayout, CsvOptions},
};

/// Offset, line, length, and the length of a record that is too long.
type Seen = (u64, u64, usize, Option<u64>);

/// Reads everything and joins the text of the blocks.
fn read(bytes: &[u8], block_bytes: usize) -> (Vec<Seen>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    fs::write(&path, bytes).unwrap();
    let inputs: Arc<[InputFile]> = find(path.to_str().unwrap()).unwrap().into();
    let options = QueueOptions { block_bytes, numbered: true };
    let queue = BlockQueue::new(inputs, Format::Access, options, None, Arc::default());
    let (mut blocks, mut joined, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(block) = queue.next(&mut buffer).unwrap() {
        blocks.push((block.offset, block.first_line, buffer.len(), block.too_long));
        joined.extend_from_slice(&buffer);
    }
    (blocks, joined)
}

#[test]
fn every_byte_is_handed_out_once_at_any_block_size() {
    let text = b"one\ntwo\n\nthree has no end";
    for size in 1..40 {
        let (blocks, joined) = read(text, size);
        assert_eq!(joined, text, "{size}");
        for (offset, line, length, _) in blocks {
            let before = &text[..usize::try_from(offset).unwrap()];
            assert!(before.is_empty() || before.ends_with(b"\n"));
            assert_eq!(line, 1 + memchr_iter(b'\n', before).count() as u64);
            assert!(length > 0);
        }
    }
}

#[test]
fn a_record_beyond_the_cap_is_skipped_to_its_end() {
    let mut bytes = b"first\n".to_vec();
    bytes.resize(RECORD_CAP + (3 << 20), b'x');
    bytes.write_all(b"\nlast\n").unwrap();
    let (blocks, _) = read(&bytes, 1 << 20);
    let too_long: Vec<_> = blocks.iter().filter(|block| block.3.is_some()).collect();
    assert_eq!(too_long, [&(6, 2, TOO_LONG_KEPT, Some(bytes.len() as u64 - 12))]);
    assert_eq!(blocks.last().unwrap(), &(bytes.len() as u64 - 5, 3, 5, None));
}

#[test]
fn a_header_may_be_as_long_as_a_record() {
    let columns: Vec<_> = (0..300).map(|at| format!("{}{at}", "x".repeat(1_000))).collect();
    let text = format!("{}\n{}1\n", columns.join(","), "1,".repeat(columns.len() - 1));
    let layout =
        CsvLayout::infer(&[Sample { bytes: text.as_bytes(), at_start: true }], &CsvOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.csv");
    fs::write(&path, &text).unwrap();
    let inputs: Arc<[InputFile]> = find(path.to_str().unwrap()).unwrap().into();
    let head = Head::read(&inputs[0], SampleSize::FURTHER).unwrap();
    assert!(head.bytes.starts_with(text.lines().next().unwrap().as_bytes()));
    let options = QueueOptions { block_bytes: 1 << 10, numbered: true };
    let queue = BlockQueue::new(inputs, Format::Csv(Arc::new(layout)), options, None, Arc::default());
    let mut buffer = Vec::new();
    let block = queue.next(&mut buffer).unwrap().unwrap();
    assert_eq!((block.first_line, buffer.len()), (2, columns.len() * 2));
}

#[test]
fn an_endless_record_at_the_end_of_the_file_ends_there() {
    let bytes = vec![b'x'; RECORD_CAP * 2];
    let (blocks, _) = read(&bytes, 1 << 20);
    assert_eq!(blocks.len(), 1);
}
