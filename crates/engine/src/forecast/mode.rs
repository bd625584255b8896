//! How a query will run within a limit.

use super::level::number;
use std::fmt;
use tidegate_govern::growth::shared_by_spilling;
use tidegate_memory::ByteCount;

/// How a query will run within a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Rows pass through; nothing that is held grows with the data.
    Streaming,
    /// What is held of the data fits into memory.
    InMemory,
    /// What does not fit goes to disk and comes back.
    Spilling,
    /// The limit is too small for what cannot go to disk.
    Refused,
}

impl Mode {
    /// Returns the name, as the record of a run has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::InMemory => "in memory",
            Self::Spilling => "spilling",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What decides on the mode. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// What operators will hold that grows with the data: expected, and at most.
    pub held: f64,
    pub held_at_most: f64,
    /// What of it cannot go to disk in any plan.
    pub rigid: f64,
    /// What operators may reserve together; `None` without a limit.
    pub may_have: Option<f64>,
}

/// State below it does not count as growing.
const SMALL: f64 = 4e6;

/// Returns how a query will run, and why.
pub(super) fn choose(needs: &Needs) -> (Mode, String) {
    let bytes = |number: f64| shown(number);
    let Some(most) = needs.may_have else {
        return match needs.held {
            held if held <= SMALL => (Mode::Streaming, "nothing that is held grows with the data".into()),
            held => (Mode::InMemory, format!("no limit is set; operators will hold about {}", bytes(held))),
        };
    };
    if needs.rigid > most {
        let reason = format!("about {} cannot go to disk, and operators may have {}", bytes(needs.rigid), bytes(most));
        return (Mode::Refused, reason);
    }
    if needs.held <= SMALL && needs.held_at_most <= most {
        return (Mode::Streaming, "nothing that is held grows with the data".into());
    }
    let shared = shared(most);
    let beside = format!("operators will hold about {} and may have {}", bytes(needs.held), bytes(shared));
    if needs.held <= shared { (Mode::InMemory, beside) } else { (Mode::Spilling, beside) }
}

/// Returns what of so many bytes those share that can spill.
pub(super) fn shared(most: f64) -> f64 {
    number(shared_by_spilling(shown(most).size()) as u64)
}

pub(super) fn shown(number: f64) -> ByteCount {
    // A float becomes the nearest whole number that there is.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are not negative, and saturate")]
    ByteCount::new(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_follows_from_what_is_held() {
        let check = |held: f64, rigid: f64, may_have: Option<f64>, expected: Mode| {
            let needs = Needs { held, held_at_most: held * 1.5, rigid, may_have };
            assert_eq!(choose(&needs).0, expected, "{needs:?}");
        };
        check(1e6, 0.0, Some(100e6), Mode::Streaming);
        check(1e6, 0.0, None, Mode::Streaming);
        check(50e6, 0.0, Some(100e6), Mode::InMemory);
        check(500e6, 0.0, None, Mode::InMemory);
        check(90e6, 0.0, Some(100e6), Mode::Spilling);
        check(500e6, 120e6, Some(100e6), Mode::Refused);
    }
}
