//! Records that look like those of real runs: a group-by of 2.4 GB of an access log under 256 MB, and others.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "made-up numbers"
)]

use tidegate_memory::ByteCount;
use tidegate_report::record::{
    AllowedRejects, AtPeak, Bounds, Ended, Environment, Event, EventKind, Forecast, ForecastRow, How, Input, Kind,
    Lines, Memory, Mode, Operator, Pressure, RejectSample, Rejects, RunRecord, Sample, Spilled, VERSION,
};

const QUERY: &str =
    "SELECT client, path, count(*) AS requests, sum(bytes) AS bytes, approx_percentile_cont(request_time, 0.95) AS p95
FROM 'logs/access-2026-07-*.log'
WHERE status < 500 AND user_agent NOT LIKE '%bot%'
GROUP BY client, path
ORDER BY bytes DESC
LIMIT 100";

/// A group-by that spills, and ends well.
pub fn rich() -> RunRecord {
    let timeline: Vec<Sample> = (0..=184).map(sample).collect();
    RunRecord {
        kept: false,
        version: VERSION,
        id: "20260714-091203-7f3a".to_owned(),
        kind: Kind::Query,
        text: QUERY.to_owned(),
        started_ms: Some(1_784_020_323_412),
        seconds: 18.43,
        ended: Ended { how: How::Answered, ..Ended::default() },
        limit: Some(mb(256)),
        spill_limit: Some(mb(20_000)),
        threads: 2,
        inputs: (8..=13).map(input).collect(),
        forecast: Some(forecast()),
        peak: Some(ByteCount::new(243_400_000)),
        resident_before: Some(ByteCount::new(27_300_000)),
        resident_after: Some(ByteCount::new(27_900_000)),
        rows_out: 100,
        bytes_in: ByteCount::new(2_412_883_104),
        lines: Lines { rows: 11_871_204, rejects: 104, blank: 12, passed_over: 214_998 },
        rejects: rejects(),
        spilled: Spilled {
            bytes: ByteCount::new(618_300_000),
            files: 41,
            largest_on_disk: ByteCount::new(402_700_000),
        },
        replans: Vec::new(),
        memory: Memory {
            anonymous_peak: Some(ByteCount::new(228_900_000)),
            at_peak: Some(AtPeak {
                output: ByteCount::new(310_000),
                planning_and_runtime: ByteCount::new(9_800_000),
                allocator: ByteCount::new(20_100_000),
                program: ByteCount::new(1_200_000),
                owned: ByteCount::new(227_100_000),
            }),
            operators: operators(),
            timeline,
        },
        events: events(),
        environment: environment(),
        guard: None,
    }
}

/// A query that ended at its limit before it could be planned narrower.
pub fn ended_at_the_limit() -> RunRecord {
    let mut record = rich();
    record.id = "20260714-091530-02bc".into();
    record.text = "SELECT array_agg(path) FROM 'logs/access-2026-07-*.log'".into();
    record.started_ms = Some(1_784_020_530_020);
    record.seconds = 4.61;
    record.rows_out = 0;
    record.ended = Ended {
        how: How::MemoryLimit,
        exit_code: 3,
        message: Some("memory limit of 256 MB reached: 249 MB are in use, 33.6 MB more were asked for; the largest holders are AggregateExec with 181 MB, RepartitionExec with 12.1 MB, LogScan with 4.19 MB".to_owned()),
        help: Some("array_agg without GROUP BY holds every value: use --limit 1.2GB, or write the rows to a file".to_owned()),
    };
    record.peak = Some(ByteCount::new(251_200_000));
    record.memory.timeline.truncate(46);
    let scan = record.memory.operators.pop();
    record.memory.operators.truncate(1);
    record.memory.operators.extend(scan);
    for (depth, (operator, name)) in record.memory.operators.iter_mut().zip(["AggregateExec", "LogScan"]).enumerate() {
        operator.depth = depth;
        operator.name = name.into();
    }
    if let Some(aggregate) = record.memory.operators.first_mut() {
        aggregate.details = "mode=Single, gby=[], aggr=[array_agg(path)]".into();
        aggregate.peak = bytes(181.0);
        aggregate.rows = None;
    }
    for sample in &mut record.memory.timeline {
        let scan = sample.operators.pop().unwrap_or_default();
        sample.operators = vec![sample.operators.iter().copied().sum(), scan];
    }
    record.lines = Lines { rows: 1_412_338, ..Lines::default() };
    record.bytes_in = bytes(311.2);
    record.rejects = Rejects::default();
    record.events.retain(|event| event.ms < 4_600 && event.kind != EventKind::Spill);
    record.events.push(event(4_610, EventKind::End, "ended: nothing else lowers memory"));
    record.spilled = Spilled::default();
    if let Some(forecast) = &mut record.forecast {
        forecast.mode = Mode::InMemory;
        forecast.expected = mb(190);
        forecast.bound = Some(mb(240));
        forecast.spill_bytes = ByteCount::ZERO;
        forecast.reason = None;
    }
    record
}

