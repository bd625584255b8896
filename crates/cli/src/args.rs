//! The command line.

use crate::{check::CheckArgs, events::EventArgs};
use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use std::{env, ffi::OsString, path::PathBuf, time::Duration};
use tidegate_engine::{MaxRejects, sink::OutputFormat};
use tidegate_memory::{ByteCount, Limit, ParseByteCountError};
use tidegate_tasks::history::Outcome;

const EXAMPLES: &str = "\
Examples:
  tidegate query --limit 256MB \"SELECT status, count(*), sum(bytes) FROM 'logs/access*.log' GROUP BY status\"
  tidegate query --limit 128MB -o slow.parquet \"SELECT * FROM 'access.log' WHERE request_time > 1 ORDER BY request_time\"

Exit codes: 0 ok, 1 data or query failure, 2 usage, 3 memory limit, 4 rejects above the allowed share, 130 interrupted,
143 terminated.";

const QUERY_EXAMPLES: &str = "\
Examples:
  tidegate query --limit 256MB \"SELECT status, count(*) FROM 'access.log' GROUP BY status\"
  ssh web cat access.log.1.gz | tidegate query \"SELECT path, count(*) AS n FROM '-' GROUP BY path ORDER BY n DESC LIMIT 10\"

A path in single quotes is a table: a file, a glob, a folder, or '-' for the standard input. The format is detected, or
named: logs('f'), json('f'), csv('f', types => 'status int16, ts timestamp', delimiter => ';', header => false).
Every table also has _file, _line, _offset and _raw. DESCRIBE 'f' shows the columns.";

/// Queries logs far bigger than memory, inside a memory limit that the kernel agrees with.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, before_help = EXAMPLES, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is shown besides the data.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Returns the command line, for which a variable of the environment that is empty is not set.
pub fn command() -> clap::Command {
    without_empty_variables(Cli::command())
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| match argument.get_env().map(env::var_os) {
        Some(Some(value)) if value.is_empty() => argument.env(None::<&'static str>),
        _ => argument,
    });
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_empty_variables))
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an SQL query over log files.
    Query(QueryArgs),
    /// Tell what a query will need, before it runs: peak, mode, spilled bytes, time; or what pandas would need.
    Forecast(ForecastArgs),
    /// Run the tasks of a file, each in a worker of its own, within one limit.
    Run(RunArgs),
    /// Run a program that exists already, such as a Python job, within a limit, and tell which lines and variables hold its memory.
    Guard(GuardArgs),
    /// Run tasks for the process that started this one, over a socket.
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Tell what a process that is gone could not tell any more.
    #[command(hide = true)]
    LastWords,
    /// List the runs of before.
    Runs(RunsArgs),
    /// Show a run: memory over time, by operator, what happened, and whether memory was given back.
    Report(ReportArgs),
    /// Tell what of this machine will hurt a job that needs memory, and compare it with another.
    Doctor(DoctorArgs),
    /// Read Python scripts and say where their memory goes, before they run.
    Check(CheckArgs),
    /// Measure what claims are made of, on this machine.
    Bench(BenchArgs),
    /// Write a realistic access log of 5 million lines and ask five questions of it under a limit.
    Demo(DemoArgs),
}

/// What is shown besides the data, on the standard error.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArgs {
    /// Show errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Show no progress bar.
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a task is bounded.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// The most memory the process may ever show the kernel: 512MB, 2GiB, 75% of what the machine or the cgroup allows,
    /// or `none`. The smallest is 64MiB.
    #[arg(long, env = "TIDEGATE_LIMIT", default_value = "75%", value_name = "SIZE")]
    pub limit: Limit,
    /// Threads that execute; a small limit carries fewer. [default: the cores of the machine]
    #[arg(long, env = "TIDEGATE_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// The folder for spilled state, which must exist. [default: the system's temporary folder, or /var/tmp where that is
    /// held in memory]
    #[arg(long, env = "TIDEGATE_SPILL_DIR", value_name = "DIR")]
    pub spill_dir: Option<PathBuf>,
    /// How spilling is bounded.
    #[command(flatten)]
    pub spill: SpillArgs,
}

