//! What one look at a run sees.

use std::sync::Arc;
use tidegate_engine::{Live, Progress};
use tidegate_govern::{RefusalReport, SpillFiles};
use tidegate_memory::{ByteCount, Watch, ledger, pressure::Pressure};
use tidegate_report::{live, log::Numbers, record::Sample};

/// What is looked at.
pub struct Sources {
    /// Rows and bytes read.
    pub progress: Arc<Progress>,
    /// What was spilled.
    pub spill: Arc<SpillFiles>,
    /// Memory, and what was done about it.
    pub watch: Arc<Watch>,
    /// What operators hold, and what they were refused.
    pub live: Live,
}

/// What one look saw.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What is resident.
    pub resident: ByteCount,
    /// What of it is anonymous.
    pub anonymous: ByteCount,
    /// Live bytes in the ledger.
    pub live: ByteCount,
    /// The most that was resident so far, as the watch saw it.
    pub peak: ByteCount,
    /// What was spilled so far.
    pub spilled: ByteCount,
    /// What of it is on disk.
    pub on_disk: ByteCount,
    /// Rows read so far.
    pub rows: u64,
    /// Bytes read so far.
    pub bytes: ByteCount,
    /// Bytes that are there to read, as far as known.
    pub total_bytes: ByteCount,
    /// How tight memory is.
    pub pressure: Pressure,
    /// What operators were refused so far.
    pub refusals: RefusalReport,
    /// What each operator holds.
    pub operators: Vec<ByteCount>,
    /// The number of the plan, from 1.
    pub plan: usize,
    /// How often freed pages were given back so far.
    pub purges: u64,
    /// How often program pages were dropped so far.
    pub drops: u64,
}

impl Look {
    /// Looks.
    pub(super) fn of(sources: &Sources) -> Self {
        let (report, counts) = (sources.watch.report(), sources.progress.snapshot());
        let (plan, operators) = sources.live.operators();
        let spill = sources.spill.report();
        Self {
            resident: report.resident.total(),
            anonymous: report.resident.anonymous,
            live: ledger::live(),
            peak: report.peak,
            spilled: spill.written,
            on_disk: spill.current,
            rows: counts.rows,
            bytes: counts.bytes,
            total_bytes: counts.total_bytes,
            pressure: sources.watch.pressure(),
            refusals: sources.live.refusals(),
            operators,
            plan,
            purges: report.purges,
            drops: report.drops,
        }
    }

    /// Returns the sample of this look, with what at most so many operators hold.
    pub(super) fn sample(&self, ms: u64, operators: usize) -> Sample {
        Sample {
            ms,
            resident: self.resident,
            anonymous: Some(self.anonymous),
            live: Some(self.live),
            spilled: Some(self.spilled),
            rows: Some(self.rows),
            pressure: self.pressure.into(),
            operators: self.operators.iter().take(operators).copied().collect(),
        }
    }

    /// Returns what stands beside an event.
    pub(super) fn numbers(&self) -> Numbers {
        Numbers { resident: Some(self.resident), live: Some(self.live), pressure: Some(self.pressure.into()) }
    }

    /// Returns it as metrics, without what is known of the run beside.
    pub fn live_numbers(&self) -> live::Live {
        live::Live {
            resident: self.resident,
            anonymous: self.anonymous,
            live: self.live,
            peak: self.peak,
            pressure: self.pressure.into(),
            spilled: self.spilled,
            bytes: self.bytes,
            total_bytes: self.total_bytes,
            rows: self.rows,
            refusals: Some(self.refusals.count),
            ..live::Live::default()
        }
    }
}