/// A query whose file is not there: it has neither a timeline nor a forecast.
pub fn failed() -> RunRecord {
    RunRecord {
        version: VERSION,
        id: "20260714-090001-91de".to_owned(),
        text: "SELECT count(*) FROM 'logs/acess.log'".to_owned(),
        started_ms: Some(1_784_019_601_000),
        seconds: 0.004,
        ended: Ended {
            how: How::Failed,
            exit_code: 1,
            message: Some("no file matches `logs/acess.log`".to_owned()),
            help: Some("did you mean `logs/access.log`?".to_owned()),
        },
        limit: Some(mb(256)),
        threads: 2,
        peak: Some(ByteCount::new(31_200_000)),
        ..RunRecord::default()
    }
}

/// A command that was watched from outside.
pub fn command() -> RunRecord {
    let sample = |at: u64| {
        let resident = 60 + at * 9 - if at > 60 { (at - 60) * 8 } else { 0 };
        Sample { ms: at * 500, resident: mb(resident), pressure: Pressure::Unknown, ..Sample::default() }
    };
    RunRecord {
        version: VERSION,
        id: "20260714-093000-c0de".to_owned(),
        kind: Kind::Command,
        text: "python etl.py --day 2026-07-13".to_owned(),
        started_ms: Some(1_784_021_400_000),
        seconds: 61.2,
        ended: Ended { how: How::Answered, ..Ended::default() },
        peak: Some(mb(671)),
        memory: Memory { timeline: (0..=122).map(sample).collect(), ..Memory::default() },
        environment: environment(),
        ..RunRecord::default()
    }
}

/// Runs of one morning, newest first.
pub fn morning() -> Vec<RunRecord> {
    let mut runs = vec![command(), ended_at_the_limit(), rich(), failed()];
    let queries = [
        "SELECT status, count(*), sum(bytes) FROM 'logs/access*.log' GROUP BY status",
        "SELECT date_trunc('hour', ts) AS hour, count(*) FROM 'logs/access*.log' GROUP BY hour ORDER BY hour",
        "SELECT * FROM 'logs/access*.log' WHERE status >= 500 ORDER BY ts",
    ];
    for (at, query) in queries.iter().cycle().take(14).enumerate() {
        let at = at as u64;
        let mut run = rich();
        run.id = format!("20260714-0{}{:02}00-{:04x}", 8 - at / 6, 50 - at % 6 * 10, at * 7_919);
        run.text = (*query).into();
        run.started_ms = Some(1_784_019_000_000 - at * 600_000);
        run.seconds = 2.0 + noise(at) * 9.0;
        let share = 30 + (noise(at + 100) * 60.0) as u64;
        run.peak = Some(mb(256).percent(share));
        for sample in &mut run.memory.timeline {
            sample.resident = sample.resident.percent(share);
        }
        if let Some(forecast) = &mut run.forecast {
            forecast.expected = mb(256).percent(share * (80 + at * 3) / 100);
            forecast.least = forecast.expected.percent(60);
            forecast.bound = Some(forecast.expected.percent(125));
        }
        runs.push(run);
    }
    runs
}

fn mb(count: u64) -> ByteCount {
    ByteCount::new(count * 1_000_000)
}

