//! Paths in a query: each becomes the name of a table before DataFusion plans.
//!
//! `FROM 'logs/*.log'` and `FROM csv('f.csv', types => 'status int16')` are found in the parsed statement. DataFusion's own
//! table functions accept no named arguments and cannot wait for a file, so one pass here takes both out.

use super::stars;
use crate::{
    EngineError,
    input::{self, Once},
    table::TableRequest,
    task::GivenTable,
};
use datafusion::sql::{
    parser::Statement,
    sqlparser::ast::{
        Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Query, Select,
        Statement as SqlStatement, TableFactor, Value, VisitMut, VisitorMut,
    },
};
use std::{collections::HashSet, ops::ControlFlow};
use tidegate_formats::{FormatKind, VirtualColumn};

/// A table that a statement uses: the name it goes by in the statement now, and what the query said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableUse {
    /// The name in the rewritten statement.
    pub name: String,
    /// What it stands for.
    pub request: TableRequest,
}

/// Replaces every path of the statement by a table name and returns what they stand for, each once, and which of the `given`
/// tables it names. `hidden` are the virtual columns that the query names: `*` goes without them.
///
/// # Errors
/// [`EngineError::Query`] if the options of a table are not understood, or if what can be read once is named twice.
pub(crate) fn take_paths(
    statement: &mut Statement,
    hidden: &[VirtualColumn],
    given: &[GivenTable],
) -> Result<Vec<TableUse>, EngineError> {
    let mut with = GivenNames::default();
    let mut taker =
        PathTaker { tables: Vec::new(), hidden: hidden.to_vec(), given, with: HashSet::new(), read: Vec::new() };
    match statement {
        Statement::Statement(statement) => {
            // Never breaks: there is nothing wrong with a name.
            let _ = statement.visit(&mut with);
            taker.with = with.0;
            visit(statement, &mut taker)?;
        }
        Statement::Explain(explain) => return take_paths(&mut explain.statement, hidden, given),
        _ => {}
    }
    Ok(taker.tables)
}

fn visit(statement: &mut SqlStatement, taker: &mut PathTaker<'_>) -> Result<(), EngineError> {
    match statement.visit(taker) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The names that WITH gives, in lower case: a path of the same name is another table.
#[derive(Default)]
struct GivenNames(HashSet<String>);

impl VisitorMut for GivenNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}

struct PathTaker<'a> {
    tables: Vec<TableUse>,
    hidden: Vec<VirtualColumn>,
    /// Tables that have a name beside the query.
    given: &'a [GivenTable],
    /// The names that WITH gives.
    with: HashSet<String>,
    /// Inputs that can be read once and are read already.
    read: Vec<Once>,
}

