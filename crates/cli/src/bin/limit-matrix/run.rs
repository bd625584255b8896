//! One cell of the matrix: a query at a limit with a number of threads, in a process and a cgroup of its own.

use crate::cage::Cage;
use serde_json::Value;
use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    io::{self, BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// Runs the rest of the arguments, ends them after two minutes, and says in the last line of the standard error what the
/// kernel counted: the peak in KiB.
const MEASURE: &str = "import resource, subprocess, sys
try:
    code = subprocess.run(sys.argv[1:], timeout=120).returncode
except subprocess.TimeoutExpired:
    code = 124
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code if code >= 0 else 128 - code)";

/// Moves itself into the cgroup whose file is `$0`, then becomes the rest of the arguments.
const ENTER: &str = r#"if [ -n "$0" ]; then echo $$ > "$0" || exit 99; fi; exec "$@""#;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer: lines, and a hash over them that does not depend on their order.
    Answer(u64, u64),
    /// With exit code 3 and the typed error.
    Refusal,
    /// With anything else, which must not happen.
    Else(String),
}

/// What one run did.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The query's place in the list.
    pub query: usize,
    /// Bytes.
    pub limit: u64,
    /// Threads wished for.
    pub threads: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The kernel's peak, in bytes.
    pub peak: u64,
    /// From start to exit.
    pub seconds: f64,
    /// Bytes.
    pub spilled: u64,
    /// Narrower plans.
    pub replans: usize,
}

/// Runs a query and looks at what the kernel says of it.
///
/// # Errors
/// If a process or a pipe cannot be made.
pub fn run(tidegate: &Path, sql: &str, mut cell: Cell, folder: &Path) -> io::Result<Cell> {
    let cage = Cage::new(cell.limit).ok();
    let processes = cage.as_ref().map(Cage::processes).unwrap_or_default();
    let record_path = folder.join(format!("record-{}-{}-{}.json", cell.query, cell.limit, cell.threads));
    let mut command = Command::new("python3");
    command.args(["-c", MEASURE, "sh", "-c", ENTER]).arg(processes).arg(tidegate);
    command.args(["query", "--format", "ndjson", "--no-progress", "--limit", &cell.limit.to_string()]);
    command
        .args(["--threads", &cell.threads.to_string(), "--spill-dir"])
        .arg(folder)
        .arg("--record")
        .arg(&record_path)
        .arg(sql);
    // Every run reads all of its input.
    command.env("TIDEGATE_CACHE", "none").env("TIDEGATE_HISTORY", "none");
    for name in ["TIDEGATE_LIMIT", "TIDEGATE_THREADS", "TIDEGATE_SPILL_DIR"] {
        command.env_remove(name);
    }
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let errors = child.stderr.take();
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut errors) = errors {
            let _ = errors.read_to_string(&mut text);
        }
        text
    });
    let (lines, hash) = child.stdout.take().map_or(Ok((0, 0)), |output| multiset_hash(BufReader::new(output)))?;
    let status = child.wait()?;
    cell.seconds = start.elapsed().as_secs_f64();
    let said = said.join().unwrap_or_default();
    let (said, peak) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    cell.peak = peak.trim().parse::<u64>().unwrap_or(0) * 1024;
    let kills = cage.map_or(0, |cage| cage.kills());
    cell.outcome = match status.code() {
        _ if kills > 0 => Outcome::Else(format!("{kills} kills by the kernel")),
        Some(0) => Outcome::Answer(lines, hash),
        Some(3) if said.contains("error: memory limit of ") => Outcome::Refusal,
        Some(124) => Outcome::Else("no end after two minutes".into()),
        code => Outcome::Else(format!("exit code {code:?}: {}", said.lines().next().unwrap_or_default())),
    };
    if let Ok(text) = fs::read_to_string(&record_path) {
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        cell.spilled = record.pointer("/spilled/bytes").and_then(Value::as_u64).unwrap_or(0);
        cell.replans = record.pointer("/replans").and_then(Value::as_array).map_or(0, Vec::len);
        fs::remove_file(&record_path)?;
    }
    Ok(cell)
}

/// Returns the number of lines and a hash that is the same for every order of them.
fn multiset_hash(mut output: impl BufRead) -> io::Result<(u64, u64)> {
    let (mut lines, mut sum) = (0, 0_u64);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        sum = sum.wrapping_add(hasher.finish());
        lines += 1;
        line.clear();
    }
    Ok((lines, sum))
}
