//! Parsing, and which statements a query may be.

use super::{
    errors::{self, Known},
    guard,
};
use crate::EngineError;
use datafusion::sql::{
    parser::{DFParserBuilder, Statement},
    sqlparser::{
        ast::{Expr, Ident, SelectItem, SetExpr, Statement as SqlStatement, TableFactor, TableWithJoins},
        dialect::GenericDialect,
        tokenizer::{Token, TokenWithSpan, Tokenizer},
    },
};
use std::{borrow::Cow, cmp::Ordering};
use tidegate_formats::VirtualColumn;

/// A statement, and what its text says besides.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// The virtual columns that it names.
    pub hidden: Vec<VirtualColumn>,
    /// Whether it is `EXPLAIN MEMORY` of the statement.
    pub explains_memory: bool,
}

/// Parses one statement that reads.
///
/// # Errors
/// [`EngineError::Query`] with the place of a syntax error, or with the way to do what is not accepted here.
pub(crate) fn parse(sql: &str) -> Result<Parsed, EngineError> {
    let hidden = guard::check(sql)?;
    let (sql, explains_memory) = explain_memory(sql);
    let parser = DFParserBuilder::new(sql.as_ref()).with_dialect(&GenericDialect {}).build();
    let mut statements = parser
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| errors::from_datafusion(&error, &Known::default()))?;
    let (Some(mut statement), None) = (statements.pop_front(), statements.pop_front()) else {
        return Err(EngineError::query("one statement is expected"));
    };
    check_reads(&statement)?;
    name_columns(&mut statement);
    if explains_memory && !is_query(&statement) {
        return Err(EngineError::query("EXPLAIN MEMORY needs a query"));
    }
    Ok(Parsed { statement, hidden, explains_memory })
}

/// Takes `EXPLAIN MEMORY` off the text, which no parser knows. Blanks take its place, so that places of errors stay right.
fn explain_memory(sql: &str) -> (Cow<'_, str>, bool) {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap_or_default();
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let is = |token: Option<&TokenWithSpan>, text: &str| matches!(token.map(|token| &token.token), Some(Token::Word(word)) if word.value.eq_ignore_ascii_case(text));
    let (first, second) = (words.next(), words.next());
    let followed = words.next().is_some_and(|next| matches!(next.token, Token::Word(_) | Token::LParen));
    if !followed || !is(first, "explain") || !is(second, "memory") {
        return (Cow::Borrowed(sql), false);
    }
    let end = second.map_or(1, |second| second.span.end.line);
    let column = second.map_or(1, |second| second.span.end.column);
    let blank = |(at, line): (usize, &str)| match (at as u64 + 1).cmp(&end) {
        Ordering::Less => String::new(),
        Ordering::Equal => {
            line.chars().enumerate().map(|(at, c)| if at as u64 + 1 < column { ' ' } else { c }).collect()
        }
        Ordering::Greater => line.to_owned(),
    };
    (Cow::Owned(sql.split('\n').enumerate().map(blank).collect::<Vec<_>>().join("\n")), true)
}

/// Returns whether a statement is a query, and no `EXPLAIN` of one.
pub(crate) fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(statement) if matches!(statement.as_ref(), SqlStatement::Query(_)))
}

/// Names the columns of the result as the query writes them. DataFusion would name `sum(bytes)` after its table as well,
/// which here is a path, and `1` after its type.
fn name_columns(statement: &mut Statement) {
    let Statement::Statement(statement) = statement else { return };
    let SqlStatement::Query(query) = statement.as_mut() else { return };
    let mut body = query.body.as_mut();
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left.as_mut(),
            SetExpr::Query(query) => body = query.body.as_mut(),
            SetExpr::Select(select) => {
                let tables = aliases(&select.from);
                return select.projection.iter_mut().for_each(|item| name_column(item, &tables));
            }
            _ => return,
        }
    }
}

/// Returns the short names that FROM gives to its tables.
fn aliases(from: &[TableWithJoins]) -> Vec<String> {
    let relations = from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    let names = relations.filter_map(|relation| match relation {
        TableFactor::Table { name, alias: None, .. } => name.0.last().map(ToString::to_string),
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some(alias.name.value.clone()),
        _ => None,
    });
    names.collect()
}

