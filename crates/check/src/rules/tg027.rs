//! TG027: a file is read whole, and only its first rows are used.

use super::{Context, Rule};
use crate::{finding::Findings, sizes::held, values::integer};
use ruff_python_ast::{
    Expr, ExprContext, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use tidegate_sizing::Setting;

pub(super) static RULE: Rule = Rule {
    code: "TG027",
    name: "read-all-use-head",
    title: "A file is read whole, and only its first rows are used",
    fix: "`nrows=`",
    saving: "all rows but those",
    why: "\
`df.head(10)` needs ten rows; `nrows=10` reads ten. A view of the first rows keeps the whole frame besides.",
    how_much: "\
The whole frame, and the time to read it.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
print(df.head(10))
```

```python
print(pd.read_csv(\"access.csv\", nrows=10))
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        let name = read.binding.name;
        let is_read_by_others =
            !read.scope.reached.is_plain(name) || context.module.is_library() || read.uses.is_in_text;
        if read.has("nrows") || read.has("chunksize") || is_read_by_others {
            continue;
        }
        let mut search = Heads { name, rows: None, others: 0, bindings: 0 };
        search.visit_body(read.scope.body);
        let (Some(rows), 0, 1) = (search.rows, search.others, search.bindings) else { continue };
        let message = format!("`{name}` is read whole, and {rows} rows of it are used");
        let Some(finding) = findings.add(&RULE, read.call, message) else { continue };
        finding.fix(format!("`nrows={rows}`"));
        if let Some(bytes) = read.sizes.as_ref().and_then(|sizes| held(sizes, Setting::Default)) {
            finding.saving(Some(bytes), "all of the frame".to_owned());
        }
    }
}

/// The uses of a frame: `head`, and others.
struct Heads<'n> {
    name: &'n str,
    rows: Option<i64>,
    others: usize,
    bindings: usize,
}

impl<'a> Visitor<'a> for Heads<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        // What other scopes do with names of theirs is their affair.
        if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => {
                if let Expr::Attribute(method) = &*call.func
                    && method.attr.as_str() == "head"
                    && matches!(&*method.value, Expr::Name(name) if name.id == self.name)
                {
                    let given = call
                        .arguments
                        .find_positional(0)
                        .or_else(|| call.arguments.find_keyword("n").map(|n| &n.value));
                    let rows = given.map_or(Some(5), integer).filter(|rows| *rows >= 0);
                    match rows {
                        Some(rows) => self.rows = Some(self.rows.unwrap_or(0).max(rows)),
                        None => self.others += 1,
                    }
                    return;
                }
                walk_expr(self, expression);
            }
            Expr::Name(name) if name.id == self.name => match name.ctx {
                ExprContext::Store => self.bindings += 1,
                _ => self.others += 1,
            },
            _ => walk_expr(self, expression),
        }
    }
}
