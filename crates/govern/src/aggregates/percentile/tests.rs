//! The sketch beside sorted values.

use super::Sketch;
use crate::aggregates::tests::Random;

fn sketch_of(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::default();
    for value in values {
        sketch.add(*value);
    }
    sketch
}

fn merged(values: &[f64], random: &mut Random) -> Sketch {
    let mut whole = Sketch::default();
    let mut rest = values;
    while !rest.is_empty() {
        let (part, others) = rest.split_at(1 + random.below(rest.len()));
        let mut bytes = Vec::new();
        sketch_of(part).write(&mut bytes);
        whole.merge(&bytes).unwrap();
        rest = others;
    }
    whole
}

#[test]
fn answers_hold_their_bound_and_do_not_depend_on_the_order() {
    let mut random = Random::new(5);
    for round in 0..300 {
        let kind = random.below(8);
        let mut values: Vec<f64> = (0..=random.below(2_000)).map(|_| random.double(kind)).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let sketch = sketch_of(&values);
        random.shuffle(&mut values);
        let others = [sketch_of(&values), merged(&values, &mut random)];
        for percent in [0u32, 1, 10, 25, 50, 75, 90, 95, 99, 100] {
            let fraction = f64::from(percent) / 100.0;
            let answer = sketch.percentile(fraction).unwrap();
            for other in &others {
                assert_eq!(other.percentile(fraction).unwrap().to_bits(), answer.to_bits(), "round {round}");
            }
            // A rank that is whole but for the last bit of a double may be met from either side.
            let position = fraction * f64::from(u32::try_from(sorted.len() - 1).unwrap());
            let near = |position: f64| {
                sorted
                    .iter()
                    .enumerate()
                    .filter(move |(rank, _)| (f64::from(u32::try_from(*rank).unwrap()) - position).abs() <= 1.000_001)
            };
            let slack = |value: f64| if values.len() <= 64 { 0.0 } else { value.abs() / 256.0 + 2f64.powi(-1030) };
            let low = near(position).map(|(_, value)| value - slack(*value)).fold(f64::INFINITY, f64::min);
            let high = near(position).map(|(_, value)| value + slack(*value)).fold(f64::NEG_INFINITY, f64::max);
            assert!(low <= answer && answer <= high, "round {round} kind {kind}: {low} {answer} {high}");
        }
        assert_eq!(sketch.percentile(0.0).unwrap().to_bits(), (sorted[0] + 0.0).to_bits());
        assert_eq!(sketch.percentile(1.0).unwrap().to_bits(), (sorted[sorted.len() - 1] + 0.0).to_bits());
    }
}

#[test]
fn whole_numbers_and_few_values_are_exact() {
    let few = sketch_of(&[1000.5, 1001.0, 1002.0, 1003.0]);
    assert_eq!(few.percentile(0.5), Some(1001.5));
    let many: Vec<f64> = (0..=512_u32).map(f64::from).collect();
    for rank in 0..=512_u32 {
        let fraction = f64::from(rank) / 512.0;
        assert_eq!(sketch_of(&many).percentile(fraction), Some(f64::from(rank)));
    }
    assert_eq!(Sketch::default().percentile(0.5), None);
}

#[test]
fn not_a_number_is_above_all_and_infinities_are_ends() {
    let mut values = vec![f64::NEG_INFINITY, f64::INFINITY, f64::NAN, -f64::NAN];
    values.extend((0..96).map(f64::from));
    let sketch = sketch_of(&values);
    assert_eq!(sketch.percentile(0.0), Some(f64::NEG_INFINITY));
    assert!(sketch.percentile(1.0).unwrap().is_nan());
    assert!(sketch.percentile(98.0 / 99.0).unwrap().is_nan());
    assert_eq!(sketch.percentile(97.0 / 99.0), Some(f64::INFINITY));
    assert_eq!(sketch.percentile(1.0 / 99.0), Some(0.0));
}

#[test]
fn counts_grow_beyond_32_bits() {
    let mut part = sketch_of(&vec![1.0; 100]);
    for _ in 0..26 {
        let mut bytes = Vec::new();
        part.write(&mut bytes);
        part.merge(&bytes).unwrap();
    }
    assert_eq!(part.count(), 100 << 26);
    part.add(3.0);
    assert_eq!(part.percentile(0.99), Some(1.0));
    assert_eq!(part.percentile(1.0), Some(3.0));
}

#[test]
fn damaged_bytes_are_no_sketch() {
    for damaged in [&[][..], &[0, 1], &[1], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 7], &[9]] {
        assert!(Sketch::default().merge(damaged).is_none(), "{damaged:?}");
    }
}
