//! Loops over runners that do as they are told, and over real commands.

use super::*;
use crate::{
    Forecast, TasksError,
    file::{TaskFile, Work},
    plan::{Missing, Unit, plan},
    release::Release,
    state::State,
};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::channel},
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tidegate_memory::ByteCount;

struct Place(TempDir);

impl Place {
    fn with(files: &[&str]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for file in files {
            place.write(file, file);
        }
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn file(&self, text: &str) -> TaskFile {
        self.write("tasks.toml", &format!("limit = \"1GB\"\nparallel = 4\n{text}"));
        TaskFile::read(&self.path("tasks.toml")).unwrap()
    }

    /// Returns the files in the folder of outputs, and what is in none of its folders: parts.
    fn outputs(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.path("out"), &mut found);
        let mut names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(self.path("out")).unwrap().to_str().unwrap().to_owned())
            .filter(|name| !name.starts_with(".tidegate/"))
            .collect();
        names.sort();
        names
    }
}

/// Runs a loop and returns its summary and what was told.
fn run(file: &TaskFile, runner: &mut dyn Runner) -> (Summary, Vec<String>) {
    let mut told = Told::default();
    let summary = run_told(file, runner, &mut told);
    (summary, told.events)
}

fn run_told(file: &TaskFile, runner: &mut dyn Runner, witness: &mut dyn Witness) -> Summary {
    let mut state = State::open(&file.output).unwrap();
    let units = plan(file, Missing::Refused).unwrap();
    let (mail, _) = Mail::new();
    let turn = Turn { file, options: TurnOptions::of(file), state: &mut state, runner, witness };
    turn.run(units, mail)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

/// Keeps what it is told, in short.
#[derive(Default)]
struct Told {
    events: Vec<String>,
}

impl Witness for Told {
    fn told(&mut self, event: &Event<'_>) {
        self.events.push(match event {
            Event::AlreadyDone(unit) => format!("already {}", unit.name),
            Event::Started { unit, limit } => format!("start {} {}", unit.name, limit.bytes() / 1_000_000),
            Event::Recorded(_) | Event::Waiting(_) => return,
            Event::Finished { unit, .. } => format!("done {}", unit.name),
            Event::Retrying { unit, .. } => format!("again {}", unit.name),
            Event::Failed { unit, failure, .. } => format!("failed {}: {}", unit.name, failure.message),
            Event::Skipped { unit, because } => format!("skipped {} because of {because}", unit.name),
            Event::Released(release) => format!("{release:?}"),
            Event::WatchFailed(error) => format!("watch: {error}"),
        });
    }
}

/// Stops the loop as soon as a unit is done.
struct StopWhenDone(Stop);

impl Witness for StopWhenDone {
    fn told(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Finished { .. }) {
            self.0.stop();
        }
    }
}

/// Writes the query to the output, unless the query says otherwise.
#[derive(Default)]
struct Script {
    forecasts: HashMap<&'static str, u64>,
    memory: Option<RunnerMemory>,
    /// What was asked of it: the unit, and into how many threads of four.
    started: Vec<(String, usize)>,
    /// Those that end only when they are cancelled.
    endless: Arc<Mutex<Vec<Done>>>,
}

struct Endless(Arc<Mutex<Vec<Done>>>);

impl Running for Endless {
    fn cancel(&mut self) {
        for done in self.0.lock().unwrap().drain(..) {
            done.ended(failed(Failure::for_good("cancelled")));
        }
    }
}

fn failed(failure: Failure) -> Ended {
    Ended { failure: Some(failure), ..Ended::default() }
}

