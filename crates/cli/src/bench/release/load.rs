//! The load: log files of several sizes in two formats, and the order of requests.

use super::questions::{QUESTIONS, Question};
use crate::demo::data::{self, BrokenLines, DataFormat, DataOptions};
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};
use tidegate_engine::EngineError;
use tidegate_memory::ByteCount;

/// The largest file has so many times the lines of the smallest; each is twice the one before.
const SIZES: u32 = 5;

/// So often each question is asked of each file before the plan begins anew.
const ROUNDS: usize = 20;

/// What is asked, and of what.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// The logs.
    pub(super) files: Vec<LogFile>,
    /// Requests in their order. Whoever comes to the end begins anew.
    pub(super) plan: Vec<Request>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How it is written.
    pub(super) format: DataFormat,
    /// Records.
    pub(super) lines: u64,
    /// Its size.
    pub(super) bytes: ByteCount,
}

/// A question about a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The place of the log among the files.
    pub(super) file: usize,
    /// The question.
    pub(super) question: Question,
}

impl LogFile {
    /// Returns the name of the format, as the pandas side knows it.
    pub(super) fn format_name(&self) -> &'static str {
        if self.format == DataFormat::Csv { "csv" } else { "log" }
    }
}

impl Load {
    /// Writes the files that are not there yet, the largest with so many lines, and plans the requests of a seed.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn prepare(folder: &Path, largest: u64, seed: u64) -> Result<Self, EngineError> {
        let folder = std::path::absolute(folder).map_err(|error| EngineError::file("find", folder, error))?;
        fs::create_dir_all(&folder).map_err(|error| EngineError::file("create", &folder, error))?;
        let mut files = Vec::new();
        for lines in sizes(largest) {
            for format in [DataFormat::Log, DataFormat::Csv] {
                let path = folder.join(format!("{lines}-{seed}-{}", format.file_name()));
                let options = DataOptions { lines, seed: seed.wrapping_add(lines), format, broken: BrokenLines::None };
                let bytes = write(&path, &options).map_err(|error| EngineError::file("write", &path, error))?;
                files.push(LogFile { path, format, lines, bytes });
            }
        }
        let plan = plan(files.len(), seed);
        Ok(Self { files, plan })
    }

    /// Returns each question about each file, once.
    pub(super) fn all(&self) -> Vec<Request> {
        every(self.files.len())
    }

    /// Returns the file of a request.
    pub(super) fn file(&self, request: Request) -> Option<&LogFile> {
        self.files.get(request.file)
    }
}

/// Returns the numbers of lines, the smallest first.
fn sizes(largest: u64) -> impl Iterator<Item = u64> {
    (0..SIZES).rev().map(move |halvings| (largest >> halvings).max(1))
}

/// Writes a log beside its place, then moves it there, so that a file that is there is whole.
fn write(path: &Path, options: &DataOptions) -> io::Result<ByteCount> {
    if !path.exists() {
        let part = path.with_extension("part");
        if options.format == DataFormat::Log {
            write_plain(&part, options)?;
        } else {
            generate(&part, options)?;
        }
        fs::rename(&part, path)?;
    }
    Ok(ByteCount::new(path.metadata()?.len()))
}

fn generate(path: &Path, options: &DataOptions) -> io::Result<()> {
    data::generate(options, &mut File::create(path)?).map(drop)
}

/// Writes so many lines of which spaces and quotes alone tell the fields: the others are few, and left out.
fn write_plain(path: &Path, options: &DataOptions) -> io::Result<()> {
    let all = path.with_extension("all");
    generate(&all, &DataOptions { lines: options.lines + options.lines / 8 + 64, ..*options })?;
    let mut plain = BufWriter::new(File::create(path)?);
    let lines = BufReader::new(File::open(&all)?).lines();
    let wanted = usize::try_from(options.lines).unwrap_or(usize::MAX);
    for line in lines.filter(|line| line.as_ref().map_or(true, |line| is_plain(line))).take(wanted) {
        writeln!(plain, "{}", line?)?;
    }
    plain.flush()?;
    fs::remove_file(&all)
}

/// Returns whether a line of a combined log reads the same by spaces and quotes: no space in a name, no escape.
fn is_plain(line: &str) -> bool {
    let names = line.split_once(" [").map_or(line, |(names, _)| names);
    names.matches(' ').count() == 2 && !line.contains('\\')
}

fn every(files: usize) -> Vec<Request> {
    (0..files).flat_map(|file| QUESTIONS.map(|question| Request { file, question })).collect()
}

/// Returns the requests of a seed: each as often as every other, in rounds whose order is drawn.
fn plan(files: usize, seed: u64) -> Vec<Request> {
    let mut random = data::Random::new(seed);
    let mut plan = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = every(files);
        for at in (1..round.len()).rev() {
            let bound = u32::try_from(at + 1).unwrap_or(u32::MAX);
            round.swap(at, random.below(bound) as usize);
        }
        plan.append(&mut round);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_double() {
        assert_eq!(sizes(160_000).collect::<Vec<_>>(), [10_000, 20_000, 40_000, 80_000, 160_000]);
        assert_eq!(sizes(3).collect::<Vec<_>>(), [1, 1, 1, 1, 3]);
    }

    #[test]
    fn a_seed_makes_one_plan_in_which_all_is_asked_equally() {
        let plan = plan(10, 7);
        assert_eq!(plan, super::plan(10, 7));
        assert_ne!(plan, super::plan(10, 8));
        for request in every(10) {
            assert_eq!(plan.iter().filter(|planned| **planned == request).count(), ROUNDS);
        }
    }

    #[test]
    fn a_line_is_plain_without_spaces_in_names_and_escapes() {
        let rest = "[01/Mar/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"a b [c\" 0.1";
        let check =
            |names: &str, rest: &str, plain| assert_eq!(is_plain(&format!("{names} {rest}")), plain, "{names} {rest}");
        check("10.0.0.1 - -", rest, true);
        check("10.0.0.1 - ann", rest, true);
        check("10.0.0.1 - J. Doe", rest, false);
        check("10.0.0.1 - -", &rest.replace("a b", r"a \x22"), false);
    }

    #[test]
    fn files_that_are_there_are_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let load = Load::prepare(folder.path(), 160, 1).unwrap();
        let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count() as u64;
        for file in &load.files {
            let header = u64::from(file.format == DataFormat::Csv);
            assert_eq!(lines(&file.path), file.lines + header, "{file:?}");
        }
        fs::write(&load.files[0].path, "x").unwrap();
        assert_eq!(Load::prepare(folder.path(), 160, 1).unwrap().files[0].bytes, ByteCount::new(1));
    }
}
