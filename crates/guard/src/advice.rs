//! What would make a job fit, the cheapest first.

use tidegate_check::{Fate, FileUse};
use tidegate_memory::ByteCount;
use tidegate_report::record::{LineHeld, Used, VariableHeld};

/// What is known of a job.
pub(crate) struct Job<'a> {
    pub(crate) lines: &'a [LineHeld],
    pub(crate) variables: &'a [VariableHeld],
    /// The share of values that are distinct in columns of text, by variable and column.
    pub(crate) repeated: &'a [Repeated],
    /// What is done with what the line reads that [`reading`] names.
    pub(crate) reading: &'a FileUse,
    pub(crate) peak: ByteCount,
    pub(crate) limit: Option<ByteCount>,
    /// What was asked for and refused, above the peak.
    pub(crate) asked: ByteCount,
}

/// A column of text whose values repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    pub(crate) variable: String,
    pub(crate) column: String,
    pub(crate) bytes: ByteCount,
}

/// What is less than this share of the peak is not worth a change, in percent.
const WORTH: u64 = 3;

/// Texts that repeat at least so often are kept once by a category.
pub(crate) const REPEATS: f64 = 0.5;

/// Returns what would make it fit.
pub(crate) fn advice(job: &Job<'_>) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(deletions(job));
    all.extend(categories(job));
    all.extend(threads(job));
    all.extend(columns(job));
    all.extend(query(job));
    if all.is_empty()
        && let Some(needed) = needed(job, ByteCount::ZERO)
    {
        all.push(format!("a limit of about {needed}"));
    }
    all
}

/// Returns what the job needs at least where so much less is held, if that is more than it may have.
fn needed(job: &Job<'_>, less: ByteCount) -> Option<ByteCount> {
    let needed = job.peak + job.asked - less;
    job.limit.filter(|limit| job.asked > ByteCount::ZERO && needed > *limit).map(|_| needed)
}

fn is_worth(job: &Job<'_>, bytes: ByteCount) -> bool {
    bytes > ByteCount::ZERO && bytes >= job.peak.percent(WORTH)
}

/// Variables that are not used again cost nothing to delete.
fn deletions(job: &Job<'_>) -> Option<String> {
    let dead = job.variables.iter().filter(|variable| variable.used == Used::NoMore && is_worth(job, variable.bytes));
    let dead: Vec<&VariableHeld> = dead.filter(|variable| variable.delete_after.is_some()).collect();
    let sum: ByteCount = dead.iter().map(|variable| variable.bytes).sum();
    let rest = needed(job, sum).map(|needed| format!("; it needs about {needed} then")).unwrap_or_default();
    let part = |variable: &VariableHeld| Some(format!("`del {}` after line {}", variable.name, variable.delete_after?));
    if let [variable] = dead.as_slice() {
        return Some(format!("{} frees {sum}{rest}", part(variable)?));
    }
    let parts = dead.iter().filter_map(|variable| Some(format!("{} ({})", part(variable)?, variable.bytes)));
    let parts: Vec<String> = parts.collect();
    let (last, before) = parts.split_last()?;
    Some(format!("{} and {last} free {sum} together{rest}", before.join(", ")))
}

/// Text that repeats is kept once in a category, with one to four bytes in each row.
fn categories(job: &Job<'_>) -> Option<String> {
    let sum: ByteCount = job.repeated.iter().map(|column| column.bytes).sum();
    if !is_worth(job, sum) {
        return None;
    }
    let names: Vec<String> = job.repeated.iter().map(|column| format!("\"{}\": \"category\"", column.column)).collect();
    let variable = job.repeated.first().map(|column| column.variable.clone()).unwrap_or_default();
    Some(format!(
        "dtype={{{}}} where `{variable}` is read: these texts repeat, and take most of {sum}",
        names.join(", ")
    ))
}

/// pandas 3.1 reads large files in several threads, each with a part of its own.
fn threads(job: &Job<'_>) -> Option<String> {
    let line = job.lines.iter().find(|line| !line.threads.is_empty() && line.text.contains("read_csv"))?;
    if !is_worth(job, line.bytes) {
        return None;
    }
    Some(format!(
        "`pd.set_option(\"mode.max_threads\", 1)` before line {}: parallel parts of the file are held beside the whole",
        line.line
    ))
}

/// Few columns of a wide file are used, mostly.
fn columns(job: &Job<'_>) -> Option<String> {
    let line = reading(job)?;
    let wide =
        job.variables.iter().filter(|variable| variable.columns.len() > 2).max_by_key(|variable| variable.bytes)?;
    if line.text.contains("usecols") || !is_worth(job, wide.bytes) {
        return None;
    }
    let used = &job.reading.columns;
    if !used.is_empty() && used.len() < wide.columns.len() {
        let names: Vec<String> = used.iter().map(|column| format!("\"{column}\"")).collect();
        return Some(format!("usecols=[{}] in line {}: no other column is used", names.join(", "), line.line));
    }
    let largest: Vec<String> =
        wide.columns.iter().take(3).map(|column| format!("{} {}", column.name, column.bytes)).collect();
    Some(format!(
        "usecols=[..] in line {}: of `{}` the largest columns are {}",
        line.line,
        wide.name,
        largest.join(", ")
    ))
}

