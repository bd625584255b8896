//! Zone maps are found again, and only while they are true.

use super::{FileKey, Gap, Part, Zone, ZoneBuilder, ZoneMap, ZoneStore};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tidegate_memory::ByteCount;

fn zone(end: u64, low: i64, high: i64) -> Zone {
    Zone { end, lines: 10, low, high }
}

fn map() -> ZoneMap {
    ZoneMap {
        start: 5,
        zones: vec![zone(100, 0, 9), zone(250, 5, 30), zone(300, i64::MAX, i64::MIN), zone(400, 20, 40)],
    }
}

#[test]
fn gaps_are_the_parts_without_a_wanted_time() {
    let gap = |start, end, lines| Gap { start, end, lines };
    assert_eq!(map().gaps(0, 50), [gap(250, 300, 10)]);
    assert_eq!(map().gaps(9, 9), [gap(250, 400, 20)]);
    assert_eq!(map().gaps(31, 35), [gap(5, 300, 30)]);
    assert_eq!(map().gaps(41, i64::MAX), [gap(5, 400, 40)]);
}

/// A store for files of any size and age.
fn any(folder: PathBuf) -> ZoneStore {
    ZoneStore::new(folder).of_files(ByteCount::ZERO, Duration::ZERO)
}

fn log(folder: &Path, content: &[u8]) -> PathBuf {
    let path = folder.join("log");
    fs::write(&path, content).unwrap();
    path
}

fn key(store: &ZoneStore, path: &Path) -> FileKey {
    store.key(path, "ts of access").unwrap()
}

#[test]
fn a_map_is_found_while_its_file_is_the_same() {
    let folder = TempDir::new().unwrap();
    let store = any(folder.path().join("cache"));
    let path = log(folder.path(), &[b'x'; 400]);
    let known = key(&store, &path);
    assert_eq!(store.load(&known), None);
    store.save(&known, &map()).unwrap();
    assert_eq!(store.load(&key(&store, &path)), Some(map()));
    assert_eq!(store.load(&store.key(&path, "ts of another format").unwrap()), None);

    File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(9)).unwrap();
    assert_eq!(store.load(&key(&store, &path)), None, "the file was touched");
    assert!(!known.is_as_it_was());
    store.save(&key(&store, &path), &map()).unwrap();
    fs::write(&path, [b'y'; 401]).unwrap();
    assert_eq!(store.load(&key(&store, &path)), None, "the file has grown");
}

#[test]
fn files_that_are_small_or_were_just_changed_have_no_key() {
    let folder = TempDir::new().unwrap();
    let path = log(folder.path(), b"a line\n");
    let store = any(folder.path().join("cache"));
    assert!(store.key(&path, "ts").is_some());
    assert!(store.clone().of_files(ByteCount::ZERO, Duration::from_hours(1)).key(&path, "ts").is_none());
    assert!(store.of_files(ByteCount::new(8), Duration::ZERO).key(&path, "ts").is_none());
}

#[test]
fn a_damaged_map_is_not_used() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("cache");
    let store = any(cache.clone());
    let known = key(&store, &log(folder.path(), &[b'x'; 400]));
    store.save(&known, &map()).unwrap();
    let kept = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&kept).unwrap();
    for at in 0..whole.len() - 1 {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&kept, &damaged).unwrap();
        assert_eq!(store.load(&known), None, "byte {at}");
        fs::write(&kept, &whole[..at]).unwrap();
        assert_eq!(store.load(&known), None, "{at} bytes");
    }
    fs::write(&kept, &whole).unwrap();
    assert_eq!(store.load(&known), Some(map()));
}

/// Blocks come in any order; the map is saved with the last, and its parts are few.
#[test]
fn a_builder_puts_parts_together_and_saves_when_it_has_all() {
    const BLOCK: u64 = 1000;
    const BLOCKS: u64 = 5000;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    File::create(&path).unwrap().set_len(7 + BLOCK * BLOCKS).unwrap();
    let store = any(folder.path().join("cache"));
    let known = key(&store, &path);
    let builder = ZoneBuilder::new(store.clone(), 0, vec![None, Some(known.clone())]);
    for at in (0..BLOCKS).map(|at| at * 777 % BLOCKS) {
        assert_eq!(store.load(&known), None);
        let time = i64::try_from(at).unwrap();
        let start = 7 + at * BLOCK;
        let zone = Zone { end: start + BLOCK, lines: 1, low: time, high: time };
        builder.add(Part { order: 1, file_start: 7, start, zone });
    }
    let map = store.load(&known).unwrap();
    assert_eq!(map.zones.last().unwrap().end, 7 + BLOCK * BLOCKS);
    assert_eq!(map.zones.iter().map(|zone| zone.lines).sum::<u64>(), BLOCKS);
    assert!((4..=10).contains(&map.zones.len()), "{} parts", map.zones.len());
    for (zone, next) in map.zones.iter().zip(&map.zones[1..]) {
        assert!(zone.end < next.end && zone.high + 1 == next.low, "{zone:?} {next:?}");
    }
}
