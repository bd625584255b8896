//! A timeline in as many columns as can be drawn: each shows the moment of its span at which most was resident, so that the
//! peak is never lost and what is drawn of one moment belongs together.

use crate::record::{RunRecord, Sample};

/// Returns the samples to draw, oldest first, at most `most` of them.
pub(crate) fn columns(record: &RunRecord, most: usize) -> Vec<&Sample> {
    let mut samples: Vec<&Sample> = record.memory.timeline.iter().collect();
    // The clock of a run never goes back, but a record comes from outside.
    samples.sort_by_key(|sample| sample.ms);
    if samples.len() <= most {
        return samples;
    }
    let span = samples.last().map_or(0, |sample| sample.ms).saturating_add(1);
    let column_of = |sample: &Sample| u128::from(sample.ms) * most as u128 / u128::from(span);
    let mut columns: Vec<&Sample> = Vec::with_capacity(most);
    for sample in samples {
        match columns.last_mut() {
            Some(last) if column_of(last) == column_of(sample) => {
                if sample.resident > last.resident {
                    *last = sample;
                }
            }
            _ => columns.push(sample),
        }
    }
    columns
}

/// Returns how long the time axis is: to the end of the run, or to whatever was recorded last.
pub(crate) fn span_ms(record: &RunRecord) -> f64 {
    let samples = record.memory.timeline.iter().map(|sample| sample.ms);
    let last = samples.chain(record.events.iter().map(|event| event.ms)).max().unwrap_or(0);
    let ms = record.seconds * 1e3;
    let ms = if ms.is_finite() { ms } else { 0.0 };
    ms.max(number(last)).max(1.0)
}

/// Returns a count as a number to draw with.
#[expect(clippy::cast_precision_loss, reason = "places in a drawing and shares, shown with three digits")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Memory;
    use tidegate_memory::ByteCount;

    fn run(samples: impl Iterator<Item = (u64, u64)>) -> RunRecord {
        let sample = |(ms, bytes)| Sample { ms, resident: ByteCount::new(bytes), ..Sample::default() };
        let memory = Memory { timeline: samples.map(sample).collect(), ..Memory::default() };
        RunRecord { memory, ..RunRecord::default() }
    }

    #[test]
    fn the_peak_is_among_the_columns() {
        let record = run((0..36_000).map(|at| (at * 100, if at == 7_777 { 9_000 } else { at % 50 })));
        let columns = columns(&record, 100);
        assert_eq!(columns.len(), 100);
        assert!(columns.is_sorted_by_key(|sample| sample.ms));
        assert_eq!(columns.iter().map(|sample| sample.resident.bytes()).max(), Some(9_000));
    }

    #[test]
    fn odd_timelines_are_drawn_too() {
        assert!(columns(&run([].into_iter()), 10).is_empty());
        let back = run([(5, 1), (0, 2), (u64::MAX, 3)].into_iter());
        assert_eq!(columns(&back, 2).iter().map(|sample| sample.resident.bytes()).collect::<Vec<_>>(), [2, 3]);
        assert!(span_ms(&run([].into_iter())) > 0.0);
        assert!(span_ms(&RunRecord { seconds: f64::NAN, ..back }) >= 1e19);
        for seconds in [1e306, f64::MAX, f64::INFINITY] {
            assert!(span_ms(&RunRecord { seconds, ..run([(0, 1)].into_iter()) }).is_finite(), "{seconds}");
        }
    }
}
