//! Arrow IPC data as tables: of the command, and those that a worker's client names.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
};
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};
use tidegate_memory::{ByteCount, Limit};
use tidegate_worker::{
    Cgroup, Event, Worker, WorkerOptions,
    protocol::{Cache, Failure, FailureKind, Output, Task, TaskTable},
};

const ROWS: usize = 50_000;

/// A folder with the same rows as `t.csv`, as the file `t.arrow`, and as the stream `t.arrows`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"id,word,half\n".to_vec();
    for id in 0..ROWS {
        let word = if id % 10 == 3 { String::new() } else { format!("word{}", id * 7919 % 1000) };
        writeln!(text, "{id},{word},{}", id / 2).unwrap();
    }
    fs::write(folder.path().join("t.csv"), text).unwrap();
    let ran = query(folder.path(), &["-o", "t.arrow", "SELECT * FROM 't.csv'"]);
    assert!(ran.status.success(), "{ran}");
    let ran = query(folder.path(), &["--format", "arrow", "SELECT * FROM 't.csv'"]);
    fs::write(folder.path().join("t.arrows"), &ran.stdout).unwrap();
    folder
}

fn query(folder: &Path, arguments: &[&str]) -> Ran {
    run(command(TIDEGATE).args(["query", "--threads", "2"]).args(arguments).current_dir(folder), b"")
}

