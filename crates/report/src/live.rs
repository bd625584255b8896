//! What runs now, in the text format of Prometheus: gauges of a query or a loop, written again and again.
//!
//! *Model.* The labels are those of runs that have ended ([`crate::prometheus`]), so that both can be joined: `kind`, which is
//! `query` or `loop`, `query`, which of a loop is its task file, and `fingerprint`. Sizes are in bytes.

use crate::{
    log::Units,
    prometheus::{Metric, counter, families, gauge, label, labels, one, size},
    record::Pressure,
    series::number,
};
use tidegate_memory::ByteCount;

/// What is known of something that runs, or has just ended.
///
/// ```
/// use tidegate_report::live::Live;
/// let text = Live { text: "SELECT 1".into(), ..Live::default() }.to_text();
/// assert!(text.contains("tidegate_live_running{kind=\"query\",query=\"SELECT 1\""));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// The query, or the task file.
    pub text: String,
    /// The units, of a loop; of a query `None`.
    pub units: Option<Units>,
    /// Whether it runs; at the end it does not.
    pub stage: Stage,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// The limit; `None` for no limit.
    pub limit: Option<ByteCount>,
    /// What is resident: of a loop, of all its workers.
    pub resident: ByteCount,
    /// What of it is anonymous.
    pub anonymous: ByteCount,
    /// Live bytes in the ledgers.
    pub live: ByteCount,
    /// The most that was resident.
    pub peak: ByteCount,
    /// How tight memory is; of a loop, where it is tightest.
    pub pressure: Pressure,
    /// Bytes spilled so far.
    pub spilled: ByteCount,
    /// Bytes of input read so far.
    pub bytes: ByteCount,
    /// Bytes of input that are known to be there.
    pub total_bytes: ByteCount,
    /// Rows read so far.
    pub rows: u64,
    /// How often operators were refused memory; unknown of a loop.
    pub refusals: Option<u64>,
}

/// Whether something runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It does.
    #[default]
    Running,
    /// It has ended.
    Over,
}

impl Live {
    /// Returns the metrics.
    pub fn to_text(&self) -> String {
        let kind = if self.units.is_some() { "loop" } else { "query" };
        families("tidegate_live", METRICS, &[(labels(kind, &self.text), self)])
    }
}

const METRICS: &[Metric<Live>] = &[
    gauge("running", "1 while it runs, 0 when it has ended.", |live| {
        one(if live.stage == Stage::Running { 1.0 } else { 0.0 })
    }),
    gauge("start_timestamp_seconds", "When it started, since 1970.", |live| one(number(live.started_ms) / 1e3)),
    gauge("limit_bytes", "The memory limit; missing without one.", |live| size(live.limit)),
    gauge("resident_bytes", "Resident memory, program pages included.", |live| size(Some(live.resident))),
    gauge("anonymous_bytes", "Anonymous memory: heap and stacks.", |live| size(Some(live.anonymous))),
    gauge("live_bytes", "Live bytes in the ledger.", |live| size(Some(live.live))),
    gauge("peak_bytes", "The most that was resident.", |live| size(Some(live.peak))),
    gauge("pressure", "How tight memory is: 0 calm, 1 rising, 2 high, 3 critical.", |live| match live.pressure {
        Pressure::Calm => one(0.0),
        Pressure::Rising => one(1.0),
        Pressure::High => one(2.0),
        Pressure::Critical => one(3.0),
        Pressure::Unknown => Vec::new(),
    }),
    counter("spilled_bytes_total", "Bytes written to disk for lack of memory.", |live| size(Some(live.spilled))),
    counter("input_bytes_total", "Bytes read.", |live| size(Some(live.bytes))),
    gauge("expected_input_bytes", "Bytes that are known to be there to read.", |live| size(Some(live.total_bytes))),
    counter("rows_total", "Rows read.", |live| one(number(live.rows))),
    counter("refusals_total", "How often operators were refused memory.", |live| {
        live.refusals.into_iter().flat_map(|count| one(number(count))).collect()
    }),
    gauge("units", "Units of a loop, by what became of them.", |live| {
        let Some(units) = live.units else { return Vec::new() };
        let states = [
            ("waiting", units.waiting),
            ("running", units.running),
            ("done", units.done),
            ("done_before", units.done_before),
            ("failed", units.failed),
            ("left_out", units.left_out),
        ];
        states.into_iter().map(|(state, count)| (label("state", state), number(count as u64))).collect()
    }),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        prometheus::{self, tests::check_format},
        testing,
    };

    #[test]
    fn the_format_is_held_also_beside_that_of_the_run() {
        let units = Some(Units { done: 3, waiting: 2, ..Units::default() });
        let now = Live { text: testing::ATTACK.repeat(100), units, pressure: Pressure::High, ..Live::default() };
        check_format(&now.to_text());
        let record = testing::rich();
        let over = Live { text: record.text.clone(), stage: Stage::Over, refusals: Some(4), ..Live::default() };
        let text = over.to_text() + &prometheus::run(&record);
        check_format(&text);
        assert!(text.contains("tidegate_live_refusals_total{kind=\"query\"") && !text.contains("tidegate_live_units"));
        // Both are about the same query.
        let labels = |metric: &str| {
            let line = text.lines().find(|line| line.starts_with(metric)).unwrap();
            line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).unwrap().0.to_owned()
        };
        assert_eq!(labels("tidegate_live_running{"), labels("tidegate_run_exit_code{"));
    }

    #[test]
    fn values_are_in_base_units() {
        let now = Live { limit: Some(ByteCount::mib(64)), started_ms: 1_500, ..Live::default() };
        let text = now.to_text();
        let value = |metric: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("tidegate_live_{metric}{{"))).unwrap();
            line.rsplit_once(' ').unwrap().1.to_owned()
        };
        assert_eq!((value("limit_bytes"), value("start_timestamp_seconds")), ("67108864".into(), "1.5".into()));
        assert_eq!(value("running"), "1");
        let units = Some(Units { running: 2, ..Units::default() });
        let text = Live { units, ..Live::default() }.to_text();
        assert!(
            text.contains("tidegate_live_units{kind=\"loop\",query=\"\",") && text.contains(",state=\"running\"} 2\n")
        );
    }
}
