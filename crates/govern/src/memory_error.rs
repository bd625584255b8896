//! The one error of the memory limit.

use datafusion::common::DataFusionError;
use std::fmt;
use tidegate_memory::{ByteCount, WatchReport, ledger};

/// An operator and what it has reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The operator's name and partition, such as `FinalHashAggregateStream[0]`.
    pub name: String,
    /// What it holds.
    pub bytes: ByteCount,
}

/// A task needed more than its limit, and nothing was left to spill. A retry passes only with a higher limit or a
/// narrower query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimitError {
    /// The limit.
    pub limit: ByteCount,
    /// Resident memory when it happened, as the kernel counts it.
    pub used: ByteCount,
    /// What was asked for, and who asked; `None` if memory grew without anybody asking.
    pub asked: Option<Holder>,
    /// The largest holders, three at most, largest first.
    pub holders: Vec<Holder>,
}

impl fmt::Display for MemoryLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory limit of {} reached: {} in use", self.limit, self.used)?;
        if let Some(asked) = &self.asked {
            write!(f, ", {} more asked for by {}", asked.bytes, asked.name)?;
        }
        if !self.holders.is_empty() {
            let holders: Vec<String> =
                self.holders.iter().map(|holder| format!("{} {}", holder.name, holder.bytes)).collect();
            write!(f, "; largest holders: {}", holders.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for MemoryLimitError {}

/// Returns whether an error says that memory was refused.
pub(crate) fn is_exhausted(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

impl MemoryLimitError {
    /// Returns the error for memory as it is now.
    pub fn now(limit: Option<ByteCount>, report: &WatchReport, asked: Option<Holder>) -> Self {
        let holders = ledger::largest(3).into_iter().map(|(name, bytes)| Holder { name, bytes }).collect();
        let used = report.resident.total().max(report.ended_at);
        Self { limit: limit.unwrap_or_default(), used, asked, holders }
    }

    /// Returns what would make the task pass.
    pub fn help(&self) -> String {
        let asked = self.asked.as_ref().map_or(ByteCount::ZERO, |asked| asked.bytes);
        let enough = ByteCount::new((self.limit.bytes() * 2).max((self.used + asked).bytes() * 5 / 4));
        format!(
            "try --limit {}MB, fewer --threads, or a query that keeps fewer columns or groups",
            enough.bytes().div_ceil(1_000_000)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_limit_use_request_and_holders() {
        let holder = |name: &str, mb: u64| Holder { name: name.into(), bytes: ByteCount::new(mb * 1_000_000) };
        let error = MemoryLimitError {
            limit: ByteCount::new(128_000_000),
            used: ByteCount::new(121_000_000),
            asked: Some(holder("HashJoinInput[1]", 16)),
            holders: vec![holder("HashJoinInput[0]", 40), holder("ExternalSorter[0]", 9)],
        };
        assert_eq!(
            error.to_string(),
            "memory limit of 128 MB reached: 121 MB in use, 16.0 MB more asked for by HashJoinInput[1]; \
             largest holders: HashJoinInput[0] 40.0 MB, ExternalSorter[0] 9.00 MB"
        );
        assert!(error.help().starts_with("try --limit 256MB"));
    }
}
