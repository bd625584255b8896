//! What goes wrong around a query: signals, readers that go away, full disks, and input nobody would write by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/tidegate.rs"]
mod tidegate;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::{fs::FileExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

/// Nothing here takes that long, unless it hangs.
const HANG: Duration = Duration::from_mins(1);

const GOOD: &str = "h - - [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.1\" 200 10\n";

/// A thousand times the log, sorted: spills for minutes at 64 MiB.
fn long_sort(log: &Path) -> String {
    let log = log.display();
    format!("SELECT a.* FROM generate_series(1, 1000) s CROSS JOIN '{log}' a ORDER BY a.request_time")
}

#[test]
fn ctrl_c_ends_a_query_that_spills_and_leaves_no_file() {
    let folders = Folders::new();
    let log = demo::write(folders.data.path(), "log", 20_000);
    let child = folders.start(&long_sort(&log));
    wait_until("it spills", || has_file_in(&child, folders.spill.path()));
    let ran = end(child, "-INT");
    assert_eq!(ran.status.code(), Some(130), "{ran}");
    folders.assert_empty();
}

#[test]
fn ctrl_c_and_sigterm_end_a_query_that_writes() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let folders = Folders::new();
        let child = folders.start("SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b");
        wait_until("it writes", || has_file_in(&child, folders.output.path()));
        let ran = end(child, signal);
        assert_eq!(ran.status.code(), Some(code), "{ran}");
        folders.assert_empty();
    }
}

#[test]
fn ctrl_c_ends_a_query_that_waits_for_its_input() {
    let mut child = start(command(TIDEGATE).args(["query", "SELECT count(*) FROM '-'"]));
    let mut pipe = child.stdin.take().unwrap();
    // More than what a pipe holds: when all is written, the query is reading.
    pipe.write_all(GOOD.repeat(10_000).as_bytes()).unwrap();
    let ran = end(child, "-INT");
    assert_eq!(ran.status.code(), Some(130), "{ran}");
}

#[test]
fn a_killed_query_leaves_no_file() {
    let folders = Folders::new();
    let log = demo::write(folders.data.path(), "log", 20_000);
    let child = folders.start(&long_sort(&log));
    wait_until("it spills", || has_file_in(&child, folders.spill.path()));
    let ran = end(child, "-KILL");
    assert_eq!(ran.status.signal(), Some(9), "{ran}");
    folders.assert_empty();
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for format in ["csv", "ndjson", "table", "arrow", "parquet"] {
        let sql = "SELECT value FROM generate_series(1, 30000000)";
        let mut child = start(command(TIDEGATE).args(["query", "--format", format, sql]));
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let ran = ended(child);
        assert_eq!((ran.status.code(), ran.stderr.contains("error")), (Some(0), false), "{format}: {ran}");
    }
}

/// The query waits for its reader, far from the end of its input, while that changes.
#[test]
fn input_that_is_cut_off_is_named_and_input_that_is_removed_is_read() {
    for cut in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.csv");
        let rows = 6_000_000;
        fs::write(&path, format!("n\n{}", "1234567\n".repeat(rows))).unwrap();
        let sql = format!("SELECT n FROM '{}'", path.display());
        let arguments = ["query", "--threads", "1", "--limit", "64MiB", "--format", "csv", &sql];
        let mut child = start(command(TIDEGATE).args(arguments));
        let mut pipe = child.stdout.take().unwrap();
        let mut first = [0; 10];
        pipe.read_exact(&mut first).unwrap();
        if cut {
            File::options().write(true).open(&path).unwrap().set_len(1_000_000).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        let rest = io::copy(&mut pipe, &mut io::sink()).unwrap();
        let ran = ended(child);
        if cut {
            assert_eq!(ran.status.code(), Some(1), "{ran}");
            let expected = format!("error: read `{}`: the file became shorter while it was read", path.display());
            assert_eq!(ran.stderr.matches(&expected).count(), 1, "{ran}");
        } else {
            assert_eq!((ran.status.code(), rest), (Some(0), 2 + 8 * rows as u64 - 10), "{ran}");
        }
    }
}