/// How spilling is bounded.
#[derive(Clone, Copy, Debug, Args)]
pub struct SpillArgs {
    /// The most spilled state on disk at a time: 10GB, 512MiB, or `none`.
    #[arg(long, env = "TIDEGATE_SPILL_LIMIT", default_value = "none", value_name = "SIZE", value_parser = disk_limit)]
    pub spill_limit: Limit,
}

/// A limit of disk space. A share is refused: that of a memory limit is of the memory.
fn disk_limit(text: &str) -> Result<Limit, ParseByteCountError> {
    if text.eq_ignore_ascii_case("none") { Ok(Limit::Unlimited) } else { text.parse().map(Limit::Bytes) }
}

/// `tidegate query`.
#[derive(Clone, Debug, Args)]
#[command(before_help = QUERY_EXAMPLES)]
pub struct QueryArgs {
    /// The query; `-` reads it from the standard input.
    pub sql: String,
    /// How the task is bounded.
    #[command(flatten)]
    pub limit: LimitArgs,
    /// The form of the rows: table, csv, ndjson, arrow, parquet. [default: by the extension of -o; table on a terminal, csv
    /// in a pipe]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<OutputFormat>,
    /// Write the rows to a file, which appears when it is whole or not at all. A pipe or a device is written as rows come.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Keep every line that could not be read in this file (NDJSON: file, line, offset, reason, raw).
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Show where the memory was, operator by operator, beside the rows. `EXPLAIN MEMORY SELECT ..` shows it in their place.
    #[arg(long)]
    pub explain_memory: bool,
    /// Write the record of the run into this file (JSON): limit, peak, spilled bytes, rejects, operators, memory over time.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The share or number of lines that may be unreadable; above it the exit code is 4. With this or --rejects, every line is
    /// read, also those that a filter could pass over. [default: 1%]
    #[arg(long, env = "TIDEGATE_MAX_REJECTS", value_name = "SHARE")]
    pub max_rejects: Option<MaxRejects>,
    /// The folder for what is remembered of large files, so that later queries read less of them, or `none`.
    /// [default: tidegate in the cache folder of the person]
    #[arg(long, env = "TIDEGATE_CACHE", value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Whether to tell, before the query runs, what it will need: for its record and the history.
    #[arg(long, env = "TIDEGATE_FORECAST", value_enum, default_value_t = Forecasting::Auto, value_name = "WHEN")]
    pub forecast: Forecasting,
    /// Where runs are kept.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// What is told while it runs.
    #[command(flatten)]
    pub events: EventArgs,
}

/// Whether a query is forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Forecasting {
    /// Where it takes 3 % of the query's time at most: from runs like it, or from small samples.
    Auto,
    /// With all samples, and say it.
    Always,
    /// Not at all.
    Never,
}

const FORECAST_EXAMPLES: &str = "\
Examples:
  tidegate forecast --limit 256MB \"SELECT client, count(*) FROM 'logs/access*.log' GROUP BY client\"
  tidegate forecast --pandas access.csv --columns ts,status,bytes
  tidegate forecast --format json --limit none \"SELECT * FROM 'access.log' ORDER BY request_time\"

The query is run over samples of its files, each twice as large as the one before, and what runs like it took before is taken
into account; nothing is written.";

