//! The stacks of the peak for other tools: folded lines, speedscope, a flame graph as a picture.

use crate::{charge::Ledger, counted::Line};
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write};
use tidegate_memory::ByteCount;

/// What is written is never larger.
const MOST_BYTES: usize = 2_000_000;

/// What is narrower than this share of a flame graph's width is left out, in thousandths.
const NARROW: u64 = 2;
const WIDTH: u64 = 1200;
const ROW: usize = 17;

/// Bytes at the peak by stack, the outermost line first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stacks(Vec<(Vec<String>, u64)>);

impl Stacks {
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut stacks: Vec<(Vec<String>, u64)> = ledger
            .stacks
            .iter()
            .map(|(lines, bytes)| (lines.iter().map(frame).collect(), *bytes))
            .map(|(frames, bytes): (Vec<String>, u64)| {
                (if frames.is_empty() { vec!["no Python".into()] } else { frames }, bytes)
            })
            .collect();
        stacks.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        Self(stacks)
    }

    /// Returns one line for each stack: its lines, separated by semicolons, and its bytes. What `flamegraph.pl` and its kin read.
    pub fn folded(&self) -> String {
        let mut text = String::new();
        for (frames, bytes) in &self.0 {
            let line = format!("{} {bytes}\n", frames.join(";"));
            if text.len() + line.len() > MOST_BYTES {
                break;
            }
            text.push_str(&line);
        }
        text
    }

    /// Returns a profile for <https://www.speedscope.app>.
    pub fn speedscope(&self, name: &str) -> String {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut names, mut samples, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        let mut length = 0;
        for (frames, bytes) in &self.0 {
            let mut sample = Vec::new();
            for frame in frames {
                let next = known.len();
                let place = *known.entry(frame).or_insert(next);
                if place == next {
                    names.push(json!({ "name": frame }));
                    length += frame.len() + 14;
                }
                sample.push(place);
            }
            length += sample.len() * 6 + 20;
            if length > MOST_BYTES {
                break;
            }
            samples.push(sample);
            weights.push(*bytes);
        }
        let total: u64 = weights.iter().sum();
        json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "name": name,
            "exporter": concat!("tidegate ", env!("CARGO_PKG_VERSION")),
            "shared": { "frames": names },
            "profiles": [{
                "type": "sampled", "name": "memory at the peak", "unit": "bytes",
                "startValue": 0, "endValue": total, "samples": samples, "weights": weights,
            }],
        })
        .to_string()
    }

    /// Returns a flame graph as SVG, which names what the pointer is on.
    pub fn flamegraph(&self) -> String {
        let mut root = Node::default();
        for (frames, bytes) in &self.0 {
            root.add(frames, *bytes);
        }
        let height = (root.depth() + 1) * ROW;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" font-size=\"11\">\n"
        );
        if root.bytes > 0 {
            let all = root.bytes;
            root.draw("all", &mut Place { svg: &mut svg, all, from: 0, row: 0, height });
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn frame(line: &Line) -> String {
    let file = line.file.rsplit('/').next().unwrap_or(&line.file);
    format!("{} ({file}:{})", line.function, line.line).replace([';', '\n'], " ")
}

/// A frame of a flame graph.
#[derive(Default)]
struct Node {
    bytes: u64,
    inner: BTreeMap<String, Node>,
}

/// Where a frame is drawn.
struct Place<'a> {
    svg: &'a mut String,
    all: u64,
    from: u64,
    row: usize,
    height: usize,
}

impl Node {
    fn add(&mut self, frames: &[String], bytes: u64) {
        let mut node = self;
        node.bytes += bytes;
        for frame in frames {
            node = node.inner.entry(frame.clone()).or_default();
            node.bytes += bytes;
        }
    }

    fn depth(&self) -> usize {
        self.inner.values().map(|node| node.depth() + 1).max().unwrap_or(0)
    }

    fn draw(&self, name: &str, place: &mut Place<'_>) {
        let width = self.bytes.saturating_mul(WIDTH * 10) / place.all;
        if width < WIDTH * 10 * NARROW / 1000 || place.svg.len() > MOST_BYTES - 1000 {
            return;
        }
        let left = place.from.saturating_mul(WIDTH * 10) / place.all;
        let top = place.height - (place.row + 1) * ROW;
        let tenths = |number: u64| format!("{}.{}", number / 10, number % 10);
        let hue = name.bytes().fold(7_u32, |hue, byte| hue.wrapping_mul(31).wrapping_add(u32::from(byte))) % 50;
        let letters = usize::try_from(width / 10 / 7).unwrap_or(0);
        let shown: String = if letters < 3 { String::new() } else { name.chars().take(letters).collect() };
        // Writing into a string cannot fail.
        let _ = writeln!(
            place.svg,
            "<g><title>{} {}</title><rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"hsl({hue},70%,70%)\"/>\
             <text x=\"{}\" y=\"{}\">{}</text></g>",
            escaped(name),
            ByteCount::new(self.bytes),
            tenths(left),
            tenths(width),
            ROW - 1,
            tenths(left + 20),
            top + 12,
            escaped(&shown),
        );
        let mut from = place.from;
        for (name, node) in &self.inner {
            let (all, row, height) = (place.all, place.row + 1, place.height);
            node.draw(name, &mut Place { svg: place.svg, all, from, row, height });
            from += node.bytes;
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks() -> Stacks {
        let line = |function: &str, line| Line { file: "/a/b.py".into(), function: function.into(), line };
        let mut ledger = Ledger::default();
        ledger.stacks.insert(vec![line("<module>", 3), line("f", 9)], 3_000_000);
        ledger.stacks.insert(vec![line("<module>", 4)], 1_000_000);
        ledger.stacks.insert(Vec::new(), 500);
        Stacks::of(&ledger)
    }

    #[test]
    fn stacks_are_folded_the_largest_first() {
        assert_eq!(
            stacks().folded(),
            "<module> (b.py:3);f (b.py:9) 3000000\n<module> (b.py:4) 1000000\nno Python 500\n"
        );
    }

    #[test]
    fn a_profile_has_the_bytes_as_weights() {
        let profile: serde_json::Value = serde_json::from_str(&stacks().speedscope("etl.py")).unwrap();
        assert_eq!(profile["profiles"][0]["weights"], json!([3_000_000, 1_000_000, 500]));
        assert_eq!(profile["profiles"][0]["samples"], json!([[0, 1], [2], [3]]));
        assert_eq!(profile["shared"]["frames"][1]["name"], "f (b.py:9)");
    }

    #[test]
    fn a_flame_graph_names_what_is_wide_enough() {
        let svg = stacks().flamegraph();
        assert!(svg.contains("<title>f (b.py:9) 3.00 MB</title>") && svg.contains("&lt;module&gt; (b.py:4)"));
        assert!(!svg.contains("no Python"));
        assert!(Stacks::default().flamegraph().ends_with("</svg>\n"));
    }
}
