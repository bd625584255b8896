//! `tidegate forecast --pandas`, `--array` and `--explain`: what pandas and NumPy would need.

use crate::{
    args::{PandasArgs, TextForm},
    printer::Printer,
    say::say,
};
use serde_json::{Value, json};
use std::path::Path;
use tidegate_engine::{EngineError, sink::printable};
use tidegate_memory::machine::Machine;
use tidegate_sizing::{
    Array, Cell, ColumnSizes, Environment, FileKind, Options, Pandas, Peak, Range, Room, SampleOptions, SettingSizes,
    Sizes, SizingError, Verdict, explain, read_blocks, size,
};

/// Says what is asked for, and returns the exit code.
///
/// # Errors
/// If the standard output cannot be written.
pub fn run(arguments: &PandasArgs, form: TextForm, printer: Printer) -> Result<u8, EngineError> {
    let room = Room::of(&Machine::read());
    if let Some(path) = &arguments.pandas {
        match (file(path, arguments, room), form) {
            (Ok(sizes), TextForm::Json) => say(&format!("{:#}", to_json(&sizes)))?,
            // Names of columns come from the file.
            (Ok(sizes), TextForm::Text) => {
                let text = sizes.to_string();
                say(&text.trim_end_matches('\n').lines().map(printable).collect::<Vec<_>>().join("\n"))?;
            }
            (Err(error), _) => return Ok(printer.problem(&error.to_string(), None, 1)),
        }
    }
    if let Some(text) = &arguments.array {
        let Some(array) = array(text) else {
            let help = "write the lengths and the type: 1000000x1000:float64";
            return Ok(printer.problem(&format!("`{text}` is no shape of an array of NumPy"), Some(help), 2));
        };
        say(&array.sentence(room.as_ref()))?;
    }
    if let Some(message) = &arguments.explain {
        let Some(explained) = explain(message) else {
            let help = "give the whole message: Unable to allocate .. for an array with shape (..) and data type ..";
            return Ok(printer.problem("the message names no array", Some(help), 2));
        };
        say(&printable(&explained.sentence(room.as_ref())))?;
    }
    Ok(0)
}

fn file(path: &Path, arguments: &PandasArgs, room: Option<Room>) -> Result<Sizes, SizingError> {
    let blocks = read_blocks(path, &SampleOptions::default())?;
    let pandas = if arguments.pandas_2 { Pandas::V2 } else { Pandas::V3 };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let environment = Environment {
        pandas,
        pyarrow: !arguments.no_pyarrow,
        threads: cores.min(Environment::MOST_THREADS),
        ..Environment::default()
    };
    let used = (!arguments.columns.is_empty()).then(|| arguments.columns.clone());
    size(&blocks, &path.to_string_lossy(), &Options { environment, used, room })
}

/// Returns the sizes for programs, in bytes.
fn to_json(sizes: &Sizes) -> Value {
    let range = |range: Range| json!({ "least": range.low, "expected": range.expected, "most": range.high });
    let peak = |peak: Peak| json!({ "memory": range(peak.memory), "mapped": peak.mapped });
    // What a cell takes for each row, and once.
    let cell = |cell: &Cell| json!({ "dtype": cell.dtype, "each_row": cell.deep, "once": cell.fixed });
    let column = |column: &ColumnSizes| {
        json!({
            "name": column.name,
            "text": column.text,
            "used": column.is_used,
            "distinct": column.distinct.map(range),
            "default": cell(&column.default),
            "tuned": cell(&column.tuned),
            "category": column.category.as_ref().map(cell),
            "arrow": cell(&column.arrow),
        })
    };
    let setting = |setting: &SettingSizes| {
        json!({
            "setting": setting.setting.name(),
            "line": setting.line,
            "memory_usage": range(setting.deep),
            "held": range(setting.held),
            "peak": peak(setting.serial),
            "peak_of_threads": setting.threaded.map(peak),
            "need": range(setting.need),
            "verdict": setting.verdict.map(Verdict::word),
        })
    };
    json!({
        "format": match sizes.kind {
            FileKind::Csv => "csv",
            FileKind::Ndjson => "ndjson",
            FileKind::Access => "access",
        },
        "bytes": sizes.size,
        "rows": range(sizes.rows),
        "rows_sampled": sizes.sampled,
        "pandas": match sizes.environment.pandas {
            Pandas::V2 => 2,
            Pandas::V3 => 3,
        },
        "available": sizes.room.map(|room| room.available.bytes()),
        "columns": sizes.columns.iter().map(column).collect::<Vec<_>>(),
        "settings": sizes.settings.iter().map(setting).collect::<Vec<_>>(),
        "notes": sizes.notes,
    })
}

/// Reads a shape and a type, such as `1000000x1000:float64`; the type is `float64` where none is given.
fn array(text: &str) -> Option<Array> {
    let (shape, dtype) = text.split_once(':').unwrap_or((text, "float64"));
    let lengths = shape.trim_matches(['(', ')', ' ']).split(['x', ',']);
    let lengths: Option<Vec<u64>> = lengths
        .map(str::trim)
        .filter(|length| !length.is_empty())
        .map(|length| length.replace('_', "").parse().ok())
        .collect();
    Array::new(lengths.filter(|lengths| !lengths.is_empty())?, dtype.trim())
}

#[cfg(test)]
mod tests {
    use super::array;

    #[test]
    fn shapes_are_read_as_people_write_them() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(
                array(text).and_then(|array| array.bytes()).map(tidegate_memory::ByteCount::bytes),
                expected,
                "{text}"
            );
        };
        check("1000000x10000:float64", Some(80_000_000_000));
        check("(1_000_000, 10_000)", Some(80_000_000_000));
        check("10:int8", Some(10));
        check("10x:int8", Some(10));
        check("tenx10:int8", None);
        check("10:strange", None);
        check(":int8", None);
    }
}
