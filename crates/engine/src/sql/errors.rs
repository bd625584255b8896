//! DataFusion's errors in our words: a place for a caret, a name that was meant, advice.

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
    /// Their columns.
    pub schemas: Vec<SchemaRef>,
}

/// Turns an error of parsing or planning into ours.
pub(crate) fn from_datafusion(error: &DataFusionError, known: &Known) -> EngineError {
    match error.find_root() {
        DataFusionError::SQL(parser, _) => syntax(&parser.to_string()),
        DataFusionError::SchemaError(schema, _) => unknown_column(schema),
        DataFusionError::Plan(message) if message.contains("not found") && message.starts_with("table") => {
            let name = message.split('\'').nth(1).and_then(|name| name.rsplit('.').next()).unwrap_or_default();
            EngineError::query_with_help(format!("no table `{name}`"), table_help(&known.tables))
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) if missing_field(message).is_some() => {
            unknown_field(missing_field(message).unwrap_or_default(), known)
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => EngineError::query(first_line(message)),
        DataFusionError::External(inner) if inner.is::<EngineError>() => inner
            .downcast_ref::<EngineError>()
            .map_or_else(|| EngineError::query(inner.to_string()), EngineError::restated),
        DataFusionError::Diagnostic(_, inner) => from_datafusion(inner, known),
        other => EngineError::query(first_line(&other.strip_backtrace())),
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
    let near = names::nearest(&field.name, known.iter().copied());
    let help = match near.first() {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there are no columns here".to_owned(),
        None => format!("the columns are {}", known.join(", ")),
    };
    EngineError::query_with_help(format!("unknown column `{}`", field.name), help)
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

fn table_help(tables: &[String]) -> String {
    match tables.first() {
        Some(table) => format!("a table is a path in single quotes, such as '{table}', or a name given by WITH"),
        None => "a table is a path in single quotes: SELECT .. FROM 'access.log'".to_owned(),
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_start_matches("Error during planning: ").to_owned()
}
