//! `tidegate check`.

use crate::{
    args::{Color, HistoryArgs},
    history,
    printer::Printer,
    runs::no_history,
    say::say,
};
use clap::{Args, ValueEnum};
use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};
use tidegate_check::{
    CheckError, Finding, GuardedRun, Options, RULES, Report, Style, check, checklist_text, findings_text, fixes,
    github, json, rule, sarif,
};
use tidegate_engine::EngineError;
use tidegate_tasks::TasksError;

const CHECK_EXAMPLES: &str = "\
Examples:
  tidegate check etl.py
  tidegate check --data raw=big.csv --diff jobs/
  tidegate check --explain TG001

Exit code 1 if something was found. `# tidegate: ignore[TG001]` keeps a line as it is; [tool.tidegate.check] in pyproject.toml knows
select, ignore, exclude and data.";

/// `tidegate check`.
#[derive(Clone, Debug, Args)]
#[command(before_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// Scripts, notebooks and folders.
    #[arg(required_unless_present = "explain")]
    pub paths: Vec<PathBuf>,
    /// The form of the findings.
    #[arg(long, value_enum, default_value_t = CheckForm::Text, value_name = "FORM")]
    pub format: CheckForm,
    /// Apply these rules only: codes, or beginnings of them.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Do not apply these rules.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// The file behind a name of the script, so that findings say bytes; files whose path stands in the script are found.
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    pub data: Vec<(String, PathBuf)>,
    /// A guarded run, by what it measured findings are ranked: its record in a file (JSON), its id, the beginning of it, or `last`.
    #[arg(long, value_name = "RUN")]
    pub with: Option<PathBuf>,
    /// Where runs are kept.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// Answer four questions in place of findings: released? monitored? the right tool? limited?
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub checklist: bool,
    /// Show the changes that are proven to change nothing else.
    #[arg(long)]
    pub diff: bool,
    /// Show them, and make them.
    #[arg(long)]
    pub fix: bool,
    /// Say what a rule finds, why, how much it is about and what to do; without a code, list the rules.
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", conflicts_with = "paths")]
    pub explain: Option<String>,
}

/// The form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckForm {
    /// For people.
    Text,
    /// For programs; sizes in bytes.
    Json,
    /// For tools that collect what analyses find: SARIF 2.1.0.
    Sarif,
    /// For workflows of GitHub.
    Github,
}

/// A name and the file behind it.
fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) =
        text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty()).ok_or("not NAME=FILE")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// Runs the command and returns its exit code: 1 if something was found.
///
/// # Errors
/// If the standard output cannot be written.
pub fn run_command(arguments: &CheckArgs, color: Color, printer: Printer) -> Result<u8, EngineError> {
    if let Some(code) = &arguments.explain {
        return explain(code, printer);
    }
    let run = match arguments.with.as_deref().map(|run| guarded(run, &arguments.history, printer)).transpose() {
        Ok(run) => run,
        Err(code) => return Ok(code),
    };
    let options = Options {
        paths: arguments.paths.clone(),
        select: arguments.select.clone(),
        ignore: arguments.ignore.clone(),
        data: arguments.data.iter().cloned().collect(),
        run,
    };
    match check(&options) {
        Ok(report) if arguments.fix || arguments.diff => changes(&report.findings, arguments.fix, printer),
        Ok(report) => {
            say(told(&report, arguments, style(color)).trim_end_matches('\n'))?;
            // A list of questions is an answer, whatever it is.
            Ok(u8::from(!arguments.checklist && !report.findings.is_empty()))
        }
        Err(error) => Ok(failure(&error, printer)),
    }
}

/// Returns the run that is meant: a file, else one of the history; or the exit code if there is none.
fn guarded(run: &Path, history: &HistoryArgs, printer: Printer) -> Result<GuardedRun, u8> {
    if run.is_file() {
        return Ok(GuardedRun::File(run.to_path_buf()));
    }
    let mut history = history::open(history, printer).ok_or_else(|| no_history(printer))?;
    let failed = |error: TasksError| printer.problem(&error.to_string(), error.help().as_deref(), error.exit_code());
    let id = history.get(&run.to_string_lossy()).map_err(failed)?.id;
    let text = history.record(&id).map_err(failed)?;
    Ok(GuardedRun::Record { name: id.to_string(), text })
}

/// Findings are data, so that the standard output decides.
fn style(color: Color) -> Style {
    if color.shows(io::stdout().is_terminal()) { Style::Coloured } else { Style::Plain }
}

fn told(report: &Report, arguments: &CheckArgs, style: Style) -> String {
    match arguments.format {
        CheckForm::Json => format!("{:#}", json(report)),
        CheckForm::Sarif => format!("{:#}", sarif(report)),
        CheckForm::Github => github(report),
        CheckForm::Text if arguments.checklist => checklist_text(report),
        CheckForm::Text => findings_text(report, style),
    }
}

/// Shows the changes that are proven safe, and makes them if that is asked for.
fn changes(findings: &[Finding], writes: bool, printer: Printer) -> Result<u8, EngineError> {
    let fixes = match fixes(findings) {
        Ok(fixes) => fixes,
        Err(error) => return Ok(failure(&error, printer)),
    };
    for fix in &fixes {
        say(fix.diff().trim_end_matches('\n'))?;
        if writes && let Err(error) = fix.write() {
            return Ok(failure(&error, printer));
        }
    }
    let count: usize = fixes.iter().map(|fix| fix.count).sum();
    let done = if writes { "fixed" } else { "can be fixed by --fix" };
    printer.note(&format!("{count} of {} findings {done}", findings.len()));
    Ok(u8::from(if writes { count < findings.len() } else { !findings.is_empty() }))
}

fn explain(code: &str, printer: Printer) -> Result<u8, EngineError> {
    if code.is_empty() {
        for rule in RULES {
            say(&format!("{}  {:<24} {}", rule.code, rule.name, rule.title))?;
        }
        return Ok(0);
    }
    match rule(code) {
        Ok(rule) => {
            say(rule.page().trim_end_matches('\n'))?;
            Ok(0)
        }
        Err(error) => Ok(failure(&error, printer)),
    }
}

fn failure(error: &CheckError, printer: Printer) -> u8 {
    printer.problem(&error.to_string(), error.help(), error.exit_code())
}
