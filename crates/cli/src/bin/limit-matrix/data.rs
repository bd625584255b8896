//! The data of the matrix, written once into a folder: the demo's log, and what is hard to hold in other ways.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

/// Lines of the log: about 140 MB.
const LOG_LINES: u64 = 600_000;

/// Where the data is.
pub struct Data {
    folder: PathBuf,
}

impl Data {
    /// Writes what is not there yet. Of `small` data there is a quarter, which does not fit into the smallest limit either.
    pub fn write(folder: &Path, tidegate: &Path, small: bool) -> io::Result<Self> {
        let share = if small { 4 } else { 1 };
        let data = Self { folder: folder.join(if small { "small" } else { "whole" }) };
        fs::create_dir_all(data.folder.join("many"))?;
        if !data.path("access.log").exists() {
            let lines = (LOG_LINES / share).to_string();
            let status = Command::new(tidegate)
                .args(["demo", "--quiet", "--as", "log", "--lines", &lines, "--data"])
                .arg(&data.folder)
                .status()?;
            if !status.success() {
                return Err(io::Error::other("the log could not be written"));
            }
        }
        data.file("unique.csv", 1_200_000 / share, unique)?;
        data.file("skewed.csv", 500_000 / share, skewed)?;
        data.file("wide.ndjson", 6_000 / share, wide)?;
        data.file("columns.csv", 40_000 / share, columns)?;
        data.file("long.csv", 3_000 / share, long)?;
        data.file("nested.ndjson", 200_000 / share, nested)?;
        if !small {
            data.many()?;
        }
        Ok(data)
    }

    /// Returns a query with the paths in the place of their names.
    pub fn fill(&self, sql: &str) -> String {
        let names = [
            ("{log}", "access.log"),
            ("{unique}", "unique.csv"),
            ("{skewed}", "skewed.csv"),
            ("{wide}", "wide.ndjson"),
            ("{columns}", "columns.csv"),
            ("{long}", "long.csv"),
            ("{nested}", "nested.ndjson"),
            ("{many}", "many"),
        ];
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        names.iter().fold(sql.to_owned(), |sql, (name, file)| sql.replace(name, &path(file)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn file(&self, name: &str, rows: u64, write: fn(&mut dyn Write, u64) -> io::Result<()>) -> io::Result<()> {
        let path = self.path(name);
        if path.exists() {
            return Ok(());
        }
        let unfinished = path.with_extension("tmp");
        let mut file = BufWriter::new(File::create(&unfinished)?);
        write(&mut file, rows)?;
        file.flush()?;
        fs::rename(unfinished, path)
    }

    /// 2,000 files of 40 lines each, cut from the log.
    fn many(&self) -> io::Result<()> {
        let last = self.path("many/1999.log");
        if last.exists() {
            return Ok(());
        }
        let log = fs::read(self.path("access.log"))?;
        let mut lines = log.split_inclusive(|byte| *byte == b'\n');
        for at in 0..2_000 {
            let text = lines.by_ref().take(40).collect::<Vec<_>>().concat();
            fs::write(self.path(&format!("many/{at:04}.log")), text)?;
        }
        Ok(())
    }
}

/// A number that looks random and is the same every time (`SplitMix64`, Steele, Lea and Flood 2014).
fn mixed(at: u64) -> u64 {
    let mut z = at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Text that looks random and does not compress, 16 characters for each number.
fn hexadecimal(numbers: Range<u64>) -> String {
    let mut text = String::new();
    for number in numbers {
        let _ = write!(text, "{:016x}", mixed(number));
    }
    text
}

fn unique(file: &mut dyn Write, rows: u64) -> io::Result<()> {
    writeln!(file, "k,v")?;
    (0..rows).try_for_each(|at| writeln!(file, "user-{:016x}-of-the-shop,{}", mixed(at), at % 97))
}

/// Nineteen of twenty rows have the same key.
fn skewed(file: &mut dyn Write, rows: u64) -> io::Result<()> {
    writeln!(file, "k,v")?;
    (0..rows).try_for_each(|at| {
        let key = if mixed(at).is_multiple_of(20) { mixed(at) % 10_000 } else { 0 };
        writeln!(file, "key-{key},{}", mixed(at + rows) % 1_000)
    })
}

fn wide(file: &mut dyn Write, rows: u64) -> io::Result<()> {
    for id in 0..rows {
        let body = hexadecimal(id * 300..id * 300 + 300);
        writeln!(file, r#"{{"id":{id},"body":"{body}","tags":["a","b{}"],"size":{}}}"#, id % 7, body.len())?;
    }
    Ok(())
}

fn columns(file: &mut dyn Write, rows: u64) -> io::Result<()> {
    let names: Vec<_> = (0..100).map(|at| format!("c{at}")).collect();
    writeln!(file, "{}", names.join(","))?;
    for row in 0..rows {
        let cells: Vec<_> =
            (0..100).map(|at| (mixed(row * 100 + at) % if at == 2 { 500 } else { 100_000 }).to_string()).collect();
        writeln!(file, "{}", cells.join(","))?;
    }
    Ok(())
}

fn long(file: &mut dyn Write, rows: u64) -> io::Result<()> {
    writeln!(file, "s,n")?;
    for row in 0..rows {
        let first = row % 900 * 1_000;
        let text = hexadecimal(first..first + 1_000);
        writeln!(file, "{text},{row}")?;
    }
    Ok(())
}

fn nested(file: &mut dyn Write, rows: u64) -> io::Result<()> {
    for id in 0..rows {
        let path = format!("/api/{}/items/{}", mixed(id) % 50, mixed(id) % 3_000);
        writeln!(
            file,
            r#"{{"id":{id},"request":{{"path":"{path}","headers":{{"host":"h{}","length":{}}}}},"user":"u{}"}}"#,
            id % 9,
            mixed(id) % 5_000,
            mixed(id) % 70_000
        )?;
    }
    Ok(())
}
