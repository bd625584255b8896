//! Writes files for a comparison with pandas, and what the model says of a file. `bench/pandas_sizes.py` calls it.
//!
//! `data KIND ROWS` writes a file to standard output, `model FILE PANDAS PYTHON_MINOR PYARROW THREADS [USED,..]` writes JSON,
//! and `table FILE` what people see.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../tests/support/data.rs"]
mod data;

use serde_json::{Value, json};
use std::{
    env,
    io::{self, Write},
    path::Path,
};
use tidegate_memory::machine::Machine;
use tidegate_sizing::{Cell, Environment, Options, Pandas, Peak, Range, Room, SampleOptions, Sizes, read_blocks, size};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = match words[..] {
        ["data", kind, rows] => data::part(kind, 0..rows.parse().unwrap()),
        ["model", file, pandas, minor, pyarrow, threads] => model(file, &[pandas, minor, pyarrow, threads], None),
        ["model", file, pandas, minor, pyarrow, threads, used] => {
            model(file, &[pandas, minor, pyarrow, threads], Some(used))
        }
        ["table", file] => {
            let options = Options { room: Room::of(&Machine::read()), ..Options::default() };
            sizes(file, &options).to_string()
        }
        _ => panic!("usage: pandas_sizes data KIND ROWS | model FILE .. | table FILE"),
    };
    io::stdout().write_all(text.as_bytes()).unwrap();
}

fn sizes(file: &str, options: &Options) -> Sizes {
    let blocks = read_blocks(Path::new(file), &SampleOptions::default()).unwrap();
    size(&blocks, file, options).unwrap()
}

fn model(file: &str, [pandas, minor, pyarrow, threads]: &[&str; 4], used: Option<&str>) -> String {
    let environment = Environment {
        pandas: if *pandas == "2" { Pandas::V2 } else { Pandas::V3 },
        pyarrow: *pyarrow == "yes",
        python_minor: minor.parse().unwrap(),
        threads: threads.parse().unwrap(),
    };
    let used = used.map(|used| used.split(',').map(str::to_owned).collect());
    let sizes = sizes(file, &Options { environment, used, room: None });
    let settings = sizes.settings.iter().map(|setting| {
        json!({
            "name": setting.setting.name(),
            "deep": range(setting.deep),
            "held": range(setting.held),
            "serial": peak(setting.serial),
            "threaded": setting.threaded.map(peak),
            "line": setting.line,
        })
    });
    let rows = sizes.rows.expected as f64;
    let cell = |cell: &Cell| json!([cell.dtype, cell.deep + cell.fixed as f64 / rows]);
    let columns = sizes.columns.iter().map(|column| {
        json!({
            "name": column.name,
            "default": cell(&column.default),
            "tuned": cell(&column.tuned),
            "arrow": cell(&column.arrow),
        })
    });
    let value = json!({
        "rows": range(sizes.rows),
        "columns": columns.collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
        "notes": sizes.notes,
    });
    value.to_string()
}

fn range(range: Range) -> Value {
    json!([range.low, range.expected, range.high])
}

fn peak(peak: Peak) -> Value {
    json!({ "memory": range(peak.memory), "mapped": peak.mapped })
}