#[test]
fn a_full_disk_under_the_output_is_named() {
    let Some(disk) = SmallDisk::new() else { return };
    for format in ["csv", "ndjson", "arrow", "parquet"] {
        let path = disk.folder().join(format!("out.{format}"));
        let sql = "SELECT value, value * 7919 % 1000003 AS other FROM generate_series(1, 10000000)";
        let ran = run(command(TIDEGATE).args(["query", sql, "-o"]).arg(&path), b"");
        assert_disk_full(&ran, &path);
        assert!(!path.exists());
    }
    disk.assert_empty();
}

#[test]
fn a_full_disk_under_the_rejects_is_named() {
    let Some(disk) = SmallDisk::new() else { return };
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("a.log");
    fs::write(&log, "no line of an access log, and there are many of them\n".repeat(200_000)).unwrap();
    let path = disk.folder().join("rejects.ndjson");
    let sql = format!("SELECT count(*) FROM logs('{}')", log.display());
    let ran = run(command(TIDEGATE).args(["query", &sql, "--rejects"]).arg(&path), b"");
    assert_disk_full(&ran, &path);
    disk.assert_empty();
}

#[test]
fn a_full_disk_under_the_spill_folder_is_named() {
    let Some(disk) = SmallDisk::new() else { return };
    let folders = Folders::new();
    let log = demo::write(folders.data.path(), "log", 20_000);
    let mut query = command(TIDEGATE);
    query.args(["query", "--limit", "64MiB", &long_sort(&log), "--spill-dir"]).arg(disk.folder());
    let ran = run(query.arg("-o").arg(folders.output.path().join("out.csv")), b"");
    assert_disk_full(&ran, disk.folder());
    assert!(ran.stderr.contains("--spill-dir"), "{ran}");
    disk.assert_empty();
    folders.assert_empty();
}

#[test]
fn a_spill_limit_is_named_with_what_would_be_needed() {
    let folders = Folders::new();
    let log = demo::write(folders.data.path(), "log", 20_000);
    for in_environment in [false, true] {
        let mut query = command(TIDEGATE);
        query.args(["query", "--limit", "64MiB", &long_sort(&log), "--spill-dir"]).arg(folders.spill.path());
        query.arg("-o").arg(folders.output.path().join("out.csv"));
        if in_environment {
            query.env("TIDEGATE_SPILL_LIMIT", "4MB");
        } else {
            query.args(["--spill-limit", "4MB"]);
        }
        let ran = run(&mut query, b"");
        assert_eq!(ran.status.code(), Some(1), "{ran}");
        for part in ["error: spill limit of 4.00 MB reached: ", " MB were spilled when ", "help: raise --spill-limit"] {
            assert!(ran.stderr.contains(part), "no {part:?} in: {ran}");
        }
        folders.assert_empty();
    }
}

#[test]
fn a_flipped_bit_in_a_spill_file_ends_the_query() {
    let folders = Folders::new();
    let log = demo::write(folders.data.path(), "log", 150_000);
    let mut child = folders.start("SELECT * FROM '-' ORDER BY request_time, path, _line");
    let mut input = child.stdin.take().unwrap();
    input.write_all(&fs::read(&log).unwrap()).unwrap();
    // Nothing that was spilled is read before the input ends, so the bit is flipped in time.
    let spilled = || files_in(&child, folders.spill.path()).into_iter().find(|file| length(file) > 1_000_000);
    wait_until("it spills", || spilled().is_some());
    flip(&spilled().unwrap(), 500_000);
    drop(input);
    let ran = ended(child);
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    let file = format!("(SpillingSort) in `{}` was damaged after it was written (", folders.spill.path().display());
    for part in ["error: spill file ", &file, "at fault, and no answer is given", "help: look for errors of the disk"] {
        assert!(ran.stderr.contains(part), "no {part:?} in: {ran}");
    }
    folders.assert_empty();
}