impl VisitorMut for PathTaker<'_> {
    type Break = EngineError;

    /// After its tables have their names.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<EngineError> {
        stars::narrow(select, &self.hidden, &|factor| self.is_log(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<EngineError> {
        if let [ObjectNamePart::Identifier(ident)] = relation.0.as_mut_slice()
            && let Some(given) = self.given(ident)
        {
            return match self.take_given(given) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            };
        }
        if let [ObjectNamePart::Identifier(ident)] = relation.0.as_mut_slice()
            && is_path(ident)
            && !self.is_table(ident)
        {
            let request = TableRequest { patterns: vec![ident.value.clone()], ..TableRequest::default() };
            match self.name(ident.value.clone(), request) {
                Ok(name) => *ident = Ident::with_quote('"', name),
                Err(error) => return ControlFlow::Break(error),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<EngineError> {
        let TableFactor::Table { name, args, .. } = factor else { return ControlFlow::Continue(()) };
        let [ObjectNamePart::Identifier(function)] = name.0.as_mut_slice() else { return ControlFlow::Continue(()) };
        let Some(arguments) = args else { return ControlFlow::Continue(()) };
        let function_name = function.value.to_ascii_lowercase();
        let Some(format) = function_format(&function_name) else { return ControlFlow::Continue(()) };
        let text: Vec<String> = arguments.args.iter().map(ToString::to_string).collect();
        let text = format!("{function_name}({})", text.join(", "));
        let request = read_arguments(&function_name, format, &arguments.args);
        match request.and_then(|request| self.name(text, request)) {
            Ok(name) => {
                *function = Ident::with_quote('"', name);
                *args = None;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl<'a> PathTaker<'a> {
    /// Returns the given table that a name means: without quotes, in lower case.
    fn given(&self, name: &Ident) -> Option<&'a GivenTable> {
        let meant = match name.quote_style {
            Some('\'') => return None,
            Some(_) => name.value.clone(),
            None => name.value.to_ascii_lowercase(),
        };
        self.given.iter().find(|table| table.name == meant)
    }

    /// Takes note of a given table. The statement names it already.
    fn take_given(&mut self, given: &GivenTable) -> Result<(), EngineError> {
        let request = TableRequest {
            patterns: vec![given.path.clone()],
            given: Some(given.name.clone()),
            ..TableRequest::default()
        };
        // A pipe that two scans of one table read is an error where it is read.
        if !self.tables.iter().any(|table| table.request == request) {
            self.read_once(&request)?;
            self.tables.push(TableUse { name: given.name.clone(), request });
        }
        Ok(())
    }

    fn read_once(&mut self, request: &TableRequest) -> Result<(), EngineError> {
        for pattern in &request.patterns {
            let Some(once) = input::once(pattern) else { continue };
            if self.read.contains(&once) {
                return Err(EngineError::read_twice(pattern));
            }
            self.read.push(once);
        }
        Ok(())
    }

    /// Whether a name is that of another table than a path.
    fn is_taken(&self, name: &str) -> bool {
        let lower = name.to_lowercase();
        self.with.contains(&lower) || self.given.iter().any(|table| table.name.to_lowercase() == lower)
    }

    /// Returns the name of a table: the text that asks for it, in more quotes where that is another table's.
    fn name(&mut self, text: String, request: TableRequest) -> Result<String, EngineError> {
        self.read_once(&request)?;
        let mut name = text;
        loop {
            match self.tables.iter().find(|table| table.name == name) {
                Some(table) if table.request == request => return Ok(name),
                None if !self.is_taken(&name) => break,
                _ => name = format!("'{name}'"),
            }
        }
        self.tables.push(TableUse { name: name.clone(), request });
        Ok(name)
    }

    /// Whether a name is that of a table found so far, such as of a function whose text looks like a path.
    fn is_table(&self, name: &Ident) -> bool {
        name.quote_style == Some('"') && self.tables.iter().any(|table| table.name == name.value)
    }

    /// Whether a part of FROM is one of the tables found so far.
    fn is_log(&self, factor: &TableFactor) -> bool {
        let TableFactor::Table { name, args: None, .. } = factor else { return false };
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return false };
        self.is_table(name) || self.given(name).is_some_and(|given| !self.with.contains(&given.name.to_lowercase()))
    }
}

/// A name in single quotes is a path. One in double quotes is, if it looks like one: other tools write it so.
fn is_path(name: &Ident) -> bool {
    match name.quote_style {
        Some('\'') => true,
        Some(_) => {
            name.value.contains(['/', '*']) || name.value.contains('.') && std::path::Path::new(&name.value).exists()
        }
        None => false,
    }
}

/// What a table function forces. `logs` forces an access log unless `format` says otherwise.
fn function_format(function: &str) -> Option<FormatKind> {
    match function {
        "logs" | "access" => Some(FormatKind::Access),
        "json" | "ndjson" => Some(FormatKind::Json),
        "csv" => Some(FormatKind::Csv),
        _ => None,
    }
}

fn read_arguments(function: &str, format: FormatKind, arguments: &[FunctionArg]) -> Result<TableRequest, EngineError> {
    let mut request = TableRequest { format: Some(format), ..TableRequest::default() };
    for (at, argument) in arguments.iter().enumerate() {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) if at == request.patterns.len() => {
                request.patterns.push(text(function, "path", value)?);
            }
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                set_option(function, &mut request, &name.value, value)?;
            }
            _ => {
                return Err(EngineError::query_with_help(
                    format!("`{function}(..)` does not take `{argument}`"),
                    usage(function),
                ));
            }
        }
    }
    if request.patterns.iter().all(String::is_empty) {
        return Err(EngineError::query_with_help(format!("`{function}(..)` needs a path"), usage(function)));
    }
    check_options(function, &request)?;
    Ok(request)
}

/// Refuses options that the format has no use for, in place of reading the file without them.
fn check_options(function: &str, request: &TableRequest) -> Result<(), EngineError> {
    let (is_csv, is_logs) = (request.format == Some(FormatKind::Csv), matches!(function, "logs" | "access"));
    let given = [
        ("delimiter", request.delimiter.is_some() && !is_csv),
        ("header", request.header.is_some() && !is_csv),
        ("format", request.format != function_format(function) && !is_logs),
    ];
    match given.iter().find(|(_, wrong)| *wrong) {
        Some((name, _)) => {
            Err(EngineError::query_with_help(format!("`{name}` does not fit `{function}(..)`"), usage(function)))
        }
        None => Ok(()),
    }
}

fn set_option(function: &str, request: &mut TableRequest, name: &str, value: &Expr) -> Result<(), EngineError> {
    match name.to_ascii_lowercase().as_str() {
        "types" => request.types = Some(text(function, name, value)?),
        "format" => request.format = Some(format(function, &text(function, name, value)?)?),
        "delimiter" => request.delimiter = Some(delimiter(function, &text(function, name, value)?)?),
        "header" => request.header = Some(boolean(function, value)?),
        _ => {
            return Err(EngineError::query_with_help(
                format!("`{function}(..)` has no option `{name}`"),
                usage(function),
            ));
        }
    }
    Ok(())
}

fn usage(function: &str) -> String {
    let options = match function_format(function) {
        Some(FormatKind::Csv) => "types => 'status int16, ts timestamp', delimiter => ';', header => true",
        Some(FormatKind::Json) => "types => 'status int16, ts timestamp'",
        _ => "format => 'combined'",
    };
    format!("{function}('path', {options})")
}

fn text(function: &str, name: &str, value: &Expr) -> Result<String, EngineError> {
    if let Expr::Value(value) = value
        && let Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) = &value.value
    {
        return Ok(text.clone());
    }
    Err(EngineError::query_with_help(
        format!("`{name}` of `{function}(..)` is a text in single quotes"),
        usage(function),
    ))
}

fn boolean(function: &str, value: &Expr) -> Result<bool, EngineError> {
    if let Expr::Value(value) = value
        && let Value::Boolean(value) = &value.value
    {
        return Ok(*value);
    }
    Err(EngineError::query_with_help(format!("`header` of `{function}(..)` is true or false"), usage(function)))
}

fn delimiter(function: &str, text: &str) -> Result<u8, EngineError> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(EngineError::query_with_help(
            "`delimiter` is one byte other than a quote or a line end",
            usage(function),
        )),
    }
}

