//! Tests of the block queue: whatever the block size, the same records at the same places.

use super::*;
use crate::input::{Compression, SampleSize, find};
use std::{
    fs,
    io::{Read, Write},
};
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
    let options = QueueOptions { block_bytes, numbered: true, threads: 1, ahead_bytes: 0 };
    let queue = BlockQueue::new(inputs, Format::Access, options, None, Arc::default());
    let (mut blocks, mut joined, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(block) = queue.next(&mut Lane::default(), &mut buffer).unwrap() {
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
    let options = QueueOptions { block_bytes: 1 << 10, numbered: true, threads: 1, ahead_bytes: 0 };
    let queue = BlockQueue::new(inputs, Format::Csv(Arc::new(layout)), options, None, Arc::default());
    let mut buffer = Vec::new();
    let block = queue.next(&mut Lane::default(), &mut buffer).unwrap().unwrap();
    assert_eq!((block.first_line, buffer.len()), (2, columns.len() * 2));
}

#[test]
fn an_endless_record_at_the_end_of_the_file_ends_there() {
    let bytes = vec![b'x'; RECORD_CAP * 2];
    let (blocks, _) = read(&bytes, 1 << 20);
    assert_eq!(blocks.len(), 1);
}

const COMPRESSIONS: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz];

fn compress(compression: Compression, text: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    match compression {
        Compression::Gzip => {
            flate2::read::GzEncoder::new(text, flate2::Compression::fast()).read_to_end(&mut compressed)
        }
        Compression::Zstd => {
            // As the command of that name does.
            let mut encoder = zstd::stream::read::Encoder::new(text, 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.read_to_end(&mut compressed)
        }
        Compression::Bzip2 => {
            bzip2::read::BzEncoder::new(text, bzip2::Compression::fast()).read_to_end(&mut compressed)
        }
        Compression::Xz => liblzma::read::XzEncoder::new(text, 1).read_to_end(&mut compressed),
    }
    .unwrap();
    compressed
}

/// Reads files to their end, with two threads' lanes in turns. Returns the text of each, and the bytes of input counted.
fn read_files(files: &[Vec<u8>], block_bytes: usize) -> Result<(Vec<Vec<u8>>, u64), EngineError> {
    let folder = tempfile::tempdir().unwrap();
    for (at, bytes) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("{at}.log")), bytes).unwrap();
    }
    let inputs: Arc<[InputFile]> = find(folder.path().to_str().unwrap()).unwrap().into();
    let options = QueueOptions { block_bytes, numbered: false, threads: 2, ahead_bytes: 4096 };
    let progress = Arc::<Progress>::default();
    let queue = BlockQueue::new(inputs, Format::Access, options, None, Arc::clone(&progress));
    let mut texts = vec![Vec::new(); files.len()];
    let (mut lanes, mut buffer) = ([Lane::default(), Lane::default()], Vec::new());
    let mut ended = 0;
    while ended < lanes.len() {
        ended = 0;
        for lane in &mut lanes {
            let Some(block) = queue.next(lane, &mut buffer)? else {
                ended += 1;
                continue;
            };
            let text: &mut Vec<u8> = &mut texts[block.order];
            assert_eq!(block.offset, text.len() as u64);
            assert_eq!(block.first_line, 1 + memchr_iter(b'\n', text).count() as u64);
            text.extend_from_slice(&buffer);
        }
    }
    Ok((texts, progress.snapshot().bytes.bytes()))
}

#[test]
fn compressed_files_are_read_as_what_they_hold() {
    let text: Vec<u8> =
        (0..3000_u32).flat_map(|line| format!("{line} {}\n", line.wrapping_mul(0x9e37_79b9)).into_bytes()).collect();
    for compression in COMPRESSIONS {
        // As `cat` makes them, of parts that end anywhere.
        let parts = [&text[..1], &text[1..20_003], &text[20_003..20_003], &text[20_003..]];
        let whole = parts.map(|part| compress(compression, part)).concat();
        assert_eq!(Compression::of(&whole[..10]), Some(compression));
        for block_bytes in [100, 4096, 1 << 20] {
            let files = [whole.clone(), compress(compression, b"last\n"), compress(compression, &text)];
            let size: usize = files.iter().map(Vec::len).sum();
            let (texts, read) = read_files(&files, block_bytes).unwrap();
            assert!(texts == [&text[..], b"last\n", &text], "{compression:?} in blocks of {block_bytes}");
            assert_eq!(read, size as u64, "{compression:?}");
        }
    }
}

