//! What is told when a loop has ended.

use super::Failure;

/// What became of all units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Units that were done now.
    pub done: usize,
    /// Units that were done before.
    pub already_done: usize,
    /// Units that failed, by name, and why.
    pub failed: Vec<(String, Failure)>,
    /// Units that were left out, by name, and the task that failed before them.
    pub skipped: Vec<(String, String)>,
    /// Units that were not begun, or not ended, when somebody stopped the loop.
    pub left: usize,
    /// How the loop ended.
    pub ending: Ending,
}

/// How a loop ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// There was nothing left to do.
    #[default]
    Completed,
    /// Somebody stopped it.
    Interrupted,
}

impl Summary {
    /// Returns the exit code of the command: 130 if it was interrupted, 0 if all is done, what all failures have in common,
    /// and 1 if they have nothing in common.
    pub fn exit_code(&self) -> u8 {
        if self.ending == Ending::Interrupted {
            return 130;
        }
        let mut codes = self.failed.iter().map(|(_, failure)| failure.exit_code);
        let Some(first) = codes.next() else { return 0 };
        if codes.all(|code| code == first) { first } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_say_how_it_ended() {
        let of = |codes: &[u8], ending| {
            let failed =
                codes.iter().map(|code| (String::new(), Failure { exit_code: *code, ..Failure::for_good("") }));
            Summary { failed: failed.collect(), ending, ..Summary::default() }.exit_code()
        };
        assert_eq!(of(&[], Ending::Completed), 0);
        assert_eq!(of(&[3, 3], Ending::Completed), 3);
        assert_eq!(of(&[3, 4], Ending::Completed), 1);
        assert_eq!(of(&[], Ending::Interrupted), 130);
    }
}
