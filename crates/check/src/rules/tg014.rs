//! TG014: a copy is made of what is new already.

use super::{Context, Rule};
use crate::finding::Findings;
use ruff_python_ast::Expr;

pub(super) static RULE: Rule = Rule {
    code: "TG014",
    name: "needless-copy",
    title: "A copy is made of what is new already",
    fix: "leave `.copy()` out",
    saving: "the size of the frame, once more",
    why: "\
`merge`, `sort_values`, a filter and a read give a new frame: nobody else holds it, so that a copy of it is a second one for nothing.
From pandas 3 on even a slice is safe to change, because it is copied when it is written to.",
    how_much: "\
Once the frame at the peak; the first one goes at the end of the statement.",
    example: "\
```python
slow = df[df[\"duration\"] > 1].copy()
```

```python
slow = df[df[\"duration\"] > 1]
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let Some(receiver) = site.receiver.filter(|_| site.name == "copy") else { continue };
        if !site.on(context.module).is_table() || site.keyword("deep").is_some() {
            continue;
        }
        let made = match receiver {
            Expr::Call(call) => called(call),
            Expr::Subscript(subscript)
                if matches!(&*subscript.slice, Expr::Compare(_) | Expr::BinOp(_) | Expr::List(_)) =>
            {
                Some("a selection")
            }
            _ => None,
        };
        if let Some(made) = made {
            findings.add(&RULE, site.call, format!("{made} gives a new frame, and `.copy()` a second one"));
        }
    }
}

/// Methods and functions whose result nobody else holds.
fn called(call: &ruff_python_ast::ExprCall) -> Option<&'static str> {
    let Expr::Attribute(attribute) = &*call.func else { return None };
    Some(match attribute.attr.as_str() {
        "copy" => "`copy`",
        "merge" => "`merge`",
        "sort_values" => "`sort_values`",
        "read_csv" => "`read_csv`",
        "read_parquet" => "`read_parquet`",
        "concat" => "`concat`",
        "query" => "`query`",
        "fillna" => "`fillna`",
        "dropna" => "`dropna`",
        "drop_duplicates" => "`drop_duplicates`",
        "pivot_table" => "`pivot_table`",
        "melt" => "`melt`",
        _ => return None,
    })
}
