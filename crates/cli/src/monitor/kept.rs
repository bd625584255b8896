//! What is kept of looks: samples and events, in bounded space.

use super::Look;
use std::time::Duration;
use tidegate_report::{
    log::Happened,
    record::{Event, EventKind, Sample},
};

/// Samples that are kept.
const SAMPLES: usize = 256;

/// Numbers of operators in all samples; of a plan of very many operators fewer samples are kept, and the first operators.
const NUMBERS: usize = 16 << 10;
const FEWEST: usize = 32;
const OPERATORS: usize = NUMBERS / FEWEST;

/// Events that are kept; later ones of a kind take the place of the last.
const EVENTS: usize = 128;

/// Characters of the name of an operator.
const NAME: usize = 80;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Samples, oldest first.
    pub timeline: Vec<Sample>,
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// The last look.
    pub last: Look,
}

/// What is kept so far.
#[derive(Debug, Default)]
pub(super) struct Kept {
    timeline: Vec<Sample>,
    events: Vec<Event>,
    /// The span that a sample stands for, in milliseconds; and where that of the last begins.
    span: u64,
    begin: u64,
}

impl Kept {
    /// Adds a look: as a sample of its own, or in place of the last if more is resident and both are of one span.
    pub(super) fn add(&mut self, age: Duration, look: &Look) {
        let ms = milliseconds(age);
        if let Some(last) = self.timeline.last_mut()
            && ms < self.begin.saturating_add(self.span)
        {
            if look.resident > last.resident {
                *last = look.sample(ms, OPERATORS);
            }
            return;
        }
        let most = (NUMBERS / look.operators.len().max(1)).clamp(FEWEST, SAMPLES);
        if self.timeline.len() >= most {
            halve(&mut self.timeline);
            self.span = ms * 2 / most as u64;
        }
        self.begin = ms;
        self.timeline.push(look.sample(ms, OPERATORS));
    }

    /// Adds an event; where there are many, the last of its kind stands for those that come.
    pub(super) fn add_event(&mut self, age: Duration, happened: &Happened) {
        let Some((kind, text)) = words(happened) else { return };
        let event = Event { ms: milliseconds(age), kind, text };
        if self.events.len() < EVENTS {
            self.events.push(event);
        } else if let Some(last) = self.events.iter_mut().rev().find(|last| last.kind == kind) {
            *last = event;
        }
    }

    /// Adds the last look, which is kept whatever there is, and returns all.
    pub(super) fn end(mut self, age: Duration, last: Look) -> Seen {
        self.timeline.push(last.sample(milliseconds(age), OPERATORS));
        Seen { timeline: self.timeline, events: self.events, last }
    }
}

fn milliseconds(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

/// Returns an event in the words of the record.
fn words(happened: &Happened) -> Option<(EventKind, String)> {
    let times = |count: u64| if count == 1 { String::new() } else { format!("{count} times") };
    Some(match happened {
        Happened::Replan { plan } => (EventKind::Replan, format!("plan {plan}")),
        Happened::Spill { spilled, .. } => (EventKind::Spill, format!("{spilled} so far")),
        Happened::Refusal { count, operator, asked } => {
            let operator: String = operator.chars().take(NAME).collect();
            let others = if *count > 1 { format!(", the last of {count}") } else { String::new() };
            (EventKind::Refusal, format!("{operator} asked for {asked}{others}"))
        }
        Happened::Pause { count } => (EventKind::Pause, times(*count)),
        Happened::Purge { count } => (EventKind::Purge, times(*count)),
        Happened::PagesDropped { count } => (EventKind::PagesDropped, times(*count)),
        _ => return None,
    })
}

/// Makes one sample of each two: the one in which more was resident.
fn halve(samples: &mut Vec<Sample>) {
    let mut kept: Vec<Sample> = Vec::with_capacity(samples.len() / 2 + 1);
    for (at, sample) in samples.drain(..).enumerate() {
        match kept.last_mut() {
            Some(first) if at % 2 == 1 => {
                if sample.resident > first.resident {
                    *first = sample;
                }
            }
            _ => kept.push(sample),
        }
    }
    *samples = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::ByteCount;

    impl Kept {
        /// Returns the bytes of all that is kept.
        fn bytes(&self) -> usize {
            let operators: usize = self.timeline.iter().map(|sample| sample.operators.capacity()).sum();
            let texts: usize = self.events.iter().map(|event| event.text.capacity()).sum();
            self.timeline.capacity() * size_of::<Sample>()
                + operators * size_of::<ByteCount>()
                + self.events.capacity() * size_of::<Event>()
                + texts
        }
    }

    #[test]
    fn of_two_samples_the_larger_stays() {
        let sample = |(ms, mib)| Sample { ms, resident: ByteCount::mib(mib), ..Sample::default() };
        let mut samples: Vec<_> = [(1, 5), (2, 4), (3, 1), (4, 9), (5, 2)].map(sample).to_vec();
        halve(&mut samples);
        let kept: Vec<_> = samples.iter().map(|sample| (sample.ms, sample.resident)).collect();
        assert_eq!(kept, [(1, ByteCount::mib(5)), (4, ByteCount::mib(9)), (5, ByteCount::mib(2))]);
    }

    /// A run of a day, of plans of one operator and of very many, in which all that can happen does.
    #[test]
    fn a_megabyte_holds_any_run() {
        for operators in [1, 60, 64, 600, 5_000] {
            let (mut kept, mut most) = (Kept::default(), 0);
            let look = |at: u64| Look {
                resident: ByteCount::new(1 + (at * 7919) % 1_000_000),
                operators: vec![ByteCount::mib(1); operators],
                ..Look::default()
            };
            let looks = 864_000 / operators as u64;
            for at in 0..looks {
                let age = Duration::from_millis(at * 100);
                let look = if at == looks / 3 { Look { resident: ByteCount::mib(9), ..look(at) } } else { look(at) };
                kept.add(age, &look);
                let (operator, asked) = ("x".repeat(10_000), ByteCount::mib(1));
                if at % 100 == 0 {
                    kept.add_event(age, &Happened::Refusal { count: 2, operator, asked });
                    kept.add_event(age, &Happened::Purge { count: 2 });
                    most = most.max(kept.bytes());
                }
            }
            assert!(most < 1_000_000, "{operators} operators: {most} bytes");
            let seen = kept.end(Duration::from_hours(24), Look::default());
            assert!(seen.timeline.len() > FEWEST / 3 && seen.timeline.is_sorted_by_key(|sample| sample.ms));
            assert!(seen.timeline.iter().any(|sample| sample.resident == ByteCount::mib(9)), "the peak is kept");
            // One of a hundred looks is followed by two events.
            let all = EVENTS.min(2 * usize::try_from(looks.div_ceil(100)).unwrap());
            assert_eq!((seen.events.len(), seen.events[all - 1].kind), (all, EventKind::Purge));
        }
    }

    #[test]
    fn a_run_of_some_seconds_is_kept_as_it_was_seen() {
        let mut kept = Kept::default();
        for at in 0..SAMPLES as u64 {
            kept.add(Duration::from_millis(at * 10), &Look::default());
        }
        assert_eq!(kept.end(Duration::from_secs(3), Look::default()).timeline.len(), SAMPLES + 1);
    }
}