/// `tidegate forecast`.
#[derive(Clone, Debug, Args)]
#[command(before_help = FORECAST_EXAMPLES)]
pub struct ForecastArgs {
    /// The query; `-` reads it from the standard input.
    #[arg(required_unless_present_any = ["pandas", "array", "explain"], conflicts_with_all = ["pandas", "array", "explain"])]
    pub sql: Option<String>,
    /// How the task will be bounded.
    #[command(flatten)]
    pub limit: LimitArgs,
    /// What pandas would need.
    #[command(flatten)]
    pub pandas: PandasArgs,
    /// The form of the forecast.
    #[arg(long, value_enum, default_value_t = TextForm::Text, value_name = "FORM")]
    pub format: TextForm,
    /// Where runs are kept, of which it learns.
    #[command(flatten)]
    pub history: HistoryArgs,
}

/// What pandas and NumPy would need.
#[derive(Clone, Debug, Args)]
pub struct PandasArgs {
    /// Tell what pandas would need to read this file: bytes by column, the peak, the line to write, whether it fits here.
    #[arg(long, value_name = "FILE")]
    pub pandas: Option<PathBuf>,
    /// With --pandas: the columns that the program uses, for `usecols`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "pandas")]
    pub columns: Vec<String>,
    /// With --pandas: pandas 2 in place of 3.
    #[arg(long, requires = "pandas")]
    pub pandas_2: bool,
    /// With --pandas: no pyarrow is installed.
    #[arg(long, requires = "pandas")]
    pub no_pyarrow: bool,
    /// Tell what a dense array takes: 1000000x10000:float64.
    #[arg(long, value_name = "SHAPE", conflicts_with = "format")]
    pub array: Option<String>,
    /// Compute the array of a `MemoryError` of NumPy again: "Unable to allocate .. for an array with shape .."
    #[arg(long, value_name = "MESSAGE", conflicts_with = "format")]
    pub explain: Option<String>,
}

/// In which form something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextForm {
    /// For people.
    Text,
    /// For programs; sizes in bytes.
    Json,
}

/// Where runs are kept.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The history of runs (SQLite), or `none`. [default: tidegate/history.db in the state folder of the person]
    #[arg(long, env = "TIDEGATE_HISTORY", value_name = "FILE")]
    pub history: Option<PathBuf>,
}

/// Records are large, so that no more of them are read at a time.
fn at_most_1000(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if count <= 1000 { Ok(count) } else { Err("at most 1000 are shown at a time".into()) }
}

const RUNS_EXAMPLES: &str = "\
Examples:
  tidegate runs --outcome memory-limit --days 7
  tidegate runs --keep 1000";

/// `tidegate runs`.
#[derive(Clone, Debug, Args)]
#[command(before_help = RUNS_EXAMPLES)]
pub struct RunsArgs {
    /// Only runs whose query or command contains this text.
    pub text: Option<String>,
    /// Only runs that ended so.
    #[arg(long, value_name = "HOW", value_parser = outcome())]
    pub outcome: Option<Outcome>,
    /// Only runs of so many last days.
    #[arg(long, value_name = "N")]
    pub days: Option<u64>,
    /// The most runs that are shown, the newest first.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_most_1000)]
    pub count: usize,
    /// The form of the list.
    #[arg(long, value_enum, default_value_t = TextForm::Text, value_name = "FORM")]
    pub format: TextForm,
    /// Drop all runs but the newest so many, and stop.
    #[arg(long, value_name = "N", conflicts_with = "drop_older")]
    pub keep: Option<usize>,
    /// Drop runs that are more than so many days old, and stop.
    #[arg(long, value_name = "DAYS")]
    pub drop_older: Option<u64>,
    /// Where runs are kept.
    #[command(flatten)]
    pub history: HistoryArgs,
}

/// Reads how a run ended.
fn outcome() -> impl TypedValueParser<Value = Outcome> {
    let names = Outcome::ALL.map(|outcome| PossibleValue::new(outcome.name()).help(outcome.meaning()));
    PossibleValuesParser::new(names).map(|name| Outcome::of_name(&name).unwrap_or(Outcome::Failed))
}

const REPORT_EXAMPLES: &str = "\
Examples:
  tidegate report -o report.html
  tidegate report 01ks2 --terminal
  tidegate report --all -o runs.html";