fn answer(folder: &Path, sql: &str) -> String {
    let ran = query(folder, &["--quiet", sql]);
    assert!(ran.status.success(), "{sql}: {ran}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn answers_are_those_of_the_text_that_it_was() {
    let folder = folder();
    for sql in [
        "SELECT count(*) AS n FROM 't.csv'",
        "SELECT word, count(*) AS n, sum(half) AS s FROM 't.csv' WHERE id % 3 = 1 GROUP BY word ORDER BY n, word",
        "SELECT * FROM 't.csv' WHERE word LIKE 'word99%' ORDER BY half, id LIMIT 100",
        "SELECT a.id, b.word FROM 't.csv' a JOIN 't.csv' b ON a.half = b.id WHERE a.id < 300 ORDER BY a.id",
        "SELECT count(DISTINCT word) AS n, count(word) AS m, avg(id) AS a FROM 't.csv'",
        "SELECT id, row_number() OVER (PARTITION BY word ORDER BY id) AS r FROM 't.csv' ORDER BY id LIMIT 20",
    ] {
        let expected = answer(folder.path(), sql);
        for name in ["t.arrow", "t.arrows"] {
            assert_eq!(answer(folder.path(), &sql.replace("t.csv", name)), expected, "{sql}: {name}");
        }
    }
    assert_eq!(answer(folder.path(), "SELECT count(*) AS n FROM 't.arrow*'"), format!("n\n{}\n", ROWS * 2));
}

#[test]
fn it_is_told_by_its_bytes_and_read_from_the_standard_input() {
    let folder = folder();
    let stream = fs::read(folder.path().join("t.arrows")).unwrap();
    let file = fs::read(folder.path().join("t.arrow")).unwrap();
    fs::rename(folder.path().join("t.arrow"), folder.path().join("odd.csv")).unwrap();
    assert_eq!(answer(folder.path(), "SELECT max(id) AS m FROM 'odd.csv'"), format!("m\n{}\n", ROWS - 1));
    for bytes in [&stream, &file] {
        let sql = "SELECT count(*) AS n, count(word) AS w FROM '-'";
        let ran = run(command(TIDEGATE).args(["query", sql]), bytes);
        assert_eq!(String::from_utf8_lossy(&ran.stdout), format!("n,w\n{ROWS},{}\n", ROWS / 10 * 9), "{ran}");
        assert!(ran.stderr.contains("50,000 rows; "), "{ran}");
    }
    // Half of a stream is no table.
    let ran = run(command(TIDEGATE).args(["query", "SELECT count(*) FROM '-'"]), &stream[..stream.len() / 2]);
    assert!(
        ran.status.code() == Some(1) && ran.stderr.contains("error: read `-`: Arrow data that are cut off"),
        "{ran}"
    );
    let ran = query(folder.path(), &["SELECT * FROM csv('t.arrows')"]);
    assert!(ran.status.code() == Some(1) && ran.stderr.contains("write the path alone"), "{ran}");
}

#[test]
fn virtual_columns_are_those_of_the_rows() {
    let folder = folder();
    let sql = "SELECT _file, _line, id, _raw FROM 't.arrow' WHERE id IN (0, 49999) ORDER BY id";
    assert_eq!(answer(folder.path(), sql), "_file,_line,id,_raw\nt.arrow,1,0,\nt.arrow,50000,49999,\n");
    let all = answer(folder.path(), "SELECT * FROM 't.arrow' WHERE _line = 4 AND _offset > 0");
    assert_eq!(all, "id,word,half\n3,,1\n");
}

#[test]
fn plans_and_forecasts_know_its_rows() {
    let folder = folder();
    let plan = answer(folder.path(), "EXPLAIN SELECT sum(half) FROM 't.arrow'");
    for part in ["ArrowScan: files=1", "rows=50000", "file=t.arrow", "columns=[half]"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let sql = "SELECT word, count(*) FROM 't.arrow' GROUP BY word";
    let ran = run(command(TIDEGATE).args(["forecast", "--history", "none", sql]).current_dir(folder.path()), b"");
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && told.contains("rows     about 50,000 in"), "{ran}");
    let record = folder.path().join("record.json");
    let ran = query(folder.path(), &["--record", record.to_str().unwrap(), "SELECT sum(half) FROM 't.arrow'"]);
    assert!(ran.status.success(), "{ran}");
    let record: serde_json::Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    assert_eq!(record["lines"]["rows"], ROWS, "{record}");
    // One column of three.
    let read = record["bytes_in"].as_u64().unwrap();
    assert!(read >= ROWS as u64 * 8 && read < ROWS as u64 * 9, "{read}");
}

fn worker() -> Worker {
    let mut options = WorkerOptions::new(TIDEGATE, &["worker"], Limit::Bytes(ByteCount::new(128_000_000)));
    options.cgroup = Cgroup::Off;
    Worker::start(&options).unwrap()
}

fn task(folder: &Path, sql: &str, tables: &[(&str, &str)]) -> Task {
    let tables =
        tables.iter().map(|(name, path)| ((*name).to_owned(), TaskTable { path: PathBuf::from(path) })).collect();
    let output = Output::File { path: "out.csv".into(), format: None };
    let folder = Some(folder.to_path_buf());
    Task { folder, threads: Some(2), cache: Cache::Nowhere, tables, output, ..Task::of_sql(sql) }
}

fn done(worker: Worker, task: &Task) -> (String, Worker) {
    let mut running = worker.run(task).unwrap();
    let last = running.by_ref().map(Result::unwrap).last().unwrap();
    assert!(matches!(last, Event::Finished(_)), "{}: {last:?}", task.sql);
    let text = fs::read_to_string(task.folder.as_ref().unwrap().join("out.csv")).unwrap();
    (text, running.end().unwrap())
}

fn failed(worker: Worker, task: &Task) -> (Failure, Worker) {
    let mut running = worker.run(task).unwrap();
    let last = running.by_ref().map(Result::unwrap).last().unwrap();
    let Event::Failed(failure) = last else { panic!("{}: {last:?}", task.sql) };
    (failure, running.end().unwrap())
}

fn fifo(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    assert!(command("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Writes into a pipe once somebody reads it, and returns how that ended.
fn write_into(path: PathBuf, bytes: Vec<u8>) -> thread::JoinHandle<io::Result<()>> {
    thread::spawn(move || fs::OpenOptions::new().write(true).open(path)?.write_all(&bytes))
}

#[test]
fn a_worker_knows_tables_by_the_names_that_its_client_gives() {
    let folder = folder();
    let mut kept = worker();
    let tables = [("words", "t.arrow"), ("Words", "t.arrows"), ("none", "not-there")];
    for (sql, expected) in [
        ("SELECT count(*) AS n FROM words", "n\n50000\n"),
        ("SELECT count(*) AS n FROM WORDS a JOIN \"words\" b ON a.id = b.half", "n\n50000\n"),
        ("SELECT w._file, max(w._line) AS n FROM \"Words\" AS w GROUP BY 1", "_file,n\nt.arrows,50000\n"),
        ("SELECT words.* FROM words WHERE _line = 4", "id,word,half\n3,,1\n"),
        ("WITH words AS (SELECT 1 AS a) SELECT * FROM words", "a\n1\n"),
        ("SELECT count(*) AS n FROM words, 't.csv' c WHERE c.id = words.id", "n\n50000\n"),
    ] {
        let (text, worker) = done(kept, &task(folder.path(), sql, &tables));
        assert_eq!(text, expected, "{sql}");
        kept = worker;
    }
    for (sql, message, help) in [
        ("SELECT * FROM wrds", "no table `wrds`", "did you mean `words`?"),
        ("SELECT * FROM none", "no file matches `not-there`", ""),
        ("SELECT * FROM log", "the table `log` is neither a file nor a stream of Arrow IPC", ""),
    ] {
        let tables = [&tables[..], &[("log", "t.csv")]].concat();
        let (failure, worker) = failed(kept, &task(folder.path(), sql, &tables));
        assert!(failure.message.contains(message), "{sql}: {failure:?}");
        assert!(failure.help.unwrap_or_default().contains(help), "{sql}");
        kept = worker;
    }
    kept.end();
}

#[test]
fn a_pipe_is_a_table_once() {
    let folder = folder();
    let stream = fs::read(folder.path().join("t.arrows")).unwrap();
    let pipe = fifo(folder.path(), "pipe");
    let tables = [("t", "pipe")];
    let writer = write_into(pipe.clone(), stream.clone());
    let sql = "SELECT word, count(*) AS n FROM t GROUP BY word ORDER BY n DESC, word LIMIT 1";
    let (text, kept) = done(worker(), &task(folder.path(), sql, &tables));
    assert_eq!(text, "word,n\n,5000\n");
    writer.join().unwrap().unwrap();
    // Who has enough closes it.
    let writer = write_into(pipe.clone(), stream.clone());
    // Of two threads, either may have its row first.
    let first = Task { threads: Some(1), ..task(folder.path(), "SELECT id FROM t LIMIT 1", &tables) };
    let (text, kept) = done(kept, &first);
    assert_eq!(text, "id\n0\n");
    assert_eq!(writer.join().unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    // A pipe that the query does not name is not opened.
    let (_, kept) = done(kept, &task(folder.path(), "SELECT 1 AS a", &tables));
    let writer = write_into(pipe.clone(), stream.clone());
    let (failure, kept) = failed(kept, &task(folder.path(), "SELECT * FROM t a JOIN t b ON a.id = b.id", &tables));
    assert!(failure.message.contains("can be read once"), "{failure:?}");
    let _ = writer.join().unwrap();
    // Without the mark of the end, rows may be missing.
    let writer = write_into(pipe, stream[..stream.len() - 8].to_vec());
    let (failure, kept) = failed(kept, &task(folder.path(), "SELECT count(*) FROM t", &tables));
    assert_eq!((failure.kind, failure.exit_code), (FailureKind::Input, 1), "{failure:?}");
    assert!(failure.message.contains("they end without the mark of their end"), "{failure:?}");
    writer.join().unwrap().unwrap();
    kept.end();
}

#[test]
fn rows_go_from_worker_to_worker() {
    let folder = folder();
    let pipe = fifo(folder.path(), "pipe");
    let first = Task {
        output: Output::Stream,
        ..task(folder.path(), "SELECT id, word FROM t WHERE id % 2 = 0", &[("t", "t.arrow")])
    };
    let writer = thread::spawn(move || {
        let mut reader = tidegate_worker::RowReader::new(worker().run(&first).unwrap());
        let mut rows = Vec::new();
        reader.read_to_end(&mut rows).unwrap();
        fs::OpenOptions::new().write(true).open(pipe).unwrap().write_all(&rows).unwrap();
    });
    let sql = "SELECT count(*) AS n, max(id) AS m FROM rows";
    let (text, _) = done(worker(), &task(folder.path(), sql, &[("rows", "pipe")]));
    assert_eq!(text, "n,m\n25000,49998\n");
    writer.join().unwrap();
}
