//! The `tidegate` command: arguments, what is printed, exit codes. The only crate that prints.

mod args;
mod bar;
mod bench;
mod check;
mod demo;
mod doctor;
mod events;
mod expectation;
mod forecast;
mod guard;
mod history;
mod interrupt;
mod kept;
mod monitor;
mod outputs;
mod pandas;
mod printer;
mod query;
mod record;
mod restart;
mod run;
mod runs;
mod say;
mod settings;
mod sql;
mod table;
mod tasks;
mod worker;

use args::{BenchArgs, BenchCommand, Cli, Command};
use clap::FromArgMatches;
use printer::Printer;
use std::process::ExitCode;

/// Whether the process counts and probes its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metering {
    /// As everything that holds a limit must.
    On,
    /// To measure what metering costs; queries run without a limit then.
    Off,
}

/// Runs the command line of this process and returns its exit code.
pub fn main(metering: Metering) -> ExitCode {
    let matches = args::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let printer = Printer::new(cli.output);
    // Each spilled batch of an exchange is a file. Where the system says no, what is left may be enough.
    // A guarded program keeps the limits that it has without us.
    if !matches!(cli.command, Command::Guard(_)) {
        let _ = rlimit::increase_nofile_limit(u64::MAX);
    }
    let result = match &cli.command {
        Command::Query(arguments) => query::run_command(arguments, printer, metering),
        Command::Forecast(arguments) => forecast::run_command(arguments, printer),
        Command::Run(arguments) => tasks::run_command(arguments, printer),
        Command::Worker(arguments) => worker::run_command(arguments, worker::printer(cli.output.color)),
        Command::LastWords => events::run_command(printer),
        Command::Runs(arguments) => runs::run_command(arguments, printer),
        Command::Report(arguments) => runs::report_command(arguments, printer),
        Command::Doctor(arguments) => doctor::run_command(arguments, printer),
        Command::Check(arguments) => check::run_command(arguments, cli.output.color, printer),
        Command::Bench(BenchArgs { what: BenchCommand::Release(arguments) }) => {
            bench::release_command(arguments, printer)
        }
        Command::Guard(arguments) => guard::run_command(arguments, printer),
        Command::Demo(arguments) => demo::run_command(arguments, printer),
    };
    ExitCode::from(result.unwrap_or_else(|error| printer.failure(&error)))
}
