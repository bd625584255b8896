//! Which bytes of the inputs a forecast reads: places spread over each file, or over some of many.
//!
//! A place is a run of whole lines. The first begins with the file, the last ends with it, and the others are each somewhere in
//! their own part of it, so that nothing that repeats at equal distances is hit each time or never.

use crate::{input::InputFile, zones::Gap};
use memchr::memchr;
use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

/// Bytes of a place. Shorter ones would hold more of the first line, which is passed over.
const PLACE: u64 = 64 << 10;

/// The longest line whose end is looked for.
const LONGEST: usize = 1 << 20;

/// A part of the inputs that stands for all of them.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// The files that are read.
    pub inputs: Arc<[InputFile]>,
    /// For each of them, what is not.
    pub gaps: Vec<Vec<Gap>>,
    /// How many bytes are read; `None` where that is told by reading alone, as of what is compressed.
    pub bytes: Option<u64>,
}

/// Returns a part of the inputs of about `most` bytes.
///
/// # Errors
/// If a file cannot be opened or read.
pub fn sampled(inputs: &Arc<[InputFile]>, most: u64) -> io::Result<Sampled> {
    let size = |input: &InputFile| input.size.map_or(0, tidegate_memory::ByteCount::bytes);
    let total: u64 = inputs.iter().map(size).sum();
    let filled: Vec<&InputFile> = inputs.iter().filter(|input| size(input) > 0).collect();
    if total <= most || filled.is_empty() {
        return Ok(Sampled { inputs: Arc::clone(inputs), gaps: vec![Vec::new(); inputs.len()], bytes: Some(total) });
    }
    let count = usize::try_from(most / PLACE).unwrap_or(usize::MAX).clamp(1, filled.len());
    let chosen: Vec<InputFile> =
        spread(filled.len(), count).filter_map(|at| filled.get(at).copied().cloned()).collect();
    let all: u64 = chosen.iter().map(size).sum();
    let (mut gaps, mut read) = (Vec::with_capacity(chosen.len()), Some(0));
    for (seed, input) in (0..).zip(&chosen) {
        let share = share(size(input), most, all).max(PLACE);
        let of_file = if input.compression.is_some() {
            read = None;
            vec![Gap { start: share, end: u64::MAX, lines: 0 }]
        } else {
            gaps_of(input, share, seed)?
        };
        let passed: u64 = of_file.iter().map(|gap| gap.end.min(size(input)).saturating_sub(gap.start)).sum();
        read = read.map(|read| read + size(input).saturating_sub(passed));
        gaps.push(of_file);
    }
    Ok(Sampled { inputs: chosen.into(), gaps, bytes: read })
}

/// Returns `count` of `all` places, the first and the last among them.
fn spread(all: usize, count: usize) -> impl Iterator<Item = usize> {
    let last = all.saturating_sub(1);
    (0..count).map(move |at| if count > 1 { at * last / (count - 1) } else { last / 2 })
}

