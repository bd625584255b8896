//! From text to a task file. Everything that is wrong is found, not only the first.

use super::{
    Each, Format, Placed, Task, TaskFile, Template, Work, check,
    fields::{Fields, Source, Words},
    text::is_name,
};
use crate::{Problem, TasksError, release::ReleasePolicy};
use std::{fs, io, path::Path, thread};
use tidegate_memory::{ByteCount, Limit, MINIMUM_LIMIT};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

const FILE_KEYS: [&str; 6] = ["limit", "output", "parallel", "release", "retries", "task"];
const TASK_KEYS: [&str; 8] = ["input", "each", "sql", "command", "format", "output", "limit", "after"];

/// What is shared if the file says nothing.
const DEFAULT_LIMIT: &str = "75%";
const DEFAULT_OUTPUT: &str = "out";
const DEFAULT_RETRIES: u32 = 1;

impl TaskFile {
    /// Reads a task file and checks all that can be checked without looking at its inputs; [`crate::plan::plan`] does that.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tasks.toml");
    /// use tidegate_tasks::{file::TaskFile, plan::{Missing, plan}};
    /// std::fs::write(&path, "[task.one]\nsql = \"SELECT 1 AS n\"\noutput = \"one.csv\"\n")?;
    /// let units = plan(&TaskFile::read(&path)?, Missing::Refused)?;
    /// assert_eq!(units[0].sql().as_deref(), Some("SELECT 1 AS n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TasksError::File`] with everything that is wrong in it, [`TasksError::Io`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, TasksError> {
        let failed = |error| TasksError::io("read", path, error);
        let text = fs::read_to_string(path).map_err(failed)?;
        let absolute = std::path::absolute(path).map_err(failed)?;
        let folder = absolute.parent().ok_or_else(|| failed(io::Error::from(io::ErrorKind::IsADirectory)))?;
        let mut source = Source { text: &text, problems: Vec::new() };
        let file = read(&mut source, path, folder);
        let mut problems = source.problems;
        match file {
            Some(file) if problems.is_empty() => {
                problems = check::check(&file);
                if problems.is_empty() { Ok(file) } else { Err(failure(path, problems)) }
            }
            _ => Err(failure(path, problems)),
        }
    }
}

/// Returns the error of all problems, in the order of lines.
pub(crate) fn failure(path: &Path, mut problems: Vec<Problem>) -> TasksError {
    problems.sort_by_key(|problem| problem.line);
    TasksError::File { path: path.to_path_buf(), problems }
}

fn read(source: &mut Source<'_>, path: &Path, folder: &Path) -> Option<TaskFile> {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        for error in errors {
            let line = error.span().map_or(1, |span| source.line(&span));
            source.problems.push(Problem { line, message: error.message().to_owned(), help: None });
        }
        return None;
    }
    let table = table.get_ref();
    let fields = source.fields(table, &FILE_KEYS, "a task file");
    let limit = limit(source, &fields);
    let limit = limit.or_else(|| DEFAULT_LIMIT.parse::<Limit>().ok().and_then(Limit::bytes)).unwrap_or(MINIMUM_LIMIT);
    let output = fields.text(source, "output", "\"out\"");
    let output = output.map_or_else(|| DEFAULT_OUTPUT.to_owned(), |text| text.value);
    let parallel = fields.number(source, "parallel", 1..1025);
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let release = Words { names: &ReleasePolicy::NAMES, read: |word| word.parse().ok() };
    let release = fields.word(source, "release", &release).unwrap_or_default();
    let retries = fields.number(source, "retries", 0..101).unwrap_or(DEFAULT_RETRIES);
    let tasks = tasks(source, table, limit);
    Some(TaskFile {
        path: path.to_path_buf(),
        folder: folder.to_path_buf(),
        limit,
        output: folder.join(output),
        parallel: parallel.and_then(|count| usize::try_from(count).ok()).unwrap_or_else(cores),
        release,
        retries,
        tasks,
    })
}

fn tasks(source: &mut Source<'_>, table: &DeTable<'_>, shared: ByteCount) -> Vec<Task> {
    const HELP: &str = "write `[task.name]` and below it `input`, `sql` and `output`";
    let Some(value) = table.get("task") else {
        source.problem(1, "there is no task", HELP);
        return Vec::new();
    };
    let line = source.line(&value.span());
    let Some(named) = value.get_ref().as_table() else {
        source.problem(line, "`task` is no table", HELP);
        return Vec::new();
    };
    let mut all: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = named.iter().collect();
    all.sort_by_key(|(name, _)| name.span().start);
    let mut tasks = Vec::new();
    for (name, value) in all {
        let line = source.line(&name.span());
        let name = name.get_ref().as_ref();
        if !is_name(name) {
            let message = format!("`{}` is no name of a task", name.escape_debug());
            source.problem(line, message, "names have letters, digits, `_` and `-`");
        }
        match value.get_ref().as_table() {
            Some(table) => tasks.extend(task(source, table, &Heading { name, line, shared })),
            None => source.problem(line, format!("task `{name}` is no table"), HELP),
        }
    }
    tasks
}

