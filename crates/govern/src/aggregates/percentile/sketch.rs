//! The sketch of one group.

use super::buckets::{Buckets, canonical, double};

/// Values that are kept as they are at most.
const FEW: usize = 64;

const VALUES: u8 = 0;
const BUCKETS: u8 = 1;

/// Values, of which a percentile is wanted.
#[derive(Clone, Debug)]
pub struct Sketch(Form);

#[derive(Clone, Debug)]
enum Form {
    /// A few values themselves.
    Values(Vec<f64>),
    /// Buckets, and the number of all values, which is what decides on the size of the counts.
    Narrow(Box<(u64, Buckets<u32>)>),
    Wide(Box<(u64, Buckets<u64>)>),
}

impl Default for Sketch {
    fn default() -> Self {
        Self(Form::Values(Vec::new()))
    }
}

impl Sketch {
    /// Adds a value if that takes no memory. Returns whether it was added.
    #[inline]
    pub fn add_known(&mut self, value: f64) -> bool {
        let value = canonical(value);
        let (count, added) = match &mut self.0 {
            Form::Narrow(sketch) if sketch.0 < u64::from(u32::MAX) => (&mut sketch.0, sketch.1.add_known(value, &1)),
            Form::Wide(sketch) => (&mut sketch.0, sketch.1.add_known(value, &1)),
            Form::Values(_) | Form::Narrow(_) => return false,
        };
        *count += u64::from(added);
        added
    }

    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        let value = canonical(value);
        match &mut self.0 {
            Form::Narrow(sketch) if sketch.0 < u64::from(u32::MAX) => {
                sketch.0 += 1;
                sketch.1.add(value, &1);
            }
            Form::Wide(sketch) => {
                sketch.0 += 1;
                sketch.1.add(value, &1);
            }
            Form::Values(values) if values.len() < FEW => {
                if values.len() == values.capacity() {
                    values.reserve_exact(values.len().max(4));
                }
                values.push(value);
            }
            Form::Values(_) | Form::Narrow(_) => {
                self.make_buckets(1);
                self.add(value);
            }
        }
    }

    /// Makes buckets that can take some more values.
    fn make_buckets(&mut self, more: u64) {
        if let Form::Values(values) = &self.0 {
            let mut buckets = Buckets::default();
            for value in values {
                buckets.add(*value, &1);
            }
            self.0 = Form::Narrow(Box::new((self.count(), buckets)));
        }
        if let Form::Narrow(sketch) = &self.0
            && sketch.0.saturating_add(more) > u64::from(u32::MAX)
        {
            self.0 = Form::Wide(Box::new((sketch.0, sketch.1.map(|count| u64::from(*count)))));
        }
    }

    /// Returns the number of values.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Form::Values(values) => u64::try_from(values.len()).unwrap_or(u64::MAX),
            Form::Narrow(sketch) => sketch.0,
            Form::Wide(sketch) => sketch.0,
        }
    }

    /// Returns the value at a fraction of the ranks; `None` if there are no values.
    pub fn percentile(&self, fraction: f64) -> Option<f64> {
        let end = self.count().checked_sub(1)?;
        self.at(fraction.clamp(0.0, 1.0) * as_double(end), end)
    }

    /// Returns the value at a fraction of the ranks, counted from the greatest value.
    pub fn percentile_from_above(&self, fraction: f64) -> Option<f64> {
        let end = self.count().checked_sub(1)?;
        self.at(as_double(end) - fraction.clamp(0.0, 1.0) * as_double(end), end)
    }

    /// Returns the value at a rank that need not be whole; `end` is the last one.
    fn at(&self, position: f64, end: u64) -> Option<f64> {
        let (rank, part) = split(position, end);
        match &self.0 {
            Form::Values(values) => {
                let mut values = values.clone();
                values.sort_unstable_by(f64::total_cmp);
                between(values.into_iter().map(|value| (value, 1)), rank, part)
            }
            Form::Narrow(sketch) => {
                let (least, greatest) = sketch.1.extremes()?;
                let buckets = sketch.1.iter().map(|(value, count)| (value, u64::from(*count)));
                between(with_ends(buckets, least, greatest, end), rank, part)
            }
            Form::Wide(sketch) => {
                let (least, greatest) = sketch.1.extremes()?;
                let buckets = sketch.1.iter().map(|(value, count)| (value, *count));
                between(with_ends(buckets, least, greatest, end), rank, part)
            }
        }
    }

    /// Returns the bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Values(values) => values.capacity() * size_of::<f64>(),
            Form::Narrow(sketch) => size_of_val(&**sketch) + sketch.1.heap_bytes(),
            Form::Wide(sketch) => size_of_val(&**sketch) + sketch.1.heap_bytes(),
        }
    }

    /// Appends the sketch.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        match &self.0 {
            Form::Values(values) => {
                bytes.push(VALUES);
                for value in values {
                    bytes.extend(value.to_le_bytes());
                }
            }
            Form::Narrow(sketch) => {
                bytes.push(BUCKETS);
                bytes.extend(sketch.0.to_le_bytes());
                sketch.1.write(bytes);
            }
            Form::Wide(sketch) => {
                bytes.push(BUCKETS);
                bytes.extend(sketch.0.to_le_bytes());
                sketch.1.write(bytes);
            }
        }
    }

    /// Takes in a sketch that was written by [`Sketch::write`]; `None` if that is damaged.
    pub fn merge(&mut self, bytes: &[u8]) -> Option<()> {
        let (tag, mut bytes) = bytes.split_first()?;
        match *tag {
            VALUES => {
                while !bytes.is_empty() {
                    self.add(double(&mut bytes)?);
                }
                Some(())
            }
            BUCKETS => {
                let (count, rest) = bytes.split_first_chunk()?;
                let count = u64::from_le_bytes(*count);
                self.make_buckets(count);
                match &mut self.0 {
                    Form::Narrow(sketch) => {
                        sketch.0 += count;
                        sketch.1.merge(rest)
                    }
                    Form::Wide(sketch) => {
                        sketch.0 = sketch.0.saturating_add(count);
                        sketch.1.merge(rest)
                    }
                    Form::Values(_) => None,
                }
            }
            _ => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rank beyond 2^53 is as good as a double")]
fn as_double(rank: u64) -> f64 {
    rank as f64
}

/// Returns the whole part of a rank and the rest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the rank lies within 0 and the last")]
fn split(position: f64, end: u64) -> (u64, f64) {
    let rank = (position.floor() as u64).min(end);
    (rank, if rank == end { 0.0 } else { position - position.floor() })
}

/// Puts the least value at the first rank and the greatest at the last.
fn with_ends(
    buckets: impl Iterator<Item = (f64, u64)>,
    least: f64,
    greatest: f64,
    end: u64,
) -> impl Iterator<Item = (f64, u64)> {
    let mut before = 0;
    let inner = buckets.map(move |(value, count)| {
        let (first, after) = (before.max(1), (before + count).min(end));
        before += count;
        (value, after.saturating_sub(first))
    });
    std::iter::once((least, 1)).chain(inner).chain(std::iter::once((greatest, 1)))
}

/// Returns the value at a rank, or on the line from there to the next one.
fn between(values: impl Iterator<Item = (f64, u64)>, rank: u64, part: f64) -> Option<f64> {
    let mut low = None;
    let mut end = 0_u64;
    for (value, count) in values {
        end = end.saturating_add(count);
        if low.is_none() && end > rank {
            low = Some(value);
        }
        match low {
            Some(low) if part == 0.0 => return Some(low),
            Some(low) if end > rank + 1 => return Some(on_line(low, value, part)),
            _ => {}
        }
    }
    low
}

#[expect(clippy::float_cmp, reason = "equal values have no line between them; infinities are equal to themselves")]
fn on_line(low: f64, high: f64, part: f64) -> f64 {
    let step = high - low;
    if low == high {
        low
    } else if step.is_finite() {
        low + step * part
    } else {
        low * (1.0 - part) + high * part
    }
}
