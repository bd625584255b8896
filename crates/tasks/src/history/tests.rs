//! Runs that are added, found and dropped, by several at once and in files that are damaged.

use super::*;
use crate::{Forecast, TasksError};
use std::{
    collections::HashSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tidegate_memory::{ByteCount, Limit};

fn example(text: &str) -> NewRun {
    NewRun {
        kind: "query".into(),
        text: text.into(),
        shape: "shape".into(),
        input: Input { fingerprint: None, bytes: ByteCount::mib(100), rows: 1000 },
        limit: Limit::Bytes(ByteCount::mib(512)),
        forecast: Some(Forecast { expected: ByteCount::mib(90), bound: ByteCount::mib(120) }),
        first_sight: Some(ByteCount::mib(80)),
        peak: ByteCount::mib(100),
        duration: Duration::from_micros(1_234_567),
        spilled: ByteCount::ZERO,
        outcome: Outcome::Done,
        exit_code: 0,
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
        mode: Some("in memory".into()),
        replans: 0,
        record: "{\"text\": \"all of it\"}".into(),
    }
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/for/it/history.db");
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Begins a history with one run, and closes it, so that all is in the file itself.
fn begun() -> (TempDir, PathBuf) {
    let (folder, path) = place();
    History::open(&path).unwrap().add(&example("SELECT 1")).unwrap();
    (folder, path)
}

#[test]
fn a_run_comes_back_as_it_was_added() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    let full = NewRun {
        input: Input { fingerprint: Some(crate::Fingerprint::of_texts(["x"])), ..example("").input },
        ..example("SELECT 'ä' FROM \"b\"")
    };
    let bare = NewRun { limit: Limit::Unlimited, forecast: None, first_sight: None, mode: None, ..example("") };
    for run in [full, bare] {
        let id = history.add(&run).unwrap();
        let kept = history.get(id.as_str()).unwrap();
        assert_eq!(history.record(&id).unwrap(), run.record);
        assert_eq!(kept, Run { id, facts: NewRun { record: String::new(), ..run } });
    }
    assert_eq!(history.count().unwrap(), 2);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(mode(&path.with_file_name("history.db-wal")), 0o600);
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    assert!(matches!(history.get("last"), Err(TasksError::NoRun { .. })));
    let at = |number: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(number);
    let first = history.add_at(&example("a"), at(32)).unwrap();
    let second = history.add_at(&example("b"), at(33)).unwrap();
    history.add_at(&example("c"), at(32 * 32 * 5)).unwrap();
    assert_eq!(history.get(&first.as_str()[..9]).unwrap().facts.text, "a");
    assert_eq!(history.get(&second.as_str().to_uppercase()).unwrap().facts.text, "b");
    assert!(matches!(history.get("00000001"), Err(TasksError::Ambiguous { count: 2, .. })));
    assert_eq!(history.get("0000005").unwrap().facts.text, "c");
    assert_eq!(history.get("last").unwrap().facts.text, "c");
    for wrong in ["00000009", "%", "_________", "", "000000010'", "none"] {
        assert!(matches!(history.get(wrong), Err(TasksError::NoRun { .. })), "{wrong}");
    }
}

#[test]
fn lists_are_filtered_and_begin_with_the_newest() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    let outcome = |text: &str, outcome| NewRun { outcome, ..example(text) };
    history.add(&outcome("SELECT status", Outcome::Done)).unwrap();
    history.add(&outcome("SELECT 100%", Outcome::MemoryLimit)).unwrap();
    history.add(&NewRun { kind: "task".into(), started: SystemTime::UNIX_EPOCH, ..example("select x") }).unwrap();
    let mut texts = |filter: &RunFilter| -> Vec<String> {
        history.list(filter).unwrap().into_iter().map(|run| run.facts.text).collect()
    };
    let any = RunFilter::default;
    assert_eq!(texts(&any()), ["select x", "SELECT 100%", "SELECT status"]);
    assert_eq!(texts(&RunFilter { text: Some("SeLeCt %".into()), ..any() }), Vec::<String>::new());
    assert_eq!(texts(&RunFilter { text: Some("%".into()), ..any() }), ["SELECT 100%"]);
    assert_eq!(texts(&RunFilter { text: Some("STATUS".into()), ..any() }), ["SELECT status"]);
    assert_eq!(texts(&RunFilter { outcome: Some(Outcome::MemoryLimit), ..any() }), ["SELECT 100%"]);
    assert_eq!(texts(&RunFilter { kind: Some("task".into()), ..any() }), ["select x"]);
    assert_eq!(texts(&RunFilter { count: Some(1), ..any() }), ["select x"]);
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    assert_eq!(texts(&RunFilter { since: Some(since), ..any() }), ["SELECT 100%", "SELECT status"]);
}

