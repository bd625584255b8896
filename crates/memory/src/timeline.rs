//! Resident memory over time, in bounded space.

use crate::ByteCount;
use std::time::Duration;

/// Moments kept. When there are more, each two become one that spans both.
const MOMENTS: usize = 512;

/// Resident memory over one span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When the span ended, since the start of the watch.
    pub at: Duration,
    /// The most that was resident in it.
    pub resident: ByteCount,
}

/// Moments of equal spans, oldest first.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) moments: Vec<Moment>,
    span: Duration,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { moments: Vec::with_capacity(MOMENTS), span: Duration::from_millis(1) }
    }
}

impl Timeline {
    /// Adds what is resident `at` a time not before the last one. Never allocates.
    pub(crate) fn add(&mut self, at: Duration, resident: ByteCount) {
        if let Some(last) = self.moments.last_mut()
            && at.saturating_sub(last.at) < self.span
        {
            last.resident = last.resident.max(resident);
            return;
        }
        if self.moments.len() == MOMENTS {
            self.halve();
        }
        self.moments.push(Moment { at, resident });
    }

    fn halve(&mut self) {
        for at in 0..MOMENTS / 2 {
            if let (Some(first), Some(second)) = (self.moments.get(2 * at), self.moments.get(2 * at + 1)) {
                let merged = Moment { at: second.at, resident: first.resident.max(second.resident) };
                if let Some(place) = self.moments.get_mut(at) {
                    *place = merged;
                }
            }
        }
        self.moments.truncate(MOMENTS / 2);
        self.span *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_bounded_and_the_peak_is_kept() {
        let mut timeline = Timeline::default();
        for ms in 0..100_000 {
            let resident = if ms == 77_777 { 9_000 } else { 1_000 };
            timeline.add(Duration::from_millis(ms), ByteCount::new(resident));
        }
        assert!(timeline.moments.len() <= MOMENTS && timeline.moments.len() > MOMENTS / 4);
        assert_eq!(timeline.moments.iter().map(|moment| moment.resident.bytes()).max(), Some(9_000));
        assert!(timeline.moments.is_sorted_by_key(|moment| moment.at));
        assert_eq!(timeline.moments.capacity(), MOMENTS);
    }
}
