//! A filter, groups, an aggregate, an order and a limit over one frame, as a query.

use crate::values::{integer, string, strings, truth};
use ruff_python_ast::{
    CmpOp, Expr, ExprCall, ExprCompare, Identifier, Number, Operator, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};

/// What a chain of methods asks of a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query<'a> {
    /// The method that aggregates: `sum`.
    pub function: &'a str,
    /// The columns of the groups; none if all rows are one.
    pub keys: Vec<&'a str>,
    /// Results as SQL: `sum(bytes)`.
    results: Vec<String>,
    /// Which rows, as SQL.
    filter: Option<String>,
    order: Option<String>,
    limit: Option<i64>,
}

/// Aggregates of pandas, and their names in SQL.
const FUNCTIONS: [(&str, &str); 8] = [
    ("sum", "sum"),
    ("count", "count"),
    ("min", "min"),
    ("max", "max"),
    ("mean", "avg"),
    ("median", "median"),
    ("std", "stddev"),
    ("var", "var"),
];

/// Aggregates whose parts can be put together, and by which.
const OF_PARTS: [(&str, &str); 6] =
    [("sum", "sum"), ("min", "min"), ("max", "max"), ("count", "sum"), ("size", "sum"), ("value_counts", "sum")];

/// Returns what an expression asks of a frame; `None` if it does more, or something that SQL does not do in the same way.
pub(crate) fn query<'a>(expression: &'a Expr, frame: &str) -> Option<Query<'a>> {
    let Expr::Call(call) = expression else { return None };
    let Expr::Attribute(method) = &*call.func else { return None };
    let (name, base) = (method.attr.as_str(), &*method.value);
    match name {
        "reset_index" if call.arguments.args.is_empty() => query(base, frame),
        "head" => query(base, frame)?.first(count(call)?),
        "nlargest" | "nsmallest" => {
            query(base, frame)?.sorted(if name == "nlargest" { " DESC" } else { "" })?.first(count(call)?)
        }
        "sort_values" if call.arguments.args.is_empty() => {
            let ascending = match call.arguments.keywords.as_ref() {
                [] => true,
                [one] if one.arg.as_ref().is_some_and(|name| name.as_str() == "ascending") => truth(&one.value)?,
                _ => return None,
            };
            query(base, frame)?.sorted(if ascending { "" } else { " DESC" })
        }
        "value_counts" if call.arguments.is_empty() => {
            let (column, filter) = column(base, frame)?;
            let order = Some("count(*) DESC".to_owned());
            let results = vec!["count(*)".to_owned()];
            Some(Query { function: name, keys: vec![column], results, filter, order, limit: None })
        }
        "agg" | "aggregate" => {
            let (keys, filter, selected) = groups(base, frame)?;
            let results = aggregates(call, &selected)?;
            Some(Query { function: name, keys, results, filter, ..Query::default() })
        }
        _ if call.arguments.is_empty() => aggregate(name, base, frame),
        _ => None,
    }
}

/// `df.groupby("k")["v"].sum()`, `df.groupby("k").size()`, `df["v"].sum()`.
fn aggregate<'a>(name: &'a str, base: &'a Expr, frame: &str) -> Option<Query<'a>> {
    if let Some((keys, filter, selected)) = groups(base, frame) {
        let results = if name == "size" {
            vec!["count(*)".to_owned()]
        } else {
            selected.iter().map(|column| applied(name, column)).collect::<Option<_>>()?
        };
        return (!results.is_empty()).then_some(Query { function: name, keys, results, filter, ..Query::default() });
    }
    let (column, filter) = column(base, frame)?;
    Some(Query { function: name, results: vec![applied(name, column)?], filter, ..Query::default() })
}