/// Something between 0 and 1 that looks like chance.
fn noise(at: u64) -> f64 {
    let mixed = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn bytes(megabytes: f64) -> ByteCount {
    ByteCount::new((megabytes * 1e6).max(0.0) as u64)
}

/// A tenth of a second: a ramp, groups that grow and go to disk, a second pass over what is there, an end.
fn sample(at: u64) -> Sample {
    let second = at as f64 / 10.0;
    let reading = second < 12.6;
    let scan = if reading { 8.0 + noise(at) * 2.6 } else { 0.1 };
    let partial = if reading { (second * 22.0).min(34.0) + noise(at + 500) * 3.0 } else { 0.0 };
    let exchange = if reading { 4.0 + noise(at + 900) * 5.0 } else { 0.4 };
    let groups = match second {
        _ if second < 4.0 => second * 33.0,
        _ if reading => 98.0 + (second * 1.55).fract() * 42.0,
        _ if second < 17.6 => 42.0 + ((second - 12.6) * 1.1).fract() * 88.0,
        _ => (18.4 - second).max(0.0) * 40.0,
    };
    let sort = if second > 12.9 { 1.4 + noise(at + 70) } else { 0.0 };
    let operators = [0.2, sort, 0.3, groups, exchange, partial, 1.1, scan].map(bytes);
    let owned: ByteCount = operators.iter().copied().sum();
    let anonymous = owned + bytes(18.0 + (second * 0.9).fract() * 17.0);
    let end = at == 184;
    let pressure = match groups {
        _ if groups > 136.0 => Pressure::High,
        _ if groups > 118.0 => Pressure::Rising,
        _ => Pressure::Calm,
    };
    Sample {
        ms: at * 100,
        resident: if end { bytes(27.9) } else { anonymous + bytes(12.0 + noise(at + 33) * 7.0) },
        anonymous: Some(if end { bytes(17.0) } else { anonymous }),
        live: Some(if end { bytes(9.0) } else { owned + bytes(9.8) }),
        spilled: Some(bytes(if second < 4.2 { 0.0 } else { ((second - 4.2) * 74.0).min(618.3) })),
        rows: Some((second.min(12.6) / 12.6 * 11_871_204.0) as u64),
        pressure,
        operators: if end { Vec::new() } else { operators.to_vec() },
    }
}

fn event(ms: u64, kind: EventKind, text: &str) -> Event {
    Event { ms, kind, text: text.to_owned() }
}

fn events() -> Vec<Event> {
    let mut events = vec![
        event(310, EventKind::PagesDropped, "11.9 MB of the program"),
        event(1_480, EventKind::PagesDropped, "12.4 MB of the program"),
        event(3_870, EventKind::Purge, "14.2 MB were free"),
        event(12_710, EventKind::Purge, "38.0 MB were free"),
        event(15_020, EventKind::PagesDropped, "12.1 MB of the program"),
        event(18_430, EventKind::End, "100 rows"),
    ];
    for at in 0..13_u64 {
        let ms = 4_190 + at * 645;
        events.push(event(ms - 30, EventKind::Refusal, "4 SpillingGroupByExec asked for 8.39 MB"));
        events.push(event(ms, EventKind::Spill, &format!("4 SpillingGroupByExec wrote part {} of 16", at % 16 + 1)));
        if at % 3 == 1 {
            events.push(event(ms + 22, EventKind::Pause, "2 scans for 9 ms"));
        }
    }
    events.sort_by_key(|event| event.ms);
    events
}

fn forecast() -> Forecast {
    let row = |name: &str, bytes_per_row, rows, factor, bytes: f64, derived: &str| ForecastRow {
        name: name.to_owned(),
        bytes_per_row,
        rows,
        factor,
        bytes: self::bytes(bytes),
        derived: derived.to_owned(),
    };
    Forecast {
        expected: bytes(236.0),
        bound: Some(bytes(254.0)),
        least: bytes(118.0),
        mode: Mode::Spilling,
        reason: Some("1.02 GB of groups do not fit 152 MB".to_owned()),
        spill_bytes: bytes(660.0),
        seconds: Some(20.4),
        first_sight: Some(mb(1_180)),
        runs: 4,
        took_seconds: Some(0.41),
        table: vec![
            row("client", 22.4, 6_900_000, 1.0, 154.6, "sample of 64 MB: text of 9 to 39 bytes and its offsets"),
            row("path", 61.8, 6_900_000, 1.0, 426.4, "sample of 64 MB: text of 1 to 212 bytes and its offsets"),
            row("count(*), sum(bytes)", 16.0, 6_900_000, 1.5, 165.6, "two numbers, in a table that grows by doubling"),
            row(
                "approx_percentile_cont",
                18.9,
                6_900_000,
                1.5,
                195.6,
                "1.6 values in a group, 5.8 to 7.9 million groups",
            ),
            row("LogScan, 2 threads", 412.0, 8_192, 3.0, 10.1, "three batches in hand"),
        ],
    }
}

fn operators() -> Vec<Operator> {
    let operator = |depth: usize, name: &str, details: &str| Operator {
        depth,
        name: name.to_owned(),
        details: details.to_owned(),
        partitions: if depth == 0 { 1 } else { 2 },
        ..Operator::default()
    };
    let mut operators = vec![
        operator(0, "SortPreservingMergeExec", "[bytes@3 DESC], fetch=100"),
        operator(1, "SortExec", "TopK(fetch=100), expr=[bytes@3 DESC], preserve_partitioning=[true]"),
        operator(2, "ProjectionExec", "expr=[client@0 as client, path@1 as path, count(*)@2 as requests, ..]"),
        operator(
            3,
            "SpillingGroupByExec",
            "mode=FinalPartitioned, gby=[client@0 as client, path@1 as path], aggr=[count(*), sum(bytes), approx_percentile_cont(request_time,0.95)]",
        ),
        operator(4, "RepartitionExec", "partitioning=Hash([client@0, path@1], 2), input_partitions=2"),
        operator(
            5,
            "SpillingGroupByExec",
            "mode=Partial, gby=[client@0 as client, path@5 as path], aggr=[count(*), sum(bytes), ..]",
        ),
        operator(6, "FilterExec", "status@8 < 500 AND user_agent@11 NOT LIKE %bot%"),
        operator(
            7,
            "LogScan",
            "format=access, files=6, columns=[client, path, status, bytes, user_agent, request_time]",
        ),
    ];
    let peaks = [0.2, 2.4, 0.3, 141.2, 9.0, 37.0, 1.1, 10.6];
    let most = [0.5, 4.0, 1.0, 152.0, 12.0, 40.0, 6.0, 12.0];
    let rows = [100, 200, 6_871_002, 6_871_002, 9_412_338, 9_412_338, 11_204_871, 11_871_204];
    for (((operator, peak), most), rows) in operators.iter_mut().zip(peaks).zip(most).zip(rows) {
        operator.peak = bytes(peak);
        operator.at_peak = bytes(peak * 0.97);
        operator.rows = Some(rows);
        operator.forecast = Bounds { least: bytes(most / 3.0), most: Some(bytes(most)) };
        if operator.depth == 3 {
            operator.spilled = bytes(618.3);
        }
    }
    operators
}

fn input(day: u64) -> Input {
    let size = 402_147_184 + (noise(day) * 9e6) as u64 - 4_500_000;
    Input { path: format!("logs/access-2026-07-{day:02}.log"), bytes: ByteCount::new(size) }
}

fn rejects() -> Rejects {
    let sample = |file: u64, line, offset, reason: &str, raw: &str| RejectSample {
        file: format!("logs/access-2026-07-{file:02}.log"),
        line: Some(line),
        offset: Some(offset),
        reason: reason.to_owned(),
        raw: raw.to_owned(),
    };
    Rejects {
        count: 104,
        allowed: Some(AllowedRejects::Percent(1.0)),
        samples: vec![
            sample(
                9,
                771_204,
                155_098_112,
                "the quote of the request is not closed",
                "203.0.113.9 - - [09/Jul/2026:06:25:01 +0000] \"GET /search?q=%22><script>alert(1)</script> HTTP/1.1 400 0 \"-\" \"-\"",
            ),
            sample(
                9,
                771_209,
                155_099_210,
                "`status` is not a whole number",
                "203.0.113.9 - - [09/Jul/2026:06:25:02 +0000] \"\\x16\\x03\\x01\" abc 157 \"-\" \"-\"",
            ),
            sample(12, 4, 731, "no time in brackets", "-- MARK --"),
        ],
    }
}

fn environment() -> Environment {
    Environment {
        host: Some("etl-3".to_owned()),
        kernel: Some("Linux 6.8.0-45-generic".to_owned()),
        cores: Some(2),
        memory: Some(mb(8_201)),
        cgroup_version: Some(2),
        cgroup_limit: Some(mb(4_096)),
        swap: Some(ByteCount::ZERO),
        temp_folder: Some("/var/tmp".to_owned()),
        temp_free: Some(mb(41_200)),
        tidegate_version: Some("0.1.0".to_owned()),
    }
}