#[test]
fn a_shape_teaches_by_its_newest_runs() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    for peak in 1..=5 {
        history.add(&NewRun { peak: ByteCount::mib(peak), ..example("a") }).unwrap();
    }
    history.add(&NewRun { shape: "other".into(), ..example("b") }).unwrap();
    history.add(&NewRun { outcome: Outcome::Failed, ..example("a") }).unwrap();
    history.add(&NewRun { spilled: ByteCount::mib(1), ..example("a") }).unwrap();
    history.add(&NewRun { replans: 1, ..example("a") }).unwrap();
    let runs = history.of_shape("shape", 5).unwrap();
    let peaks: Vec<_> = runs.iter().filter_map(Run::lesson).map(|lesson| lesson.peak).collect();
    assert_eq!(peaks, [ByteCount::mib(5), ByteCount::mib(4)]);
}

#[test]
fn a_run_that_begins_is_kept_and_ended_once() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    let began = NewRun { peak: ByteCount::ZERO, record: String::new(), ..example("a") };
    let id = history.begin(&began).unwrap();
    assert_eq!(history.get("last").unwrap().facts.outcome, Outcome::Running);
    assert_eq!(history.get("last").unwrap().lesson(), None);
    history.end(&id, &example("a")).unwrap();
    assert_eq!(history.get("last").unwrap(), Run { id, facts: NewRun { record: String::new(), ..example("a") } });

    let id = history.begin(&began).unwrap();
    let ending = Ending { exit_code: 3, peak: ByteCount::mib(7), duration: Duration::from_micros(5) };
    history.end_now(&id, &ending).unwrap();
    let ended = history.get("last").unwrap().facts;
    assert_eq!((ended.outcome, ended.exit_code, ended.peak), (Outcome::MemoryLimit, 3, ByteCount::mib(7)));

    let id = history.begin(&began).unwrap();
    history.forget(&id).unwrap();
    assert_eq!(history.count().unwrap(), 2);
    // Of a run that was dropped in the meantime, its end is kept all the same.
    history.end(&id, &example("a")).unwrap();
    assert_eq!(history.count().unwrap(), 3);
}

#[test]
fn a_run_whose_process_is_gone_is_lost() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    let id = history.begin(&example("a")).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute("UPDATE runs SET process = process || '0'", []).unwrap();
    let lost = RunFilter { outcome: Some(Outcome::Lost), ..RunFilter::default() };
    assert_eq!(history.list(&lost).unwrap().len(), 1);
    // Whoever was wrong about it is put right.
    history.end(&id, &example("a")).unwrap();
    assert_eq!(history.get("last").unwrap().facts.outcome, Outcome::Done);
}

#[test]
fn a_history_of_before_is_brought_up() {
    let (folder, path) = place();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(super::store::SCHEMA.steps[0]).unwrap();
    old.execute_batch("PRAGMA application_id = 1415866184; PRAGMA user_version = 1").unwrap();
    let sql = "INSERT INTO runs VALUES ('00000000a', 'query', 'a', 's', NULL, 7, 1, NULL, NULL, NULL, NULL, 5, 9, 0, 'done', 0, 3, 'r')";
    old.execute(sql, []).unwrap();
    drop(old);
    let mut history = History::open(&path).unwrap();
    assert_eq!(history.take_notes(), Vec::<String>::new());
    let run = history.get("last").unwrap();
    assert_eq!((run.facts.peak, run.facts.mode.clone(), run.facts.replans), (ByteCount::new(5), None, 0));
    assert_eq!(history.record(&run.id).unwrap(), "r");
    history.begin(&example("a")).unwrap();
    drop(folder);
}

#[test]
fn old_runs_are_dropped_seldom() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    for at in 0..256 {
        history.add(&example("a")).unwrap();
        history.prune_seldom(10).unwrap();
        let expected = if at == 255 { 10 } else { at + 1 };
        assert_eq!(history.count().unwrap(), expected);
    }
}

#[test]
fn old_runs_are_dropped() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    let started = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for second in 0..10 {
        history.add(&NewRun { started: started(second), ..example("a") }).unwrap();
    }
    assert_eq!(history.prune(Prune::Before(started(4))).unwrap(), 4);
    assert_eq!(history.prune(Prune::KeepNewest(5)).unwrap(), 1);
    assert_eq!(history.prune(Prune::KeepNewest(5)).unwrap(), 0);
    let kept: Vec<_> = history.list(&RunFilter::default()).unwrap().into_iter().map(|run| run.facts.started).collect();
    assert_eq!(kept, [9, 8, 7, 6, 5].map(started));
}

#[test]
fn a_clock_that_goes_back_breaks_nothing() {
    let (_folder, path) = place();
    let mut history = History::open(&path).unwrap();
    let hours = |hours: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3600);
    let times = [hours(10), hours(9), SystemTime::UNIX_EPOCH - Duration::from_secs(5), hours(10), hours(11)];
    let ids = times.map(|time| history.add_at(&example("a"), time).unwrap());
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    // Not even after the newest is gone.
    history.prune(Prune::KeepNewest(0)).unwrap();
    assert!(history.add_at(&example("a"), hours(1)).unwrap() > ids[4]);
}

