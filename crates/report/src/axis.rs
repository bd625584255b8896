//! Axes: where the ticks are and what they say. There are never many, whatever the numbers.

/// Ticks that are aimed at.
const TICKS: f64 = 5.0;

/// Steps from the first tick to the last that there may be: a step is never below one of those aimed at.
const MOST_STEPS: u32 = 5;

/// An axis from zero to `most`.
#[derive(Debug)]
pub(crate) struct Axis {
    most: f64,
    pub(crate) ticks: Vec<Tick>,
}

/// A place on an axis.
#[derive(Debug)]
pub(crate) struct Tick {
    /// From 0 to 1.
    pub(crate) share: f64,
    pub(crate) label: String,
}

/// The units of an axis, each with what it is worth and from where on it is used.
struct Unit {
    name: &'static str,
    worth: f64,
    from: f64,
}

const BYTES: [Unit; 5] = [
    Unit { name: "B", worth: 1.0, from: 0.0 },
    Unit { name: "kB", worth: 1e3, from: 1e3 },
    Unit { name: "MB", worth: 1e6, from: 1e6 },
    Unit { name: "GB", worth: 1e9, from: 1e9 },
    Unit { name: "TB", worth: 1e12, from: 1e12 },
];

const TIME: [Unit; 5] = [
    Unit { name: "ms", worth: 1.0, from: 0.0 },
    Unit { name: "s", worth: 1e3, from: 1e3 },
    Unit { name: "min", worth: 6e4, from: 3e5 },
    Unit { name: "h", worth: 3.6e6, from: 1.8e7 },
    Unit { name: "d", worth: 8.64e7, from: 4.32e8 },
];

impl Axis {
    /// Returns an axis of sizes.
    pub(crate) fn bytes(most: f64) -> Self {
        Self::of(most, &BYTES)
    }

    /// Returns an axis of milliseconds.
    pub(crate) fn time(most_ms: f64) -> Self {
        Self::of(most_ms, &TIME)
    }

    /// Returns where a number is, from 0 to 1.
    pub(crate) fn share(&self, number: f64) -> f64 {
        (number / self.most).clamp(0.0, 1.0)
    }

    /// Returns the greatest number.
    pub(crate) fn most(&self) -> f64 {
        self.most
    }

    fn of(most: f64, units: &[Unit]) -> Self {
        let most = if most.is_finite() { most.max(1.0) } else { 1.0 };
        let unit = units.iter().rev().find(|unit| most >= unit.from);
        let (name, worth) = unit.map_or(("", 1.0), |unit| (unit.name, unit.worth));
        let step = step(most / worth / TICKS);
        let decimals = match step {
            step if step < 0.1 => 2,
            step if step < 1.0 => 1,
            _ => 0,
        };
        let mut ticks = Vec::new();
        for count in 0..=MOST_STEPS {
            let number = f64::from(count) * step;
            if number * worth > most * 1.000_001 {
                break;
            }
            let label = if number > 0.0 { format!("{number:.decimals$} {name}") } else { "0".to_owned() };
            ticks.push(Tick { share: (number * worth / most).min(1.0), label });
        }
        Self { most, ticks }
    }
}

/// The next of 1, 2, 5, 10, .. from `least` on.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let of_power = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999_999);
    of_power.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn ticks_are_round_numbers_of_a_readable_unit() {
        let check = |axis: &Axis, expect| assert_eq!(labels(axis), expect);
        check(&Axis::bytes(256e6), "0, 100 MB, 200 MB");
        check(&Axis::bytes(100e6), "0, 20 MB, 40 MB, 60 MB, 80 MB, 100 MB");
        check(&Axis::bytes(1.2e9), "0, 0.5 GB, 1.0 GB");
        check(&Axis::bytes(0.0), "0, 0.2 B, 0.4 B, 0.6 B, 0.8 B, 1.0 B");
        check(&Axis::time(9_400.0), "0, 2 s, 4 s, 6 s, 8 s");
        check(&Axis::time(40.0), "0, 10 ms, 20 ms, 30 ms, 40 ms");
        check(&Axis::time(3.6e6), "0, 20 min, 40 min, 60 min");
    }

    #[test]
    fn there_are_few_ticks_whatever_the_numbers() {
        for exponent in 0..20 {
            for factor in [1.0, 1.01, 1.9, 2.5, 4.99, 5.01, 9.99] {
                for axis in [Axis::bytes(factor * 10_f64.powi(exponent)), Axis::time(factor * 10_f64.powi(exponent))] {
                    assert!((3..=6).contains(&axis.ticks.len()), "{axis:?}");
                    assert!(axis.ticks.is_sorted_by(|a, b| a.share < b.share), "{axis:?}");
                }
            }
        }
        for odd in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, 1e300] {
            for axis in [Axis::bytes(odd), Axis::time(odd)] {
                assert!((2..=6).contains(&axis.ticks.len()), "{odd}");
                assert!(axis.ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.share)), "{axis:?}");
            }
        }
    }
}
