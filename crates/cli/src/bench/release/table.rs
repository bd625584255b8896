//! How the result is told.

use super::{load::Load, measured::Measured, verdict::Claim};
use crate::{printer::grouped, say::say, table::rule_under_header};
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::{Value, json};
use std::{fs, time::Duration};
use tidegate_engine::{EngineError, sink::printable};
use tidegate_memory::{ByteCount, machine::Machine};

/// What was measured, and how.
pub(super) struct Report<'a> {
    /// The load.
    pub(super) load: &'a Load,
    /// The limit.
    pub(super) limit: ByteCount,
    /// Requests at a time.
    pub(super) concurrency: u16,
    /// How long each row was measured.
    pub(super) time: Duration,
    /// Which pandas was measured and what held it, or why none was.
    pub(super) pandas: Result<String, String>,
    /// The rows.
    pub(super) rows: &'a [Measured],
    /// What they say.
    pub(super) claims: &'a [Claim],
}

impl Report<'_> {
    /// Prints it for people.
    ///
    /// # Errors
    /// If the standard output cannot be written.
    pub(super) fn print(&self) -> Result<(), EngineError> {
        say(&format!("machine  {}", machine_words(&Machine::read())))?;
        let lines = |largest: bool| {
            let lines = self.load.files.iter().map(|file| file.lines);
            grouped(if largest { lines.max() } else { lines.min() }.unwrap_or_default())
        };
        say(&format!(
            "load     {} requests at a time of {} to {} lines, {} s a row, limit {}",
            self.concurrency,
            lines(false),
            lines(true),
            self.time.as_secs_f64(),
            self.limit,
        ))?;
        match &self.pandas {
            Ok(version) => say(&format!("pandas   {}\n", printable(version)))?,
            Err(why) => say(&format!("pandas   not measured: {}\n", printable(why)))?,
        }
        for line in self.table().lines() {
            say(line.trim_end())?;
        }
        say("")?;
        for claim in self.claims {
            let holds = if claim.holds { "yes" } else { "no" };
            say(&format!("{holds:<4} {}: {}", claim.what, claim.measured))?;
        }
        Ok(())
    }

    /// Prints it for programs.
    ///
    /// # Errors
    /// If the standard output cannot be written.
    pub(super) fn print_json(&self) -> Result<(), EngineError> {
        let files = self.load.files.iter();
        let result = json!({
            "machine": machine_words(&Machine::read()),
            "limit": self.limit,
            "concurrency": self.concurrency,
            "seconds": self.time.as_secs_f64(),
            "pandas": self.pandas.as_ref().ok(),
            "pandas_missing": self.pandas.as_ref().err(),
            "files": files.map(|file| json!({
                "format": file.format_name(), "lines": file.lines, "bytes": file.bytes,
            })).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(Measured::to_json).collect::<Vec<Value>>(),
            "claims": self.claims.iter().map(Claim::to_json).collect::<Vec<Value>>(),
        });
        say(&format!("{result:#}"))
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        rule_under_header(&mut table);
        table.set_header(["", "release", "requests/s", "p50", "p95", "peak", "released", "waited", "ended"]);
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let count = |count: Option<u64>| count.map(grouped).unwrap_or_default();
        for row in self.rows {
            table.add_row([
                Cell::new(row.by.name()),
                Cell::new(row.mode),
                Cell::new(format!("{:.1}", row.rate())),
                Cell::new(milliseconds(row.percentile(50))),
                Cell::new(milliseconds(row.percentile(95))),
                Cell::new(row.peak),
                Cell::new(count(row.released)),
                Cell::new(count(row.waited)),
                Cell::new(printable(&row.fate.words())),
            ]);
        }
        for column in table.column_iter_mut().skip(2).take(6) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// Returns the machine in one line: what figures depend on.
fn machine_words(machine: &Machine) -> String {
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    });
    let some = |what: Option<String>, unit: &str| what.map(|what| format!("{what}{unit}"));
    let parts = [
        model,
        some(machine.usable_cores().map(|cores| cores.to_string()), " cores"),
        some(machine.memory.total.map(|bytes| bytes.to_string()), ""),
        some(machine.kernel.clone(), "").map(|kernel| format!("Linux {kernel}")),
    ];
    parts.into_iter().flatten().map(|part| printable(&part)).collect::<Vec<_>>().join(", ")
}