impl Query<'_> {
    /// Returns the aggregate by which results of parts are put together, if that can be done.
    pub(crate) fn again(&self) -> Option<&'static str> {
        if self.limit.is_some() {
            return None;
        }
        OF_PARTS.iter().find(|(name, _)| *name == self.function).map(|(_, again)| *again)
    }

    /// Returns it as SQL over a file; `None` if a name is more than a word, or the path has quotes.
    pub(crate) fn sql(&self, path: &str) -> Option<String> {
        if path.contains(['\'', '"', '$', '`', '\\']) {
            return None;
        }
        let keys = self.keys.iter().map(|key| identifier(key)).collect::<Option<Vec<String>>>()?;
        let columns: Vec<&str> = keys.iter().chain(&self.results).map(String::as_str).collect();
        let mut sql = format!("SELECT {} FROM '{path}'", columns.join(", "));
        let keys = keys.join(", ");
        let mut add = |word: &str, text: Option<&str>| {
            if let Some(text) = text {
                sql.extend([" ", word, " ", text]);
            }
        };
        add("WHERE", self.filter.as_deref());
        add("GROUP BY", (!keys.is_empty()).then_some(&keys));
        let limit = self.limit.map(|limit| limit.to_string());
        // pandas sorts groups by their keys, so that the first of them are meant.
        let order = self.order.as_deref().or(limit.as_ref().map(|_| keys.as_str()).filter(|keys| !keys.is_empty()));
        add("ORDER BY", order);
        add("LIMIT", limit.as_deref());
        Some(sql)
    }

    fn first(self, rows: i64) -> Option<Self> {
        self.limit.is_none().then_some(Self { limit: Some(rows), ..self })
    }

    /// Orders by the one result.
    fn sorted(self, direction: &str) -> Option<Self> {
        let [result] = self.results.as_slice() else { return None };
        let order = Some(format!("{result}{direction}"));
        self.limit.is_none().then_some(Self { order, ..self })
    }
}

/// The rows that `head` and its kin are asked for.
fn count(call: &ExprCall) -> Option<i64> {
    match (call.arguments.args.as_ref(), call.arguments.keywords.is_empty()) {
        ([], true) => Some(5),
        ([rows], true) => integer(rows).filter(|rows| *rows > 0),
        _ => None,
    }
}

fn applied(function: &str, column: &str) -> Option<String> {
    let column = identifier(column)?;
    if function == "nunique" {
        return Some(format!("count(DISTINCT {column})"));
    }
    let (_, name) = FUNCTIONS.iter().find(|(name, _)| *name == function)?;
    Some(format!("{name}({column})"))
}

/// A name as SQL has it, in quotes where it would be taken for another; `None` if it is more than a word.
fn identifier(name: &str) -> Option<String> {
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_as_it_is = name.chars().all(|c| !c.is_uppercase()) && !name.starts_with(|c: char| c.is_numeric());
    is_word.then(|| if is_as_it_is { name.to_owned() } else { format!("\"{name}\"") })
}

/// The keys of groups, which rows are grouped, and the columns that are selected of them.
type Groups<'a> = (Vec<&'a str>, Option<String>, Vec<&'a str>);

fn groups<'a>(expression: &'a Expr, frame: &str) -> Option<Groups<'a>> {
    let (selected, groups) = match expression {
        Expr::Subscript(subscript) => (strings(&subscript.slice)?, &*subscript.value),
        other => (Vec::new(), other),
    };
    let Expr::Call(call) = groups else { return None };
    let Expr::Attribute(method) = &*call.func else { return None };
    let mut keys = call.arguments.find_positional(0);
    for keyword in &call.arguments.keywords {
        match keyword.arg.as_ref().map(Identifier::as_str)? {
            "by" => keys = Some(&keyword.value),
            "observed" | "as_index" | "sort" => {}
            _ => return None,
        }
    }
    let keys = keys.and_then(strings)?;
    (method.attr.as_str() == "groupby" && !keys.is_empty())
        .then(|| rows(&method.value, frame).map(|rows| (keys, rows.filter, selected)))?
}