fn share(size: u64, most: u64, all: u64) -> u64 {
    let share = u128::from(size) * u128::from(most) / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// Returns what is not read of a file of which `share` bytes are.
fn gaps_of(input: &InputFile, share: u64, seed: u64) -> io::Result<Vec<Gap>> {
    let (Some(path), Some(size)) = (&input.path, input.size) else { return Ok(Vec::new()) };
    let (file, size) = (File::open(path)?, size.bytes());
    let mut gaps: Vec<Gap> = Vec::new();
    let mut end = 0;
    for (start, length) in places(size, share, seed) {
        let start = if start == 0 { 0 } else { line_after(&file, start, size)? };
        if start > end {
            gaps.push(Gap { start: end, end: start, lines: 0 });
        }
        end = line_after(&file, (start + length).max(end), size)?;
    }
    if end < size {
        gaps.push(Gap { start: end, end: size, lines: 0 });
    }
    Ok(gaps)
}

/// Returns where places begin, in their order, and how long they are.
fn places(size: u64, share: u64, seed: u64) -> Vec<(u64, u64)> {
    let count = (share / PLACE).clamp(1, size.div_ceil(PLACE));
    let part = size / count;
    let length = PLACE.min(part);
    let place = |at: u64| match at {
        0 => 0,
        last if last + 1 == count => size - length,
        at => at * part + mixed(seed << 32 | at) % (part - length + 1),
    };
    (0..count).map(|at| (place(at), length)).collect()
}

/// Returns the hash of a number: `SplitMix64`, by Sebastiano Vigna.
fn mixed(number: u64) -> u64 {
    let sum = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let first = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    second ^ (second >> 31)
}

/// Returns where the first line begins at or after a place; the end of the file if that is far.
fn line_after(file: &File, place: u64, size: u64) -> io::Result<u64> {
    if place == 0 || place >= size {
        return Ok(place.min(size));
    }
    // The byte before may be the line end already.
    let mut at = place - 1;
    let mut buffer = [0; 4 << 10];
    while at < size && at < place + LONGEST as u64 {
        let read = file.read_at(&mut buffer, at)?;
        let found = buffer.get(..read).and_then(|read| memchr(b'\n', read));
        match found {
            Some(found) => return Ok((at + found as u64 + 1).min(size)),
            None if read == 0 => return Ok(size),
            None => at += read as u64,
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::find;
    use std::fs;

    fn lines(path: &std::path::Path, gaps: &[Gap]) -> Vec<String> {
        let bytes = fs::read(path).unwrap();
        let mut kept = Vec::new();
        let mut at = 0;
        for gap in gaps {
            kept.extend_from_slice(&bytes[at..usize::try_from(gap.start).unwrap()]);
            at = usize::try_from(gap.end).unwrap();
        }
        kept.extend_from_slice(&bytes[at..]);
        String::from_utf8(kept).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn places_are_whole_lines_from_all_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let all: Vec<_> = (0..200_000).map(|at| format!("line {at} {}", "x".repeat(at % 40))).collect();
        fs::write(&path, all.join("\n")).unwrap();
        let inputs: Arc<[_]> = find(path.to_str().unwrap()).unwrap().into();
        let size = fs::metadata(&path).unwrap().len();
        for most in [64 << 10, 500_000, 2 << 20] {
            let sampled = sampled(&inputs, most).unwrap();
            let kept = lines(&path, &sampled.gaps[0]);
            let numbers: Vec<usize> =
                kept.iter().map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect();
            assert!(numbers.is_sorted() && kept.iter().zip(&numbers).all(|(line, at)| *line == all[*at]), "{most}");
            let read: u64 = kept.iter().map(|line| line.len() as u64 + 1).sum();
            assert!(read.abs_diff(most) < most / 4 + 1000, "{read} of {most}");
            assert!(sampled.bytes.unwrap().abs_diff(read) <= 1);
            if most > 64 << 10 {
                assert_eq!((numbers[0], numbers[numbers.len() - 1]), (0, all.len() - 1));
            }
        }
        assert_eq!(super::sampled(&inputs, size).unwrap().bytes, Some(size));
    }

    #[test]
    fn some_of_many_files_stand_for_all() {
        let folder = tempfile::tempdir().unwrap();
        for at in 0..50 {
            fs::write(folder.path().join(format!("{at:02}.log")), "a line\n".repeat(20_000)).unwrap();
        }
        fs::write(folder.path().join("empty.log"), "").unwrap();
        let inputs: Arc<[_]> = find(folder.path().to_str().unwrap()).unwrap().into();
        let sampled = sampled(&inputs, 1 << 20).unwrap();
        assert_eq!(sampled.inputs.len(), 16);
        assert_eq!((&*sampled.inputs[0].name, &*sampled.inputs[15].name), (&*inputs[0].name, &*inputs[49].name));
        let bytes = sampled.bytes.unwrap();
        assert!(bytes.abs_diff(1 << 20) < 300_000, "{bytes}");
    }
}