/// What is known of a task before its values are.
struct Heading<'a> {
    name: &'a str,
    line: usize,
    shared: ByteCount,
}

fn task(source: &mut Source<'_>, table: &DeTable<'_>, heading: &Heading<'_>) -> Option<Task> {
    let fields = source.fields(table, &TASK_KEYS, "a task");
    let inputs = fields.some_texts(source, "input", "\"logs/*.log\"").unwrap_or_default();
    let each = Words {
        names: &["file", "all"],
        read: |word| match word {
            "file" => Some(Each::File),
            "all" => Some(Each::All),
            _ => None,
        },
    };
    let each = fields.word(source, "each", &each).unwrap_or(Each::File);
    let format = fields.word(source, "format", &Words { names: &Format::NAMES, read: Format::of_name });
    let output = fields.text(source, "output", "\"{task}/{stem}.parquet\"").and_then(|text| {
        match Template::parse(&text.value) {
            Ok(value) => Some(Placed { value, line: text.line }),
            Err((message, help)) => {
                source.problem(text.line, message, help);
                None
            }
        }
    });
    let limit = limit(source, &fields);
    if let Some(limit) = limit.filter(|limit| *limit > heading.shared) {
        let message =
            format!("limit of {} is above the shared limit of {}", limit.as_limit(), heading.shared.as_limit());
        source.problem(heading.line, message, "lower it, or raise `limit` at the top of the file");
    }
    let after = fields.texts(source, "after", "[\"errors\"]").unwrap_or_default();
    let work = work(source, &fields, heading)?;
    let (work_line, has_lines) = match &work.value {
        Work::Sql(_) => fields.first_line(source, "sql").unwrap_or((work.line, false)),
        Work::Command(_) => (work.line, false),
    };
    let inferred = output.as_ref().and_then(|output| Path::new(output.value.as_str()).extension());
    let inferred = inferred.and_then(|extension| Format::of_extension(extension.to_str()?));
    Some(Task {
        name: heading.name.to_owned(),
        line: heading.line,
        inputs,
        each,
        work: work.value,
        work_line,
        has_lines,
        format: format.or(inferred),
        output,
        limit,
        after,
    })
}

fn work(source: &mut Source<'_>, fields: &Fields<'_, '_>, heading: &Heading<'_>) -> Option<Placed<Work>> {
    let sql = fields.text(source, "sql", "\"SELECT count(*) FROM {input}\"");
    let command = fields.some_texts(source, "command", "[\"python\", \"load.py\"]");
    match (sql, command) {
        (Some(_), Some(_)) => {
            let message = format!("task `{}` has both `sql` and `command`", heading.name);
            source.problem(heading.line, message, "make it two tasks, one `after` the other");
            None
        }
        (None, None) => {
            let has =
                |key: &str| source.problems.iter().any(|problem| problem.message.starts_with(&format!("`{key}` is ")));
            if !has("sql") && !has("command") {
                let message = format!("task `{}` has neither `sql` nor `command`", heading.name);
                source.problem(heading.line, message, "say what it does: `sql = \"SELECT ..\"`");
            }
            None
        }
        (Some(sql), None) => Some(Placed { value: Work::Sql(sql.value), line: sql.line }),
        (None, Some(command)) => {
            let line = command.first().map_or(heading.line, |word| word.line);
            Some(Placed { value: Work::Command(command.into_iter().map(|word| word.value).collect()), line })
        }
    }
}

/// Reads a limit and expects that a task can work with it.
fn limit(source: &mut Source<'_>, fields: &Fields<'_, '_>) -> Option<ByteCount> {
    let text = fields.text(source, "limit", "\"512MB\"")?;
    let minimum = MINIMUM_LIMIT.as_limit();
    match text.value.parse::<Limit>() {
        Ok(Limit::Bytes(limit)) if limit >= MINIMUM_LIMIT => return Some(limit),
        Ok(Limit::Bytes(limit)) => {
            let message = format!("limit of {} is below the working minimum of {minimum}", limit.as_limit());
            source.problem(text.line, message, "raise it to 64MiB or more");
        }
        Ok(Limit::Unlimited) => {
            source.problem(text.line, "a task loop needs a limit", "write it as 512MB, 2GiB or 75%");
        }
        Err(error) => source.problem(text.line, format!("limit: {error}"), "write it as 512MB, 2GiB or 75%"),
    }
    None
}