#[test]
fn a_full_standard_output_is_a_failure() {
    let mut query = command(TIDEGATE);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let child =
        query.args(["query", "SELECT 1 AS one"]).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(full).spawn();
    let ran = ended(child.unwrap());
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    assert!(ran.stderr.contains("error: no room left"), "{ran}");
}

#[test]
fn a_line_of_40_mb_is_one_reject() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(40_000_000);
    let json = "{\"a\":1}\n";
    for (name, before, line, after, rows) in [
        ("at-the-end.log", GOOD, long.clone(), "", 1),
        ("a.log", GOOD, format!("{long}\n"), GOOD, 2),
        ("a.ndjson", json, format!("{{\"a\":\"{long}\"}}\n"), json, 2),
        ("a.csv", "a,b\n1,2\n", format!("\"{long}\",3\n"), "4,5\n", 2),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, format!("{before}{line}{after}")).unwrap();
        let sql = format!("SELECT count(*) AS n FROM '{}'", path.display());
        let rejects = folder.path().join("rejects.ndjson");
        for (most, code) in [("0", 4), ("1", 0)] {
            let mut query = command(TIDEGATE);
            query.args(["query", "--limit", "64MiB", "--max-rejects", most, &sql, "--rejects"]).arg(&rejects);
            let ran = run(&mut query, b"");
            assert_eq!(ran.status.code(), Some(code), "{name}: {ran}");
            for part in
                [&format!(": {rows} row{}, 1 reject;", if rows == 1 { "" } else { "s" }), "record longer than 16 MiB"]
            {
                assert!(ran.stderr.contains(part), "{name}: no {part} in {ran}");
            }
            let kept = fs::read_to_string(&rejects).unwrap();
            assert_eq!(kept.lines().count(), 1, "{name}");
            assert!(kept.contains("\"bytes\":400000"), "{name}: the length of the line is not told");
            assert!(kept.len() < 1 << 20, "{name}: {} bytes of one reject are kept", kept.len());
        }
    }
}

#[test]
fn sql_that_no_plan_can_hold_is_refused() {
    for (sql, message) in [
        (format!("SELECT 1 WHERE 1 IN (1{})", ", 1234567890".repeat(450_000)), "MB long; at most "),
        (format!("SELECT 1 WHERE 1 = 0{}", " OR 1 = 2".repeat(20_000)), "too complex: more than "),
        (format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000)), "too complex: more than "),
        (format!("SELECT 1{}", "+1".repeat(5_000)), "too complex: more than "),
        (format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)), "recursion limit exceeded"),
        (format!("SELECT * FROM {}SELECT 1{}", "(".repeat(3_000), ")".repeat(3_000)), "recursion limit exceeded"),
    ] {
        let ran = run(command(TIDEGATE).args(["query", "--limit", "64MiB", "-"]), sql.as_bytes());
        let start: String = sql.chars().take(40).collect();
        assert_eq!(ran.status.code(), Some(1), "{start}: {ran}");
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(message), "{start}: {ran}");
        assert!(ran.stderr.len() < 1_000, "{start}: {} bytes of message", ran.stderr.len());
    }
}

#[test]
fn a_million_distinct_keys_fit_the_smallest_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.csv");
    let rows = (1..=1_000_000_u64).map(|n| format!("{},{n}\n", n * 7_919 % 1_000_003));
    fs::write(&path, format!("key,n\n{}", rows.collect::<Vec<_>>().concat())).unwrap();
    let keys = path.display();
    for (sql, expected) in [
        (
            format!(
                "SELECT count(*), max(c), sum(s) FROM (SELECT key, count(*) AS c, sum(n) AS s FROM '{keys}' GROUP BY key)"
            ),
            "1000000,1,500000500000",
        ),
        (format!("SELECT count(DISTINCT key) FROM '{keys}'"), "1000000"),
        (format!("SELECT count(*) FROM '{keys}' a JOIN '{keys}' b ON a.key = b.key"), "1000000"),
    ] {
        let ran = run(command(TIDEGATE).args(["query", "--limit", "64MiB", &sql]), b"");
        assert!(ran.status.success(), "{sql}: {ran}");
        assert_eq!(String::from_utf8_lossy(&ran.stdout).lines().nth(1), Some(expected), "{sql}");
    }
}