/// `.agg({"v": "sum"})`, `.agg(total=("v", "sum"))`, `["v"].agg(["sum", "max"])`.
fn aggregates(call: &ExprCall, selected: &[&str]) -> Option<Vec<String>> {
    let mut results = Vec::new();
    match call.arguments.args.as_ref() {
        [] => {}
        [Expr::Dict(dict)] if selected.is_empty() => {
            for item in &dict.items {
                let column = item.key.as_ref().and_then(string)?;
                for function in strings(&item.value)? {
                    results.push(applied(function, column)?);
                }
            }
        }
        [functions] => {
            for column in selected {
                for function in strings(functions)? {
                    results.push(applied(function, column)?);
                }
            }
        }
        _ => return None,
    }
    for keyword in &call.arguments.keywords {
        let Expr::Tuple(pair) = &keyword.value else { return None };
        let [column, function] = pair.elts.as_slice() else { return None };
        let name = identifier(keyword.arg.as_ref()?)?;
        results.push(format!("{} AS {name}", applied(string(function)?, string(column)?)?));
    }
    (!results.is_empty()).then_some(results)
}

/// Which rows of the frame an expression is.
struct Rows {
    /// As SQL; nothing for all of them.
    filter: Option<String>,
}

/// Returns which rows of the frame an expression is, if it is nothing else.
fn rows(expression: &Expr, frame: &str) -> Option<Rows> {
    match expression {
        Expr::Name(name) => (name.id == frame).then_some(Rows { filter: None }),
        Expr::Subscript(subscript) => match &*subscript.value {
            Expr::Name(name) if name.id == frame => {
                condition(&subscript.slice, frame).map(|filter| Rows { filter: Some(filter) })
            }
            _ => None,
        },
        _ => None,
    }
}

/// A column of the frame, or of some rows of it.
fn column<'a>(expression: &'a Expr, frame: &str) -> Option<(&'a str, Option<String>)> {
    let (name, base) = match expression {
        Expr::Subscript(subscript) => (string(&subscript.slice)?, &subscript.value),
        Expr::Attribute(attribute) => (attribute.attr.as_str(), &attribute.value),
        _ => return None,
    };
    Some((name, rows(base, frame)?.filter))
}

