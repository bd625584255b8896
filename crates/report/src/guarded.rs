//! What a guard saw, cut to what is shown, and its facts in words.

use crate::{
    record::{ColumnHeld, Guarded, Leak, LineHeld, LineRule, Phase, Used, VariableHeld},
    text, words,
};
use tidegate_memory::ByteCount;

/// Lists are cut to so many items.
const LINES: usize = 30;
const VARIABLES: usize = 20;
const COLUMNS: usize = 12;
const RULES: usize = 4;
const LEAKS: usize = 8;
const PHASES: usize = 30;
const SENTENCES: usize = 12;

/// Texts are cut to so many characters.
const PATH: usize = 200;
const NAME: usize = 70;
const SENTENCE: usize = 600;

/// Returns what is shown of it.
pub(crate) fn cut(guarded: &Guarded) -> Guarded {
    let sentences = |all: &[String]| all.iter().take(SENTENCES).map(|one| text::line(one, SENTENCE)).collect();
    Guarded {
        lines: guarded.lines.iter().take(LINES).map(line).collect(),
        variables: guarded.variables.iter().take(VARIABLES).map(variable).collect(),
        leaks: guarded
            .leaks
            .iter()
            .take(LEAKS)
            .map(|leak| Leak { file: text::line(&leak.file, PATH), ..*leak })
            .collect(),
        phases: guarded
            .phases
            .iter()
            .take(PHASES)
            .map(|phase| Phase { function: text::line(&phase.function, NAME), ..*phase })
            .collect(),
        advice: sentences(&guarded.advice),
        notes: sentences(&guarded.notes),
        wall: text::line(&guarded.wall, NAME),
        ..*guarded
    }
}

fn line(line: &LineHeld) -> LineHeld {
    let rule = |rule: &LineRule| LineRule {
        code: text::line(&rule.code, NAME),
        message: text::line(&rule.message, SENTENCE),
        fix: text::line(&rule.fix, SENTENCE),
    };
    LineHeld {
        file: text::line(&line.file, PATH),
        function: text::line(&line.function, NAME),
        through: text::line(&line.through, NAME),
        threads: text::line(&line.threads, NAME),
        text: text::line(&line.text, PATH),
        rules: line.rules.iter().take(RULES).map(rule).collect(),
        ..*line
    }
}

fn variable(variable: &VariableHeld) -> VariableHeld {
    let column = |column: &ColumnHeld| ColumnHeld {
        name: text::line(&column.name, NAME),
        dtype: text::line(&column.dtype, NAME),
        ..*column
    };
    VariableHeld {
        name: text::line(&variable.name, NAME),
        file: text::line(&variable.file, PATH),
        function: text::line(&variable.function, NAME),
        kind: text::line(&variable.kind, NAME),
        shape: text::line(&variable.shape, NAME),
        dtype: text::line(&variable.dtype, NAME),
        allocated: text::line(&variable.allocated, PATH),
        shared_with: text::line(&variable.shared_with, PATH),
        reason: text::line(&variable.reason, PATH),
        columns: variable.columns.iter().take(COLUMNS).map(column).collect(),
        ..*variable
    }
}

/// Returns the end of a path: where people know the file by.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns where a line is: `etl.py:3`, or words where no line of Python ran.
pub(crate) fn place(line: &LineHeld) -> String {
    if line.file.is_empty() {
        "no line of Python".to_owned()
    } else {
        format!("{}:{}", file_name(&line.file), line.line)
    }
}

/// Returns what a line called, and in whose threads.
pub(crate) fn through(line: &LineHeld) -> String {
    let parts = [line.through.as_str(), line.threads.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Returns what a rule says of a line: `etl.py:3 TG001: message: fix`.
pub(crate) fn ruled(line: &LineHeld, rule: &LineRule) -> String {
    format!("{} {}: {}: {}", place(line), rule.code, rule.message.trim_end_matches('.'), rule.fix)
}

/// Returns what a variable is: `DataFrame (1000000, 10)`.
pub(crate) fn kind(variable: &VariableHeld) -> String {
    let parts = [variable.kind.as_str(), variable.shape.as_str(), variable.dtype.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns the name of a variable and where it lives.
pub(crate) fn name(variable: &VariableHeld) -> String {
    if variable.name.is_empty() {
        return format!("inside {}", variable.function);
    }
    match variable.function.as_str() {
        "<module>" => variable.name.clone(),
        function => format!("{} in {function}", variable.name),
    }
}

/// Returns whether a variable is used again, in words.
pub(crate) fn fate(variable: &VariableHeld) -> String {
    match (variable.used, variable.delete_after) {
        (Used::NoMore, Some(line)) => {
            format!("not used again: `del {}` after line {line} frees {}", variable.name, variable.bytes)
        }
        (Used::NoMore, None) => "not used again".to_owned(),
        (Used::Again, _) => "used again".to_owned(),
        (Used::Unknown, _) if variable.reason.is_empty() => String::new(),
        (Used::Unknown, _) => format!("kept: {}", variable.reason),
    }
}

/// Returns how a line grew, in words.
pub(crate) fn grown(leak: &Leak) -> String {
    let speed = words::rounded(leak.bytes_per_second);
    format!(
        "{}:{} only grew: {} in all, {} for each allocation, {speed} in a second",
        file_name(&leak.file),
        leak.line,
        leak.grown,
        leak.each
    )
}

/// Returns what explains the peak, beside the lines.
pub(crate) fn rest(guarded: &Guarded) -> String {
    let mut parts = vec![format!("{} the interpreter and its libraries", guarded.base)];
    parts.push(format!("{} unexplained", guarded.unexplained));
    if guarded.untouched > ByteCount::mib(4) {
        parts.push(format!("{} asked for and not touched", guarded.untouched));
    }
    parts.join(", ")
}
