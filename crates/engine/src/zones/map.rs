//! The map of one file.

/// A part of a file: whole records, from the end of the part before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The byte after its last.
    pub end: u64,
    /// Its physical lines.
    pub lines: u64,
    /// The least time of its records in microseconds, or `i64::MAX` if none has one.
    pub low: i64,
    /// The greatest, or `i64::MIN`.
    pub high: i64,
}

/// A part of a file in which no record is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its first byte.
    pub start: u64,
    /// The byte after its last.
    pub end: u64,
    /// Its physical lines.
    pub lines: u64,
}

/// All parts of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneMap {
    /// Where the first begins, after the header.
    pub start: u64,
    /// In their order.
    pub zones: Vec<Zone>,
}

impl Zone {
    /// Returns this part and the one behind it as one.
    pub fn with(self, next: Self) -> Self {
        let (low, high) = (self.low.min(next.low), self.high.max(next.high));
        Self { end: next.end, lines: self.lines + next.lines, low, high }
    }
}

impl ZoneMap {
    /// Returns the parts without a record between two times, both included; neighbours are one.
    pub fn gaps(&self, low: i64, high: i64) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        let mut start = self.start;
        for zone in &self.zones {
            if zone.high < low || zone.low > high {
                match gaps.last_mut() {
                    Some(last) if last.end == start => {
                        *last = Gap { start: last.start, end: zone.end, lines: last.lines + zone.lines };
                    }
                    _ => gaps.push(Gap { start, end: zone.end, lines: zone.lines }),
                }
            }
            start = zone.end;
        }
        gaps
    }
}
