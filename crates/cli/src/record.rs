//! The record of a run, as JSON: what it was given, what it used, where its memory was.

use crate::{args::LimitArgs, run::Outcome};
use serde_json::{Value, json};
use std::io::Write;
use tidegate_engine::{EngineError, MemoryReport, Replan, sink::OutputFile};
use tidegate_govern::OperatorReport;
use tidegate_memory::ByteCount;

/// Writes the record, whole or not at all. All sizes are in bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write(mut file: OutputFile, sql: &str, limit: &LimitArgs, outcome: &Outcome) -> Result<(), EngineError> {
    let record = record(sql, limit, outcome);
    writeln!(file, "{record:#}").map_err(|error| file.error(error))?;
    file.commit()
}

fn record(sql: &str, limit: &LimitArgs, outcome: &Outcome) -> Value {
    let finished = &outcome.finished;
    json!({
        "sql": sql,
        "limit": limit.limit.bytes().map(ByteCount::bytes),
        "peak": outcome.peak.bytes(),
        "seconds": outcome.seconds,
        "rows_out": finished.counts.rows_out,
        "bytes_in": finished.counts.bytes.bytes(),
        "lines": {
            "rows": finished.counts.rows,
            "rejects": finished.rejects.count,
            "blank": finished.counts.blank,
            "passed_over": finished.counts.passed_over,
        },
        "spilled": { "bytes": finished.spill.written.bytes(), "files": finished.spill.files },
        "replans": finished.replans.iter().map(replan).collect::<Vec<_>>(),
        "memory": memory(&finished.memory),
    })
}

fn replan(replan: &Replan) -> Value {
    json!({
        "reason": replan.reason.to_string(),
        "partitions": replan.profile.threads,
        "batch_rows": replan.profile.batch_rows,
        "hash_joins": replan.profile.hash_joins,
    })
}

fn memory(memory: &MemoryReport) -> Value {
    let moments = memory.timeline.iter();
    json!({
        "anonymous_peak": memory.peak.bytes(),
        "at_peak": {
            "output": memory.output.bytes(),
            "planning_and_runtime": memory.unowned.bytes(),
            "allocator": memory.allocator.bytes(),
            "program": memory.program.bytes(),
            "owned": memory.owned().bytes(),
        },
        "operators": memory.operators.iter().map(operator).collect::<Vec<_>>(),
        "timeline": moments
            .map(|moment| json!([moment.at.as_millis(), moment.resident.bytes()]))
            .collect::<Vec<_>>(),
    })
}

fn operator(operator: &OperatorReport) -> Value {
    json!({
        "depth": operator.depth,
        "name": operator.name,
        "details": operator.details,
        "partitions": operator.partitions,
        "rows": operator.rows,
        "forecast": [operator.forecast.least.bytes(), operator.forecast.most.map(ByteCount::bytes)],
        "peak": operator.peak.bytes(),
        "at_peak": operator.at_peak.bytes(),
        "spilled": operator.spilled.bytes(),
    })
}
