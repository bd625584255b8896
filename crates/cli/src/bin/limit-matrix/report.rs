//! The matrix as a page of Markdown.

use crate::{
    LIMITS, THREADS,
    queries::Query,
    run::{Cell, Outcome},
};
use std::{fmt::Write, fs, thread, time::Duration};

/// Returns the page.
pub fn report(cells: &[Cell], queries: &[Query], faults: &[String], took: Duration) -> String {
    let mut page = String::new();
    let count = |wanted: fn(&Outcome) -> bool| cells.iter().filter(|cell| wanted(&cell.outcome)).count();
    let _ = writeln!(
        page,
        "# The limit matrix

{} queries x {} limits x {} numbers of threads, each in a process of its own and in a memory cgroup of the limit's size. The
peak is `VmHWM`, which the kernel counts, program pages included. Written by `cargo run --release -p tidegate-cli --bin
limit-matrix` on {}, in {:.0} minutes.

- runs: {}
- answers: {}
- typed refusals (exit code 3): {}, of them {} at 128 MB and above
- anything else: {}
- peaks above the limit: {}
- answers planned again, narrower: {}
",
        queries.len(),
        LIMITS.len(),
        THREADS.len(),
        machine(),
        took.as_secs_f64() / 60.0,
        cells.len(),
        count(|outcome| matches!(outcome, Outcome::Answer(..))),
        count(|outcome| matches!(outcome, Outcome::Refusal)),
        cells.iter().filter(|cell| cell.limit >= 128_000_000 && cell.outcome == Outcome::Refusal).count(),
        count(|outcome| matches!(outcome, Outcome::Else(_))),
        cells.iter().filter(|cell| cell.peak > cell.limit).count(),
        cells.iter().filter(|cell| cell.replans > 0 && matches!(cell.outcome, Outcome::Answer(..))).count(),
    );
    for fault in faults {
        let _ = writeln!(page, "- fault: {fault}");
    }
    distribution(&mut page, cells);
    outcomes(&mut page, cells, queries);
    times(&mut page, cells, queries);
    texts(&mut page, queries);
    page
}

/// How near to the limit the peaks came.
fn distribution(page: &mut String, cells: &[Cell]) {
    let _ = writeln!(page, "\n## Peak / limit\n\n| peak / limit | runs |\n|---|---|");
    for tenth in 0..=10 {
        let from = tenth * 10;
        let share = |cell: &&Cell| cell.peak * 100 / cell.limit;
        let runs = cells.iter().filter(|cell| share(cell) >= from && (share(cell) < from + 10 || tenth == 10)).count();
        let name = if tenth == 10 { "100 % and more".into() } else { format!("{from} to {} %", from + 10) };
        let _ = writeln!(page, "| {name} | {runs} |");
    }
    let most = cells.iter().map(|cell| ratio(cell.peak, cell.limit)).fold(0.0, f64::max);
    let _ = writeln!(page, "\nThe largest: {:.1} %.", most * 100.0);
}

/// Answers of each query at each limit, and the highest peak.
fn outcomes(page: &mut String, cells: &[Cell], queries: &[Query]) {
    let names: Vec<_> = LIMITS.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(
        page,
        "\n## Outcomes\n\nAnswers of {} runs (with 1, 2, 4 and 8 threads), and the highest peak in per cent of the limit.\n\n| query | {} |\n|---|{}",
        THREADS.len(),
        names.join(" | "),
        "---|".repeat(LIMITS.len())
    );
    for (at, query) in queries.iter().enumerate() {
        let _ = write!(page, "| {} |", query.name);
        for (_, limit) in LIMITS {
            let of = || cells.iter().filter(|cell| cell.query == at && cell.limit == limit);
            let answers = of().filter(|cell| matches!(cell.outcome, Outcome::Answer(..))).count();
            let most = of().map(|cell| ratio(cell.peak, limit)).fold(0.0, f64::max);
            let answers = if answers == THREADS.len() { "all".into() } else { format!("**{answers}**") };
            let _ = write!(page, " {answers}, {:.0} % |", most * 100.0);
        }
        let _ = writeln!(page);
    }
}

/// Seconds and spilled bytes with two threads.
fn times(page: &mut String, cells: &[Cell], queries: &[Query]) {
    let names: Vec<_> = LIMITS.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(
        page,
        "\n## Seconds and spilled MB with two threads\n\nTwo runs went on at the same time on the machine, so these are no contest times.\n\n| query | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(LIMITS.len())
    );
    for (at, query) in queries.iter().enumerate() {
        let _ = write!(page, "| {} |", query.name);
        for (_, limit) in LIMITS {
            let cell = cells.iter().find(|cell| cell.query == at && cell.limit == limit && cell.threads == 2);
            let text = cell.map_or_else(String::new, |cell| match cell.outcome {
                Outcome::Answer(..) => format!("{:.1}, {}", cell.seconds, cell.spilled / 1_000_000),
                _ => "refused".into(),
            });
            let _ = write!(page, " {text} |");
        }
        let _ = writeln!(page);
    }
}

fn texts(page: &mut String, queries: &[Query]) {
    let _ = writeln!(page, "\n## The queries\n");
    for query in queries {
        let _ = writeln!(page, "- {}: `{}`", query.name, query.sql);
    }
}

fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("a machine of {cores} cores and {} GB, Linux {}", (kib + 500_000) / 1_000_000, kernel.trim())
}

#[expect(clippy::cast_precision_loss, reason = "a share, shown without decimals")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
