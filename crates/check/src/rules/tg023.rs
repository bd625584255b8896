//! TG023: a frame becomes an array of objects.

use super::{Context, Rule};
use crate::{
    finding::Findings,
    module::Scope,
    values::{Kind, string},
};
use ruff_python_ast::{
    Expr, ExprAttribute, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};

pub(super) static RULE: Rule = Rule {
    code: "TG023",
    name: "object-array",
    title: "A frame becomes an array of objects",
    fix: "take columns of one type: `df[[\"a\", \"b\"]].to_numpy()`",
    saving: "a pointer and an object for each value: 40 bytes for a number of 8",
    why: "\
`.values` of a frame with columns of different types makes one array of objects: each number is an object of Python. `astype(object)`
asks for it. Columns of one type make an array of that type.",
    how_much: "\
8 bytes for the pointer and 32 for the object, in place of 8.",
    example: "\
```python
matrix = df.values
```

```python
matrix = df[[\"bytes\", \"duration\"]].to_numpy()
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let to = site.argument(0).or_else(|| site.keyword("dtype"));
        let is_object = to.is_some_and(|to| {
            matches!(to, Expr::Name(name) if name.id == "object") || matches!(string(to), Some("object" | "O"))
        });
        if site.name == "astype" && is_object && site.on(context.module).is_table() {
            findings.add(&RULE, site.call, "every value becomes an object of Python".to_owned());
        }
    }
    for scope in &context.module.scopes {
        let mut search = Values { scope, found: Vec::new() };
        search.visit_body(scope.body);
        for attribute in search.found {
            findings.add(&RULE, attribute, "`.values` of columns of different types is an array of objects".to_owned());
        }
    }
}

/// `df.values`, where `df` is a frame as it was read.
struct Values<'m, 'a> {
    scope: &'m Scope<'a>,
    found: Vec<&'a ExprAttribute>,
}

impl<'a> Visitor<'a> for Values<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Attribute(attribute) if attribute.attr.as_str() == "values" => {
                let is_frame = matches!(&*attribute.value, Expr::Name(name)
                    if self.scope.value(name.id.as_str()).is_some_and(|value| value.kind == Some(Kind::Frame) && value.is_large()));
                if is_frame {
                    self.found.push(attribute);
                }
                walk_expr(self, expression);
            }
            // `d.values()` of a dictionary.
            Expr::Call(call) => {
                let is_method =
                    matches!(&*call.func, Expr::Attribute(attribute) if attribute.attr.as_str() == "values");
                if !is_method {
                    self.visit_expr(&call.func);
                }
                self.visit_arguments(&call.arguments);
            }
            _ => walk_expr(self, expression),
        }
    }
}
