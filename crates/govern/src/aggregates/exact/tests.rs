//! Sums beside slow and obvious arithmetic, in any order, cut and merged anyhow.

use super::{Change, Sum};
use crate::aggregates::tests::Random;
use std::cmp::Ordering;

/// A sum as 32-bit digits that are not carried: exact for many more values than are added here.
struct Reference(Vec<i128>);

impl Reference {
    fn of(values: &[f64]) -> Self {
        let mut sum = Self(vec![0; 80]);
        for value in values {
            sum.add(*value, 1);
        }
        sum
    }

    fn add(&mut self, value: f64, times: i128) {
        let bits = value.to_bits();
        let exponent = (bits >> 52) & 0x7ff;
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let (mantissa, position) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let digit = usize::try_from(position / 32).unwrap();
        self.0[digit] += times * if value < 0.0 { -mantissa } else { mantissa } * (1 << (position % 32));
    }

    /// The distance from `times * value`, highest digit first.
    fn distance(&self, value: f64, times: i128) -> Vec<i128> {
        let mut rest = Self(self.0.clone());
        rest.add(value, -times);
        let carried = |sign: i128| {
            let mut carry = 0;
            let digits = rest.0.iter().map(|digit| {
                let total = sign * digit + carry;
                carry = total.div_euclid(1 << 32);
                total.rem_euclid(1 << 32)
            });
            let mut digits: Vec<_> = digits.collect();
            digits.push(carry);
            digits.reverse();
            digits
        };
        let plus = carried(1);
        if plus[0] < 0 { carried(-1) } else { plus }
    }

    /// Whether no double is nearer to the sum divided by `times`, and the even one is taken of two that are as near.
    fn assert_nearest(&self, value: f64, times: i128) {
        assert!(value.is_finite());
        let distance = self.distance(value, times);
        for other in [value.next_up(), value.next_down()].into_iter().filter(|other| other.is_finite()) {
            match distance.cmp(&self.distance(other, times)) {
                Ordering::Less => {}
                Ordering::Equal => assert_eq!(value.to_bits() & 1, 0, "{value:e} is odd"),
                Ordering::Greater => panic!("{other:e} is nearer than {value:e}"),
            }
        }
    }
}

fn sum_of(values: &[f64]) -> Sum {
    let mut sum = Sum::Empty;
    for value in values {
        sum.change(*value, Change::Enter);
    }
    sum
}

/// Cuts the values into parts, sums each, and merges the parts as bytes or as sums.
fn merged(values: &[f64], random: &mut Random) -> Sum {
    let mut whole = Sum::Empty;
    let mut rest = values;
    while !rest.is_empty() {
        let (part, others) = rest.split_at(1 + random.below(rest.len()));
        let mut bytes = Vec::new();
        match part {
            [single] if random.below(2) == 0 => bytes.extend(single.to_le_bytes()),
            _ => sum_of(part).write(&mut bytes),
        }
        whole.merge(&bytes).unwrap();
        rest = others;
    }
    whole
}

#[test]
fn sums_and_means_are_the_nearest_doubles_in_any_order() {
    let mut random = Random::new(1);
    for round in 0..1_500 {
        let kind = random.below(8);
        let mut values: Vec<f64> = (0..=random.below(120)).map(|_| random.double(kind)).collect();
        if random.below(3) == 0 {
            // What cancels leaves the small rest.
            let negated: Vec<_> = values.iter().skip(1).map(|value| -value).collect();
            values.extend(negated);
        }
        let reference = Reference::of(&values);
        let count = u64::try_from(values.len()).unwrap();
        let (sum, mean) = (sum_of(&values).to_f64(), sum_of(&values).mean(count));
        if sum.is_finite() {
            reference.assert_nearest(sum, 1);
        } else {
            // Half a step above the largest double, or more: the smallest double more is farther.
            let end = sum.signum() * f64::MAX;
            let step = sum.signum() * 2f64.powi(970);
            let mut beyond = Reference(reference.0.clone());
            beyond.add(end, -1);
            beyond.add(step, -1);
            let tiny = sum.signum() * f64::from_bits(1);
            assert!(beyond.distance(tiny, -1) > beyond.distance(tiny, 0), "{values:?}");
        }
        reference.assert_nearest(mean, count.into());
        for _ in 0..4 {
            random.shuffle(&mut values);
            for other in [sum_of(&values), merged(&values, &mut random)] {
                assert_eq!(other.to_f64().to_bits(), sum.to_bits(), "round {round} kind {kind}");
                assert_eq!(other.mean(count).to_bits(), mean.to_bits(), "round {round} kind {kind}");
            }
        }
    }
}

#[test]
fn what_leaves_was_never_there() {
    let mut random = Random::new(2);
    for _ in 0..1_000 {
        let (kind, other) = (random.below(8), random.below(8));
        let values: Vec<f64> = (0..random.below(50)).map(|_| random.double(kind)).collect();
        let mut passing: Vec<f64> = (0..random.below(50)).map(|_| random.double(other)).collect();
        passing.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        let mut sum = sum_of(&passing);
        for value in &values {
            sum.change(*value, Change::Enter);
        }
        random.shuffle(&mut passing);
        for value in &passing {
            sum.change(*value, Change::Leave);
        }
        assert_eq!(sum.to_f64().to_bits(), sum_of(&values).to_f64().to_bits());
    }
}

#[test]
fn what_is_not_finite_adds_up_as_ieee_754_says() {
    let (nan, plus, minus) = (f64::NAN, f64::INFINITY, f64::NEG_INFINITY);
    let cases: [(&[f64], f64); 8] = [
        (&[plus, 1.0, plus], plus),
        (&[1.0, minus], minus),
        (&[plus, minus], nan),
        (&[nan, plus], nan),
        (&[1e308, 1e308, minus], minus),
        (&[f64::MAX, f64::MAX], plus),
        (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
        (&[-0.0, -0.0], 0.0),
    ];
    let mut random = Random::new(3);
    for (values, expected) in cases {
        for sum in [sum_of(values), merged(values, &mut random)] {
            let sum = sum.to_f64();
            assert!(sum.to_bits() == expected.to_bits() || sum.is_nan() && expected.is_nan(), "{values:?}: {sum}");
        }
    }
    assert_eq!(sum_of(&[f64::MAX, f64::MAX]).mean(2).to_bits(), f64::MAX.to_bits());
}

#[test]
fn an_ordinary_sum_stays_in_its_window() {
    let mut random = Random::new(4);
    let mut sum = Sum::Empty;
    for _ in 0..100_000 {
        let thousandths: u32 = random.below(600_000).try_into().unwrap();
        assert_eq!(sum.change(f64::from(thousandths) / 1000.0, Change::Enter), 0);
    }
    assert_eq!(size_of::<Sum>(), 24);
    assert_eq!(sum.heap_bytes(), 0);
    assert!(sum.change(1e300, Change::Enter) > 0);
    assert_eq!(sum.heap_bytes(), 34 * 8);
}

#[test]
fn damaged_bytes_are_no_sum() {
    let mut sum = Sum::Empty;
    for damaged in [&[1][..], &[0; 7], &[0; 13], &[255; 20], &[1; 500]] {
        assert_eq!(sum.merge(damaged), None, "{damaged:?}");
    }
}
