//! How fast scripts are checked: `speed [FOLDER]`. Without a folder, one thread checks a script again and again whose functions are
//! the scripts of the test corpus; with one, all of its files are checked as `tidegate check FOLDER` does it.

use std::{env, fs, io::Write, path::PathBuf, time::Instant};
use tidegate_check::{Options, check, check_source};

/// How often the corpus is repeated: 100,000 lines and more.
const TIMES: usize = 160;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    if let Some(folder) = env::args().nth(1) {
        let begin = Instant::now();
        let report = check(&Options { paths: vec![PathBuf::from(folder)], ..Options::default() })?;
        let seconds = begin.elapsed().as_secs_f64();
        writeln!(out, "{} files, {} findings, {seconds:.2} s", report.files, report.findings.len())?;
        return Ok(());
    }
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut script = String::new();
    for (number, entry) in fs::read_dir(corpus)?.enumerate() {
        let text = fs::read_to_string(entry?.path())?.replace('\n', "\n    ");
        script += "def job_";
        script += &number.to_string();
        script += "():\n    ";
        script += text.trim_end();
        script += "\n";
    }
    let begin = Instant::now();
    let (mut lines, mut findings) = (0, 0);
    for _ in 0..TIMES {
        lines += script.lines().count();
        findings += check_source("script.py", &script)?.len();
    }
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a number of lines")]
    let rate = lines as f64 / seconds;
    writeln!(out, "{lines} lines, {findings} findings, {seconds:.2} s: {rate:.0} lines a second")?;
    Ok(())
}
