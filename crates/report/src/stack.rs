//! Resident memory taken apart, over time: program pages, what is no operator's, and the operators with the most.

use crate::{
    record::{RunRecord, Sample},
    series::number,
    text,
};
use tidegate_memory::ByteCount;

/// Operators that have a colour of their own. More cannot be told apart by everybody.
pub(crate) const COLOURS: usize = 5;

/// Layers from the bottom up; together they are what was resident.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    pub(crate) layers: Vec<Layer>,
}

/// One part of memory over time.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) part: Part,
    pub(crate) name: String,
    /// What it took in each column.
    pub(crate) bytes: Vec<f64>,
}

/// What a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The program's own pages.
    Program,
    /// Anonymous memory that is on no operator's account.
    Unowned,
    /// Operators without a colour of their own.
    Others,
    /// The operator at this place of the plan, with this colour.
    Operator { place: usize, colour: usize },
}

impl Stack {
    /// Takes the samples apart; there are no layers where no sample knows operators.
    pub(crate) fn of(record: &RunRecord, columns: &[&Sample]) -> Self {
        if columns.iter().all(|sample| sample.operators.is_empty()) {
            return Self::default();
        }
        let coloured = largest(record, columns);
        let mut layers = vec![
            layer(Part::Program, "program pages", columns, program),
            layer(Part::Unowned, "not of an operator", columns, unowned),
        ];
        let others = layer(Part::Others, "other operators", columns, |sample| {
            let others = sample.operators.iter().enumerate().filter(|(place, _)| !coloured.contains(place));
            others.map(|(_, bytes)| *bytes).sum()
        });
        if others.bytes.iter().any(|bytes| *bytes > 0.0) {
            layers.push(others);
        }
        for (colour, place) in coloured.iter().enumerate() {
            let name = record.memory.operators.get(*place).map_or("operator", |operator| operator.name.as_str());
            let name = format!("{} {}", place + 1, text::line(name, 24));
            layers.push(layer(Part::Operator { place: *place, colour }, &name, columns, |sample| {
                sample.operators.get(*place).copied().unwrap_or_default()
            }));
        }
        Self { layers }
    }

    /// Returns the colour of the operator at `place`.
    pub(crate) fn colour(&self, place: usize) -> Option<usize> {
        self.layers.iter().find_map(|layer| match layer.part {
            Part::Operator { place: this, colour } if this == place => Some(colour),
            _ => None,
        })
    }

    /// Returns how high the stack is in each column.
    pub(crate) fn heights(&self) -> Vec<f64> {
        let mut heights = vec![0.0; self.layers.first().map_or(0, |layer| layer.bytes.len())];
        for layer in &self.layers {
            for (height, bytes) in heights.iter_mut().zip(&layer.bytes) {
                *height += bytes;
            }
        }
        heights
    }
}

fn layer(part: Part, name: &str, columns: &[&Sample], bytes: impl Fn(&Sample) -> ByteCount) -> Layer {
    let bytes = columns.iter().map(|sample| number(bytes(sample).bytes())).collect();
    Layer { part, name: name.to_owned(), bytes }
}

fn program(sample: &Sample) -> ByteCount {
    sample.anonymous.map_or(ByteCount::ZERO, |anonymous| sample.resident - anonymous)
}

fn unowned(sample: &Sample) -> ByteCount {
    sample.anonymous.unwrap_or(sample.resident) - sample.operators.iter().copied().sum()
}

/// Returns the places of the operators with the most in any column, the one with the most first.
fn largest(record: &RunRecord, columns: &[&Sample]) -> Vec<usize> {
    let count = columns.iter().map(|sample| sample.operators.len()).max().unwrap_or(0);
    let most = |place: usize| columns.iter().filter_map(|sample| sample.operators.get(place)).max().copied();
    let known = count.min(record.memory.operators.len().max(1));
    let mut places: Vec<(ByteCount, usize)> =
        (0..known).map(|place| (most(place).unwrap_or_default(), place)).collect();
    places.retain(|(bytes, _)| *bytes > ByteCount::ZERO);
    places.sort_by_key(|(bytes, place)| (std::cmp::Reverse(*bytes), *place));
    places.into_iter().take(COLOURS).map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Operator;

    fn sample(resident: u64, anonymous: u64, operators: &[u64]) -> Sample {
        Sample {
            resident: ByteCount::new(resident),
            anonymous: Some(ByteCount::new(anonymous)),
            operators: operators.iter().copied().map(ByteCount::new).collect(),
            ..Sample::default()
        }
    }

    #[test]
    fn the_layers_add_up_to_what_was_resident() {
        let mut record = RunRecord::default();
        record.memory.operators = vec![Operator::default(); 8];
        let (first, second) = (sample(100, 80, &[1, 2, 3, 4, 5, 6, 7, 8]), sample(90, 80, &[10]));
        let stack = Stack::of(&record, &[&first, &second]);
        assert_eq!(stack.heights(), [100.0, 90.0]);
        let parts: Vec<_> = stack.layers.iter().map(|layer| layer.part).collect();
        assert_eq!(parts[..3], [Part::Program, Part::Unowned, Part::Others]);
        assert_eq!((parts.len(), stack.colour(0), stack.colour(7), stack.colour(1)), (8, Some(0), Some(1), None));
        assert_eq!(stack.layers[2].bytes, [2.0 + 3.0 + 4.0, 0.0]);
    }

    #[test]
    fn samples_that_contradict_themselves_are_drawn() {
        let odd = sample(10, 50, &[70, 5]);
        let heights = Stack::of(&RunRecord::default(), &[&odd]).heights();
        assert_eq!(heights, [75.0]);
        assert!(Stack::of(&RunRecord::default(), &[&sample(1, 1, &[])]).layers.is_empty());
    }
}
