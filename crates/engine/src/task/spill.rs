//! Where and how much a task spills, and what it says when that fails.

use super::TaskOptions;
use crate::{EngineError, Snapshot};
use std::io::{self, ErrorKind};
use tidegate_govern::{CacheRoom, SpillFailure, SpillOptions};
use tidegate_memory::{ByteCount, Limit, cgroup};

pub(super) fn options(options: &TaskOptions) -> SpillOptions {
    let limit = Limit::from(options.budget);
    SpillOptions {
        folder: options.spill_folder.clone(),
        limit: options.spill_limit,
        cache_room: CacheRoom::of(limit, || cgroup::free_memory().unwrap_or_default()),
    }
}

/// Says in our words how spilling failed, and what it would have needed.
pub(super) fn error(failure: SpillFailure, progress: &Snapshot) -> EngineError {
    match failure {
        SpillFailure::Write { folder, kind: ErrorKind::QuotaExceeded | ErrorKind::StorageFull, current, .. } => {
            EngineError::DiskFull { path: folder, spilling: true, needed: needed(current, progress) }
        }
        SpillFailure::Write { folder, kind, message, .. } => {
            EngineError::file("spill to", folder, io::Error::new(kind, message))
        }
        SpillFailure::Quota { limit, current } => EngineError::SpillLimit { limit, needed: needed(current, progress) },
        other => EngineError::Spill(other),
    }
}

/// Says how much room would be needed, by how far the input was read. Merges may need more than what they merge.
fn needed(current: ByteCount, progress: &Snapshot) -> String {
    let Snapshot { bytes, total_bytes, .. } = *progress;
    if total_bytes == ByteCount::ZERO {
        return format!("{current} were spilled when {bytes} of the input were read");
    }
    let share = bytes.percent_of(total_bytes) / 100.0;
    if share >= 1.0 {
        return format!("{current} were spilled when all of the input was read, so more are needed");
    }
    format!(
        "{current} were spilled when {:.0} % of the input was read, so about {} or more are needed",
        share * 100.0,
        scaled(current, share.max(0.01))
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate, shown with three digits; the share lies within 0.01 and 1"
)]
fn scaled(bytes: ByteCount, share: f64) -> ByteCount {
    ByteCount::new((bytes.bytes() as f64 / share) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_follows_from_how_far_the_input_was_read() {
        let check = |bytes, total_bytes, expected: &str| {
            let (bytes, total_bytes) = (ByteCount::mib(bytes), ByteCount::mib(total_bytes));
            let progress = Snapshot { total_bytes, bytes, ..Snapshot::default() };
            assert_eq!(needed(ByteCount::new(50_000_000), &progress), expected);
        };
        check(25, 100, "50.0 MB were spilled when 25 % of the input was read, so about 200 MB or more are needed");
        check(100, 100, "50.0 MB were spilled when all of the input was read, so more are needed");
        check(1, 0, "50.0 MB were spilled when 1.05 MB of the input were read");
    }
}
