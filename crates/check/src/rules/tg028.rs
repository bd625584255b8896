//! TG028: everything is sorted to take a few.

use super::{Context, Rule};
use crate::{finding::Findings, values::integer};
use ruff_python_ast::{
    Expr,
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
            let message = format!("all rows are sorted for `{}`", site.name);
            findings.add(&RULE, site.call, message);
        }
    }
    let mut search = Sorted { found: Vec::new() };
    search.visit_body(context.module.body);
    for range in search.found {
        findings.add(&RULE, &range, "a whole list is sorted for its first few".to_owned());
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