impl Runner for Script {
    fn forecast(&mut self, unit: &Unit) -> Option<Forecast> {
        let bound = ByteCount::new(self.forecasts.get(unit.task.as_str())? * 1_000_000);
        Some(Forecast { expected: bound, bound })
    }

    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure> {
        self.started.push((order.unit.name.clone(), order.threads(4)));
        let sql = order.unit.sql().unwrap();
        let part = order.part.clone().unwrap();
        let inputs: Vec<_> = order.unit.inputs.iter().map(|input| input.path.clone()).collect();
        if sql.contains("REFUSE") {
            return Err(Failure::for_good("no worker"));
        }
        if sql.contains("ENDLESS") {
            fs::write(part, "never whole").unwrap();
            self.endless.lock().unwrap().push(done);
            return Ok(Box::new(Endless(Arc::clone(&self.endless))));
        }
        thread::spawn(move || {
            let memory = Failure { exit_code: 3, retry: Retry::Can, ..Failure::for_good("memory limit") };
            match () {
                () if sql.contains("LOSE") => drop(done),
                () if sql.contains("WRONG") => done.ended(failed(Failure::for_good("no such column"))),
                () if sql.contains("LARGE") || sql.contains("FIRST") && order.retry == 0 => {
                    fs::write(part, "half of i").unwrap();
                    done.ended(failed(memory));
                }
                () => {
                    if !sql.contains("NOTHING") {
                        fs::write(part, &sql).unwrap();
                    }
                    if sql.contains("CUT") {
                        fs::write(&inputs[0], "").unwrap();
                    }
                    done.ended(Ended::default());
                }
            }
        });
        Ok(Box::new(Endless(Arc::default())))
    }

    fn memory(&self) -> Option<RunnerMemory> {
        self.memory
    }
}

fn task(name: &str, sql: &str, more: &str) -> String {
    format!("[task.{name}]\nsql = \"SELECT {sql}\"\noutput = \"{name}.csv\"\n{more}\n")
}

#[test]
fn units_are_done_once() {
    let place = Place::with(&["logs/a", "logs/b"]);
    let each = "[task.e]\ninput = \"logs\"\nsql = \"{input}\"\noutput = \"{task}/{stem}.csv\"\n";
    let file = place.file(&format!("{each}{}", task("last", "1", "after = [\"e\"]")));
    let (summary, told) = run(&file, &mut Script::default());
    assert_eq!((summary.done, summary.already_done, summary.exit_code()), (3, 0, 0));
    assert_eq!(told.last().unwrap(), "done last");
    assert_eq!(place.outputs(), ["e/a.csv", "e/b.csv", "last.csv"]);
    let mut script = Script::default();
    let (summary, told) = run(&file, &mut script);
    assert_eq!((summary.done, summary.already_done), (0, 3));
    assert_eq!(told, ["already e: logs/a", "already e: logs/b", "already last"]);
    // What is not there any more is done again, and nothing else.
    fs::remove_file(place.path("out/e/b.csv")).unwrap();
    let (_, told) = run(&file, &mut Script::default());
    assert_eq!(told, ["already e: logs/a", "start e: logs/b 1000", "done e: logs/b", "already last"]);
    // What comes after a unit whose input is new is done again too.
    place.write("logs/a", "new");
    let (summary, _) = run(&file, &mut script);
    assert_eq!((summary.done, summary.already_done), (2, 1));
}

/// Keeps how many units wait.
#[derive(Default)]
struct Waits(Vec<usize>);

impl Witness for Waits {
    fn told(&mut self, event: &Event<'_>) {
        if let Event::Waiting(count) = event {
            self.0.push(*count);
        }
    }
}

#[test]
fn it_is_told_how_many_units_wait() {
    let place = Place::with(&[]);
    let file = place.file(&[task("first", "1", ""), task("second", "1", "after = [\"first\"]")].concat());
    let mut waits = Waits::default();
    assert_eq!(run_told(&file, &mut Script::default(), &mut waits).done, 2);
    waits.0.dedup();
    assert_eq!(waits.0, [1, 0]);
}