#[test]
fn three_hundred_small_files_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    for at in 100..400 {
        fs::write(folder.path().join(format!("{at}.log")), GOOD.replace("/a", &format!("/{at}"))).unwrap();
    }
    for path in [folder.path().to_path_buf(), folder.path().join("*.log")] {
        let sql = format!(
            "SELECT count(*), count(DISTINCT _file), min(path), max(path), max(_line) FROM '{}'",
            path.display()
        );
        let ran = run(command(TIDEGATE).args(["query", "--limit", "64MiB", &sql]), b"");
        assert_eq!(String::from_utf8_lossy(&ran.stdout).lines().nth(1), Some("300,300,/100,/399,1"), "{sql}: {ran}");
        assert!(ran.stderr.contains("300 lines: 300 rows, 0 rejects;"), "{ran}");
    }
}

/// Where a query reads, writes and spills.
struct Folders {
    data: TempDir,
    output: TempDir,
    spill: TempDir,
}

impl Folders {
    fn new() -> Self {
        let folder = || tempfile::tempdir().unwrap();
        Self { data: folder(), output: folder(), spill: folder() }
    }

    fn start(&self, sql: &str) -> Child {
        let mut query = command(TIDEGATE);
        query.args(["query", "--limit", "64MiB", sql, "--spill-dir"]).arg(self.spill.path());
        start(query.arg("-o").arg(self.output.path().join("out.csv")))
    }

    fn assert_empty(&self) {
        assert_eq!((names(self.output.path()), names(self.spill.path())), (vec![], vec![]));
    }
}

/// A disk of 4 MB, in memory. Only root can have one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(disk.folder()).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(disk);
        }
        eprintln!("skipped: no small disk can be mounted here");
        None
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn assert_empty(&self) {
        assert_eq!(names(self.folder()), [""; 0]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Without a mount there is nothing to undo; what is left over would make the folder's removal fail.
        let _ = Command::new("umount").arg(self.folder()).stderr(Stdio::null()).status();
    }
}

fn assert_disk_full(ran: &Ran, path: &Path) {
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    for part in [&format!("error: no room left on the disk of `{}`: ", path.display()), " MB"] {
        assert!(ran.stderr.contains(part), "no {part:?} in: {ran}");
    }
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal and waits for the end.
fn end(child: Child, signal: &str) -> Ran {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "the query had ended before the signal: {}", ended(child));
    ended(child)
}

/// Waits for the end of a process that says little.
fn ended(mut child: Child) -> Ran {
    let start = Instant::now();
    let status: ExitStatus = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > HANG {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the query did not end within {HANG:?}");
        }
        thread::sleep(Duration::from_millis(1));
    };
    let mut ran = Ran { status, stdout: Vec::new(), stderr: String::new() };
    child.stdout.map(|mut pipe| pipe.read_to_end(&mut ran.stdout).unwrap());
    child.stderr.map(|mut pipe| pipe.read_to_string(&mut ran.stderr).unwrap());
    ran
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < HANG, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns whether the process has a file of this folder open, which may be one without a name.
fn has_file_in(child: &Child, folder: &Path) -> bool {
    !files_in(child, folder).is_empty()
}

/// Returns paths that lead to the files of this folder that the process has open.
fn files_in(child: &Child, folder: &Path) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(format!("/proc/{}/fd", child.id())) else { return Vec::new() };
    let paths = files.flatten().map(|file| file.path());
    paths.filter(|path| fs::read_link(path).is_ok_and(|link| link.starts_with(folder))).collect()
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// Flips a bit of one byte and proves that it did.
fn flip(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    let flipped = [byte[0] ^ 4];
    file.write_all_at(&flipped, at).unwrap();
    file.read_exact_at(&mut byte, at).unwrap();
    assert_eq!(byte, flipped);
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
