//! What to do about what is in use, as a pure function.

use std::time::Duration;
use tidegate_memory::ByteCount;

/// What the guard sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What the tree has in use.
    pub(crate) in_use: ByteCount,
    /// The limit, if there is one.
    pub(crate) limit: Option<ByteCount>,
    /// For how long more than the limit has been in use.
    pub(crate) above_for: Duration,
    /// Who is behind the limit.
    pub(crate) wall: WallKind,
}

/// Who is behind the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WallKind {
    /// The kernel.
    Group,
    /// The guard itself.
    Watchdog,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Look again later.
    Go,
    /// Look again soon.
    LookCloser,
    /// End the tree.
    End,
}

/// A program that was refused memory may take so long to end by itself, or to free some.
pub(crate) const GRACE: Duration = Duration::from_millis(700);

/// Returns from where on memory is given back.
pub(crate) const fn soft(limit: ByteCount) -> ByteCount {
    limit.percent(85)
}

/// Decides. Without the kernel's help, the guard ends what stays above the limit, and at once what is far above.
pub(crate) fn decide(reading: &Reading) -> Action {
    let Some(limit) = reading.limit else { return Action::Go };
    if reading.wall == WallKind::Watchdog {
        let far_above = limit.bytes().saturating_add(limit.bytes() / 8);
        let stays = reading.in_use > limit && reading.above_for >= GRACE;
        if stays || reading.in_use.bytes() > far_above {
            return Action::End;
        }
    }
    if reading.in_use >= limit.percent(70) { Action::LookCloser } else { Action::Go }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(in_use: u64, above_ms: u64, wall: WallKind, expected: Action) {
        let reading = Reading {
            in_use: ByteCount::mib(in_use),
            limit: Some(ByteCount::mib(100)),
            above_for: Duration::from_millis(above_ms),
            wall,
        };
        assert_eq!(decide(&reading), expected, "{reading:?}");
    }

    #[test]
    fn what_fits_is_never_ended() {
        for wall in [WallKind::Group, WallKind::Watchdog] {
            check(10, 0, wall, Action::Go);
            check(70, 0, wall, Action::LookCloser);
            check(100, 0, wall, Action::LookCloser);
        }
        let unlimited = Reading { in_use: ByteCount::mib(9), limit: None, above_for: GRACE, wall: WallKind::Watchdog };
        assert_eq!(decide(&unlimited), Action::Go);
    }

    #[test]
    fn what_stays_above_is_ended_where_the_kernel_does_not() {
        check(105, 0, WallKind::Watchdog, Action::LookCloser);
        check(105, 800, WallKind::Watchdog, Action::End);
        check(120, 0, WallKind::Watchdog, Action::End);
        check(120, 800, WallKind::Group, Action::LookCloser);
    }
}