#[test]
fn the_loop_goes_past_what_fails() {
    let place = Place::with(&[]);
    let file = place.file(
        &[
            task("wrong", "WRONG", ""),
            task("refused", "REFUSE", ""),
            task("after", "1", "after = [\"wrong\"]"),
            task("later", "1", "after = [\"after\"]"),
            task("nothing", "NOTHING", ""),
            task("good", "1", ""),
        ]
        .concat(),
    );
    let (summary, _) = run(&file, &mut Script::default());
    assert_eq!((summary.done, summary.exit_code()), (1, 1));
    let mut failed: Vec<_> = summary.failed.iter().map(|(name, failure)| (&name[..], &failure.message[..])).collect();
    failed.sort_unstable();
    let expect =
        [("nothing", "it ended well and wrote no output"), ("refused", "no worker"), ("wrong", "no such column")];
    assert_eq!(failed, expect);
    let skipped = [("after".to_owned(), "wrong".to_owned()), ("later".to_owned(), "after".to_owned())];
    assert_eq!(summary.skipped, skipped);
    assert_eq!(place.outputs(), ["good.csv"]);
    // The next loop tries again.
    let (summary, _) = run(&file, &mut Script::default());
    assert_eq!((summary.already_done, summary.failed.len()), (1, 3));
}

#[test]
fn a_loop_of_nothing_but_failures_to_start_ends() {
    let place = Place::with(&[]);
    let tasks: Vec<_> = (0..9).map(|at| task(&format!("t{at}"), "REFUSE", "")).collect();
    let file = place.file(&format!("{}{}", tasks.concat(), task("z", "1", "after = [\"t8\"]")));
    let (summary, _) = run(&file, &mut Script::default());
    assert_eq!((summary.failed.len(), summary.skipped.len(), summary.left), (9, 1, 0));
}

#[test]
fn what_may_help_is_tried_again_with_fewer_threads() {
    let place = Place::with(&[]);
    let mut script = Script::default();
    let (summary, _) = run(&place.file(&task("t", "FIRST", "")), &mut script);
    assert_eq!((summary.done, script.started), (1, vec![("t".into(), 4), ("t".into(), 2)]));
    for (sql, message, exit_code, starts) in
        [("LARGE", "memory limit", 3, 2), ("LOSE", "its worker was lost", 1, 2), ("WRONG", "no such column", 1, 1)]
    {
        let mut script = Script::default();
        let (summary, _) = run(&place.file(&task("t", sql, "")), &mut script);
        assert_eq!(summary.failed[0].1.message, message);
        assert_eq!((summary.exit_code(), script.started.len()), (exit_code, starts), "{sql}");
    }
    assert_eq!(place.outputs(), ["t.csv"]);
    let mut script = Script::default();
    run(&place.file(&format!("retries = 3\n{}", task("t", "LARGE", ""))), &mut script);
    assert_eq!(script.started.iter().map(|(_, threads)| *threads).collect::<Vec<_>>(), [4, 2, 1, 1]);
}

#[test]
fn units_start_while_their_forecasts_fit() {
    let place = Place::with(&[]);
    let all = [task("a", "1", ""), task("b", "1", ""), task("c", "1", ""), task("d", "1", "limit = \"100MB\"")];
    let forecasts = HashMap::from([("a", 200), ("b", 700), ("c", 300)]);
    let mut script = Script { forecasts, ..Script::default() };
    let (_, told) = run(&place.file(&all.concat()), &mut script);
    // The largest first; the third does not fit beside the first and the second.
    let starts: Vec<_> = told.iter().filter(|event| event.starts_with("start")).map(String::as_str).collect();
    assert_eq!(starts[..2], ["start b 700", "start c 300"]);
    assert_eq!(starts.len(), 4);
    assert!(starts.contains(&"start d 100"));
}

