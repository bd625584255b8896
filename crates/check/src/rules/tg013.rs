//! TG013: chunks are read one by one and all kept.

use super::{Context, Rule};
use crate::{finding::Findings, values::Kind};
use ruff_python_ast::{Comprehension, Expr};

pub(super) static RULE: Rule = Rule {
    code: "TG013",
    name: "concat-of-chunks",
    title: "Chunks are read one by one and all kept",
    fix: "aggregate each chunk, or write it, and keep only that",
    saving: "the whole frame, and twice it while chunks are put together",
    why: "\
`chunksize=` is there so that only one chunk is in memory. A list of all chunks holds the file, and `concat` makes a second copy of
it. A chunk that is filtered or aggregated first is fine.",
    how_much: "\
About twice the frame at the peak, which is more than reading it at once.",
    example: "\
```python
df = pd.concat(pd.read_csv(\"access.csv\", chunksize=100_000))
```

```python
parts = [c.groupby(\"status\").size() for c in pd.read_csv(\"access.csv\", chunksize=100_000)]
print(pd.concat(parts).groupby(level=0).sum())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_concat = site.is("pandas.concat") || (site.path.is_none() && site.name == "list");
        let Some(given) = site.argument(0).filter(|_| is_concat) else { continue };
        let is_reader = |expression: &Expr| match expression {
            Expr::Call(call) => {
                let path = context.module.imports.path(&call.func);
                path.is_some_and(|path| path.starts_with("pandas.read_"))
                    && call.arguments.find_keyword("chunksize").is_some()
            }
            Expr::Name(name) => {
                let scope = site.scope_of(context.module);
                scope
                    .and_then(|scope| scope.value(name.id.as_str()))
                    .is_some_and(|value| value.kind == Some(Kind::Reader))
            }
            _ => false,
        };
        // `[chunk for chunk in reader]`, without a condition and nothing done to it.
        let is_copy = |generators: &[Comprehension], element: &Expr| match generators {
            [one] => one.ifs.is_empty() && is_reader(&one.iter) && is_same(&one.target, element),
            _ => false,
        };
        let keeps_all = match given {
            Expr::ListComp(list) => is_copy(&list.generators, &list.elt),
            Expr::Generator(lazy) => is_copy(&lazy.generators, &lazy.elt),
            other => is_reader(other),
        };
        if keeps_all {
            findings.add(&RULE, site.call, "all chunks are kept, and the file is in memory twice".to_owned());
        }
    }
}

fn is_same(one: &Expr, other: &Expr) -> bool {
    matches!((one, other), (Expr::Name(one), Expr::Name(other)) if one.id == other.id)
}
