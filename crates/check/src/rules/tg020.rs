//! TG020: groups of categories may include all combinations that do not occur.

use super::{Context, Rule};
use crate::{
    finding::Findings,
    values::{string, strings},
};
use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};

pub(super) static RULE: Rule = Rule {
    code: "TG020",
    name: "unobserved-groups",
    title: "Groups of categories may include all combinations that do not occur",
    fix: "`observed=True`",
    saving: "unbounded: the product of the numbers of categories",
    why: "\
Before pandas 3, `groupby` on categories makes a row for every combination of categories, also of those that no row has. Two columns
of 10,000 categories make 100 million rows of which most are empty. From pandas 3 on `observed=True` is the default; a script
that may meet both says so.",
    how_much: "\
The product of the categories, 8 bytes for each aggregate.",
    example: "\
```python
df = df.astype({\"a\": \"category\", \"b\": \"category\"})
df.groupby([\"a\", \"b\"])[\"n\"].sum()
```

```python
df = df.astype({\"a\": \"category\", \"b\": \"category\"})
df.groupby([\"a\", \"b\"], observed=True)[\"n\"].sum()
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let mut search = Categories { columns: Vec::new() };
    search.visit_body(context.module.body);
    for site in &context.calls {
        if site.name != "groupby" || site.receiver.is_none() || site.keyword("observed").is_some() {
            continue;
        }
        let keys = site.argument(0).or_else(|| site.keyword("by")).and_then(strings).unwrap_or_default();
        let of_categories = keys.iter().filter(|key| search.columns.contains(*key)).count();
        if keys.len() > 1 && of_categories > 1 {
            findings.add(
                &RULE,
                site.call,
                format!("groups by {of_categories} categories at a time, and by all their combinations"),
            );
        }
    }
}

/// Columns that the script makes categories.
struct Categories<'a> {
    columns: Vec<&'a str>,
}

impl<'a> Visitor<'a> for Categories<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        // `df["a"] = df["a"].astype("category")`.
        if let Stmt::Assign(assign) = statement
            && let [Expr::Subscript(target)] = assign.targets.as_slice()
            && let (Some(column), Expr::Call(call)) = (string(&target.slice), &*assign.value)
            && let Some("category") = call.arguments.find_positional(0).and_then(string)
        {
            self.columns.push(column);
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        // `{"a": "category"}`, as a `dtype` or for `astype`.
        if let Expr::Dict(dict) = expression {
            let of_categories = dict.items.iter().filter(|item| string(&item.value) == Some("category"));
            self.columns.extend(of_categories.filter_map(|item| item.key.as_ref().and_then(string)));
        }
        walk_expr(self, expression);
    }
}