#[test]
fn memory_is_given_back_before_a_unit_that_needs_it() {
    let place = Place::with(&[]);
    let file = place.file(&format!("{}{}", task("a", "1", ""), task("b", "1", "after = [\"a\"]")));
    let memory = |used: u64| {
        let used = ByteCount::new(used * 1_000_000);
        Some(RunnerMemory { used, baseline: ByteCount::mib(20), floor: None })
    };
    for (used, released) in [(100, false), (600, true)] {
        let mut script = Script { forecasts: HashMap::from([("b", 500)]), memory: memory(used), ..Script::default() };
        let mut told = Told::default();
        run_told(&file, &mut script, &mut told);
        let event = format!("{:?}", Release::Release);
        assert_eq!(told.events.contains(&event), released, "{:?}", told.events);
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}

#[test]
fn an_input_that_changes_while_it_is_read_is_told() {
    let place = Place::with(&["logs/a"]);
    let file = place.file("[task.t]\ninput = \"logs/a\"\nsql = \"CUT {input}\"\noutput = \"{stem}.csv\"\n");
    let (summary, _) = run(&file, &mut Script::default());
    assert_eq!(summary.failed[0].1.message, "`logs/a` changed while it was read");
    assert_eq!(place.outputs(), Vec::<String>::new());
}

#[test]
fn a_loop_is_stopped() {
    let place = Place::with(&[]);
    let tasks = format!("{}{}{}", task("a", "ENDLESS", ""), task("b", "1", ""), task("c", "1", "after = [\"a\"]"));
    let file = place.file(&tasks);
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    let (mail, stop) = Mail::new();
    let (mut script, mut witness) = (Script::default(), StopWhenDone(stop));
    let options = TurnOptions::of(&file);
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut script, witness: &mut witness };
    let summary = turn.run(units, mail);
    assert_eq!((summary.ending, summary.exit_code()), (Ending::Interrupted, 130));
    assert_eq!((summary.done, summary.left, summary.failed.len()), (1, 2, 0));
    drop(state);
    assert_eq!(place.outputs(), ["b.csv"]);
}

/// Writes a file when all is done, changes it when that is done, and then stops.
struct Feed<'a> {
    place: &'a Place,
    stop: Stop,
    rounds: u32,
}

impl Witness for Feed<'_> {
    fn told(&mut self, event: &Event<'_>) {
        let Event::Finished { unit, .. } = event else { return };
        if unit.task == "all" {
            self.rounds += 1;
            match self.rounds {
                1 => self.place.write("logs/b", "one"),
                2 => self.place.write("logs/b", "one and two"),
                _ => self.stop.stop(),
            }
        }
    }
}

#[test]
fn new_files_are_picked_up() {
    let place = Place::with(&["logs/a"]);
    let each = "[task.e]\ninput = \"logs\"\nsql = \"{input}\"\noutput = \"{task}/{stem}.csv\"\n";
    let file = place.file(&format!("{each}{}", task("all", "1", "after = [\"e\"]")));
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    let (mail, stop) = Mail::new();
    let mut script = Script::default();
    let mut witness = Feed { place: &place, stop, rounds: 0 };
    let options = TurnOptions { watch: Some(Duration::from_millis(1)), ..TurnOptions::of(&file) };
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut script, witness: &mut witness };
    let summary = turn.run(units, mail);
    assert_eq!((summary.done, summary.failed.len()), (6, 0));
    assert_eq!(place.outputs(), ["all.csv", "e/a.csv", "e/b.csv"]);
}

/// Holds a unit until its input is another file, and then fails.
struct Held<'a> {
    place: &'a Place,
    first: Option<Done>,
    has_changed: bool,
}

impl Runner for Held<'_> {
    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure> {
        if order.unit.name == "e: logs/a" && !self.has_changed {
            self.has_changed = true;
            self.first = Some(done);
            // In this order, so that the first is not settled later than the second.
            self.place.write("logs/a", "changed");
            self.place.write("logs/b", "new");
        } else {
            fs::write(order.part.unwrap(), "").unwrap();
            done.ended(Ended::default());
            if let Some(first) = self.first.take() {
                first.ended(failed(Failure::for_good("`logs/a` changed while it was read")));
            }
        }
        Ok(Box::new(Endless(Arc::default())))
    }
}

/// Stops the loop when the last task is done or left out.
struct StopWhenOver(Stop);

impl Witness for StopWhenOver {
    fn told(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Finished { unit, .. } if unit.task == "all") || matches!(event, Event::Skipped { .. })
        {
            self.0.stop();
        }
    }
}