/// The same without Python's objects.
fn query(job: &Job<'_>) -> Option<String> {
    let line = reading(job)?;
    let chunks = format!("chunksize=200_000 in line {} and a sum of the parts", line.line);
    let Some(query) = &job.reading.query else { return Some(chunks) };
    let limit = job.limit.map(|limit| format!(" --limit {}", limit.bytes())).unwrap_or_default();
    let query = in_quotes(query);
    Some(format!("{chunks}; or the same by a query, which holds any limit: tidegate query{limit} {query}"))
}

/// Returns the line that reads a file into a data frame and holds the most.
fn reading<'a>(job: &Job<'a>) -> Option<&'a LineHeld> {
    reads(job.lines).filter(|line| is_worth(job, line.bytes) && !line.text.contains("chunksize"))
}

/// Returns the first line that reads a file into a data frame.
pub(crate) fn reads(lines: &[LineHeld]) -> Option<&LineHeld> {
    let readers = ["read_csv(", "read_table(", "read_json(", "read_parquet("];
    lines.iter().find(|line| readers.iter().any(|reader| line.text.contains(reader)))
}

/// Writes a text as a shell reads it.
fn in_quotes(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Returns what is recorded of a fate.
pub(crate) fn recorded(fate: Fate) -> (Used, Option<u32>, String) {
    match fate {
        Fate::Used => (Used::Again, None, String::new()),
        Fate::Dead(line) => (Used::NoMore, line, String::new()),
        Fate::Unknown(reason) => (Used::Unknown, None, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, mib: u64) -> LineHeld {
        let threads = if text.contains("big") { "in worker threads" } else { "" };
        LineHeld {
            line: 3,
            text: text.into(),
            bytes: ByteCount::mib(mib),
            threads: threads.into(),
            ..LineHeld::default()
        }
    }

    fn dead(name: &str, mib: u64) -> VariableHeld {
        let (bytes, used, delete_after) = (ByteCount::mib(mib), Used::NoMore, Some(22));
        VariableHeld { name: name.into(), bytes, used, delete_after, ..VariableHeld::default() }
    }

    fn all(lines: &[LineHeld], variables: &[VariableHeld], repeated: &[Repeated]) -> Vec<String> {
        let limit = Some(ByteCount::new(500));
        let query = Some("SELECT status, count(*) FROM 'big.csv' WHERE \"A\" = 1 GROUP BY status".to_owned());
        let reading = &FileUse { columns: vec!["status".into(), "A".into()], query };
        let (peak, asked) = (ByteCount::mib(100), ByteCount::ZERO);
        advice(&Job { lines, variables, repeated, reading, peak, limit, asked })
    }

    #[test]
    fn what_costs_nothing_comes_first() {
        let repeated = Repeated { variable: "raw".into(), column: "method".into(), bytes: ByteCount::mib(20) };
        let advice = all(&[line("raw = pd.read_csv('big.csv')", 60)], &[dead("raw", 50)], &[repeated]);
        assert_eq!(advice[0], "`del raw` after line 22 frees 52.4 MB");
        assert!(advice[1].starts_with("dtype={\"method\": \"category\"} where `raw` is read"));
        assert!(advice[2].starts_with("`pd.set_option("));
        let query =
            r#"tidegate query --limit 500 "SELECT status, count(*) FROM 'big.csv' WHERE \"A\" = 1 GROUP BY status""#;
        assert!(advice[3].ends_with(query), "{}", advice[3]);
    }

    #[test]
    fn what_is_small_or_not_known_is_not_told() {
        assert!(all(&[line("x = [0] * n", 90)], &[dead("x", 1)], &[]).is_empty());
    }

    #[test]
    fn what_does_not_make_it_fit_is_told_with_what_does() {
        let check = |variables: &[VariableHeld], expected: &str| {
            let (peak, limit, asked) = (ByteCount::mib(100), Some(ByteCount::mib(120)), ByteCount::mib(60));
            let reading = &FileUse::default();
            let found = advice(&Job { lines: &[], variables, repeated: &[], reading, peak, limit, asked });
            assert_eq!(found, [expected]);
        };
        check(&[dead("a", 10)], "`del a` after line 22 frees 10.5 MB; it needs about 157 MB then");
        check(&[dead("a", 50)], "`del a` after line 22 frees 52.4 MB");
        let together = "`del a` after line 22 (10.5 MB), `del b` after line 22 (21.0 MB) and `del c` after line 22 (31.5 MB) free 62.9 MB together";
        check(&[dead("a", 10), dead("b", 20), dead("c", 30)], together);
        check(&[], "a limit of about 168 MB");
    }
}