#[test]
fn a_compressed_file_that_is_cut_or_damaged_is_an_error() {
    let text = b"one line of a log, again and again\n".repeat(2000);
    for compression in COMPRESSIONS {
        let whole = compress(compression, &text);
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x10;
        for bytes in [whole[..whole.len() - 1].to_vec(), whole[..whole.len() / 2].to_vec(), damaged] {
            let error = read_files(&[bytes], 4096).map(|_| compression).unwrap_err().to_string();
            assert!(error.contains("0.log`: compressed, and "), "{compression:?}: {error}");
        }
    }
}

/// Reads one file with several threads. Returns its text, and how many blocks were read.
fn read_together(bytes: &[u8], threads: usize, ahead_bytes: usize) -> Result<(Vec<u8>, u64), EngineError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    fs::write(&path, bytes).unwrap();
    let inputs: Arc<[InputFile]> = find(path.to_str().unwrap()).unwrap().into();
    let options = QueueOptions { block_bytes: 500, numbered: true, threads, ahead_bytes };
    let progress = Arc::<Progress>::default();
    let queue = BlockQueue::new(inputs, Format::Access, options, None, Arc::clone(&progress));
    let blocks = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let reader = || {
            let (mut lane, mut buffer) = (Lane::default(), Vec::new());
            while let Some(block) = queue.next(&mut lane, &mut buffer)? {
                blocks.lock().unwrap().push((block.offset, block.first_line, buffer.clone()));
            }
            Ok::<(), EngineError>(())
        };
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(reader)).collect();
        readers.into_iter().try_for_each(|reader| reader.join().unwrap())
    })?;
    let mut blocks = blocks.into_inner().unwrap();
    blocks.sort();
    let mut text = Vec::new();
    for (offset, line, block) in blocks {
        assert_eq!(offset, text.len() as u64);
        assert_eq!(line, 1 + memchr_iter(b'\n', &text).count() as u64);
        text.extend_from_slice(&block);
    }
    Ok((text, progress.snapshot().bytes.bytes()))
}

/// Lines, and the same in parts of which some are large, and some hold what looks like the beginning of another.
fn in_parts(compression: Compression) -> (Vec<u8>, Vec<u8>) {
    let lines = |from: u32, to: u32| {
        (from..to)
            .flat_map(|line| format!("{line} {}\n", line.wrapping_mul(0x9e37_79b9)).into_bytes())
            .collect::<Vec<_>>()
    };
    let (mut text, mut whole) = (Vec::new(), Vec::new());
    for part in 0..60 {
        let first = part * 1000;
        let mut held = match part {
            // Larger than a stretch.
            20 | 21 => lines(first, first + 900),
            // In the middle of a line.
            22..40 => lines(first, first + 20 + part)[5..].to_vec(),
            _ => lines(first, first + 10),
        };
        let mut written = compress(compression, &held);
        if part % 7 == 3 && compression == Compression::Gzip {
            held = [written.as_slice(), b"\n"].concat();
            written.clear();
            flate2::read::GzEncoder::new(held.as_slice(), flate2::Compression::none())
                .read_to_end(&mut written)
                .unwrap();
        }
        text.extend_from_slice(&held);
        whole.extend_from_slice(&written);
    }
    (text, whole)
}

#[test]
fn parts_of_a_file_are_decompressed_by_several_threads() {
    for compression in COMPRESSIONS {
        let (text, whole) = in_parts(compression);
        for (threads, ahead_bytes) in [(1, 4096), (2, 4096), (2, 700), (4, 64), (3, 1 << 20)] {
            let (read, counted) = read_together(&whole, threads, ahead_bytes).unwrap();
            assert!(read == text, "{compression:?} by {threads} threads, {ahead_bytes} ahead");
            assert_eq!(counted, whole.len() as u64);
        }
    }
}

#[test]
fn a_damaged_part_is_an_error_for_several_threads() {
    for compression in COMPRESSIONS {
        let (_, mut whole) = in_parts(compression);
        let cut = whole[..whole.len() - 3].to_vec();
        let middle = whole.len() / 2;
        // The checksum of some part, or what it is of.
        whole[middle..middle + 40].iter_mut().for_each(|byte| *byte ^= 0x55);
        for bytes in [cut, whole] {
            let error = read_together(&bytes, 3, 4096).map(|_| compression).unwrap_err().to_string();
            assert!(error.contains("compressed, and "), "{compression:?}: {error}");
        }
    }
}