fn format(function: &str, name: &str) -> Result<FormatKind, EngineError> {
    match name.to_ascii_lowercase().as_str() {
        "access" | "common" | "combined" | "apache" | "nginx" => Ok(FormatKind::Access),
        "json" | "ndjson" | "jsonl" => Ok(FormatKind::Json),
        "csv" | "tsv" => Ok(FormatKind::Csv),
        _ => Err(EngineError::query_with_help(
            format!("unknown format `{name}`; known are common, combined, ndjson, csv"),
            usage(function),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn taken(sql: &str) -> Result<(Vec<TableUse>, String), EngineError> {
        let mut statement = parse(sql)?.statement;
        let tables = take_paths(&mut statement, &[VirtualColumn::Line], &[])?;
        Ok((tables, statement.to_string()))
    }

    #[test]
    fn a_path_in_single_quotes_becomes_a_table() {
        let (tables, sql) = taken("SELECT count(*) FROM 'a/*.log' x JOIN (SELECT 1 FROM 'a/*.log') y ON true").unwrap();
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].request.patterns, ["a/*.log"]);
        assert!(sql.contains("FROM \"a/*.log\""), "{sql}");
    }

    #[test]
    fn a_name_that_with_gives_is_another_table() {
        let (tables, sql) = taken("WITH logs AS (SELECT 1) SELECT * FROM 'logs', logs, \"a/logs\"").unwrap();
        assert!(sql.contains("FROM \"'logs'\", logs, \"a/logs\""), "{sql}");
        assert_eq!(tables[0].request.patterns, ["logs"]);
        let (_, sql) = taken("SELECT 1 FROM (WITH \"X\" AS (SELECT 1) SELECT 1 FROM 'x') t").unwrap();
        assert!(sql.contains("FROM \"'x'\""), "{sql}");
    }

    #[test]
    fn what_can_be_read_once_is_named_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        let pipe = pipe.display();
        for sql in [
            "SELECT 1 FROM '-' a JOIN '-' b ON true",
            "SELECT 1 FROM '-' UNION ALL SELECT 1 FROM '/dev/stdin'",
            "SELECT 1 FROM '-' WHERE 1 IN (SELECT 1 FROM logs('-'))",
            &format!("SELECT 1 FROM '{pipe}', json('{pipe}')"),
        ] {
            assert!(taken(sql).unwrap_err().to_string().ends_with("can be read once"), "{sql}");
        }
        assert!(taken("SELECT 1 FROM '-', 'a.log' a, 'a.log' b").is_ok());
    }

    #[test]
    fn a_table_function_carries_its_options() {
        let (tables, _) = taken(
            "SELECT * FROM csv('f.csv', types => 'status int16, ts timestamp', delimiter => ';', header => false)",
        )
        .unwrap();
        let request = &tables[0].request;
        assert_eq!(taken("SELECT * FROM csv('a/f.csv', header => true)").unwrap().0.len(), 1);
        assert_eq!(request.format, Some(FormatKind::Csv));
        assert_eq!(request.types.as_deref(), Some("status int16, ts timestamp"));
        assert_eq!((request.delimiter, request.header), (Some(b';'), Some(false)));
    }

    #[test]
    fn other_names_are_left_alone_and_wrong_options_are_named() {
        let (tables, _) = taken("WITH t AS (SELECT 1) SELECT * FROM t, generate_series(1, 3)").unwrap();
        assert!(tables.is_empty());
        assert!(taken("SELECT * FROM csv('f', speed => 'fast')").unwrap_err().to_string().contains("speed"));
        for sql in ["csv('f', format => 'combined')", "logs('f', delimiter => ';')", "json('f', header => true)"] {
            let error = taken(&format!("SELECT * FROM {sql}")).unwrap_err();
            assert!(error.to_string().contains("does not fit"), "{sql}: {error}");
        }
        assert!(taken("SELECT * FROM logs('f', format => 'csv', delimiter => ';')").is_ok());
        assert!(taken("SELECT * FROM csv()").unwrap_err().to_string().contains("path"));
        assert!(taken("SELECT * FROM logs('f', format => 'xml')").unwrap_err().to_string().contains("xml"));
    }
}