/// `a.status` of a table `a` is the column `status`; `request.path` of a nested object keeps its path as its name.
fn name_column(item: &mut SelectItem, tables: &[String]) {
    let is_named = |expr: &Expr| match expr {
        Expr::Identifier(_) => true,
        Expr::CompoundIdentifier(parts) => {
            parts.len() == 2
                && parts
                    .first()
                    .is_some_and(|first| tables.iter().any(|table| table.eq_ignore_ascii_case(&first.value)))
        }
        _ => false,
    };
    if let SelectItem::UnnamedExpr(expr) = item
        && !is_named(expr)
    {
        let alias = Ident::with_quote('"', expr.to_string());
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

fn check_reads(statement: &Statement) -> Result<(), EngineError> {
    match statement {
        Statement::Explain(explain) => check_reads(&explain.statement),
        Statement::CopyTo(_) => refuse("COPY", "give the query itself, with -o FILE for where the rows go"),
        Statement::CreateExternalTable(_) => {
            refuse("CREATE EXTERNAL TABLE", "write the path in FROM: SELECT .. FROM 'access.log'")
        }
        Statement::Reset(_) => refuse("RESET", "settings are options of the command, see --help"),
        Statement::Statement(statement) => match statement.as_ref() {
            SqlStatement::Query(_)
            | SqlStatement::ExplainTable { .. }
            | SqlStatement::ShowVariable { .. }
            | SqlStatement::ShowFunctions { .. } => Ok(()),
            SqlStatement::Explain { statement, .. } => check_reads(&Statement::Statement(statement.clone())),
            SqlStatement::Set(_) => refuse("SET", "the memory limit is --limit, threads are --threads"),
            _ => {
                refuse("this statement", "only queries that read are accepted: SELECT, WITH, VALUES, EXPLAIN, DESCRIBE")
            }
        },
    }
}

fn refuse(what: &str, help: &str) -> Result<(), EngineError> {
    Err(EngineError::query_with_help(format!("{what} is not accepted"), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_is_accepted() {
        for sql in
            ["SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "EXPLAIN SELECT 1", "DESCRIBE 'x.log'", "VALUES (1)"]
        {
            assert!(parse(sql).is_ok(), "{sql}");
        }
        for sql in [
            "COPY (SELECT 1) TO 'x.csv'",
            "SET datafusion.runtime.memory_limit = '100G'",
            "CREATE TABLE t AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "DROP TABLE t",
            "INSERT INTO t VALUES (1)",
            "EXPLAIN COPY (SELECT 1) TO 'x.csv'",
            "SELECT 1; SELECT 2",
            "",
        ] {
            assert!(parse(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn columns_are_named_as_the_query_writes_them() {
        let named = |sql: &str| parse(sql).unwrap().statement.to_string();
        assert_eq!(named("SELECT sum(a) + 1 FROM t"), "SELECT sum(a) + 1 AS \"sum(a) + 1\" FROM t");
        assert_eq!(named("SELECT t.a, r.p FROM 'x' AS t"), "SELECT t.a, r.p AS \"r.p\" FROM 'x' AS t");
        assert_eq!(named("SELECT a, b AS c FROM t"), "SELECT a, b AS c FROM t");
    }

    #[test]
    fn explain_memory_is_taken_off_the_text() {
        let parsed =
            |sql: &str| parse(sql).map(|parsed| (parsed.statement.to_string(), parsed.explains_memory)).unwrap();
        assert_eq!(parsed("explain /* why */\n  Memory SELECT 1"), ("SELECT 1 AS \"1\"".into(), true));
        assert!(parsed("EXPLAIN MEMORY (SELECT 1)").1);
        assert!(!parsed("EXPLAIN SELECT 1").1);
        assert!(parse("EXPLAIN MEMORY EXPLAIN SELECT 1").is_err());
        let Err(EngineError::Query { place, .. }) = parse("EXPLAIN MEMORY SELECT a FROM t WHERE >") else {
            panic!("parsed")
        };
        assert_eq!(place.map(|place| (place.line, place.column)), Some((1, 38)));
    }

    #[test]
    fn a_syntax_error_has_a_place() {
        let Err(EngineError::Query { place, .. }) = parse("SELECT a\nFROM t WHERE >") else { panic!("parsed") };
        assert_eq!(place.map(|place| place.line), Some(2));
    }
}
