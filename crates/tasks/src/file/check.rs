//! What is wrong with a task file though each of its values is right: names that lead nowhere, circles, placeholders without
//! a meaning.

use super::{Each, Piece, Task, TaskFile, Work, pieces};
use crate::{
    Problem,
    names::{nearest, quoted},
};

/// Returns all that is wrong.
pub(super) fn check(file: &TaskFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &file.tasks {
        let found = after(file, task).into_iter().chain(placeholders(file, task)).chain(output(task));
        problems.extend(found);
    }
    if problems.is_empty() {
        problems.extend(circle(file));
    }
    problems
}

fn problem(line: usize, message: String, help: impl Into<String>) -> Problem {
    Problem { line, message, help: Some(help.into()) }
}

/// Returns a placeholder of a path that somebody has put into quotes.
fn quoted_placeholder(sql: &str) -> Option<String> {
    let pieces = pieces(sql);
    pieces.windows(3).find_map(|window| match window {
        [Piece::Text(before), placeholder, Piece::Text(after)] if before.ends_with('\'') && after.starts_with('\'') => {
            match placeholder {
                Piece::Input => Some("{input}".to_owned()),
                Piece::OutputOf(task) => Some(format!("{{output:{task}}}")),
                Piece::Text(_) | Piece::Output => None,
            }
        }
        _ => None,
    })
}

fn find<'a>(file: &'a TaskFile, name: &str) -> Option<&'a Task> {
    file.tasks.iter().find(|task| task.name == name)
}

fn unknown(file: &TaskFile, line: usize, name: &str) -> Problem {
    let names = file.tasks.iter().map(|task| task.name.as_str());
    let help = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the tasks are {}", quoted(names)),
    };
    problem(line, format!("there is no task `{name}`"), help)
}

fn after(file: &TaskFile, task: &Task) -> Vec<Problem> {
    let unknowns = task.after.iter().filter(|name| find(file, &name.value).is_none());
    unknowns.map(|name| unknown(file, name.line, &name.value)).collect()
}

fn placeholders(file: &TaskFile, task: &Task) -> Vec<Problem> {
    let (texts, key) = match &task.work {
        Work::Sql(sql) => (vec![sql.as_str()], "sql"),
        Work::Command(words) => (words.iter().map(String::as_str).collect(), "command"),
    };
    let found: Vec<Piece<'_>> = texts.iter().copied().flat_map(pieces).collect();
    let mut problems = Vec::new();
    let name = &task.name;
    let has_input = found.contains(&Piece::Input);
    if has_input && task.inputs.is_empty() {
        let message = format!("task `{name}` uses `{{input}}` and has no `input`");
        problems.push(problem(task.line, message, "name its files: `input = \"logs/*.log\"`"));
    }
    if !has_input && !task.inputs.is_empty() {
        let message = format!("task `{name}` has an `input` that its `{key}` does not use");
        problems.push(problem(task.line, message, format!("write `{{input}}` where `{key}` names its files")));
    }
    if found.contains(&Piece::Output) {
        if matches!(task.work, Work::Sql(_)) {
            let message = format!("task `{name}` uses `{{output}}` in `sql`");
            problems.push(problem(task.line, message, "what a query gives is its output; leave it out"));
        } else if task.output.is_none() {
            let message = format!("task `{name}` uses `{{output}}` and has no `output`");
            problems.push(problem(task.line, message, "say where it goes: `output = \"{task}/{stem}.csv\"`"));
        }
    }
    if let Work::Sql(sql) = &task.work
        && task.each == Each::All
        && task.inputs.len() > 1
        && !is_listed(sql, |piece| piece == Piece::Input)
    {
        let message = format!("`{{input}}` of `{name}` stands for several paths");
        problems.push(problem(task.line, message, "write `logs({input})`, or `csv({input})`"));
    }
    if let Work::Sql(sql) = &task.work
        && let Some(placeholder) = quoted_placeholder(sql)
    {
        let message = format!("`{placeholder}` of `{name}` stands in quotes, and becomes a path in quotes");
        problems.push(problem(task.line, message, format!("write {placeholder} without them")));
    }
    for piece in found {
        let Piece::OutputOf(other) = piece else { continue };
        match find(file, other) {
            None => problems.push(unknown(file, task.line, other)),
            Some(other) if other.output.is_none() => {
                let message = format!("task `{}` has no output that `{name}` could use", other.name);
                problems.push(problem(task.line, message, format!("give `{}` an `output`", other.name)));
            }
            Some(_) if !task.after.iter().any(|after| after.value == other) => {
                let message = format!("task `{name}` uses the output of `{other}` and does not wait for it");
                problems.push(problem(task.line, message, format!("add `after = [\"{other}\"]`")));
            }
            Some(_) => {}
        }
    }
    problems
}

