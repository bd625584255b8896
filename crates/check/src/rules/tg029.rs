//! TG029: what could be written as it comes is collected first.

use super::{Context, Rule};
use crate::{calls::CallSite, finding::Findings, module::Module};
use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};

pub(super) static RULE: Rule = Rule {
    code: "TG029",
    name: "collect-then-write",
    title: "A list is filled in a loop and then written at once",
    fix: "write in the loop: `file.write(line)`",
    saving: "the whole list; a stream holds one line",
    why: "\
Lines that go into a file need not be there together. A list of them holds every text with its 49 bytes and a pointer, and `\"\\n\".join`
makes the whole file once more as one text.",
    how_much: "\
Twice the file that is written, and 57 bytes for each line.",
    example: "\
```python
lines = []
for row in rows:
    lines.append(render(row))
file.write(\"\\n\".join(lines))
```

```python
for row in rows:
    file.write(render(row) + \"\\n\")
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let sites = &context.calls;
    for (site, name) in sites.iter().filter_map(|site| Some((site, written(site)?))).take(MOST_WRITTEN) {
        let is_filled =
            sites.iter().any(|other| other.scope == site.scope && other.loops > site.loops && is_append(other, name));
        let uses = uses(context.module, site.scope, name);
        // It is appended to and written, and nothing else is done with it.
        let appended = sites.iter().filter(|other| other.scope == site.scope && is_append(other, name)).count();
        if is_filled && uses == appended + 1 {
            findings.add(&RULE, site.call, format!("`{name}` is filled in a loop, and written at once afterwards"));
        }
    }
}

/// How many lists are looked at: for each, all calls are.
const MOST_WRITTEN: usize = 100;

/// `file.writelines(lines)`, `writer.writerows(rows)`, `file.write("\n".join(lines))`.
fn written<'a>(site: &CallSite<'a>) -> Option<&'a str> {
    let given = site.argument(0).filter(|_| site.receiver.is_some())?;
    match (site.name, given) {
        ("writelines" | "writerows", Expr::Name(name)) => Some(name.id.as_str()),
        ("write" | "write_text", Expr::Call(join)) => {
            let Expr::Attribute(method) = &*join.func else { return None };
            let is_join = method.attr.as_str() == "join" && matches!(&*method.value, Expr::StringLiteral(_));
            match join.arguments.find_positional(0) {
                Some(Expr::Name(name)) if is_join => Some(name.id.as_str()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_append(site: &CallSite<'_>, list: &str) -> bool {
    site.name == "append" && matches!(site.receiver, Some(Expr::Name(name)) if name.id == list)
}

/// Returns how often a name is read in a scope.
fn uses(module: &Module<'_>, scope: usize, name: &str) -> usize {
    let mut search = Uses { name, count: 0 };
    if let Some(scope) = module.scopes.get(scope) {
        search.visit_body(scope.body);
    }
    search.count
}

struct Uses<'n> {
    name: &'n str,
    count: usize,
}

impl<'a> Visitor<'a> for Uses<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.id == self.name
            && name.ctx.is_load()
        {
            self.count += 1;
        }
        walk_expr(self, expression);
    }
}
