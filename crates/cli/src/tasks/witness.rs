//! Says what happens in a loop, and keeps it in the history.

use super::observer::LoopObserver;
use crate::{
    args::HistoryArgs,
    history,
    printer::Printer,
    record::{ended_of, milliseconds, new_run},
};
use std::time::{Duration, SystemTime};
use tidegate_memory::ByteCount;
use tidegate_report::{
    json,
    record::{self, Kind, RunRecord, VERSION},
};
use tidegate_tasks::{
    history::{Input, NewRun, Outcome},
    plan::Unit,
    turn::{Ended, Event, Failure, Witness},
};

/// Says what happens in a loop, and keeps it in the history.
pub(super) struct Teller<'a> {
    printer: Printer,
    history: &'a HistoryArgs,
    observer: LoopObserver,
}

impl<'a> Teller<'a> {
    pub(super) fn new(printer: Printer, history: &'a HistoryArgs, observer: LoopObserver) -> Self {
        Self { printer, history, observer }
    }

    fn keep(&self, unit: &Unit, ended: &Ended, failure: Option<&Failure>) {
        let exit_code = failure.map_or(0, |failure| failure.exit_code);
        let outcome = Outcome::of_exit_code(exit_code);
        let record = ended.record.as_deref().and_then(|text| json::read(text).ok());
        let record = record.unwrap_or_else(|| RunRecord {
            version: VERSION,
            kind: Kind::Command,
            text: unit.name.clone(),
            started_ms: Some(milliseconds(SystemTime::now())),
            ended: record::Ended {
                message: failure.map(|failure| failure.message.clone()),
                help: failure.and_then(|failure| failure.help.clone()),
                ..ended_of(outcome, exit_code)
            },
            ..RunRecord::default()
        });
        let duration = Duration::try_from_secs_f64(record.seconds).unwrap_or_default();
        let input = Input { fingerprint: Some(unit.key), bytes: unit.input_bytes(), rows: record.lines.rows };
        let run = NewRun {
            kind: if record.kind == Kind::Command { "command" } else { "task" }.into(),
            peak: ended.memory.peak.unwrap_or_default(),
            outcome,
            exit_code,
            started: SystemTime::now().checked_sub(duration).unwrap_or(SystemTime::UNIX_EPOCH),
            ..new_run(&record, input)
        };
        history::add(self.history, &run, self.printer);
    }
}

impl Witness for Teller<'_> {
    fn told(&mut self, event: &Event<'_>) {
        self.observer.told(event);
        let note = |text: String| self.printer.note(&text);
        match event {
            Event::Started { unit, limit } => note(format!("{}: started with {limit}", unit.name)),
            Event::Finished { unit, ended } => {
                note(format!("{}: done, {}", unit.name, memory(ended)));
                self.keep(unit, ended, None);
            }
            Event::Retrying { unit, failure } => note(format!("{}: tried again: {}", unit.name, failure.message)),
            Event::Failed { unit, failure, ended } => {
                note(format!("{}: failed: {}", unit.name, failure.message));
                if let Some(ended) = ended {
                    self.keep(unit, ended, Some(failure));
                }
            }
            Event::Released(release) => note(format!("memory between units: {release:?}").to_lowercase()),
            Event::WatchFailed(error) => self.printer.warning("watch", &error.to_string()),
            // What was done before is counted at the end, as is what was left out.
            _ => {}
        }
    }
}

/// Returns what is known of the memory of a unit: before, at its peak, and after.
fn memory(ended: &Ended) -> String {
    let size = |bytes: Option<ByteCount>| bytes.map_or_else(|| "?".to_owned(), |bytes| bytes.to_string());
    let memory = &ended.memory;
    format!("memory {} before, {} at the peak, {} after", size(memory.before), size(memory.peak), size(memory.after))
}
