//! Queries of a time read less of a file that was read before, and never answer otherwise for it.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::Path,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tidegate_engine::{GivenUp, Snapshot, Task, TaskOptions, zones::ZoneStore};
use tidegate_memory::{ByteCount, Limit, Watch, WatchOptions};
use tokio::runtime::Runtime;

const LINES: u64 = 150_000;

/// Asks queries of one folder, in this process.
struct Asker {
    runtime: Runtime,
    watch: Arc<Watch>,
    folder: TempDir,
}

impl Asker {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(16 << 20).build().unwrap();
        let watch = Watch::start(WatchOptions { budget: None, last_resort: Box::new(|_| {}) }).unwrap();
        Self { runtime, watch: Arc::new(watch), folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn store(&self) -> ZoneStore {
        ZoneStore::new(self.folder.path().join("cache/zones")).of_files(ByteCount::ZERO, Duration::ZERO)
    }

    /// Returns the rows and what was counted.
    fn ask(&self, sql: &str, zones: Option<ZoneStore>) -> (String, Snapshot) {
        let options = TaskOptions {
            given_up: GivenUp::default(),
            tables: Vec::new(),
            sample: None,
            has_standard_input: true,
            metered: false,
            sql: sql.to_owned(),
            budget: None,
            threads: 2,
            spill_folder: self.folder.path().to_path_buf(),
            spill_limit: Limit::Unlimited,
            zones,
            rejects: None,
            max_rejects: None,
            watch: Arc::clone(&self.watch),
        };
        self.runtime.block_on(async {
            let task = Task::new(options).unwrap();
            let progress = task.progress();
            let mut running = task.start().await.unwrap();
            let mut rows = String::new();
            while let Some(batch) = running.next().await.unwrap() {
                write!(rows, "{:?}", batch.columns()).unwrap();
            }
            running.finish().unwrap();
            (rows, progress.snapshot())
        })
    }
}

/// In which order records come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    /// Nearly that of time.
    Jittered,
    /// That of time, but for a few from long ago.
    Strays,
    /// Any.
    None,
}

/// Seconds since the first of the month of each record, two every second.
fn seconds(order: Order) -> impl Iterator<Item = u64> {
    (0..LINES).map(move |at| match order {
        Order::Jittered => at / 2 + at * 7919 % 7,
        Order::Strays if at % 30_001 == 30_000 => at * 31 % 600,
        Order::Strays => at / 2,
        Order::None => at * 7919 % LINES / 2,
    })
}

fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn write(path: &Path, order: Order) {
    let mut text = String::new();
    let form = path.extension().unwrap().to_str().unwrap().to_owned();
    if form == "csv" {
        text.push_str("ts,note,n\n");
    }
    for (n, seconds) in seconds(order).enumerate() {
        let clock = clock(seconds);
        match form.as_str() {
            "log" if n % 20_000 == 77 => writeln!(text, "no line of a log"),
            "log" => writeln!(
                text,
                "10.0.0.{} - - [02/Mar/2026:{clock} +0000] \"GET /{n}/{} HTTP/1.1\" 200 {n}",
                n % 250,
                "x".repeat(60)
            ),
            "csv" => writeln!(text, "2026-03-02T{clock}Z,\"two\nlines, {}\",{n}", "x".repeat(80)),
            _ => writeln!(text, "{{\"n\": {n}, \"note\": \"{}\", \"ts\": \"2026-03-02T{clock}Z\"}}", "x".repeat(80)),
        }
        .unwrap();
    }
    fs::write(path, text).unwrap();
}

fn question(path: &str, from: u64, to: u64) -> String {
    let (from, to) = (clock(from), clock(to));
    format!(
        "SELECT count(*), sum(_line), sum(_offset), min(ts), max(ts) FROM '{path}' \
         WHERE ts >= '2026-03-02T{from}Z' AND ts < '2026-03-02T{to}Z'"
    )
}

