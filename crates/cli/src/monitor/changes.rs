//! What happened between two looks.

use super::Look;
use std::time::Duration;
use tidegate_memory::pressure::Pressure;
use tidegate_report::log::Happened;

/// Tells what happened since it was told last: of what is counted, each kind at most once in a span of time.
#[derive(Debug)]
pub(super) struct Changes {
    span: Duration,
    plan: usize,
    pressure: Pressure,
    pauses: u64,
    spilled: Pace,
    refused: Pace,
    paused: Pace,
    purged: Pace,
    dropped: Pace,
}

/// What was told of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    count: u64,
    at: Option<Duration>,
}

impl Pace {
    /// Returns by how much it has grown, if that is told now.
    fn step(&mut self, count: u64, age: Duration, span: Duration) -> Option<u64> {
        let is_due = self.at.is_none_or(|at| age.saturating_sub(at) >= span);
        let grown = count.checked_sub(self.count).filter(|grown| *grown > 0 && is_due)?;
        *self = Self { count, at: Some(age) };
        Some(grown)
    }
}

impl Changes {
    pub(super) fn every(span: Duration) -> Self {
        let (spilled, refused, paused, purged, dropped) = Default::default();
        Self { span, plan: 1, pressure: Pressure::Calm, pauses: 0, spilled, refused, paused, purged, dropped }
    }

    /// Tells from now on whatever there is to tell: there is no later.
    pub(super) fn tell_all(&mut self) {
        self.span = Duration::ZERO;
    }

    /// Tells what happened until this look.
    pub(super) fn since(&mut self, now: &Look, age: Duration, mut tell: impl FnMut(Happened)) {
        let span = self.span;
        if now.plan > self.plan {
            self.plan = now.plan;
            tell(Happened::Replan { plan: now.plan });
        }
        if let Some(count) = self.refused.step(now.refusals.count, age, span)
            && let Some(last) = &now.refusals.last
        {
            tell(Happened::Refusal { count, operator: last.name.clone(), asked: last.bytes });
        }
        if self.spilled.step(now.spilled.bytes(), age, span).is_some() {
            tell(Happened::Spill { spilled: now.spilled, on_disk: now.on_disk });
        }
        if now.pressure >= Pressure::High && self.pressure < Pressure::High {
            self.pauses += 1;
        }
        self.pressure = now.pressure;
        if let Some(count) = self.paused.step(self.pauses, age, span) {
            tell(Happened::Pause { count });
        }
        if let Some(count) = self.purged.step(now.purges, age, span) {
            tell(Happened::Purge { count });
        }
        if let Some(count) = self.dropped.step(now.drops, age, span) {
            tell(Happened::PagesDropped { count });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_govern::{Holder, RefusalReport};
    use tidegate_memory::ByteCount;

    fn told(changes: &mut Changes, now: &Look, ms: u64) -> Vec<Happened> {
        let mut told = Vec::new();
        changes.since(now, Duration::from_millis(ms), |happened| told.push(happened));
        told
    }

    #[test]
    fn what_changed_is_told() {
        let mut changes = Changes::every(Duration::ZERO);
        assert_eq!(
            told(&mut changes, &Look { plan: 1, purges: 3, ..Look::default() }, 0),
            [Happened::Purge { count: 3 }]
        );
        let (name, asked) = ("ExternalSorter[0]".to_owned(), ByteCount::mib(2));
        let last = Some(Holder { name: name.clone(), bytes: asked });
        let now = Look {
            plan: 2,
            purges: 5,
            spilled: ByteCount::mib(1),
            pressure: Pressure::High,
            refusals: RefusalReport { count: 4, last },
            ..Look::default()
        };
        let expected = [
            Happened::Replan { plan: 2 },
            Happened::Refusal { count: 4, operator: name, asked },
            Happened::Spill { spilled: ByteCount::mib(1), on_disk: ByteCount::ZERO },
            Happened::Pause { count: 1 },
            Happened::Purge { count: 2 },
        ];
        assert_eq!(told(&mut changes, &now, 1), expected);
        assert_eq!(told(&mut changes, &now, 2), []);
    }

    #[test]
    fn tight_memory_alone_is_no_refusal() {
        let now = Look { pressure: Pressure::Rising, ..Look::default() };
        assert_eq!(told(&mut Changes::every(Duration::ZERO), &now, 0), []);
    }

    #[test]
    fn what_happens_often_is_told_once_in_a_span() {
        let mut changes = Changes::every(Duration::from_secs(1));
        let purges = |purges| Look { purges, ..Look::default() };
        assert_eq!(told(&mut changes, &purges(1), 0), [Happened::Purge { count: 1 }]);
        assert_eq!(told(&mut changes, &purges(2), 100), []);
        assert_eq!(told(&mut changes, &purges(7), 999), []);
        assert_eq!(told(&mut changes, &purges(8), 1000), [Happened::Purge { count: 7 }]);
        assert_eq!(told(&mut changes, &purges(9), 1100), []);
        changes.tell_all();
        assert_eq!(told(&mut changes, &purges(9), 1200), [Happened::Purge { count: 1 }], "nothing is lost at the end");
    }
}