#[test]
fn a_unit_whose_input_changes_while_it_runs_does_not_count() {
    let place = Place::with(&["logs/a"]);
    let each = "[task.e]\ninput = \"logs\"\nsql = \"{input}\"\noutput = \"{task}/{stem}.csv\"\nlimit = \"100MB\"\n";
    let file = place.file(&format!("{each}{}", task("all", "1", "after = [\"e\"]")));
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    let (mail, stop) = Mail::new();
    let mut runner = Held { place: &place, first: None, has_changed: false };
    let mut witness = StopWhenOver(stop);
    let options = TurnOptions { watch: Some(Duration::from_millis(1)), ..TurnOptions::of(&file) };
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut runner, witness: &mut witness };
    let summary = turn.run(units, mail);
    assert_eq!((summary.done, summary.failed, summary.skipped), (3, vec![], vec![]));
    assert_eq!(place.outputs(), ["all.csv", "e/a.csv", "e/b.csv"]);
}

#[test]
fn commands_run_in_the_folder_of_the_task_file() {
    let place = Place::with(&["logs/a", "logs/b"]);
    let file = place.file(
        r#"
[task.copy]
input = "logs"
command = ["sh", "-c", "pwd >&2; cp \"$1\" \"$2\"", "sh", "{input}", "{output}"]
output = "copy/{name}"
[task.all]
command = ["cat", "{output:copy}", "logs/a"]
output = "all.txt"
after = ["copy"]
[task.tell]
command = ["sh", "-c", "echo $TIDEGATE_LIMIT > told"]
limit = "70MB"
after = ["all"]
"#,
    );
    let (summary, told) = run(&file, &mut CommandRunner);
    assert_eq!((summary.done, summary.failed.len()), (4, 0), "{told:?}");
    assert_eq!(place.outputs(), ["all.txt", "copy/a", "copy/b"]);
    assert_eq!((place.read("out/all.txt"), place.read("told")), ("logs/alogs/blogs/a".into(), "70000000\n".into()));
    let logs = fs::read_dir(place.path("out/.tidegate/logs")).unwrap();
    let texts: Vec<_> = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap()).collect();
    let folder = format!("{}\n", place.0.path().canonicalize().unwrap().display());
    assert_eq!(texts, [folder.clone(), folder]);
    assert_eq!(run(&file, &mut CommandRunner).0.already_done, 4);
}

#[test]
fn commands_that_fail_say_why() {
    let place = Place::with(&[]);
    let check = |command: &str, message: &str| {
        let (summary, _) = run(
            &place.file(&format!("retries = 0\n[task.t]\ncommand = {command}\noutput = \"t\"\n")),
            &mut CommandRunner,
        );
        assert_eq!(summary.failed[0].1.message, message, "{command}");
        assert_eq!(place.outputs(), Vec::<String>::new());
    };
    check("[\"sh\", \"-c\", \"echo one; echo two >&2; exit 7\"]", "`sh` ended with exit code 7: two");
    check("[\"sh\", \"-c\", \"kill -9 $$\"]", "`sh` was killed by signal 9");
    check("[\"no-such-program\"]", "start `no-such-program`: No such file or directory (os error 2)");
    check("[\"true\", \"{output}\"]", "it ended well and wrote no output");
    // Python says so by a `MemoryError`, and the guard where it was thrown.
    let large = "[\"python3\", \"-c\", \"bytearray(10**9)\"]";
    let file = place.file(&format!("retries = 0\n[task.t]\ncommand = {large}\nlimit = \"100MB\"\n"));
    let (summary, _) = run(&file, &mut CommandRunner);
    let (_, failure) = &summary.failed[0];
    let begins = "`python3`: MemoryError at <string>:1 in <module>: asked for 1.00 GB";
    assert!(failure.message.starts_with(begins), "{}", failure.message);
    assert_eq!(failure.exit_code, 3);
}

