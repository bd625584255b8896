//! Checks files as `tidegate check` does, without the command around it: `check [--json|--sarif|--github|--checklist|--diff|--fix]
//! [--data NAME=FILE] [--with RUN] [--select CODE] [--explain CODE] PATH..`.

use std::{env, io::Write, path::PathBuf, process::ExitCode};
use tidegate_check::{
    GuardedRun, Options, Style, check, checklist_text, findings_text, fixes, github, json, rule, sarif,
};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut options = Options::default();
    let mut form = String::new();
    let mut arguments = env::args().skip(1);
    let mut out = std::io::stdout();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => {
                let given = arguments.next().unwrap_or_default();
                let (name, file) = given.split_once('=').ok_or("--data NAME=FILE")?;
                options.data.insert(name.to_owned(), PathBuf::from(file));
            }
            "--with" => options.run = arguments.next().map(|path| GuardedRun::File(path.into())),
            "--select" => options.select.extend(arguments.next()),
            "--explain" => {
                out.write_all(rule(&arguments.next().unwrap_or_default())?.page().as_bytes())?;
                return Ok(ExitCode::SUCCESS);
            }
            other if other.starts_with("--") => form = other.into(),
            path => options.paths.push(PathBuf::from(path)),
        }
    }
    let report = check(&options)?;
    match form.as_str() {
        "--json" => writeln!(out, "{:#}", json(&report))?,
        "--sarif" => writeln!(out, "{:#}", sarif(&report))?,
        "--github" => out.write_all(github(&report).as_bytes())?,
        "--checklist" => out.write_all(checklist_text(&report).as_bytes())?,
        "--diff" | "--fix" => {
            for fix in fixes(&report.findings)? {
                out.write_all(fix.diff().as_bytes())?;
                if form == "--fix" {
                    fix.write()?;
                }
            }
        }
        _ => out.write_all(findings_text(&report, Style::Plain).as_bytes())?,
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
