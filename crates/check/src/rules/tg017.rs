//! TG017: rows of a frame are visited one by one.

use super::{Context, Rule};
use crate::{
    finding::Findings,
    values::{integer, string},
};

pub(super) static RULE: Rule = Rule {
    code: "TG017",
    name: "row-by-row",
    title: "Rows of a frame are visited one by one",
    fix: "use whole columns: `df[\"a\"] * df[\"b\"]`, `np.where`, `.map` of one column",
    saving: "10 to 50 times a row at a time, and most of the time",
    why: "\
`iterrows` and `apply(axis=1)` make a Series of every row: an index, a block, and every number as an object of Python, with types
widened to one that fits all columns. What `apply` returns is collected as objects before it is a column.",
    how_much: "\
Some 10 to 50 times the bytes of a row on the way; and 100 times the time of whole columns.",
    example: "\
```python
df[\"cost\"] = df.apply(lambda row: row[\"n\"] * row[\"price\"], axis=1)
```

```python
df[\"cost\"] = df[\"n\"] * df[\"price\"]
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let Some(receiver) = site.receiver.map(|_| site.on(context.module)) else { continue };
        let axis = site.keyword("axis").or_else(|| site.argument(1));
        let by_row = axis.is_some_and(|axis| integer(axis) == Some(1) || string(axis) == Some("columns"));
        let is_frame = receiver.is_table() || receiver.kind.is_none();
        let found = match site.name {
            "iterrows" | "itertuples" if is_frame => Some("makes an object of every row"),
            "apply" if by_row && is_frame => Some("makes a Series of every row"),
            _ => None,
        };
        if let Some(found) = found {
            findings.add(&RULE, site.call, format!("`{}` {found}", site.name));
        }
    }
}
