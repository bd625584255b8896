//! TG012: a frame or an array grows in a loop, and is copied each time.

use super::{Context, Rule};
use crate::{calls::CallSite, finding::Findings, values::Kind};
use ruff_python_ast::{Expr, Stmt};

const GROWING: [&str; 8] = [
    "pandas.concat",
    "numpy.append",
    "numpy.concatenate",
    "numpy.vstack",
    "numpy.hstack",
    "numpy.r_",
    "numpy.column_stack",
    "polars.concat",
];

pub(super) static RULE: Rule = Rule {
    code: "TG012",
    name: "grow-in-loop",
    title: "A frame or an array grows in a loop, and is copied each time",
    fix: "collect the parts in a list, put them together once, and `del` the list",
    saving: "up to twice the final size, and time that grows with its square",
    why: "\
`df = pd.concat([df, part])` makes a new frame of all that is there and lets the old one go afterwards: with each turn all rows are
copied, and the old and the new frame are there together. `np.append` and `vstack` do the same.",
    how_much: "\
Twice the final size at the peak; 1,000 parts copy 500 times the final size. One `concat` of a list copies once.",
    example: "\
```python
df = pd.DataFrame()
for file in files:
    df = pd.concat([df, pd.read_csv(file)])
```

```python
parts = [pd.read_csv(file) for file in files]
df = pd.concat(parts)
del parts
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_growing = GROWING.iter().any(|path| site.is(path)) || is_append(site, context);
        if site.loops == 0 || !is_growing {
            continue;
        }
        let Stmt::Assign(assign) = site.statement else { continue };
        let [Expr::Name(target)] = assign.targets.as_slice() else { continue };
        let is_itself = |expression: &Expr| matches!(expression, Expr::Name(name) if name.id == target.id);
        let given = site.call.arguments.args.first();
        let in_list = match given {
            Some(Expr::List(list)) => list.elts.iter().any(is_itself),
            Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(is_itself),
            Some(other) => is_itself(other),
            None => false,
        };
        if in_list || site.receiver.is_some_and(is_itself) {
            findings.add(&RULE, site.call, format!("`{}` is copied whole in each turn of the loop", target.id));
        }
    }
}

/// `df.append(part)` of pandas 1, not of lists.
fn is_append(site: &CallSite<'_>, context: &Context<'_, '_>) -> bool {
    site.name == "append" && site.on(context.module).kind == Some(Kind::Frame)
}
