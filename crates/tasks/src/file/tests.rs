//! Task files that are right, and what is said of those that are not.

use super::*;
use crate::{TasksError, release::ReleasePolicy};
use std::fs;
use tidegate_memory::ByteCount;

fn read(text: &str) -> Result<TaskFile, TasksError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.toml");
    fs::write(&path, text).unwrap();
    TaskFile::read(&path)
}

/// Expects that a file is refused with these lines and messages.
fn check(text: &str, expect: &[(usize, &str)]) {
    let Err(TasksError::File { problems, .. }) = read(text) else { panic!("accepted:\n{text}") };
    let found: Vec<_> = problems.iter().map(|problem| (problem.line, problem.message.as_str())).collect();
    assert_eq!(found, expect, "{text}");
}

fn help(text: &str) -> String {
    read(text).unwrap_err().help().unwrap()
}

/// A task that is right, at the end of what is wrong.
const GOOD: &str = "[task.good]\nsql = \"SELECT 1\"\noutput = \"good.csv\"\n";

#[test]
fn all_that_can_be_said_is_read() {
    let file = read(
        r#"
limit = "2GB"
output = "results"
parallel = 2
release = "always"
retries = 3
[task.errors]
input = ["logs/*.log", "old"]
each = "file"
sql = "SELECT status FROM logs({input})"
format = "csv"
output = "{task}/{stem}.txt"
limit = "512MB"
[task.all]
input = "a.log"
each = "all"
sql = "SELECT 1 FROM {input}"
output = "all.jsonl"
[task.upload]
command = ["python", "load.py", "{output:errors}"]
after = ["errors", "all"]
"#,
    )
    .unwrap();
    assert_eq!((file.limit, file.parallel, file.retries), (ByteCount::new(2_000_000_000), 2, 3));
    assert_eq!((file.release, &file.output), (ReleasePolicy::Always, &file.folder.join("results")));
    let names: Vec<_> = file.tasks.iter().map(|task| (task.name.as_str(), task.line)).collect();
    assert_eq!(names, [("errors", 7), ("all", 14), ("upload", 19)]);
    let [errors, all, upload] = &file.tasks[..] else { panic!("three tasks") };
    assert_eq!(errors.inputs[1], Placed { value: "old".into(), line: 8 });
    assert_eq!((errors.each, errors.format), (Each::File, Some(Format::Csv)));
    assert_eq!(errors.limit, Some(ByteCount::new(512_000_000)));
    assert_eq!((all.each, all.format), (Each::All, Some(Format::Ndjson)));
    assert_eq!((upload.after.len(), upload.output.is_none()), (2, true));
}

#[test]
fn what_is_not_said_has_a_default() {
    let file = read(GOOD).unwrap();
    assert_eq!((file.retries, file.release), (1, ReleasePolicy::Auto));
    assert_eq!(file.output, file.folder.join("out"));
    assert!(file.limit > ByteCount::mib(64) && file.parallel >= 1);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = format!(
        "limit = \"10MB\"\nparalel = 2\nretries = -1\nrelease = \"atuo\"\n{GOOD}\
         [task.a]\ninput = 5\nformat = \"xml\"\nafter = [\"good\", 7]\nsql = \"SELECT 1\"\noutput = \"a\"\n\
         [task.\"b/c\"]\n"
    );
    check(
        &text,
        &[
            (1, "limit of 10.0 MB is below the working minimum of 67.1 MB (64 MiB)"),
            (2, "unknown key `paralel`"),
            (3, "`retries` is no whole number from 0 to 100"),
            (4, "`release` is no `atuo`"),
            (9, "`input` is integer and not a text"),
            (10, "`format` is no `xml`"),
            (11, "`after` is integer and not a text"),
            (14, "`b/c` is no name of a task"),
            (14, "task `b/c` has neither `sql` nor `command`"),
        ],
    );
}

#[test]
fn text_that_is_no_toml_is_told_with_its_line() {
    let Err(TasksError::File { problems, .. }) = read("limit = \"1GB\"\n[task.a\nsql = 1\n") else {
        panic!("accepted")
    };
    assert_eq!(problems[0].line, 2);
    let Err(TasksError::File { problems, .. }) = read("[task.a]\nsql = \"a\"\nsql = \"b\"\n") else {
        panic!("accepted")
    };
    assert_eq!(problems[0].line, 3, "{problems:?}");
    check("", &[(1, "there is no task")]);
    check("task = 5", &[(1, "`task` is no table")]);
}

#[test]
fn a_mistyped_name_is_known() {
    assert_eq!(help(&format!("ouput = \"x\"\n{GOOD}")), "did you mean `output`?");
    assert_eq!(help(&format!("{GOOD}after = [\"god\"]\n")), "did you mean `good`?");
    assert_eq!(help("[task.a]\nsql = \"SELECT 1\"\noutput = \"{taks}.csv\"\n"), "did you mean `{task}`?");
    assert!(help(&format!("zebra = 1\n{GOOD}")).starts_with("a task file has `limit`, "));
}

