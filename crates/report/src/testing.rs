//! Records for tests: those of the example, and one that is as bad as a record can be.

#[path = "../examples/sample/record.rs"]
mod sample;

pub(crate) use sample::{command, ended_at_the_limit, failed, morning, rich};

use crate::record::{
    Bounds, Ended, Environment, Event, EventKind, Forecast, ForecastRow, How, Input, Operator, RejectSample, Replan,
    RunRecord, Sample,
};
use tidegate_memory::ByteCount;

/// What a log line may hold.
pub(crate) const ATTACK: &str =
    "</pre><script>alert('x')</script>\" onload='x' & \0\u{1b}]0;x\u{7}\u{202e}\u{2066}<!-- ]]> `{}\\";

/// A record every text of which is a megabyte of attacks, every list of which is long, and every number of which is extreme.
pub(crate) fn hostile() -> RunRecord {
    hostile_with(&ATTACK.repeat((1 << 20) / ATTACK.len()))
}

/// The record that makes the longest page: a quote takes six bytes there.
pub(crate) fn longest() -> RunRecord {
    hostile_with(&"\"".repeat(1 << 20))
}

fn hostile_with(long: &str) -> RunRecord {
    let long = long.to_owned();
    let quotes = "\"".repeat(400);
    let mut record = rich();
    record.id = long.clone();
    record.text = "\"".repeat(1 << 20);
    record.seconds = f64::INFINITY;
    record.started_ms = Some(u64::MAX);
    record.peak = Some(ByteCount::new(u64::MAX));
    record.ended =
        Ended { how: How::Failed, exit_code: i32::MIN, message: Some(long.clone()), help: Some(long.clone()) };
    record.inputs = vec![Input { path: quotes.clone(), bytes: ByteCount::new(u64::MAX) }; 5_000];
    record.replans = vec![Replan { reason: quotes.clone(), ..Replan::default() }; 500];
    record.rejects.samples =
        vec![
            RejectSample { file: quotes.clone(), reason: quotes.clone(), raw: long.clone(), ..RejectSample::default() };
            50
        ];
    let row = ForecastRow { name: quotes.clone(), factor: f64::NAN, derived: quotes.clone(), ..ForecastRow::default() };
    record.forecast = Some(Forecast { reason: Some(long.clone()), table: vec![row; 1_000], ..Forecast::default() });
    let operator = Operator {
        depth: usize::MAX,
        name: quotes.clone(),
        details: quotes.clone(),
        forecast: Bounds { least: ByteCount::new(u64::MAX), most: None },
        ..Operator::default()
    };
    record.memory.operators = vec![operator; 3_000];
    let amounts = (0..40).map(|at| ByteCount::new(u64::MAX - at)).collect::<Vec<_>>();
    record.memory.timeline = (0..20_000)
        .map(|at| Sample {
            ms: at * 97,
            resident: ByteCount::new(u64::MAX),
            operators: amounts.clone(),
            ..rich_sample()
        })
        .collect();
    let event = |at: u64, kind| Event { ms: at * 31, kind, text: quotes.clone() };
    record.events = EventKind::ALL.iter().flat_map(|kind| (0..4_000).map(move |at| event(at, *kind))).collect();
    record.environment = Environment {
        host: Some(long.clone()),
        kernel: Some(long.clone()),
        temp_folder: Some(long.clone()),
        tidegate_version: Some(long),
        ..record.environment
    };
    record
}

fn rich_sample() -> Sample {
    Sample {
        anonymous: Some(ByteCount::new(u64::MAX)),
        live: Some(ByteCount::new(u64::MAX)),
        spilled: Some(ByteCount::new(u64::MAX)),
        rows: Some(u64::MAX),
        ..Sample::default()
    }
}
