//! The limit matrix: every query at every limit with every number of threads, each in a process and a memory cgroup of its own.
//!
//! `cargo run --release -p tidegate-cli --bin limit-matrix` writes `docs/limit-matrix.md`; `-- --quick` runs the small part that
//! is a test as well, `--only=NAME` and `--threads=N` run a part, and write nothing. The exit code is 1 if a process showed the
//! kernel more than its limit, if a run ended with anything but an answer or the typed refusal, if two answers to one query
//! differ, if more memory failed where less was enough, or if nothing at all was spilled.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the cage is shared with the tests")]

#[path = "../../../tests/support/cage.rs"]
mod cage;
mod data;
mod queries;
mod report;
mod run;

use data::Data;
use queries::Query;
use run::{Cell, Outcome};
use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

/// The limits, and how they are called.
const LIMITS: [(&str, u64); 8] = [
    ("64 MiB", 64 << 20),
    ("96 MiB", 96 << 20),
    ("128 MB", 128_000_000),
    ("192 MB", 192_000_000),
    ("256 MB", 256_000_000),
    ("512 MB", 512_000_000),
    ("1 GB", 1_000_000_000),
    ("2 GB", 2_000_000_000),
];
const THREADS: [u32; 4] = [1, 2, 4, 8];

/// Runs that go on at the same time.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    match matrix() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn matrix() -> io::Result<bool> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().find_map(|argument| argument.strip_prefix("--only="));
    let threads = arguments.iter().find_map(|argument| argument.strip_prefix("--threads="));
    let threads = threads.map(|threads| threads.parse::<u32>().map_err(io::Error::other)).transpose()?;
    let program = env::current_exe()?;
    let tidegate = program.with_file_name("tidegate");
    if !tidegate.exists() {
        return Err(io::Error::other("build the command first: cargo build --release -p tidegate-cli --bin tidegate"));
    }
    let target = program.parent().and_then(Path::parent).map_or_else(env::temp_dir, Path::to_path_buf);
    let folder = target.join("limit-matrix");
    let data = Data::write(&folder, &tidegate, quick)?;
    let queries: Vec<Query> = queries::all()
        .into_iter()
        .filter(|query| (!quick || query.quick) && only.is_none_or(|only| query.name.contains(only)))
        .collect();
    let start = Instant::now();
    let mut wanted = cells(&queries, quick);
    wanted.retain(|cell| threads.is_none_or(|threads| cell.threads == threads));
    let cells = run_all(&wanted, &queries, &data, &tidegate, &folder)?;
    let mut faults = faults(&cells, &queries);
    if only.is_none() && cells.iter().all(|cell| cell.spilled == 0) {
        faults.push("nothing was spilled, so nothing was shown".into());
    }
    for fault in &faults {
        writeln!(io::stderr(), "fault: {fault}")?;
    }
    if !quick && only.is_none() && threads.is_none() {
        fs::write(docs(), report::report(&cells, &queries, &faults, start.elapsed()))?;
    }
    writeln!(io::stdout(), "{} runs in {:.0} s, {} faults", cells.len(), start.elapsed().as_secs_f64(), faults.len())?;
    Ok(faults.is_empty())
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limit-matrix.md")
}

/// Returns the cells to fill: of the small matrix two limits and two numbers of threads.
fn cells(queries: &[Query], quick: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for query in 0..queries.len() {
        for (_, limit) in LIMITS {
            for threads in THREADS {
                if !quick || (matches!(limit, 67_108_864 | 128_000_000) && matches!(threads, 1 | 4)) {
                    let outcome = Outcome::Else("not run".into());
                    cells.push(Cell { query, limit, threads, outcome, peak: 0, seconds: 0.0, spilled: 0, replans: 0 });
                }
            }
        }
    }
    cells
}

fn run_all(cells: &[Cell], queries: &[Query], data: &Data, tidegate: &Path, folder: &Path) -> io::Result<Vec<Cell>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(cells.len()));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| -> io::Result<()> {
                    while let Some(cell) = cells.get(next.fetch_add(1, Relaxed)) {
                        let Some(query) = queries.get(cell.query) else { continue };
                        let cell = run::run(tidegate, &data.fill(query.sql), cell.clone(), folder)?;
                        progress(query, &cell)?;
                        done.lock().unwrap_or_else(PoisonError::into_inner).push(cell);
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a run failed unexpectedly"))))
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|cell| (cell.query, cell.limit, cell.threads));
    Ok(done)
}

fn progress(query: &Query, cell: &Cell) -> io::Result<()> {
    let outcome = match &cell.outcome {
        Outcome::Answer(lines, _) => format!("answer of {lines} lines"),
        Outcome::Refusal => "refusal".into(),
        Outcome::Else(what) => format!("FAULT: {what}"),
    };
    let Cell { limit, threads, peak, seconds, spilled, replans, .. } = cell;
    let share = peak * 100 / limit;
    writeln!(
        io::stdout(),
        "{:32} {:>5} MB {threads} threads: {share:>3} % {seconds:>6.2} s {:>6} MB spilled {replans} replans {outcome}",
        query.name,
        limit / 1_000_000,
        spilled / 1_000_000,
    )
}

fn answered_with_less(cells: &[Cell], refused: &Cell) -> bool {
    let same = |cell: &&Cell| cell.query == refused.query && cell.threads == refused.threads;
    cells.iter().filter(same).any(|cell| cell.limit < refused.limit && matches!(cell.outcome, Outcome::Answer(..)))
}

/// Returns everything that must not be.
fn faults(cells: &[Cell], queries: &[Query]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, query) in queries.iter().enumerate() {
        let mut answer = None;
        for cell in cells.iter().filter(|cell| cell.query == at) {
            let place = format!("`{}` at {} MB with {} threads", query.name, cell.limit / 1_000_000, cell.threads);
            if cell.peak > cell.limit {
                faults.push(format!("{place}: a peak of {} kB", cell.peak / 1000));
            }
            match &cell.outcome {
                Outcome::Answer(lines, hash) if *answer.get_or_insert((*lines, *hash)) != (*lines, *hash) => {
                    faults.push(format!("{place}: another answer than before"));
                }
                Outcome::Else(what) => faults.push(format!("{place}: {what}")),
                Outcome::Refusal if answered_with_less(cells, cell) => {
                    faults.push(format!("{place}: a refusal, though less memory was enough"));
                }
                Outcome::Answer(..) | Outcome::Refusal => {}
            }
        }
    }
    faults
}
