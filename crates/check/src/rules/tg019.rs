//! TG019: a file is read whole to go over its lines.

use super::{Context, Rule};
use crate::finding::Findings;
use ruff_python_ast::Expr;

pub(super) static RULE: Rule = Rule {
    code: "TG019",
    name: "whole-file-in-memory",
    title: "A file is read whole to go over its lines",
    fix: "go over the file itself: `for line in file`",
    saving: "1 to 4 times the file",
    why: "\
`readlines()` makes a text of every line, and the list of them; `read().split()` has the file as one text beside. A file that is gone
over holds one buffer. A `json.load` of a log makes objects of all of it before the first is looked at.",
    how_much: "\
The file, 49 bytes and a pointer for each line; twice the file with `read().split()`.",
    example: "\
```python
with open(\"access.log\") as file:
    for line in file.readlines():
        handle(line)
```

```python
with open(\"access.log\") as file:
    for line in file:
        handle(line)
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let Some(receiver) = site.receiver else { continue };
        let is_text = context.module.imports.path(receiver).is_none();
        let message = match site.name {
            "readlines" if is_text && site.call.arguments.args.is_empty() => "`readlines` keeps every line of the file",
            "splitlines" | "split" if is_read(receiver) => "the whole file is there as one text beside its lines",
            _ => continue,
        };
        findings.add(&RULE, site.call, message.to_owned());
    }
}

/// `file.read()` or `path.read_text()`.
fn is_read(expression: &Expr) -> bool {
    let Expr::Call(call) = expression else { return false };
    let Expr::Attribute(attribute) = &*call.func else { return false };
    matches!(attribute.attr.as_str(), "read" | "read_text") && call.arguments.args.is_empty()
}
