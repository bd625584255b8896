//! The code of a notebook: its cells one after another.

use super::{Refusal, text::number};
use serde::Deserialize;

/// The parts of a notebook that hold code. Outputs, which may be large, are passed over.
#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    cells: Vec<Cell>,
    /// Where notebooks of before 2014 have their cells.
    #[serde(default)]
    worksheets: Vec<Worksheet>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Worksheet {
    #[serde(default)]
    cells: Vec<Cell>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    language_info: Option<Language>,
}

#[derive(Deserialize)]
struct Language {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(default)]
    cell_type: String,
    #[serde(default, alias = "input")]
    source: Lines,
}

/// A text, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Text(String),
    Lines(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// Returns the code of a notebook, and the first line of each cell that holds code with the number of the cell.
///
/// # Errors
/// If it is no notebook, or one of another language.
pub(super) fn code(bytes: &[u8]) -> Result<(String, Vec<(u32, u32)>), Refusal> {
    let notebook: Notebook =
        serde_json::from_slice(bytes).map_err(|error| Refusal::whole(format!("no notebook: {error}")))?;
    if let Some(language) = notebook.metadata.language_info
        && !language.name.is_empty()
        && !language.name.eq_ignore_ascii_case("python")
    {
        return Err(Refusal::whole(format!("a notebook of {}, not of Python", language.name)));
    }
    let cells = notebook.cells.into_iter().chain(notebook.worksheets.into_iter().flat_map(|sheet| sheet.cells));
    let (mut text, mut places, mut line) = (String::new(), Vec::new(), 0);
    for (index, cell) in cells.enumerate().filter(|(_, cell)| cell.cell_type == "code") {
        let source = match cell.source {
            Lines::Text(text) => text,
            Lines::Lines(lines) => lines.concat(),
        };
        // What a cell magic of another language holds is not Python; those that run the cell are.
        let is_python = source.trim_start().strip_prefix("%%").is_none_or(runs_python);
        if !is_python || source.contains('\0') {
            continue;
        }
        places.push((line, number(index + 1)));
        let source = source.replace("\r\n", "\n").replace('\r', "\n");
        text.push_str(&source);
        if !source.ends_with('\n') {
            text.push('\n');
        }
        line = number(text.bytes().filter(|byte| *byte == b'\n').count());
    }
    Ok((text, places))
}

/// Returns whether the cell below a magic is Python that runs in the notebook.
fn runs_python(magic: &str) -> bool {
    let name = magic.split_whitespace().next().unwrap_or_default();
    ["time", "timeit", "capture", "prun", "memit", "mprun"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_one_another() {
        let text = r##"{"cells": [
            {"cell_type": "markdown", "source": ["# a"]},
            {"cell_type": "code", "source": ["x = 1\n", "y = 2"], "outputs": [{"data": {"image/png": "AAAA"}}]},
            {"cell_type": "code", "source": "%%bash\nls"},
            {"cell_type": "code", "source": "z = 3\n"}
        ], "metadata": {}, "nbformat": 4}"##;
        let (code, places) = code(text.as_bytes()).unwrap();
        assert_eq!(code, "x = 1\ny = 2\nz = 3\n");
        assert_eq!(places, [(0, 2), (2, 4)]);
    }

    #[test]
    fn what_is_no_notebook_of_python_is_refused() {
        assert!(code(b"{").unwrap_err().message.starts_with("no notebook: "));
        let other = br#"{"cells": [], "metadata": {"language_info": {"name": "R"}}}"#;
        assert_eq!(code(other).unwrap_err().message, "a notebook of R, not of Python");
    }
}
