//! Which lines are broken, and how.

use super::random::Random;

/// There is one broken line for so many lines.
const LINES_PER_FAULT: u64 = 10_000;
/// Shorter logs have no broken line.
const LEAST_LINES: u64 = 1000;

/// How a line is broken. Each kind is unreadable in each format, and none of them touches the line after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The line ends after the path: in the log within a quoted field, in CSV before most columns, in NDJSON within an
    /// object.
    Truncated,
    /// Bytes that are no text.
    Garbage,
    /// The status is a word.
    WordStatus,
}

impl Fault {
    /// Kinds take turns. The ones that may mislead a reader who guesses types from the first lines come last.
    const TURNS: [Self; 3] = [Self::Truncated, Self::Garbage, Self::WordStatus];
}

/// Says for each record whether it is broken.
///
/// The log is cut into as many equal stretches as there are faults, and each fault stands somewhere in the middle half
/// of its stretch: their number is exact, and they are neither at regular distances nor among the first lines.
#[derive(Debug)]
pub struct Faults {
    random: Random,
    count: u64,
    stretch: u64,
    /// Faults that were placed, the next one included.
    placed: u64,
    next: Option<u64>,
}

impl Faults {
    /// Returns the faults of a log.
    pub fn new(seed: u64, lines: u64) -> Self {
        let count = if lines < LEAST_LINES { 0 } else { (lines / LINES_PER_FAULT).max(1) };
        let stretch = lines / count.max(1);
        let mut faults = Self { random: Random::new(seed), count, stretch, placed: 0, next: None };
        faults.place();
        faults
    }

    /// Returns how record `index` is broken. Must be called for each record in order.
    pub fn at(&mut self, index: u64) -> Option<Fault> {
        if self.next != Some(index) {
            return None;
        }
        let turn = (self.placed - 1) % Fault::TURNS.len() as u64;
        self.place();
        Fault::TURNS.into_iter().zip(0..).find(|(_, place)| *place == turn).map(|(fault, _)| fault)
    }

    fn place(&mut self) {
        self.next = (self.placed < self.count).then(|| {
            let middle = u32::try_from(self.stretch / 2).unwrap_or(u32::MAX);
            self.placed * self.stretch + self.stretch / 4 + u64::from(self.random.below(middle))
        });
        self.placed += u64::from(self.next.is_some());
    }
}