/// Returns whether every such placeholder is an argument, where several paths may stand: `logs({input})`. Elsewhere, the paths
/// would be tables side by side.
pub(crate) fn is_listed(sql: &str, which: impl Fn(Piece<'_>) -> bool) -> bool {
    let mut before = "";
    for piece in pieces(sql) {
        match piece {
            Piece::Text(text) => before = text.trim_end(),
            other if which(other) && !before.ends_with('(') => return false,
            _ => before = "",
        }
    }
    true
}

fn output(task: &Task) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = &task.name;
    let Some(output) = &task.output else {
        if matches!(task.work, Work::Sql(_)) {
            let message = format!("task `{name}` has no `output`");
            problems.push(problem(task.line, message, "say where its rows go: `output = \"{task}/{stem}.parquet\"`"));
        }
        return problems;
    };
    if matches!(task.work, Work::Sql(_)) && task.format.is_none() {
        let message = format!("the format of output `{}` is not known by its name", output.value.as_str());
        problems.push(problem(output.line, message, "add `format = \"csv\"`, or ndjson, arrow, parquet"));
    }
    if let Some(placeholder) = output.value.needs_file() {
        if task.inputs.is_empty() {
            let message = format!("output of `{name}` has `{{{placeholder}}}` and the task has no input file");
            problems.push(problem(output.line, message, "name the output by `{task}`"));
        } else if task.each == Each::All {
            let message = format!("output of `{name}` has `{{{placeholder}}}` and is one for all input files");
            problems.push(problem(output.line, message, "name the output by `{task}`, or set `each = \"file\"`"));
        }
    }
    if output.value.has("date") && task.inputs.is_empty() {
        let message = format!("output of `{name}` has `{{date}}` and the task has no input file");
        problems.push(problem(output.line, message, "the date is the day on which an input changed; leave it out"));
    }
    problems
}

/// Returns the first circle of tasks that wait for each other.
fn circle(file: &TaskFile) -> Option<Problem> {
    let mut safe: Vec<&str> = Vec::new();
    for task in &file.tasks {
        let mut path = Vec::new();
        if let Some(names) = walk(file, task, &mut path, &mut safe) {
            let line = names.first().and_then(|name| find(file, name)).map_or(task.line, |task| task.line);
            let all = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" waits for ");
            return Some(problem(line, format!("tasks wait for each other: {all}"), "take one of them out of `after`"));
        }
    }
    None
}

/// Goes along `after` in depth, and returns the names of a circle from its beginning to its beginning.
fn walk<'a>(
    file: &'a TaskFile,
    task: &'a Task,
    path: &mut Vec<&'a str>,
    safe: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(at) = path.iter().position(|name| *name == task.name) {
        let mut circle: Vec<_> = path.iter().copied().skip(at).collect();
        circle.push(&task.name);
        return Some(circle);
    }
    if safe.contains(&task.name.as_str()) {
        return None;
    }
    path.push(&task.name);
    for after in &task.after {
        let circle = find(file, &after.value).and_then(|next| walk(file, next, path, safe));
        if circle.is_some() {
            return circle;
        }
    }
    path.pop();
    safe.push(&task.name);
    None
}