/// `tidegate report`.
#[derive(Clone, Debug, Args)]
#[command(before_help = REPORT_EXAMPLES)]
pub struct ReportArgs {
    /// The run: its id, the beginning of it, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    /// All runs, in one table, in place of one run.
    #[arg(long, conflicts_with = "run")]
    pub all: bool,
    /// Write the report to a file: a page (HTML), unless another form is named.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The form of the report. [default: html for a file, else terminal]
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<ReportForm>,
    /// The same as `--format terminal`.
    #[arg(long, conflicts_with = "format")]
    pub terminal: bool,
    /// Where runs are kept.
    #[command(flatten)]
    pub history: HistoryArgs,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// A page that needs nothing else.
    Html,
    /// Text with small charts.
    Terminal,
    /// For programs; sizes in bytes.
    Json,
    /// Metrics as text, for the textfile collector of Prometheus.
    Prometheus,
}

const RUN_EXAMPLES: &str = "\
Examples:
  tidegate run tasks.toml
  tidegate run tasks.toml --watch 10

A task file names queries and commands, their inputs and outputs, and one limit for all that runs at a time. A loop that was
interrupted goes on where it was.";

/// `tidegate run`.
#[derive(Clone, Debug, Args)]
#[command(before_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// The task file (TOML).
    pub file: PathBuf,
    /// Go on after all is done, and look for new files every so many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10", value_parser = clap::value_parser!(u64).range(1..))]
    pub watch: Option<u64>,
    /// The folder for spilled state, which must exist. [default: the system's temporary folder, or /var/tmp where that is
    /// held in memory]
    #[arg(long, env = "TIDEGATE_SPILL_DIR", value_name = "DIR")]
    pub spill_dir: Option<PathBuf>,
    /// How spilling is bounded, for each unit.
    #[command(flatten)]
    pub spill: SpillArgs,
    /// The share or number of lines of a unit that may be unreadable. [default: 1%]
    #[arg(long, env = "TIDEGATE_MAX_REJECTS", value_name = "SHARE")]
    pub max_rejects: Option<String>,
    /// The folder for what is remembered of large files, or `none`.
    #[arg(long, env = "TIDEGATE_CACHE", value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Where runs are kept.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// What is told while it runs.
    #[command(flatten)]
    pub events: EventArgs,
    /// Answer `GET /metrics` at this address while the loop runs: 127.0.0.1:9464, or with port 0 any that is free.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<std::net::SocketAddr>,
}

const GUARD_EXAMPLES: &str = "\
Examples:
  tidegate guard --limit 2GB -- python etl.py
  tidegate guard --fail-above 1.5GB -o report.html -- pytest tests/test_etl.py
  tidegate guard --pid 4242 --every 10

The program runs as it would without it: its standard streams, its exit code and its signals are its own. When the limit ends it,
the exit code is 3.";

/// `tidegate guard`.
#[derive(Clone, Debug, Args)]
#[command(before_help = GUARD_EXAMPLES)]
pub struct GuardArgs {
    /// The most memory that the program and all that it starts may have in use together: 2GB, 512MiB, 75% of what the machine or
    /// the cgroup allows, or `none`. Near it, memory is given back; past it, allocations fail with a `MemoryError`.
    #[arg(long, env = "TIDEGATE_LIMIT", default_value = "none", value_name = "SIZE")]
    pub limit: Limit,
    /// End with exit code 3 if the peak is above this and the program ends well, and hold nothing back: for tests.
    #[arg(long, value_name = "SIZE")]
    pub fail_above: Option<ByteCount>,
    /// Tell every so many seconds how it goes.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub every: Option<Duration>,
    /// Watch a process that runs already until it ends, in place of starting a program. Its limit is not held.
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pub pid: Option<u32>,
    /// Write the report to a file, as its extension says: .html, .json, .speedscope.json, .folded (for flamegraph.pl), .svg (a flame
    /// graph). May be given several times.
    #[arg(long, short, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Leave pyarrow its own allocator, whose blocks are neither seen nor limited one by one.
    #[arg(long)]
    pub keep_arrow_pool: bool,
    /// Where runs are kept.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// The program and its arguments.
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "pid")]
    pub command: Vec<OsString>,
}