#[test]
fn several_add_at_once() {
    let (_folder, path) = place();
    let ids: Vec<RunId> = thread::scope(|scope| {
        let add = |text: String| {
            let mut history = History::open(&path).unwrap();
            (0..25).map(|_| history.add(&example(&text)).unwrap()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..8).map(|at| scope.spawn(move || add(format!("thread {at}")))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 200);
    let mut history = History::open(&path).unwrap();
    assert_eq!(history.count().unwrap(), 200);
    assert_eq!(history.list(&RunFilter::default()).unwrap().len(), 200);
    assert_eq!(history.take_notes(), Vec::<String>::new());
}

/// Damages a history, and expects that it is set aside, once, and that a new one works.
fn check_set_aside(damage: impl FnOnce(&Path)) {
    let (_folder, path) = begun();
    damage(&path);
    let before = fs::read(&path).unwrap();
    let mut history = History::open(&path).unwrap();
    history.list(&RunFilter::default()).unwrap();
    let id = history.add(&example("new")).unwrap();
    assert_eq!(history.get("last").unwrap().id, id);
    assert_eq!(history.count().unwrap(), 1);
    let notes = history.take_notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    let aside = path.with_file_name("history.db.damaged-1");
    assert!(notes[0].contains(aside.to_str().unwrap()), "{notes:?}");
    assert_eq!(fs::read(&aside).unwrap(), before);
    drop(history);
    assert_eq!(History::open(&path).unwrap().take_notes(), Vec::<String>::new());
}

#[test]
fn a_file_that_says_nothing_is_set_aside_if_its_name_says_that_it_is_a_database() {
    check_set_aside(|path| fs::write(path, "name,value\n".repeat(1000)).unwrap());
}

#[test]
fn what_is_no_history_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, write: &dyn Fn(&Path)| {
        let path = folder.path().join(name);
        write(&path);
        let before = fs::read(&path).unwrap();
        let error = History::open(&path).unwrap_err();
        assert!(matches!(error, TasksError::Foreign { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("`{}` is not the history of runs of Tidegate, and was left alone", path.display())
        );
        assert_eq!(fs::read(&path).unwrap(), before);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [name], "nothing is left beside it");
        fs::remove_file(&path).unwrap();
    };
    check("notes.txt", &|path| fs::write(path, "name,value\n".repeat(1000)).unwrap());
    check("short", &|path| fs::write(path, "x").unwrap());
    let foreign = |path: &Path| {
        let foreign = rusqlite::Connection::open(path).unwrap();
        foreign.execute_batch("CREATE TABLE precious (value)").unwrap();
    };
    check("other.db", &foreign);
    check("other.db", &|path| {
        foreign(path);
        let mut bytes = fs::read(path).unwrap();
        bytes[100..].fill(0xa5);
        fs::write(path, bytes).unwrap();
    });
}

#[test]
fn a_damaged_history_is_set_aside() {
    // The beginning of the file is whole: what is wrong shows when runs are read.
    check_set_aside(|path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(path, bytes).unwrap();
    });
    check_set_aside(|path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..5000]).unwrap();
    });
}

#[test]
fn damage_that_several_find_is_set_aside_once() {
    let (_folder, path) = begun();
    fs::write(&path, "no database").unwrap();
    let notes: Vec<String> = thread::scope(|scope| {
        let open = || {
            let mut history = History::open(&path).unwrap();
            history.add(&example("a")).unwrap();
            history.take_notes()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(notes.len(), 1);
    assert_eq!(History::open(&path).unwrap().count().unwrap(), 8);
    assert!(!path.with_file_name("history.db.damaged-2").exists());
}

#[test]
fn a_newer_history_is_left_alone() {
    let (_folder, path) = begun();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(History::open(&path), Err(TasksError::Newer { version: 99, .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_place_that_cannot_be_used_is_an_error() {
    let (folder, path) = place();
    fs::create_dir_all(&path).unwrap();
    assert!(matches!(History::open(&path), Err(TasksError::Io { .. })));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(History::open(&file.join("history.db")), Err(TasksError::Io { .. })));
    // A new file is as good as none.
    assert_eq!(History::open(&file).unwrap().count().unwrap(), 0);
    assert!(matches!(History::open(Path::new("/dev/null")), Err(TasksError::Io { .. })));
}

#[test]
fn a_history_that_is_locked_is_an_error() {
    let (_folder, path) = begun();
    let mut history = History::open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    history.database.wait_at_most(Duration::from_millis(20));
    assert!(matches!(history.add(&example("a")), Err(TasksError::Locked { .. })));
    // Readers do not wait.
    assert_eq!(history.count().unwrap(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    history.add(&example("a")).unwrap();
}

#[test]
fn a_full_disk_is_an_error() {
    let (_folder, path) = begun();
    let mut history = History::open(&path).unwrap();
    // No more pages than there are.
    let limit = |history: &mut History, pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        history.database.work(|connection| connection.query_row(&sql, [], |_| Ok(()))).unwrap();
    };
    limit(&mut history, 1);
    let large = NewRun { record: "x".repeat(100_000), ..example("a") };
    assert!(matches!(history.add(&large), Err(TasksError::DiskFull { .. })));
    limit(&mut history, 1_000_000);
    history.add(&large).unwrap();
    assert_eq!(history.count().unwrap(), 2);
}
