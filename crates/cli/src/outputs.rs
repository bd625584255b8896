//! Checks of where things are written, before a query runs for an hour and finds out.

use crate::{args::QueryArgs, run::with_deep_stack};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tidegate_engine::{EngineError, forecast, sink::OutputFormat};

/// Checks that no two outputs are one file, and that the folder for spilled state is there if one is named.
///
/// # Errors
/// [`EngineError::Usage`] names the two options, [`EngineError::File`] the folder.
pub fn check(arguments: &QueryArgs) -> Result<(), EngineError> {
    let files = files(arguments);
    for (at, (option, path)) in files.iter().enumerate() {
        if let Some((other, _)) = files.iter().skip(at + 1).find(|(_, other)| other == path) {
            return Err(EngineError::Usage(format!("{option} and {other} are the same file, `{}`", path.display())));
        }
    }
    let missing = |folder: &&PathBuf| !folder.is_dir();
    match arguments.limit.spill_dir.as_ref().filter(missing) {
        Some(folder) => Err(EngineError::file("spill to", folder, io::Error::from(io::ErrorKind::NotADirectory))),
        None => Ok(()),
    }
}

/// Checks that no output is a file that the query reads: it would be gone for an answer about it.
///
/// # Errors
/// [`EngineError::Usage`] names the option and the file.
pub fn check_inputs(arguments: &QueryArgs, sql: &str) -> Result<(), EngineError> {
    let outputs: Vec<_> = files(arguments).into_iter().filter(|(_, path)| path.exists()).collect();
    if outputs.is_empty() {
        return Ok(());
    }
    for input in with_deep_stack(|| forecast::inputs(sql)).unwrap_or_default() {
        let found = fs::canonicalize(&input).ok();
        if let Some((option, path)) = outputs.iter().find(|(_, path)| Some(path) == found.as_ref()) {
            let path = path.display();
            return Err(EngineError::Usage(format!(
                "{option} is a file that the query reads, `{path}`: name another one"
            )));
        }
    }
    Ok(())
}

/// Returns the regular files that are written, each with its option.
fn files(arguments: &QueryArgs) -> Vec<(&'static str, PathBuf)> {
    let (log, metrics) = (arguments.events.log(), arguments.events.metrics());
    let outputs = [
        ("--output", arguments.output.as_deref()),
        ("--rejects", arguments.rejects.as_deref()),
        ("--record", arguments.record.as_deref()),
        ("--log", log.filter(|path| *path != Path::new("-"))),
        ("--metrics", metrics),
    ];
    outputs.into_iter().filter_map(|(option, path)| Some((option, file(path?)?))).collect()
}

/// Returns whether every output can be opened a second time as if it had not been opened before. A pipe ends for its reader
/// when it is closed.
pub fn reopen(arguments: &QueryArgs) -> bool {
    let outputs = [arguments.output.as_deref(), arguments.rejects.as_deref(), arguments.record.as_deref()];
    let told = [arguments.events.log(), arguments.events.metrics()];
    outputs.into_iter().chain(told).flatten().all(|path| fs::metadata(path).map_or(true, |metadata| metadata.is_file()))
}

/// Returns the format that a name stands for. A pipe and a device have none, and get CSV.
pub fn format_of(path: &Path) -> Option<OutputFormat> {
    let has_name = fs::metadata(path).map_or(true, |metadata| metadata.is_file() || metadata.is_dir());
    OutputFormat::of_path(path).or((!has_name).then_some(OutputFormat::Csv))
}

/// Returns the full path of a file that will be replaced. Several may write to one pipe or device.
fn file(path: &Path) -> Option<PathBuf> {
    if let Ok(metadata) = fs::metadata(path) {
        return metadata.is_file().then(|| fs::canonicalize(path).ok()).flatten();
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
}
