//! TG007: a file is read whole, and only an aggregate of it is used.

use super::{Context, Rule, support::named_reads};
use crate::{
    columns::{Use, column_uses},
    finding::Findings,
    values::{string, strings},
};
use ruff_python_ast::{
    Expr, ExprCall, Stmt,
    visitor::{Visitor, walk_expr},
};

/// Aggregates whose parts can be put together.
const OF_PARTS: [&str; 6] = ["sum", "count", "size", "min", "max", "value_counts"];

pub(super) static RULE: Rule = Rule {
    code: "TG007",
    name: "whole-read-for-aggregate",
    title: "A file is read whole, and only an aggregate of it is used",
    fix: "read it in chunks and put partial aggregates together, or ask `tidegate query`",
    saving: "551 to 47 bytes a row at the peak",
    why: "\
A sum for each key needs one row at a time. A frame of the whole file is there for one statement. `chunksize=` reads a part at a
time; sums, counts, minima and maxima of parts are put together by the same function once more. Where the aggregate can be said
in SQL, the query is written out: it runs inside a memory limit.",
    how_much: "\
232 MB of log lines, a sum by key: the peak falls from 551 to 47 bytes a row with chunks of 100,000 rows.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
print(df.groupby(\"status\")[\"bytes\"].sum())
```

```python
parts = [c.groupby(\"status\")[\"bytes\"].sum() for c in pd.read_csv(\"access.csv\", chunksize=100_000)]
print(pd.concat(parts).groupby(level=0).sum())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in named_reads(context.module, context.data) {
        let uses = column_uses(context.module, read.scope, read.binding);
        if uses.may_use_all || uses.count != 1 || read.has("chunksize") || read.has("nrows") {
            continue;
        }
        // The one place where the frame is used must be an aggregate of groups.
        let mut search = Aggregate { name: read.binding.name, found: None };
        search.visit_body(read.scope.body);
        let Some(aggregate) = search.found else { continue };
        let keys = uses.used_as(Use::Key);
        if keys.is_empty() {
            continue;
        }
        let message =
            format!("`{}` is read whole for one `{}` by {}", read.binding.name, aggregate.function, keys.join(", "));
        let query =
            read.call.arguments.find_positional(0).and_then(string).and_then(|path| aggregate.query(path, &keys));
        let Some(finding) = findings.add(&RULE, read.call, message) else { continue };
        let query = query.map(|query| format!("; or `tidegate query \"{query}\"`")).unwrap_or_default();
        finding.fix(format!("`chunksize=100_000`, and the `{}` of partial results{query}", aggregate.again()));
        let bytes = read.sizes.as_ref().and_then(|sizes| crate::sizes::held(sizes, tidegate_sizing::Setting::Default));
        finding.saving(bytes, if bytes.is_some() { "all but one chunk" } else { "all of the frame but one chunk" });
    }
}

/// `df.groupby("k")["v"].sum()`.
struct Found<'a> {
    function: &'a str,
    values: Vec<&'a str>,
}

impl Found<'_> {
    /// The function by which partial results are put together.
    fn again(&self) -> &str {
        match self.function {
            "count" | "size" | "value_counts" => "sum",
            other => other,
        }
    }

    /// The same as a query.
    fn query(&self, path: &str, keys: &[&str]) -> Option<String> {
        let is_name = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !keys.iter().chain(&self.values).all(is_name) || path.contains(['\'', '"', '$', '`']) {
            return None;
        }
        let results: Vec<String> = match self.function {
            "size" | "value_counts" => vec!["count(*)".to_owned()],
            function => self.values.iter().map(|value| format!("{function}({value})")).collect(),
        };
        let keys = keys.join(", ");
        (!results.is_empty()).then(|| format!("SELECT {keys}, {} FROM '{path}' GROUP BY {keys}", results.join(", ")))
    }
}

struct Aggregate<'n, 'a> {
    name: &'n str,
    found: Option<Found<'a>>,
}

impl<'a> Aggregate<'_, 'a> {
    fn of(&self, call: &'a ExprCall) -> Option<Found<'a>> {
        let Expr::Attribute(function) = &*call.func else { return None };
        let name = function.attr.as_str();
        if !OF_PARTS.contains(&name) {
            return None;
        }
        let (values, groups) = match &*function.value {
            Expr::Subscript(subscript) => (strings(&subscript.slice)?, &*subscript.value),
            other => (Vec::new(), other),
        };
        let is_frame = |expression: &Expr| matches!(expression, Expr::Name(frame) if frame.id == self.name);
        if name == "value_counts" {
            return is_frame(groups).then_some(Found { function: name, values: Vec::new() });
        }
        let Expr::Call(groups) = groups else { return None };
        let Expr::Attribute(method) = &*groups.func else { return None };
        (method.attr.as_str() == "groupby" && is_frame(&method.value)).then_some(Found { function: name, values })
    }
}

impl<'a> Visitor<'a> for Aggregate<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            ruff_python_ast::visitor::walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression
            && let Some(found) = self.of(call)
        {
            self.found = Some(found);
        }
        walk_expr(self, expression);
    }
}