#[test]
fn a_command_ends_with_all_that_it_started() {
    // Its child has the pipe open for long, in its group or in one of its own; the command itself ends at once.
    check_all_ends("\"sh\", \"-c\", \"exec 3> pipe; sleep 1000 &\"");
    let python =
        "import os, subprocess as s; s.Popen(['sleep', '1000'], stdout=open('pipe', 'w'), preexec_fn=os.setpgrp)";
    check_all_ends(&format!("\"python3\", \"-c\", \"{python}\""));
}

fn check_all_ends(command: &str) {
    let place = Place::with(&[]);
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let file = place.file(&format!("[task.t]\ncommand = [{command}]\n"));
    let (sender, is_closed) = channel();
    thread::spawn(move || sender.send(fs::read_to_string(pipe)));
    let (summary, _) = run(&file, &mut CommandRunner);
    assert_eq!(summary.done, 1, "{summary:?}");
    assert_eq!(is_closed.recv_timeout(Duration::from_mins(1)).unwrap().unwrap(), "");
}

#[test]
fn a_command_is_cancelled() {
    let place = Place::with(&[]);
    let file = place.file(
        "[task.t]\ncommand = [\"sh\", \"-c\", \"echo > ready; sleep 1000; echo\"]\noutput = \"t\"\n[task.u]\ncommand = [\"sh\", \"-c\", \"until [ -e ready ]; do :; done\"]\n",
    );
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    let (mail, stop) = Mail::new();
    let mut witness = StopWhenDone(stop);
    let options = TurnOptions::of(&file);
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut CommandRunner, witness: &mut witness };
    let summary = turn.run(units, mail);
    assert_eq!((summary.ending, summary.done, summary.left), (Ending::Interrupted, 1, 1));
    drop(state);
    assert_eq!(place.outputs(), Vec::<String>::new());
}

#[test]
fn a_cancelled_command_is_not_done_whatever_it_says() {
    let place = Place::with(&[]);
    let command = "trap 'exit 0' TERM; echo half; : > ready; while :; do sleep 0.01; done";
    let file = place.file(&format!(
        "[task.t]\ncommand = [\"sh\", \"-c\", \"{command}\"]\noutput = \"t\"\n\
         [task.u]\ncommand = [\"sh\", \"-c\", \"until [ -e ready ]; do :; done\"]\n"
    ));
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    let (mail, stop) = Mail::new();
    let (options, mut witness) = (TurnOptions::of(&file), StopWhenDone(stop));
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut CommandRunner, witness: &mut witness };
    let summary = turn.run(units, mail);
    assert_eq!((summary.done, summary.left), (1, 1));
    drop(state);
    assert_eq!(place.outputs(), Vec::<String>::new());
}

#[test]
fn queries_and_commands_go_their_ways() {
    let place = Place::with(&[]);
    let file = place.file(&format!(
        "{}[task.c]\ncommand = [\"cat\", \"{{output:q}}\"]\noutput = \"c\"\nafter = [\"q\"]\n",
        task("q", "1", "")
    ));
    let mut script = Script::default();
    let mut split = Split { queries: &mut script, commands: CommandRunner };
    assert_eq!(run(&file, &mut split).0.done, 2);
    assert_eq!(place.read("out/c"), "SELECT 1");
    assert!(matches!(plan(&file, Missing::Refused).unwrap()[1].work, Work::Command(_)));
}

#[test]
fn a_state_that_cannot_be_written_is_one_error_for_each_unit() {
    let place = Place::with(&[]);
    let file = place.file(&task("t", "1", ""));
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    // Somebody else meddles with it.
    let other = rusqlite::Connection::open(place.path("out/.tidegate/state.db")).unwrap();
    other.execute_batch("DROP TABLE units").unwrap();
    let (mail, _) = Mail::new();
    let options = TurnOptions::of(&file);
    let mut script = Script::default();
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut script, witness: &mut Silent };
    let summary = turn.run(units, mail);
    assert_eq!((summary.failed.len(), summary.exit_code(), script.started.len()), (1, 1, 0));
    assert!(summary.failed[0].1.message.contains("no such table"), "{summary:?}");
    assert!(matches!(State::open(&file.output), Err(TasksError::InUse { .. })));
}
