//! Where rows and rejects go that are no plain files: pipes, readers that leave, terminals.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use std::{
    fmt::Write,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};
use tidegate::{TIDEGATE, command, run};

/// Writes an access log of which every third line is none.
fn log(folder: &Path, lines: usize) -> PathBuf {
    let mut text = String::new();
    for at in 0..lines {
        match at % 3 {
            0 => writeln!(text, "line {at} is broken").unwrap(),
            _ => writeln!(text, "h - - [10/Oct/2000:13:55:36 -0700] \"GET /{at} HTTP/1.1\" 200 10").unwrap(),
        }
    }
    let path = folder.join("access.log");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let before = fs::read(log(folder.path(), 30)).unwrap();
    std::os::unix::fs::symlink("access.log", folder.path().join("link.log")).unwrap();
    for option in ["--output", "--rejects", "--record", "--log", "--metrics"] {
        for (named, read) in [("access.log", "acc*.log"), ("link.log", "access.log"), ("./access.log", "link.log")] {
            let mut query = command(TIDEGATE);
            let sql = format!("SELECT count(*) AS n FROM (SELECT * FROM '{read}')");
            query.args(["query", "--format", "csv", "--max-rejects", "100%", option, named, &sql]);
            let ran = run(query.current_dir(folder.path()), b"");
            assert_eq!(ran.status.code(), Some(2), "{option}: {ran}");
            assert!(ran.stderr.contains(&format!("{option} is a file that the query reads, `")), "{ran}");
            assert_eq!(fs::read(folder.path().join("access.log")).unwrap(), before, "{option} {named}");
        }
    }
}

#[test]
fn no_output_takes_the_place_of_an_input_beside_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let before = fs::read(log(folder.path(), 30)).unwrap();
    let mut query = command(TIDEGATE);
    let sql = "SELECT count(*) AS n FROM 'access.log' a, '-' b";
    query.args(["query", "--max-rejects", "100%", "-o", "access.log", "--format", "csv", sql]);
    let ran = run(query.current_dir(folder.path()), &before);
    assert_eq!(ran.status.code(), Some(2), "{ran}");
    assert_eq!(fs::read(folder.path().join("access.log")).unwrap(), before);
}

#[test]
fn rejects_are_kept_of_a_query_that_stops_early() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), 60_000);
    let rejects = folder.path().join("rejects.ndjson");
    for _ in 0..10 {
        let sql = format!("SELECT path FROM '{}' LIMIT 2000", log.display());
        let mut query = command(TIDEGATE);
        query.args(["query", "--quiet", "--max-rejects", "100%", &sql, "--rejects"]).arg(&rejects);
        let ran = run(&mut query, b"");
        assert_eq!(ran.status.code(), Some(0), "{ran}");
        assert!(fs::read_to_string(&rejects).unwrap().lines().count() > 500, "{ran}");
        fs::remove_file(&rejects).unwrap();
    }
}

#[test]
fn rejects_are_kept_when_the_reader_of_the_rows_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), 300_000);
    let rejects = folder.path().join("rejects.ndjson");
    let mut query = command(TIDEGATE);
    query.args(["query", "--max-rejects", "100%", &format!("SELECT * FROM '{}'", log.display()), "--rejects"]);
    let mut child = query.arg(&rejects).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("client,"));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(fs::read_to_string(&rejects).unwrap().lines().count() > 10);
}

#[test]
fn a_device_needs_no_format() {
    let folder = tempfile::tempdir().unwrap();
    let sql = format!("SELECT path FROM '{}'", log(folder.path(), 30).display());
    let ran = run(command(TIDEGATE).args(["query", "--max-rejects", "100%", "-o", "/dev/null", &sql]), b"");
    assert_eq!((ran.status.code(), ran.stdout.is_empty()), (Some(0), true), "{ran}");
    let ran = run(command(TIDEGATE).args(["query", "--max-rejects", "9", "-o", "/dev/null", &sql]), b"");
    assert_eq!(ran.status.code(), Some(4), "{ran}");
    assert!(ran.stderr.contains("more rejects than --max-rejects allows: 10 of 30 lines"), "{ran}");
}

#[test]
fn a_pipe_takes_rows_and_stays_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("rows.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let ran = run(command(TIDEGATE).args(["query", "SELECT 1 AS one", "-o"]).arg(&pipe), b"");
    assert_eq!(ran.status.code(), Some(0), "{ran}");
    assert_eq!(reader.join().unwrap(), "one\n1\n");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

/// Runs a command on a terminal of 80 columns and shows what that is sent. The command's input ends once a bar was drawn.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
read, write = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.dup2(read, 0)
    os.close(write)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(read)
os.write(write, b"n\n1\n2\n3000000\n")
shown = b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    shown += part
    if write is not None and b" rows" in shown:
        os.close(write)
        write = None
os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn the_bar_leaves_the_terminal_before_rows_come() {
    let sql = "SELECT n, repeat('x', 70) AS wide FROM csv('-') ORDER BY n DESC LIMIT 3";
    let mut python = command("python3");
    python.env("TERM", "xterm").args(["-c", TERMINAL, TIDEGATE, "query", "--limit", "256MB", sql]);
    let ran = run(&mut python, b"");
    assert_eq!(ran.status.code(), Some(0), "{ran}");
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    let (bar, rows) = shown.split_once("3000000 ").unwrap();
    assert!(bar.contains(" rows"), "no bar was drawn: {shown:?}");
    assert!(!rows.contains('\u{1b}'), "something is drawn over the rows: {shown:?}");
    for line in bar.split(['\r', '\n']).filter(|line| line.contains("memory")) {
        let text = line.split('\u{1b}').next().unwrap();
        assert!(text.chars().count() <= 80, "a line wraps: {line:?}");
    }
}