/// `tidegate worker`.
#[derive(Clone, Debug, Args)]
pub struct WorkerArgs {
    /// The most that a task may have.
    #[arg(long, env = "TIDEGATE_LIMIT", default_value = "75%", value_name = "SIZE")]
    pub limit: Limit,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  tidegate doctor
  tidegate doctor --save prod.json
  tidegate doctor --against prod.json";

/// `tidegate doctor`.
#[derive(Clone, Debug, Args)]
#[command(before_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Write the profile of this machine into a file (JSON).
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Compare with the profile of another machine: which differences change what becomes of a job.
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// The form in which it is told.
    #[arg(long, value_enum, default_value_t = TextForm::Text, value_name = "FORM")]
    pub format: TextForm,
    /// Where runs are kept: what becomes of them there is compared, of each query the newest.
    #[command(flatten)]
    pub history: HistoryArgs,
}

/// `tidegate bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub what: BenchCommand,
}

/// What can be measured.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// Many requests under one limit: what it costs to give memory back never, always, or where it is needed; and pandas.
    Release(ReleaseBenchArgs),
}

const RELEASE_BENCH_EXAMPLES: &str = "\
Examples:
  tidegate bench release
  tidegate bench release --limit 512MB --seconds 60 --python venv/bin/python --format json

Each request reads one log of a sixteenth to all of --lines lines, combined or CSV, and groups, counts or sorts it. Answers of pandas
are compared with ours before anything is measured.";

/// `tidegate bench release`.
#[derive(Clone, Debug, Args)]
#[command(before_help = RELEASE_BENCH_EXAMPLES)]
pub struct ReleaseBenchArgs {
    /// The limit of all that answers requests, together.
    #[arg(long, env = "TIDEGATE_LIMIT", default_value = "1GB", value_name = "SIZE")]
    pub limit: Limit,
    /// How long each row of the table is measured.
    #[arg(long, default_value = "15", value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Duration,
    /// Requests at a time.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: u16,
    /// Lines of the largest logs; others have a half, a quarter, an eighth and a sixteenth of them.
    #[arg(long, default_value_t = 160_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub lines: u64,
    /// Seed of the logs and of the order of requests.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// The folder for the logs, which are kept there for the next time. [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The Python whose pandas is measured beside, if it has pandas; `none` for no Python.
    #[arg(long, env = "TIDEGATE_PYTHON", default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// The form of the table.
    #[arg(long, value_enum, default_value_t = TextForm::Text, value_name = "FORM")]
    pub format: TextForm,
}

/// A time in seconds, which may have decimals.
fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| format!("`{text}` is no number of seconds"))
}

/// `tidegate demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Write the data into this folder and stop.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Lines of data.
    #[arg(long, default_value_t = 5_000_000, value_name = "N")]
    pub lines: u64,
    /// The form of the data; the same records in each.
    #[arg(long = "as", value_enum, default_value_t = DataForm::Log, value_name = "FORM")]
    pub form: DataForm,
    /// Seed of the data.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// The limit of every question.
    #[arg(long, env = "TIDEGATE_LIMIT", default_value = "256MB", value_name = "SIZE")]
    pub limit: Limit,
    /// Threads that execute.
    #[arg(long, env = "TIDEGATE_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// How spilling is bounded.
    #[command(flatten)]
    pub spill: SpillArgs,
}

/// The form of the demo's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DataForm {
    /// Combined access log with the request time at the end.
    Log,
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Ndjson,
}
