//! Spill files as DataFusion sees them: what is written is read, or the failure says what happened.

use super::{
    Damage, SpillFailure,
    block::{BLOCK, HEADER},
    cache::WINDOW,
    testing::{Random, assert_damaged, blocks_of, bytes_of, failure, files, flip, limited_files, read, written},
};
use datafusion::execution::spill_file::{SpillFile, TempFileFactory};
use futures::StreamExt;
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};
use tidegate_memory::{ByteCount, Limit};

#[test]
fn what_is_written_is_read_and_nothing_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let file = files.create("sort").unwrap();
    let mut writer = file.open_writer().unwrap();
    let mut expected = Vec::new();
    for length in [1, BLOCK - HEADER - 1, 1, BLOCK, 3 * BLOCK, 7] {
        let piece = vec![u8::try_from(length % 251).unwrap(); length];
        writer.write_all(&piece).unwrap();
        expected.extend(piece);
    }
    writer.finish().unwrap();
    assert_eq!(read(&file).unwrap(), expected);
    assert_eq!(read(&file).unwrap(), expected, "a join reads more than once");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let on_disk = ByteCount::from(expected.len() + HEADER * blocks_of(file.shared()).len());
    assert_eq!(files.report().current, on_disk);
    let reader = file.read_stream().unwrap();
    drop((file, writer));
    assert_eq!(files.report().current, on_disk, "a reader keeps the file");
    drop(reader);
    let report = files.report();
    assert_eq!((report.current, report.written, report.files), (ByteCount::ZERO, on_disk, 1));
    assert_eq!(report.largest, on_disk, "what was there at a time is remembered");
}

#[test]
fn nobody_else_may_open_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = files(folder.path()).create("sort").unwrap();
    assert_eq!(file.shared().file().metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_reader_follows_its_writer() {
    let folder = tempfile::tempdir().unwrap();
    let file = files(folder.path()).create_temp_file("repartition").unwrap();
    let mut writer = file.open_writer().unwrap();
    let mut reader = file.read_stream().unwrap();
    for length in [1, 100, BLOCK, 5 * BLOCK + 3] {
        let piece = vec![u8::try_from(length % 251).unwrap(); length];
        writer.write_all(&piece).unwrap();
        writer.flush().unwrap();
        let mut found = Vec::new();
        while found.len() < length {
            found.extend(futures::executor::block_on(reader.next()).unwrap().unwrap());
        }
        assert_eq!(found, piece);
    }
    writer.finish().unwrap();
    assert!(futures::executor::block_on(reader.next()).is_none());
}

#[test]
fn a_file_without_bytes_is_read_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = files(folder.path()).create("sort").unwrap();
    file.open_writer().unwrap().finish().unwrap();
    assert!(read(&file).unwrap().is_empty());
}

#[test]
fn what_is_let_go_of_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let length = 3 * usize::try_from(WINDOW).unwrap() + 12_345;
    let (file, content) = written(&files, &mut Random(5), length);
    for time in 1..=2 {
        assert!(read(&file).unwrap() == content, "reading {time}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_a_failure_that_is_kept() {
    let files = files(Path::new("/nowhere/at/all"));
    let Err(error) = files.create_temp_file("sort") else { panic!("a file was made") };
    let SpillFailure::Write { kind, .. } = failure(&error) else { panic!("{error}") };
    assert_eq!(*kind, io::ErrorKind::NotFound);
    assert_eq!(files.failure().as_ref(), Some(failure(&error)));
}

#[test]
fn the_limit_is_of_what_is_on_disk_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let limit = ByteCount::from(4 * BLOCK);
    let files = limited_files(folder.path(), Limit::Bytes(limit));
    for _ in 0..3 {
        let file = files.create("sort").unwrap();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&vec![1; 4 * (BLOCK - HEADER)]).unwrap();
        writer.finish().unwrap();
        assert_eq!(files.report().current, limit);
    }
    assert_eq!((files.report().current, files.failure()), (ByteCount::ZERO, None));
    let file = files.create("sort").unwrap();
    let mut writer = file.open_writer().unwrap();
    writer.write_all(&vec![1; 4 * (BLOCK - HEADER) + 1]).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(error.to_string().contains("spill limit of 262 kB reached"), "{error}");
    assert_eq!(files.failure(), Some(SpillFailure::Quota { limit, current: limit }));
    assert_eq!(files.report().current, limit, "what was refused is not on the account");
    let renewed = files.renewed();
    assert_eq!(
        (renewed.report(), renewed.failure()),
        (files.report(), None),
        "another plan begins with what is on disk"
    );
    // What came before the refused block may be read; the end may not be taken for the end.
    assert_damaged(read(&file), "a file that could not be written to its end");
}

