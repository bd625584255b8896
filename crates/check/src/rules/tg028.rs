//! TG028: everything is sorted to take a few.

use super::{Context, Rule};
use crate::{
    finding::Findings,
    values::{integer, string, truth},
};
use ruff_python_ast::{
    Expr, ExprCall,
    visitor::{Visitor, walk_expr},
};
use ruff_text_size::TextRange;

pub(super) static RULE: Rule = Rule {
    code: "TG028",
    name: "sort-to-take-few",
    title: "Everything is sorted to take a few",
    fix: "`nlargest(n, column)` or `nsmallest(n, column)`; `heapq.nsmallest` for lists",
    saving: "a sorted copy of everything",
    why: "\
A sort makes a second frame, and the order of all rows. The first few of them are found in one pass that holds only those.",
    how_much: "\
Once the frame, and 8 bytes a row for the order.",
    example: "\
```python
df.sort_values(\"bytes\", ascending=False).head(10)
```

```python
df.nlargest(10, \"bytes\")
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_few = matches!(site.name, "head" | "tail");
        if let (true, Some(Expr::Call(sort))) = (is_few, site.receiver)
            && let Expr::Attribute(method) = &*sort.func
            && method.attr.as_str() == "sort_values"
        {
            let rows = site.argument(0).or_else(|| site.keyword("n")).map_or(Some(5), integer);
            let what = Sorting::of(sort);
            let message = format!("all {} are sorted for `{}`", what.what(), site.name);
            let Some(finding) = findings.add(&RULE, site.call, message) else { return };
            if let Some(fix) = rows.and_then(|rows| what.fix(site.name, rows)) {
                finding.fix(fix);
            }
        }
    }
    let mut search = Sorted { found: Vec::new() };
    search.visit_body(context.module.body);
    for range in search.found {
        let Some(finding) = findings.add(&RULE, &range, "a whole list is sorted for its first few".to_owned()) else {
            return;
        };
        finding.fix("`heapq.nsmallest(n, values)`, or `nlargest` where the order is reversed");
    }
}

/// What `sort_values` is asked for.
struct Sorting<'a> {
    /// The column of a frame; nothing for values.
    column: Option<&'a str>,
    /// The largest come first; `None` if it is not known.
    is_descending: Option<bool>,
    is_frame: bool,
}

impl<'a> Sorting<'a> {
    fn of(call: &'a ExprCall) -> Self {
        let keyword = |name: &str| call.arguments.find_keyword(name).map(|keyword| &keyword.value);
        let by = keyword("by").or_else(|| call.arguments.find_positional(0));
        let is_descending = keyword("ascending").map_or(Some(false), |value| truth(value).map(|ascending| !ascending));
        Self { column: by.and_then(string), is_descending, is_frame: by.is_some() }
    }

    fn what(&self) -> &'static str {
        if self.is_frame { "rows" } else { "values" }
    }

    /// Returns the method that finds them in one pass, for `head` or `tail`.
    fn fix(&self, end: &str, rows: i64) -> Option<String> {
        let method = if self.is_descending? == (end == "head") { "nlargest" } else { "nsmallest" };
        match (self.is_frame, self.column) {
            (true, Some(column)) => Some(format!("`{method}({rows}, {column:?})`")),
            (true, None) => Some(format!("`{method}({rows}, columns)`, where they are numbers")),
            (false, _) => Some(format!("`{method}({rows})`")),
        }
    }
}

/// `sorted(values)[:10]`.
struct Sorted {
    found: Vec<TextRange>,
}

impl<'a> Visitor<'a> for Sorted {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Subscript(subscript) = expression
            && let (Expr::Call(call), Expr::Slice(slice)) = (&*subscript.value, &*subscript.slice)
            && matches!(&*call.func, Expr::Name(name) if name.id == "sorted")
            && slice.lower.is_none()
            && slice.step.is_none()
            && slice.upper.as_deref().and_then(integer).is_some_and(|count| count > 0)
        {
            self.found.push(subscript.range);
        }
        walk_expr(self, expression);
    }
}
