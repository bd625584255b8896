//! The line to write for a setting.

use crate::{ColumnSizes, FileKind, Setting, observed::Observed};

/// Rows of JSON that the line reads at a time.
pub(crate) const JSON_CHUNK_ROWS: u64 = 50_000;

/// Returns the line to write.
pub(crate) fn line(observed: &Observed, columns: &[ColumnSizes], setting: Setting, path: &str) -> String {
    if observed.kind == FileKind::Ndjson {
        return json_line(columns, setting, path);
    }
    let mut arguments = vec![quoted(path)];
    arguments.extend(dialect(observed, columns));
    match setting {
        Setting::Default => {}
        Setting::ArrowBackend => arguments.push("dtype_backend=\"pyarrow\"".to_owned()),
        Setting::ArrowEngine => arguments.push("engine=\"pyarrow\"".to_owned()),
        Setting::ArrowBoth => arguments.push("engine=\"pyarrow\", dtype_backend=\"pyarrow\"".to_owned()),
        Setting::Used => arguments.push(usecols(columns)),
        Setting::Dates => arguments.extend(parse_dates(columns, setting)),
        Setting::Categories => arguments.extend(dtype(columns, setting)),
        Setting::Tuned => {
            arguments.extend(dtype(columns, setting));
            arguments.extend(parse_dates(columns, setting));
        }
        Setting::UsedTuned => {
            arguments.push(usecols(columns));
            arguments.extend(dtype(columns, setting));
            arguments.extend(parse_dates(columns, setting));
        }
    }
    format!("pd.read_csv({})", arguments.join(", "))
}

/// JSON is read as it is, however the columns are wanted: only in chunks are its objects few. Types are given at the end, as
/// chunks with other categories would be put together as texts.
fn json_line(columns: &[ColumnSizes], setting: Setting, path: &str) -> String {
    let path = quoted(path);
    match setting {
        Setting::ArrowBackend => format!("pd.read_json({path}, lines=True, dtype_backend=\"pyarrow\")"),
        Setting::Tuned | Setting::UsedTuned => {
            let chosen = chosen(columns, setting).map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
            let chunk = if setting.is_narrow() { format!("chunk[[{chosen}]]") } else { "chunk".to_owned() };
            let types = types(columns, setting);
            let cast = if types.is_empty() { String::new() } else { format!(".astype({{{types}}})") };
            format!(
                "pd.concat([{chunk} for chunk in pd.read_json({path}, lines=True, chunksize={JSON_CHUNK_ROWS})], \
                 ignore_index=True){cast}"
            )
        }
        _ => format!("pd.read_json({path}, lines=True)"),
    }
}

fn dialect(observed: &Observed, columns: &[ColumnSizes]) -> Option<String> {
    if observed.kind == FileKind::Access {
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let names = names.join(", ");
        return Some(format!(
            "sep=\" \", header=None, names=[{names}], na_values=[\"-\"], escapechar=\"\\\\\", on_bad_lines=\"skip\""
        ));
    }
    let separator = match observed.delimiter {
        b',' => None,
        b'\t' => Some("sep=\"\\t\"".to_owned()),
        other => Some(format!("sep={}", quoted(&char::from(other).to_string()))),
    };
    let header = (!observed.has_header).then(|| "header=None".to_owned());
    let parts: Vec<String> = separator.into_iter().chain(header).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn chosen(columns: &[ColumnSizes], setting: Setting) -> impl Iterator<Item = &ColumnSizes> {
    columns.iter().filter(move |column| column.is_used || !setting.is_narrow())
}

fn usecols(columns: &[ColumnSizes]) -> String {
    let names: Vec<String> = chosen(columns, Setting::Used).map(|column| quoted(&column.name)).collect();
    format!("usecols=[{}]", names.join(", "))
}

fn dtype(columns: &[ColumnSizes], setting: Setting) -> Option<String> {
    let types = types(columns, setting);
    (!types.is_empty()).then(|| format!("dtype={{{types}}}"))
}

/// Returns the types that differ from what pandas infers; times are named apart.
fn types(columns: &[ColumnSizes], setting: Setting) -> String {
    let mut types = Vec::new();
    for column in chosen(columns, setting) {
        let category = column.category.as_ref().map(|cell| cell.dtype.as_str());
        let tuned = Some(column.tuned.dtype.as_str()).filter(|_| setting != Setting::Categories);
        let dtype = tuned.or(category).filter(|dtype| *dtype != "datetime64" && *dtype != column.default.dtype);
        if let Some(dtype) = dtype {
            types.push(format!("{}: \"{dtype}\"", quoted(&column.name)));
        }
    }
    types.join(", ")
}

fn parse_dates(columns: &[ColumnSizes], setting: Setting) -> Option<String> {
    let dates = chosen(columns, setting).filter(|column| column.tuned.dtype == "datetime64");
    let names: Vec<String> = dates.map(|column| quoted(&column.name)).collect();
    (!names.is_empty()).then(|| format!("parse_dates=[{}]", names.join(", ")))
}

/// Returns a text as Python writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if character.is_control() => quoted.extend(['\\', 'u'].into_iter().chain(hex(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns the four hexadecimal digits of a control character.
fn hex(character: char) -> impl Iterator<Item = char> {
    let code = u32::from(character);
    [12, 8, 4, 0].into_iter().filter_map(move |shift| char::from_digit((code >> shift) & 0xf, 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_python_reads_them() {
        assert_eq!(quoted("a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\u0001é\"");
    }
}
