//! TG016: a merge may have more rows than both of its inputs, and takes all columns.

use super::{Context, Rule};
use crate::{finding::Findings, values::string};
use ruff_python_ast::Expr;

pub(super) static RULE: Rule = Rule {
    code: "TG016",
    name: "merge-unchecked",
    title: "A merge may have more rows than both of its inputs, and takes all columns",
    fix: "`validate=\"many_to_one\"`, and only the columns that are needed of the right side",
    saving: "unbounded: keys that repeat on both sides multiply",
    why: "\
Each row of one side is joined with each row of the other that has the same key. A key that is there 1,000 times on both sides makes a
million rows. `validate=` looks at the keys first and raises an error in place of that. Columns of the right side that nobody
uses are repeated with every row.",
    how_much: "\
Unbounded. Two frames of a million rows whose keys repeat ten times each make ten million rows.",
    example: "\
```python
df.merge(users, on=\"user\")
```

```python
df.merge(users[[\"user\", \"country\"]], on=\"user\", validate=\"many_to_one\")
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_function = site.is("pandas.merge");
        let is_method = site.name == "merge" && site.receiver.is_some() && site.on(context.module).is_table();
        if !(is_function || is_method) || site.keyword("validate").is_some() {
            continue;
        }
        let right = if is_function { site.argument(1) } else { site.argument(0) };
        let right = right.or_else(|| site.keyword("right"));
        let left = if is_function { site.argument(0) } else { site.receiver };
        let (Some(Expr::Name(right)), Some(scope)) = (right, site.scope_of(context.module)) else { continue };
        let is_itself = matches!(left, Some(Expr::Name(left)) if left.id == right.id);
        // A frame as it was read: neither grouped nor freed of duplicates.
        let is_raw = scope.value(right.id.as_str()).is_some_and(|value| {
            value.is_large() && value.made_by.is_some_and(|made| made.starts_with("read_") || made == "concat")
        });
        let is_cross = site.keyword("how").and_then(string) == Some("cross");
        let how = if is_cross {
            "joins every row with every row"
        } else if is_itself {
            "joins a frame with itself"
        } else {
            "does not check that keys are there once"
        };
        if is_cross || is_itself || is_raw {
            let message = format!("the merge with `{}` {how}", right.id);
            let Some(finding) = findings.add(&RULE, site.call, message) else { return };
            if is_cross {
                finding.fix("name the keys, or take a part of one side at a time");
            } else if is_itself {
                finding.fix("aggregate by the key first, or `drop_duplicates` the key of one side");
            }
        }
    }
}