#[test]
fn answers_do_not_depend_on_what_is_known() {
    let asker = Asker::new();
    for form in ["log", "csv", "ndjson"] {
        for order in [Order::Jittered, Order::Strays, Order::None] {
            let path = asker.path(&format!("{order:?}.{form}"));
            write(Path::new(&path), order);
            let size = fs::metadata(&path).unwrap().len();
            let (first, read) = asker.ask(&question(&path, 600, 660), Some(asker.store()));
            assert_eq!(read.bytes.bytes(), size, "{path}: the first query reads all");
            assert_eq!(first, asker.ask(&question(&path, 600, 660), None).0, "{path}");
            let last = LINES / 2;
            for (from, to) in [(600, 660), (0, 1), (0, last), (last - 9, last), (5_000, 5_000), (86_300, 86_399)] {
                let sql = question(&path, from, to);
                let (ours, counted) = asker.ask(&sql, Some(asker.store()));
                let (plain, all) = asker.ask(&sql, None);
                assert_eq!(ours, plain, "{path}, {from} to {to}");
                let physical =
                    |counted: Snapshot| counted.rows * if form == "csv" { 2 } else { 1 } + counted.passed_over;
                assert!(physical(counted) + 8 >= physical(all), "{path}: {counted:?}, {all:?}");
                assert_eq!(counted.total_bytes, counted.bytes, "{path}");
                if order == Order::Jittered && to - from < 100 {
                    assert!(counted.bytes.bytes() < size / 2, "{path}, {from} to {to}: {counted:?}");
                }
            }
        }
    }
}

/// Files that change are read anew, and several files are told apart.
#[test]
fn what_is_known_of_a_file_ends_with_its_change() {
    let asker = Asker::new();
    let names = ["a.log", "b.log"].map(|name| asker.path(name));
    for name in &names {
        write(Path::new(name), Order::Jittered);
    }
    let sql = question(&asker.path("*.log"), 3_000, 3_060);
    let total = |names: &[String; 2]| names.iter().map(|name| fs::metadata(name).unwrap().len()).sum::<u64>();
    let (whole, _) = asker.ask(&sql, Some(asker.store()));
    let (again, read) = asker.ask(&sql, Some(asker.store()));
    assert!(whole == again && read.bytes.bytes() < total(&names) / 2, "{read:?}");

    let mut log = File::options().append(true).open(&names[1]).unwrap();
    writeln!(log, "10.0.0.9 - - [02/Mar/2026:{} +0000] \"GET / HTTP/1.1\" 200 1", clock(3_001)).unwrap();
    drop(log);
    let (appended, read) = asker.ask(&sql, Some(asker.store()));
    assert!(appended != whole && read.bytes.bytes() > total(&names) / 2, "{read:?}");
    assert_eq!(appended, asker.ask(&sql, None).0);

    // Of the same size, and with the old time of writing.
    let written = fs::metadata(&names[0]).unwrap().modified().unwrap();
    let text = fs::read_to_string(&names[0]).unwrap();
    fs::write(&names[0], text.replacen(&clock(17_000), &clock(3_002), 1)).unwrap();
    File::options().write(true).open(&names[0]).unwrap().set_modified(written).unwrap();
    let (moved, _) = asker.ask(&sql, Some(asker.store()));
    assert!(moved != appended);
    assert_eq!(moved, asker.ask(&sql, None).0);
}

/// A query that ends early has not seen all of a file, and what it has seen is not taken for all.
#[test]
fn a_part_of_a_file_is_no_map() {
    let asker = Asker::new();
    let path = asker.path("c.log");
    write(Path::new(&path), Order::Strays);
    asker.ask(&format!("SELECT ts FROM '{path}' LIMIT 3"), Some(asker.store()));
    asker.ask(&format!("SELECT count(*) FROM '{path}' WHERE status = 404 AND ts > '1999-01-01T00:00:00Z'"), None);
    let sql = question(&path, 600, 660);
    let (first, read) = asker.ask(&sql, Some(asker.store()));
    assert_eq!(read.bytes.bytes(), fs::metadata(&path).unwrap().len());
    assert_eq!(first, asker.ask(&sql, None).0);
}
