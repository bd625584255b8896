//! Writes the reports of made-up runs into a folder: `cargo run -p tidegate-report --example sample -- FOLDER`.

mod record;

use std::{env, error::Error, fs, path::Path};
use tidegate_report::{
    html, json, prometheus,
    terminal::{self, Style},
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("the folder for the reports is missing")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let morning = record::morning();
    let runs = [
        ("rich", record::rich()),
        ("limit", record::ended_at_the_limit()),
        ("failed", record::failed()),
        ("command", record::command()),
    ];
    for (name, run) in runs {
        fs::write(folder.join(format!("{name}.html")), html::run_page(&run))?;
        fs::write(folder.join(format!("{name}.txt")), terminal::run(&run, Style::default()))?;
        fs::write(folder.join(format!("{name}.json")), json::write(&run)?)?;
    }
    fs::write(folder.join("all.html"), html::runs_page(&morning, morning.len() as u64))?;
    fs::write(folder.join("all.txt"), terminal::runs(&morning, Style::default()))?;
    fs::write(folder.join("all.prom"), prometheus::newest(&morning))?;
    Ok(())
}
