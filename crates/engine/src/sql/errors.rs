//! DataFusion's errors in our words: a place for a caret, a name that was meant, advice.

use super::words::plain;
use crate::{EngineError, Hint, names};
use datafusion::{
    arrow::datatypes::{DataType, Field, SchemaRef},
    common::{DataFusionError, SchemaError},
};

/// The names that a query could have meant.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Its paths.
    pub tables: Vec<String>,
    /// The names that tables were given beside the query.
    pub given: Vec<String>,
    /// Their columns.
    pub schemas: Vec<SchemaRef>,
}

/// Turns an error of parsing or planning into ours.
pub(crate) fn from_datafusion(error: &DataFusionError, known: &Known) -> EngineError {
    match error.find_root() {
        DataFusionError::SQL(parser, _) => syntax(&parser.to_string()),
        DataFusionError::SchemaError(schema, _) => unknown_column(schema),
        DataFusionError::Plan(message) if message.starts_with("Invalid function '") => unknown_function(message),
        DataFusionError::Plan(message) if message.contains("not found") && message.starts_with("table") => {
            let name = message.split('\'').nth(1).and_then(|name| name.rsplit('.').next()).unwrap_or_default();
            EngineError::query_with_help(format!("no table `{name}`"), table_help(name, known))
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) if missing_field(message).is_some() => {
            unknown_field(missing_field(message).unwrap_or_default(), known)
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => EngineError::query(plain(message)),
        DataFusionError::External(inner) if inner.is::<EngineError>() => inner
            .downcast_ref::<EngineError>()
            .map_or_else(|| EngineError::query(inner.to_string()), EngineError::restated),
        DataFusionError::Diagnostic(_, inner) => from_datafusion(inner, known),
        other => EngineError::query(plain(&other.strip_backtrace())),
    }
}

/// The parser ends its messages with `at Line: 2, Column: 6`.
fn syntax(message: &str) -> EngineError {
    let message = message.trim_start_matches("sql parser error: ").trim_start_matches("ParserError: ");
    let Some((text, place)) = message.rsplit_once(" at Line: ") else {
        return EngineError::query(format!("SQL: {message}"));
    };
    let place = place.split_once(", Column: ").and_then(|(line, column)| {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        Some(Hint { line: digits(line)?, column: digits(column)? })
    });
    EngineError::Query { message: format!("SQL: {text}"), place, help: None }
}

fn unknown_column(error: &SchemaError) -> EngineError {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return EngineError::query(error.to_string());
    };
    let known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    EngineError::query_with_help(format!("unknown column `{}`", field.name), column_help(&field.name, &known))
}

fn column_help(wrong: &str, known: &[&str]) -> String {
    if let Some(name) = known.iter().find(|name| name.eq_ignore_ascii_case(wrong)) {
        return format!("write \"{name}\" in double quotes: a name without quotes means one in lower case");
    }
    let is_bare = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let text = format!("a text is written in single quotes, '{wrong}'; what is in double quotes is a column");
    match names::nearest(wrong, known.iter().copied()).first() {
        Some(name) if wrong.chars().all(is_bare) => format!("did you mean `{name}`?"),
        Some(name) => format!("did you mean \"{name}\"? {text}"),
        None if !wrong.chars().all(is_bare) => text,
        None if known.is_empty() => "there are no columns here".to_owned(),
        None => format!("the columns are {}", listed(known)),
    }
}

/// A file may have a thousand columns.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 40;
    match names.get(..MOST) {
        Some(first) if names.len() > MOST => format!("{} and {} more", first.join(", "), names.len() - MOST),
        _ => names.join(", "),
    }
}

/// DataFusion says `Invalid function 'cuont'.` and on the next line `Did you mean 'count'?`.
fn unknown_function(message: &str) -> EngineError {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let message = format!("unknown function `{}`", quoted.next().unwrap_or_default());
    match quoted.next() {
        Some(name) => EngineError::query_with_help(message, format!("did you mean `{name}`?")),
        None => EngineError::query(message),
    }
}

/// DataFusion says `Field pth not found in struct`, and not what the struct holds.
fn missing_field(message: &str) -> Option<&str> {
    message.trim_start_matches("Error during planning: ").strip_prefix("Field ")?.strip_suffix(" not found in struct")
}

fn unknown_field(field: &str, known: &Known) -> EngineError {
    let mut fields = Vec::new();
    for schema in &known.schemas {
        schema.fields().iter().for_each(|field| nested(field, field.name(), &mut fields));
    }
    let near = names::nearest(field, fields.iter().filter_map(|path| path.rsplit('.').next()));
    let help = match near.first().and_then(|name| fields.iter().find(|path| path.rsplit('.').next() == Some(name))) {
        Some(path) => format!("did you mean `{path}`?"),
        None => format!("the nested columns are {}", fields.join(", ")),
    };
    EngineError::query_with_help(format!("unknown field `{field}`"), help)
}

/// Adds the dotted paths of everything inside a field.
fn nested(field: &Field, path: &str, paths: &mut Vec<String>) {
    if let DataType::Struct(fields) = field.data_type() {
        for field in fields {
            let path = format!("{path}.{}", field.name());
            nested(field, &path, paths);
            paths.push(path);
        }
    }
}

fn table_help(wrong: &str, known: &Known) -> String {
    if let Some(name) = names::nearest(wrong, known.given.iter().map(String::as_str)).first() {
        let quoted = name.chars().any(char::is_uppercase);
        return if quoted {
            format!("did you mean \"{name}\", in double quotes?")
        } else {
            format!("did you mean `{name}`?")
        };
    }
    match known.tables.first() {
        Some(table) => format!("a table is a path in single quotes, such as '{table}', or a name given by WITH"),
        None => "a table is a path in single quotes: SELECT .. FROM 'access.log'".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_on_an_unknown_column_depends_on_how_it_is_written() {
        let known = ["Status", "path"];
        let check = |wrong: &str, help: &str| assert_eq!(column_help(wrong, &known), help);
        check("status", "write \"Status\" in double quotes: a name without quotes means one in lower case");
        check("/", "a text is written in single quotes, '/'; what is in double quotes is a column");
        check("pth", "did you mean `path`?");
        assert!(column_help("Staus", &known).starts_with("did you mean \"Status\"? a text is written"));
        check("zebra", "the columns are Status, path");
        assert!(listed(&["a"; 1_000]).ends_with(", a and 960 more"));
    }

    #[test]
    fn an_unknown_function_has_a_near_one() {
        let error = unknown_function("Invalid function 'cuont'.\nDid you mean 'count'?");
        assert_eq!(
            (error.to_string().as_str(), error.help().as_deref()),
            ("unknown function `cuont`", Some("did you mean `count`?"))
        );
    }
}