fn condition(expression: &Expr, frame: &str) -> Option<String> {
    let whole = |expression: &Expr| {
        let (name, filter) = column(expression, frame)?;
        identifier(name).filter(|_| filter.is_none())
    };
    match expression {
        Expr::BinOp(both) => {
            let word = match both.op {
                Operator::BitAnd => "AND",
                Operator::BitOr => "OR",
                _ => return None,
            };
            Some(format!("({} {word} {})", condition(&both.left, frame)?, condition(&both.right, frame)?))
        }
        Expr::Compare(compare) => compared(compare, &whole(&compare.left)?),
        Expr::Call(call) => {
            let Expr::Attribute(method) = &*call.func else { return None };
            let column = whole(&method.value)?;
            match (method.attr.as_str(), call.arguments.args.as_ref()) {
                ("isna" | "isnull", []) => Some(format!("{column} IS NULL")),
                ("notna" | "notnull", []) => Some(format!("{column} IS NOT NULL")),
                ("isin", [Expr::List(values)]) if !values.is_empty() => {
                    let values: Option<Vec<String>> = values.iter().map(literal).collect();
                    Some(format!("{column} IN ({})", values?.join(", ")))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn compared(compare: &ExprCompare, column: &str) -> Option<String> {
    let ([operator], [value]) = (compare.ops.as_ref(), compare.comparators.as_ref()) else { return None };
    let operator = match operator {
        CmpOp::Eq => "=",
        // What is missing is different, for pandas.
        CmpOp::NotEq => "IS DISTINCT FROM",
        CmpOp::Lt => "<",
        CmpOp::LtE => "<=",
        CmpOp::Gt => ">",
        CmpOp::GtE => ">=",
        _ => return None,
    };
    Some(format!("{column} {operator} {}", literal(value)?))
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringLiteral(text) => {
            let text = text.value.to_str();
            (!text.contains(['\'', '"', '$', '`', '\\'])).then(|| format!("'{text}'"))
        }
        Expr::NumberLiteral(number) => match &number.value {
            Number::Float(value) => Some(value.to_string()),
            _ => integer(expression).map(|value| value.to_string()),
        },
        _ => integer(expression).map(|value| value.to_string()),
    }
}

/// Returns what a scope asks of a frame, if that is the only place where it uses it.
pub(crate) fn only_query<'a>(body: &'a [Stmt], name: &str) -> Option<Query<'a>> {
    let mut search = Search { name, found: None, uses: 0 };
    search.visit_body(body);
    search.found.filter(|(_, uses)| *uses == search.uses).map(|(query, _)| query)
}

/// The expression that aggregates a frame, with how often it reads the name, and how often all of the scope does.
struct Search<'n, 'a> {
    name: &'n str,
    found: Option<(Query<'a>, usize)>,
    uses: usize,
}

impl<'a> Visitor<'a> for Search<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        // What other scopes do with names of theirs is their affair.
        if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if self.found.is_none()
            && let Some(query) = query(expression, self.name)
        {
            let before = self.uses;
            walk_expr(self, expression);
            self.found = Some((query, self.uses - before));
            return;
        }
        if let Expr::Name(name) = expression {
            self.uses += usize::from(name.id == self.name && name.ctx.is_load());
        }
        walk_expr(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruff_python_parser::parse_expression;

    fn check(text: &str, expected: &str) {
        let parsed = parse_expression(text).unwrap();
        let sql = query(parsed.expr(), "df").and_then(|query| query.sql("a.csv"));
        assert_eq!(sql.as_deref().unwrap_or("none"), expected, "{text}");
    }

    #[test]
    fn chains_of_methods_are_queries() {
        check("df.groupby('k')['v'].sum()", "SELECT k, sum(v) FROM 'a.csv' GROUP BY k");
        check("df.groupby(['k', 'j']).size()", "SELECT k, j, count(*) FROM 'a.csv' GROUP BY k, j");
        check("df.groupby(by='k', sort=False)[['v', 'w']].mean()", "SELECT k, avg(v), avg(w) FROM 'a.csv' GROUP BY k");
        check(
            "df[(df['s'] >= 500) & df.m.isin(['GET', 'PUT'])].groupby('k')['v'].nunique().reset_index()",
            "SELECT k, count(DISTINCT v) FROM 'a.csv' WHERE (s >= 500 AND m IN ('GET', 'PUT')) GROUP BY k",
        );
        check("df.groupby('k').v.sum().sort_values(ascending=False).head(3)", "none");
        check(
            "df.groupby('k')['v'].sum().sort_values(ascending=False).head(3)",
            "SELECT k, sum(v) FROM 'a.csv' GROUP BY k ORDER BY sum(v) DESC LIMIT 3",
        );
        check("df.groupby('k')['v'].sum().head()", "SELECT k, sum(v) FROM 'a.csv' GROUP BY k ORDER BY k LIMIT 5");
        check(
            "df['k'].value_counts().head(10)",
            "SELECT k, count(*) FROM 'a.csv' GROUP BY k ORDER BY count(*) DESC LIMIT 10",
        );
        check(
            "df.groupby('k').agg(n=('v', 'count'), most=('w', 'max'))",
            "SELECT k, count(v) AS n, max(w) AS most FROM 'a.csv' GROUP BY k",
        );
        check("df.groupby('k').agg({'v': ['min', 'max']})", "SELECT k, min(v), max(v) FROM 'a.csv' GROUP BY k");
        check("df[df.m != 'GET'].v.max()", "SELECT max(v) FROM 'a.csv' WHERE m IS DISTINCT FROM 'GET'");
        check("df[df.v < -1.5]['v'].mean()", "none");
        check(
            "df.groupby('Region')['Amount'].sum()",
            "SELECT \"Region\", sum(\"Amount\") FROM 'a.csv' GROUP BY \"Region\"",
        );
    }

    #[test]
    fn what_is_more_is_none() {
        for text in [
            "df.groupby('k').sum()",
            "df.groupby('k')['v'].apply(f)",
            "df.groupby(key)['v'].sum()",
            "df.groupby('k', dropna=False)['v'].sum()",
            "df.groupby('k')['v'].sum().head(n)",
            "df.groupby('k')['a b'].sum()",
            "df[df.v > limit].groupby('k')['v'].sum()",
            "df[df.m == \"it's\"].groupby('k')['v'].sum()",
            "other.groupby('k')['v'].sum()",
            "df['v'].quantile(0.5)",
            "df.head(3)",
        ] {
            check(text, "none");
        }
    }
}