#[test]
fn a_thousand_flipped_bits_are_a_thousand_failures() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let mut random = Random(1);
    let (file, content) = written(&files, &mut random, 500_000);
    let shared = file.shared();
    assert!(read(&file).unwrap() == content);
    let headers: Vec<u64> =
        blocks_of(shared).iter().flat_map(|block| block.start * 8..(block.start + HEADER as u64) * 8).collect();
    let flips: Vec<u64> = (0..1_000).map(|_| random.below(shared.size() * 8)).chain(headers).collect();
    for bit in flips {
        flip(shared, bit);
        assert_damaged(read(&file), &format!("bit {bit}"));
        flip(shared, bit);
    }
    assert!(read(&file).unwrap() == content);
    let Some(SpillFailure::Damaged { name, .. }) = files.failure() else { panic!("the first failure is kept") };
    assert_eq!((name.folder.as_ref(), name.purpose.as_ref(), name.number), (folder.path(), "test", 1));
    assert!(name.to_string().starts_with("spill file 1 (test) in `/"), "{name}");
}

#[test]
fn a_lost_tail_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let mut random = Random(2);
    let (file, content) = written(&files, &mut random, 300_000);
    let shared = file.shared();
    let size = shared.size();
    let ends: Vec<u64> = blocks_of(shared).iter().map(|block| block.start).collect();
    for length in (0..100).map(|_| random.below(size)).chain(ends).collect::<Vec<_>>() {
        let tail = bytes_of(shared, length..size);
        shared.file().set_len(length).unwrap();
        assert_eq!(shared.file().metadata().unwrap().len(), length);
        assert_damaged(read(&file), &format!("{length} bytes of {size}"));
        // A hole in place of the tail, as after a disk that lost a write.
        shared.file().set_len(size).unwrap();
        assert_damaged(read(&file), &format!("zeros after {length} bytes of {size}"));
        shared.file().write_all_at(&tail, length).unwrap();
    }
    assert!(read(&file).unwrap() == content);
}

#[test]
fn blocks_in_the_wrong_place_are_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let write = |byte| {
        let file = files.create("test").unwrap();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&vec![byte; 4 * (BLOCK - HEADER)]).unwrap();
        writer.finish().unwrap();
        file
    };
    // The contents of all blocks are the same: nothing but their headers tells them apart.
    let (file, other) = (write(1), write(1));
    let (shared, other) = (file.shared(), other.shared());
    let block = |of, number: u64| bytes_of(of, number * BLOCK as u64..(number + 1) * BLOCK as u64);
    let put = |number: u64, bytes: &[u8]| shared.file().write_all_at(bytes, number * BLOCK as u64).unwrap();
    let (first, second) = (block(shared, 1), block(shared, 2));
    put(1, &second);
    assert_damaged(read(&file), "a block twice");
    put(2, &first);
    assert_damaged(read(&file), "two blocks in each other's place");
    put(1, &first);
    put(2, &block(other, 2));
    let Err(error) = read(&file) else { panic!("a block of another file was not noticed") };
    let SpillFailure::Damaged { at, damage, .. } = failure(&error) else { panic!("{error}") };
    assert_eq!((*at, *damage), (2 * BLOCK as u64, Damage::Checksum));
    put(2, &second);
    assert_eq!(read(&file).unwrap().len(), 4 * (BLOCK - HEADER));
}
