//! The guard as a program of its own: `guard [--limit SIZE] [--fail-above SIZE] [--keep-arrow-pool] [--json FILE] [--html FILE]
//! [--folded FILE] [--speedscope FILE] [--flamegraph FILE] [--quiet] -- COMMAND ..`. The tests and the bench use it.

#![expect(clippy::print_stderr, reason = "it is a program, and says how it went")]

use std::{env, ffi::OsString, fs, process::ExitCode};
use tidegate_guard::{ArrowPool, Options, Outcome, Silent, run};
use tidegate_report::{html, json, terminal};

fn main() -> ExitCode {
    match guarded() {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn guarded() -> Result<u8, String> {
    let mut arguments = env::args_os().skip(1);
    let mut options = Options::of(Vec::new());
    let (mut files, mut quiet) = (Vec::<(String, OsString)>::new(), false);
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
        match name.as_str() {
            "--" => break,
            "--quiet" => quiet = true,
            "--keep-arrow-pool" => options.arrow_pool = ArrowPool::Kept,
            "--limit" => options.limit = value()?.to_string_lossy().parse().map_err(|error| format!("{error}"))?,
            "--fail-above" => {
                options.fail_above = Some(value()?.to_string_lossy().parse().map_err(|error| format!("{error}"))?);
            }
            _ => files.push((name.clone(), value()?)),
        }
    }
    options.command = arguments.collect();
    let outcome = run(&options, &mut Silent).map_err(|error| error.to_string())?;
    for (form, path) in files {
        let text = written(&form, &outcome)?;
        fs::write(&path, text).map_err(|error| format!("write `{}`: {error}", path.to_string_lossy()))?;
    }
    if !quiet {
        eprint!("{}", terminal::verdict(&outcome.record, terminal::Style { width: 100, colored: false }));
    }
    Ok(outcome.exit_code)
}

fn written(form: &str, outcome: &Outcome) -> Result<String, String> {
    Ok(match form {
        "--json" => json::write(&outcome.record).map_err(|error| error.to_string())?,
        "--html" => html::run_page(&outcome.record),
        "--folded" => outcome.stacks.folded(),
        "--speedscope" => outcome.stacks.speedscope(&outcome.record.text),
        "--flamegraph" => outcome.stacks.flamegraph(),
        _ => return Err(format!("{form} is not known")),
    })
}
