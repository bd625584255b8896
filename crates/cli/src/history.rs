//! The history of runs, as the command uses it: whatever is wrong with it is a warning, and no run ends of it.

use crate::{args::HistoryArgs, printer::Printer};
use std::{
    env,
    path::{Path, PathBuf},
};
use tidegate_tasks::{
    TasksError,
    history::{History, NewRun},
};

/// Runs that are kept, and some more until the oldest are dropped.
pub const KEPT: usize = 10_000;

/// Returns the file of the history: the one that was asked for, or the person's own; `None` where none is wanted.
pub fn path(arguments: &HistoryArgs) -> Option<PathBuf> {
    if let Some(asked) = &arguments.history {
        return (asked != Path::new("none")).then(|| asked.clone());
    }
    let folder = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("tidegate/history.db"))
}

/// Opens the history, unless none is wanted. Says what is wrong.
pub fn open(arguments: &HistoryArgs, printer: Printer) -> Option<History> {
    let history = History::open(&path(arguments)?);
    let mut history = history.map_err(|error| warn(&error, printer)).ok()?;
    history.take_notes().iter().for_each(|note| printer.warning("history", note));
    Some(history)
}

/// Adds a run, unless no history is wanted.
pub fn add(arguments: &HistoryArgs, run: &NewRun, printer: Printer) {
    let Some(mut history) = open(arguments, printer) else { return };
    if let Err(error) = history.add(run).and_then(|_| history.prune_seldom(KEPT)) {
        warn(&error, printer);
    }
    history.take_notes().iter().for_each(|note| printer.warning("history", note));
}

/// Says what is wrong with the history.
pub fn warn(error: &TasksError, printer: Printer) {
    printer.warning("history", &error.to_string());
    if let Some(help) = error.help() {
        printer.warning("history", &help);
    }
}