#[test]
fn limits_must_work() {
    let task =
        |limit: &str| format!("limit = \"1GB\"\n[task.a]\nsql = \"SELECT 1\"\noutput = \"a.csv\"\nlimit = {limit}\n");
    read(&task("\"1GB\"")).unwrap();
    check(&task("\"2GB\""), &[(2, "limit of 2.00 GB is above the shared limit of 1.00 GB")]);
    check(&task("\"64MB\""), &[(5, "limit of 64.0 MB is below the working minimum of 67.1 MB (64 MiB)")]);
    check(&task("\"much\""), &[(5, "limit: `much` is no size; write it as 512MB, 2GiB or a number of bytes")]);
    check(&task("\"none\""), &[(5, "a task loop needs a limit")]);
    check(&task("512"), &[(5, "`limit` is integer and not a text")]);
}

#[test]
fn tasks_say_one_thing_and_where_it_goes() {
    let both = "[task.a]\nsql = \"SELECT 1\"\ncommand = [\"b\"]\noutput = \"a.csv\"\n";
    check(both, &[(1, "task `a` has both `sql` and `command`")]);
    check("[task.a]\noutput = \"a.csv\"\n", &[(1, "task `a` has neither `sql` nor `command`")]);
    check("[task.a]\ncommand = []\n", &[(2, "`command` is empty")]);
    check("[task.a]\nsql = \"SELECT 1\"\n", &[(1, "task `a` has no `output`")]);
    let unknown = "[task.a]\nsql = \"SELECT 1\"\noutput = \"{task}.dat\"\n";
    check(unknown, &[(3, "the format of output `{task}.dat` is not known by its name")]);
    let escapes = "[task.a]\nsql = \"SELECT 1\"\noutput = \"../a.csv\"\n";
    check(escapes, &[(3, "output `../a.csv` leads out of the output folder")]);
}

#[test]
fn placeholders_have_a_meaning() {
    let task = |more: &str| format!("[task.a]\noutput = \"a.csv\"\n{more}\n{GOOD}");
    check(&task("sql = \"SELECT 1 FROM {input}\""), &[(1, "task `a` uses `{input}` and has no `input`")]);
    check(
        &task("input = \"x\"\nsql = \"SELECT 1 FROM 'x'\""),
        &[(1, "task `a` has an `input` that its `sql` does not use")],
    );
    check(&task("sql = \"SELECT 1 FROM {output}\""), &[(1, "task `a` uses `{output}` in `sql`")]);
    check(&task("command = [\"x\", \"{output:goof}\"]"), &[(1, "there is no task `goof`")]);
    check(
        &task("command = [\"x\", \"{output:good}\"]"),
        &[(1, "task `a` uses the output of `good` and does not wait for it")],
    );
    let several = |table: &str| {
        task(&format!("input = [\"x\", \"y\"]\neach = \"all\"\nsql = \"SELECT 1 FROM {table} WHERE 'a' = 'b'\""))
    };
    check(&several("{input}"), &[(1, "`{input}` of `a` stands for several paths")]);
    read(&several("logs( {input})")).unwrap();
    check(
        &task("input = \"x\"\nsql = \"SELECT 1 FROM '{input}'\""),
        &[(1, "`{input}` of `a` stands in quotes, and becomes a path in quotes")],
    );
    let stem = "[task.a]\ninput = \"x\"\neach = \"all\"\nsql = \"SELECT 1 FROM {input}\"\noutput = \"{stem}.csv\"\n";
    check(stem, &[(5, "output of `a` has `{stem}` and is one for all input files")]);
    let date = "[task.a]\nsql = \"SELECT 1\"\noutput = \"{date}.csv\"\n";
    check(date, &[(3, "output of `a` has `{date}` and the task has no input file")]);
}

#[test]
fn circles_are_found() {
    let task = |name: &str, after: &str| format!("[task.{name}]\ncommand = [\"x\"]\nafter = [{after}]\n");
    let text = [task("a", "\"b\""), task("b", "\"c\", \"d\""), task("c", "\"d\""), task("d", "\"b\"")].concat();
    check(&text, &[(4, "tasks wait for each other: `b` waits for `c` waits for `d` waits for `b`")]);
    check(&task("a", "\"a\""), &[(1, "tasks wait for each other: `a` waits for `a`")]);
    let diamond = [task("a", "\"b\", \"c\""), task("b", "\"d\""), task("c", "\"d\""), task("d", "")].concat();
    read(&diamond).unwrap();
}

#[test]
fn the_example_of_the_documentation_is_right() {
    let text = include_str!("../../../../docs/tasks.md");
    let (_, example) = text.split_once("```toml\n").unwrap();
    let file = read(example.split_once("```").unwrap().0).unwrap();
    assert_eq!(file.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["errors", "total", "upload"]);
}
