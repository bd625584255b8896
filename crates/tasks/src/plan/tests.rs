//! Units of task files over folders that are made up.

use super::*;
use crate::{TasksError, file::TaskFile};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tidegate_memory::ByteCount;

struct Place {
    folder: TempDir,
}

impl Place {
    /// Makes files, each holding its own name.
    fn with(files: &[&str]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for file in files {
            place.write(file, file);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn file(&self, text: &str) -> TaskFile {
        self.write("tasks.toml", text);
        TaskFile::read(&self.path("tasks.toml")).unwrap()
    }

    fn plan(&self, text: &str) -> Vec<Unit> {
        plan(&self.file(text), Missing::Refused).unwrap()
    }

    /// Expects that planning is refused with these lines and messages.
    fn check(&self, text: &str, expect: &[(usize, &str)]) {
        let Err(TasksError::File { problems, .. }) = plan(&self.file(text), Missing::Refused) else { panic!("{text}") };
        let found: Vec<_> = problems.iter().map(|problem| (problem.line, problem.message.as_str())).collect();
        assert_eq!(found, expect, "{text}");
    }
}

/// One unit for each log.
const EACH: &str =
    "[task.a]\ninput = \"logs/*.log\"\nsql = \"SELECT 1 FROM {input}\"\noutput = \"{task}/{stem}.csv\"\n";

fn names(units: &[Unit]) -> Vec<&str> {
    units.iter().map(|unit| unit.name.as_str()).collect()
}

fn relative(unit: &Unit) -> &str {
    &unit.output.as_ref().unwrap().relative
}

#[test]
fn a_task_becomes_a_unit_for_each_file_or_one_for_all() {
    let place = Place::with(&["logs/b.log", "logs/a.log", "logs/c.txt", "more/.hidden.log", "more/it's.log"]);
    let units = place.plan(EACH);
    assert_eq!(names(&units), ["a: logs/a.log", "a: logs/b.log"]);
    assert_eq!((relative(&units[0]), units[0].input_bytes()), ("a/a.csv", ByteCount::new(10)));
    assert_eq!(units[0].sql().unwrap(), format!("SELECT 1 FROM '{}'", place.path("logs/a.log").display()));
    let all = "[task.a]\ninput = [\"logs/*.log\", \"more\"]\neach = \"all\"\nsql = \"FROM logs({input})\"\noutput = \"a.csv\"\n";
    let units = place.plan(all);
    assert_eq!((names(&units), units[0].inputs.len()), (vec!["a"], 3));
    let (logs, more) = (place.path("logs/*.log"), place.path("more"));
    assert_eq!(units[0].sql().unwrap(), format!("FROM logs('{}', '{}')", logs.display(), more.display()));
    let quotes = EACH.replace("logs/*.log", "more/it's.log");
    assert!(place.plan(&quotes)[0].sql().unwrap().ends_with("more/it''s.log'"));
}

#[test]
fn commands_get_paths_as_arguments() {
    let place = Place::with(&["logs/b.log", "logs/a.log"]);
    let command = "[task.z]\ncommand = [\"x\", \"--to={output}\", \"{input}\", \"{output:a}\", \"{print}\"]\n\
                   input = \"logs/*.log\"\neach = \"all\"\noutput = \"z.txt\"\nafter = [\"a\"]\n";
    let units = place.plan(&format!("{command}{EACH}"));
    assert_eq!(names(&units), ["a: logs/a.log", "a: logs/b.log", "z"]);
    assert_eq!((units[0].depth, units[2].depth), (0, 1));
    let path = |name: &str| place.path(name).into_os_string();
    let arguments = units[2].arguments(Some(Path::new("/part"))).unwrap();
    let mut expect = vec!["x".into(), "--to=/part".into()];
    expect.extend(["logs/a.log", "logs/b.log", "out/a/a.csv", "out/a/b.csv"].map(path));
    expect.push("{print}".into());
    assert_eq!(arguments, expect);
    assert!(units[2].sql().is_none() && units[0].arguments(None).is_none());
}

#[test]
fn names_of_outputs_come_from_the_input() {
    let place = Place::with(&["logs/a.log.gz", "logs/plain"]);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    for name in ["logs/a.log.gz", "logs/plain"] {
        fs::File::options().append(true).open(place.path(name)).unwrap().set_modified(time).unwrap();
    }
    let text = EACH.replace("*.log", "*").replace("{task}/{stem}.csv", "./{date}/{name}-{stem}.{ext}.csv");
    let units = place.plan(&text);
    assert_eq!(relative(&units[0]), "2026-09-21/a.log.gz-a.log.gz.csv");
    assert_eq!(relative(&units[1]), "2026-09-21/plain-plain..csv");
    assert_eq!(units[0].output.as_ref().unwrap().path, place.path("out/2026-09-21/a.log.gz-a.log.gz.csv"));
}

#[test]
fn a_key_follows_what_a_unit_is_made_of() {
    let place = Place::with(&["logs/a.log"]);
    let after = format!("{EACH}[task.b]\ncommand = [\"x\"]\nafter = [\"a\"]\n");
    let keys = |text: &str| place.plan(text).iter().map(|unit| unit.key).collect::<Vec<_>>();
    let before = keys(&after);
    assert_eq!(keys(&after), before);
    // Where the output goes is no part of what it is.
    assert_eq!(keys(&after.replace("{stem}", "{name}")), before);
    for changed in [after.replace("SELECT 1", "SELECT 2"), after.replace("csv\"", "csv\"\nformat = \"arrow\"")] {
        let changed = keys(&changed);
        assert!(changed[0] != before[0] && changed[1] != before[1]);
    }
    place.write("logs/a.log", "logs/A.log");
    let changed = keys(&after);
    assert!(changed[0] != before[0] && changed[1] != before[1]);
}

#[test]
fn inputs_must_be_there() {
    let place = Place::with(&["logs/a.txt"]);
    place.check(EACH, &[(2, "no file matches `logs/*.log`")]);
    place.check(&EACH.replace("*.log", "b.txt"), &[(2, "no file matches `logs/b.txt`")]);
    let Err(TasksError::File { problems, .. }) = plan(&place.file(&EACH.replace("*.log", "[a.log")), Missing::Refused)
    else {
        panic!("accepted")
    };
    assert!(problems[0].message.starts_with("`logs/[a.log` is no pattern"), "{problems:?}");
    assert!(plan(&place.file(EACH), Missing::Awaited).unwrap().is_empty());
}

#[test]
fn outputs_must_not_collide() {
    let place = Place::with(&["logs/a.log", "logs/b.log", "more/a.log"]);
    place.check(
        &EACH.replace("{task}/{stem}", "all"),
        &[(4, "`a: logs/a.log` and `a: logs/b.log` both write to `all.csv`")],
    );
    place.check(
        &EACH.replace("\"logs/*.log\"", "[\"logs/a.log\", \"more/a.log\"]"),
        &[(4, "`a: logs/a.log` and `a: more/a.log` both write to `a/a.csv`")],
    );
    let within = format!("{EACH}[task.b]\nsql = \"SELECT 1\"\noutput = \"./a/a.csv/b.csv\"\n");
    place.check(&within, &[(7, "`a: logs/a.log` and `b` both write to `a/a.csv/b.csv`")]);
}

#[test]
fn outputs_must_not_leave_their_folder_or_be_inputs() {
    let place = Place::with(&["logs/a.log", "out/b.csv", "elsewhere/x"]);
    symlink(place.path("elsewhere"), place.path("out/a")).unwrap();
    place.check(EACH, &[(4, "output `a/a.csv` of `a: logs/a.log` leads out of the output folder by a link")]);
    fs::remove_file(place.path("out/a")).unwrap();
    let overwrites = EACH.replace("logs/*.log", "out/*.csv").replace("{task}/{stem}", "{stem}");
    place.check(&overwrites, &[(4, "output `b.csv` of `a: out/b.csv` is an input of `a: out/b.csv`")]);
    // By another name of the same file.
    fs::hard_link(place.path("logs/a.log"), place.path("out/c.csv")).unwrap();
    place.check(
        &EACH.replace("{task}/{stem}", "c"),
        &[(4, "output `c.csv` of `a: logs/a.log` is an input of `a: logs/a.log`")],
    );
    let odd = Place::with(&["logs/...log"]);
    odd.check(
        &EACH.replace("{stem}.csv", "{stem}/a.csv"),
        &[(4, "output `a/../a.csv` leads out of the output folder")],
    );
}

#[test]
fn several_files_need_a_place_for_several() {
    let place = Place::with(&["logs/a.log", "logs/b.log"]);
    let sql = |text: &str| format!("{EACH}[task.b]\nsql = \"{text}\"\noutput = \"b.csv\"\nafter = \"a\"\n");
    place.check(&sql("SELECT 1 FROM {output:a}"), &[(5, "`{output:a}` of `b` stands for 2 files")]);
    let units = place.plan(&sql("SELECT 1 FROM csv({output:a})"));
    assert!(units[2].sql().unwrap().contains("a.csv', '"));
    let command = "[task.b]\ncommand = [\"x\", \"--in={input}\"]\ninput = \"logs/*.log\"\neach = \"all\"\n";
    place.check(command, &[(1, "`{input}` of `b` stands for 2 files")]);
}

#[test]
fn new_files_are_told_when_they_have_settled() {
    let place = Place::with(&["logs/a.log"]);
    let file = place.file(&format!("{EACH}[task.b]\ncommand = [\"x\", \"{{output:a}}\"]\nafter = [\"a\"]\n"));
    let mut watcher = Watcher::knowing(&plan(&file, Missing::Refused).unwrap());
    let mut look = || watcher.look(&file).units.iter().map(|unit| unit.name.clone()).collect::<Vec<_>>();
    assert_eq!((look(), look()), (vec![], vec![]));
    place.write("logs/b.log", "half");
    assert_eq!(look(), Vec::<String>::new());
    place.write("logs/b.log", "half and whole");
    assert_eq!(look(), Vec::<String>::new());
    // And what comes after it is to be done again.
    assert_eq!(look(), ["a: logs/b.log", "b"]);
    assert_eq!((look(), look()), (vec![], vec![]));
}

#[test]
fn inputs_are_looked_at_again() {
    let place = Place::with(&["logs/a.log", "logs/b.log"]);
    let each = place.plan(EACH);
    let all = "[task.a]\ninput = \"logs/*.log\"\neach = \"all\"\nsql = \"SELECT 1 FROM {input}\"\noutput = \"a.csv\"\n";
    let all = place.plan(all);
    assert_eq!((each[0].check_inputs(), all[0].check_inputs()), (Ok(()), Ok(())));
    place.write("logs/c.log", "new");
    assert_eq!(each[0].check_inputs(), Ok(()));
    assert_eq!(all[0].check_inputs(), Err("files came or went while all were read".into()));
    place.write("logs/a.log", "cut");
    assert_eq!(each[0].check_inputs(), Err("`logs/a.log` changed while it was read".into()));
    fs::remove_file(place.path("logs/b.log")).unwrap();
    assert!(each[1].check_inputs().unwrap_err().starts_with("`logs/b.log` went away while it was read"));
}

#[test]
fn globs_leave_out_what_the_loop_writes() {
    let place = Place::with(&["a.csv", "logs/b.csv", "out/a/a.csv", "out/.tidegate-parts-1/2.csv"]);
    let each = "[task.a]\ninput = \"**/*.csv\"\nsql = \"FROM {input}\"\noutput = \"{task}/{stem}.csv\"\n";
    assert_eq!(names(&place.plan(each)), ["a: a.csv", "a: logs/b.csv"]);
    let all = "[task.a]\ninput = \"**/*.csv\"\neach = \"all\"\nsql = \"FROM csv({input})\"\noutput = \"a/a.csv\"\n";
    let units = place.plan(all);
    // The query would find them by the glob.
    let (one, other) = (place.path("a.csv"), place.path("logs/b.csv"));
    assert_eq!(units[0].sql().unwrap(), format!("FROM csv('{}', '{}')", one.display(), other.display()));
    place.write("out/a/new.csv", "");
    assert_eq!(units[0].check_inputs(), Ok(()));
    place.check(&all.replace("csv({input})", "{input}"), &[(1, "`{input}` of `a` stands for 2 files")]);
    // What is asked for by name is given, but for parts.
    let there = each.replace("**/*", "out/**/*").replace("{task}/{stem}.csv", "new/{stem}.csv");
    assert_eq!(names(&place.plan(&there)), ["a: out/a/a.csv", "a: out/a/new.csv"]);
    let beside = format!("output = \"logs/../out\"\n{each}");
    assert_eq!(names(&place.plan(&beside)), ["a: a.csv", "a: logs/b.csv"]);
    let here = format!("output = \".\"\n{}", each.replace("**/*", "log?/*"));
    assert_eq!(names(&place.plan(&here)), ["a: logs/b.csv"]);
}

#[test]
fn globs_that_pass_the_outputs_are_known() {
    let check = |pattern: &str, expect: bool| {
        let folders = inputs::Folders { file: Path::new("/no/such"), outputs: Path::new("/no/such/deep/out") };
        assert_eq!(inputs::reaches_outputs(folders, pattern), expect, "{pattern}");
    };
    for pattern in ["**/*.csv", "*/*/*", "d?ep/**", "./deep/*/*.csv", "x/../deep/o*/a", "deep/out/*/a", "/**/a"] {
        check(pattern, true);
    }
    for pattern in ["*.csv", "*/*", "logs/**/*", "../other/**/a", "deep/*", "deep/out/*.csv", "x/*/*/*"] {
        check(pattern, false);
    }
}

#[test]
fn an_input_is_a_file() {
    let place = Place::with(&["logs/a.log"]);
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    place.check(&EACH.replace("logs/*.log", "pipe"), &[(2, "`pipe` is not a file")]);
    place.check(&EACH.replace("logs/*.log", "/dev/zero"), &[(2, "`/dev/zero` is not a file")]);
    let units = place.plan(EACH);
    fs::remove_file(place.path("logs/a.log")).unwrap();
    fs::rename(place.path("pipe"), place.path("logs/a.log")).unwrap();
    assert!(units[0].check_inputs().unwrap_err().ends_with("not a file"));
}

#[test]
fn what_goes_back_to_what_it_was_is_new_again() {
    let place = Place::with(&["logs/a.log"]);
    let file = place.file(EACH);
    let mut watcher = Watcher::knowing(&plan(&file, Missing::Refused).unwrap());
    let mut look = || watcher.look(&file).units.len();
    for (text, expect) in [("changed", 1), ("logs/a.log", 1), ("changed", 1)] {
        place.write("logs/a.log", text);
        assert_eq!((look(), look(), look()), (0, expect, 0), "{text}");
    }
    // Seen once only, it was never new.
    place.write("logs/a.log", "half");
    assert_eq!(look(), 0);
    place.write("logs/a.log", "changed");
    assert_eq!((look(), look(), look()), (0, 0, 0));
}

#[test]
fn a_look_leaves_out_what_is_wrong_and_tells_it_once() {
    let place = Place::with(&["logs/a.log"]);
    let text = EACH.replace("\"logs/*.log\"", "[\"logs/*.log\", \"more/*\"]");
    let file = place.file(&format!("{text}[task.b]\ncommand = [\"x\", \"{{output:a}}\"]\nafter = [\"a\"]\n"));
    let mut watcher = Watcher::knowing(&plan(&file, Missing::Awaited).unwrap());
    let mut look = || {
        let Look { units, trouble } = watcher.look(&file);
        let problems = match trouble {
            Some(TasksError::File { problems, .. }) => problems,
            _ => Vec::new(),
        };
        let messages = problems.into_iter().map(|problem| problem.message);
        (units.into_iter().map(|unit| unit.name).collect::<Vec<_>>(), messages.collect::<Vec<_>>())
    };
    let nothing = (vec![], vec![]);
    assert_eq!(look(), nothing);
    place.write("more/a.log", "of the output of the first");
    place.write("more/b.log", "good");
    let collide = "`a: logs/a.log` and `a: more/a.log` both write to `a/a.csv`".to_owned();
    assert_eq!(look(), (vec![], vec![collide]));
    assert_eq!(look(), (vec!["a: more/b.log".to_owned(), "b".to_owned()], vec![]));
    // Two that are new: nobody knows which is meant.
    place.write("logs/c.log", "one");
    place.write("more/c.log", "other");
    let collide = "`a: logs/c.log` and `a: more/c.log` both write to `a/c.csv`".to_owned();
    assert_eq!(look(), (vec![], vec![collide]));
    assert_eq!(look(), nothing);
    fs::remove_file(place.path("more/c.log")).unwrap();
    assert_eq!(look(), nothing);
    assert_eq!(look(), (vec!["a: logs/c.log".to_owned(), "b".to_owned()], vec![]));
}

#[test]
fn files_that_cannot_be_looked_at_are_told() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let place = Place::with(&["logs/a.log"]);
    // Whoever runs the tests may be allowed to read any file; but no query can hold this name.
    fs::write(place.path("logs").join(OsStr::from_bytes(b"\xff.log")), "").unwrap();
    let file = place.file(&EACH.replace("logs/*.log", "logs"));
    assert!(plan(&file, Missing::Refused).is_err());
    let units = plan(&file, Missing::Awaited).unwrap();
    assert_eq!(names(&units), ["a: logs/a.log"]);
    let mut watcher = Watcher::knowing(&units);
    let Look { units, trouble } = watcher.look(&file);
    assert!(units.is_empty() && trouble.unwrap().to_string().ends_with("has a name that is no UTF-8"));
    assert!(watcher.look(&file).trouble.is_none());
}
