//! Memory over time in block characters, with the limit as a line.

use crate::{axis::Axis, series::number, shown::Shown};
use tidegate_memory::ByteCount;

/// Rows of blocks.
const ROWS: usize = 6;

/// Steps in a row.
const STEPS: f64 = 8.0;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Columns for what is written on the left.
const LABEL: usize = 10;

/// Above this, the limit is beyond the chart.
const HEADROOM: u64 = 3;

/// Returns the lines of the chart, `width` columns wide; none without a timeline.
pub(super) fn draw(shown: &Shown, width: usize) -> Vec<String> {
    let room = width.saturating_sub(LABEL + 1).max(1);
    let heights = heights(shown, room);
    let Some(highest) = heights.iter().max().copied().filter(|highest| *highest > 0) else { return Vec::new() };
    let limit = shown.record.limit.map(ByteCount::bytes).filter(|limit| *limit / HEADROOM <= highest);
    let most = highest.max(limit.unwrap_or(0));
    let steps = |bytes: u64| number(bytes) / number(most) * (number(ROWS as u64) * STEPS);
    // A limit that is the most of all has a row of its own above the blocks.
    let limit_row = limit.map(|limit| (steps(limit) / STEPS).floor());
    let top_row = if limit_row.is_some_and(|row| row >= number(ROWS as u64)) { ROWS } else { ROWS - 1 };
    let mut lines = Vec::new();
    for row in (0..=top_row).rev() {
        let floor = number(row as u64);
        let is_limit = limit_row == Some(floor);
        let label = match limit {
            Some(limit) if is_limit => ByteCount::new(limit).to_string(),
            _ if row + 1 == ROWS && top_row < ROWS => ByteCount::new(most).to_string(),
            _ if row == 0 => "0".to_owned(),
            _ => String::new(),
        };
        let blocks: String = heights.iter().map(|bytes| block(steps(*bytes) - floor * STEPS, is_limit)).collect();
        let end = if is_limit { " limit" } else { "" };
        let kept = if is_limit { room.saturating_sub(end.len()) } else { room };
        let blocks: String = blocks.chars().take(kept).collect();
        lines.push(format!("{label:>LABEL$} {blocks}{end}"));
    }
    lines.push(time_axis(shown.span_ms, room));
    lines
}

/// Returns what was resident at most in each column; one without a sample is as high as the one before it.
fn heights(shown: &Shown, room: usize) -> Vec<u64> {
    let mut heights: Vec<Option<u64>> = vec![None; room];
    for sample in &shown.columns {
        let place = place(number(sample.ms) / shown.span_ms, room);
        if let Some(height) = heights.get_mut(place) {
            *height = Some(height.unwrap_or(0).max(sample.resident.bytes()));
        }
    }
    let mut last = 0;
    let mut filled = Vec::with_capacity(room);
    for height in heights {
        last = height.unwrap_or(last);
        filled.push(last);
    }
    filled
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place within the room, and casts saturate"
)]
fn place(share: f64, room: usize) -> usize {
    ((share * number(room as u64)) as usize).min(room - 1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8 steps")]
fn block(steps: f64, is_limit: bool) -> char {
    let step = steps.clamp(0.0, STEPS).round() as usize;
    if step == 0 && is_limit { '┄' } else { BLOCKS.get(step).copied().unwrap_or('█') }
}

fn time_axis(span_ms: f64, room: usize) -> String {
    let mut line = String::new();
    for tick in &Axis::time(span_ms).ticks {
        let start = LABEL + 1 + place(tick.share, room);
        let used = line.chars().count();
        let fits = start + tick.label.len() <= LABEL + 1 + room;
        if (start > used || used == 0) && fits {
            line.push_str(&" ".repeat(start - used));
            line.push_str(&tick.label);
        }
    }
    line
}
