//! TG018: a table becomes objects of Python.

use super::{Context, Rule};
use crate::{
    calls::CallSite,
    finding::Findings,
    values::{Size, string},
};
use ruff_python_ast::{
    Expr,
    visitor::{Visitor, walk_expr},
};

pub(super) static RULE: Rule = Rule {
    code: "TG018",
    name: "python-objects",
    title: "A table becomes objects of Python",
    fix: "go over it in parts, or stay with columns: `to_numpy()`, Arrow, Parquet",
    saving: "5 to 20 times the table",
    why: "\
A number in a column takes 8 bytes, as an object of Python 32 and a pointer; a row as a dictionary takes some hundred. `to_dict`,
`tolist` and a list of parsed JSON lines make all of them at once.",
    how_much: "\
50 to 500 bytes a value; 5 to 20 times the table.",
    example: "\
```python
rows = df.to_dict(\"records\")
for row in rows:
    send(row)
```

```python
for start in range(0, len(df), 10_000):
    for row in df.iloc[start:start + 10_000].to_dict(\"records\"):
        send(row)
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let receiver = site.on(context.module);
        let is_large = receiver.size == Size::Large;
        let message = match site.name {
            "to_dict" if is_large && is_records(site) => "`to_dict` makes a dictionary of every row".to_owned(),
            "tolist" | "to_list" | "to_pylist" | "to_dicts" | "to_records" if is_large && site.receiver.is_some() => {
                format!("`{}` makes an object of every value", site.name)
            }
            _ => continue,
        };
        findings.add(&RULE, site.call, message);
    }
    let mut lines = Lines { context, findings };
    lines.visit_body(context.module.body);
}

fn is_records(site: &CallSite<'_>) -> bool {
    let orient = site.argument(0).or_else(|| site.keyword("orient")).and_then(string);
    orient.is_some_and(|orient| orient == "records" || orient == "index")
}

/// `[json.loads(line) for line in file]`.
struct Lines<'f, 'm, 'a> {
    context: &'f Context<'m, 'a>,
    findings: &'f mut Findings<'m, 'a>,
}

impl<'e> Visitor<'e> for Lines<'_, '_, '_> {
    fn visit_expr(&mut self, expression: &'e Expr) {
        if let Expr::ListComp(list) = expression
            && let Expr::Call(call) = &*list.elt
            && self.context.module.imports.path(&call.func).as_deref() == Some("json.loads")
        {
            self.findings.add(&RULE, list, "every line is kept as dictionaries and texts of Python".to_owned());
        }
        walk_expr(self, expression);
    }
}
