//! What the rows say together: whether `auto` does what it claims to.

use super::measured::{By, Measured};
use serde_json::{Value, json};

/// `auto` has to reach this share of the fastest mode that survives.
const OF_FASTEST: f64 = 0.97;

/// `auto` has to answer so many times the requests of the best row of pandas, each in this share of its time.
const TIMES_PANDAS: f64 = 2.4;
const SHARE_OF_PANDAS: f64 = 0.45;

/// A claim and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    /// What is claimed.
    pub(super) what: &'static str,
    /// What was measured, in words.
    pub(super) measured: String,
    /// Whether it holds.
    pub(super) holds: bool,
}

impl Claim {
    /// Returns it for programs.
    pub(super) fn to_json(&self) -> Value {
        json!({ "claim": self.what, "measured": self.measured, "holds": self.holds })
    }
}

/// Compares rows.
pub(super) fn claims(rows: &[Measured]) -> Vec<Claim> {
    let ours = || rows.iter().filter(|row| row.by == By::Tidegate);
    let Some(auto) = ours().find(|row| row.mode == "auto") else { return Vec::new() };
    let mut claims = vec![Claim {
        what: "auto holds the limit",
        measured: format!("{}, {} at the peak", auto.fate.words(), auto.peak),
        holds: auto.survived(),
    }];
    if let Some(fastest) = fastest(ours()) {
        let share = auto.rate() / fastest.rate();
        claims.push(Claim {
            what: "auto is within 3 % of the fastest mode that survives",
            measured: format!("{:.1} % of the requests/s of {}", share * 100.0, fastest.mode),
            holds: share >= OF_FASTEST,
        });
    }
    let pandas = || rows.iter().filter(|row| row.by == By::Pandas);
    if let Some(best) = fastest(pandas()).or_else(|| pandas().max_by(|a, b| a.rate().total_cmp(&b.rate()))) {
        let times = auto.rate() / best.rate();
        claims.push(Claim {
            what: "auto answers 2.4 times the requests of the best pandas",
            measured: format!("{times:.2} times those of `{}`", best.mode),
            holds: times >= TIMES_PANDAS,
        });
        let share = auto.percentile(50).as_secs_f64() / best.percentile(50).as_secs_f64();
        claims.push(Claim {
            what: "auto has 0.45 times the p50 of the best pandas",
            measured: format!("{share:.2} times that of `{}`", best.mode),
            holds: share <= SHARE_OF_PANDAS,
        });
    }
    claims
}

/// Returns the fastest of those that survived.
fn fastest<'a>(rows: impl Iterator<Item = &'a Measured>) -> Option<&'a Measured> {
    rows.filter(|row| row.survived()).max_by(|a, b| a.rate().total_cmp(&b.rate()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::release::measured::{Fate, tests::measured};
    use std::time::Duration;

    #[test]
    fn the_fastest_that_survives_counts() {
        let dead = || Fate::Killed(Duration::from_secs(1));
        let rows = [
            measured(By::Tidegate, "never", 1000, dead()),
            measured(By::Tidegate, "always", 100, Fate::Survived),
            measured(By::Tidegate, "auto", 98, Fate::Survived),
            measured(By::Pandas, "keep", 90, dead()),
            measured(By::Pandas, "drop", 40, Fate::Survived),
            measured(By::Pandas, "trim", 30, Fate::Survived),
        ];
        let claims = claims(&rows);
        let holds: Vec<_> = claims.iter().map(|claim| claim.holds).collect();
        // As many requests with as many ms in these rows: what answers more takes longer.
        assert_eq!(holds, [true, true, true, false], "{claims:#?}");
        assert_eq!(claims[1].measured, "98.0 % of the requests/s of always");
        assert_eq!(claims[2].measured, "2.45 times those of `drop`");
        assert_eq!(claims[3].measured, "2.45 times that of `drop`");
    }

    #[test]
    fn without_pandas_nothing_is_said_of_it() {
        let rows = [measured(By::Tidegate, "auto", 98, Fate::Crossed)];
        let claims = claims(&rows);
        assert_eq!(claims.len(), 1);
        assert!(!claims[0].holds);
        assert_eq!(super::claims(&[]), []);
    }
}
