//! TG021: a wide table is made of the values of a column.

use super::{Context, Rule};
use crate::{
    calls::CallSite,
    finding::Findings,
    values::{string, truth},
};
use ruff_python_ast::Expr;

pub(super) static RULE: Rule = Rule {
    code: "TG021",
    name: "dense-matrix",
    title: "A wide table is made of the values of a column",
    fix: "`sparse=True`, or stay with the long form and group",
    saving: "rows x different values x 8 bytes",
    why: "\
One-hot encoding and pivots make a column of each value. A million rows by 10,000 values are 74.5 GiB of float64, of which nearly
all is zero. A sparse matrix has what is not zero.",
    how_much: "\
rows x different values x 8 bytes; 1 byte each for `get_dummies`, whose columns are booleans.",
    example: "\
```python
wide = pd.get_dummies(df[\"path\"])
```

```python
wide = pd.get_dummies(df[\"path\"], sparse=True)
```",
    check,
};

/// So many values are no wide table.
const FEW: u64 = 16;

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let receiver = site.on(context.module);
        let message = match site.name {
            "get_dummies" if site.is("pandas.get_dummies") && !site.is_true("sparse") => {
                "a column for every value: rows x values bytes"
            }
            "OneHotEncoder" if site.path.is_some() && is_dense(site) => {
                "a float64 column for every value: rows x values x 8 bytes"
            }
            "pivot" | "unstack" if site.receiver.is_some() && receiver.is_table() => {
                "a column for every value: rows x values x 8 bytes, most of them empty"
            }
            "toarray" | "todense" if site.receiver.is_some() && site.call.arguments.args.is_empty() => {
                "a sparse matrix becomes a dense one: rows x columns x 8 bytes"
            }
            _ => continue,
        };
        let cells = cells(context, site);
        // A sparse column takes 5 bytes for each row that has its value, and a dense one a byte for each row.
        if site.name == "get_dummies" && cells.is_some_and(|(_, columns, _)| columns <= FEW) {
            continue;
        }
        let Some(finding) = findings.add(&RULE, site.call, message.to_owned()) else { return };
        if let Some((rows, columns, each)) = cells {
            let bytes = rows.saturating_mul(columns).saturating_mul(each);
            finding.saving(Some(bytes), format!("{rows} rows x {columns} values x {each}"));
        }
    }
}

/// Rows, columns and bytes of a cell of what `get_dummies(df["a"])` or `df.pivot(index="a", columns="b")` makes of a file that is
/// there.
fn cells(context: &Context<'_, '_>, site: &CallSite<'_>) -> Option<(u64, u64, u64)> {
    let (frame, columns) = match site.argument(0).filter(|_| site.name == "get_dummies") {
        Some(Expr::Subscript(subscript)) => (&*subscript.value, string(&subscript.slice)?),
        _ => (site.receiver?, string(site.keyword("columns")?)?),
    };
    let Expr::Name(frame) = frame else { return None };
    let scope = site.scope_of(context.module)?;
    let read = context.reads().iter().find(|read| read.binding.name == frame.id && std::ptr::eq(read.scope, scope))?;
    let sizes = read.sizes.as_ref()?;
    let distinct = |name: &str| {
        let column = sizes.columns.iter().find(|column| column.name == name)?;
        column.distinct.as_ref().map(|distinct| distinct.expected)
    };
    match site.name {
        "get_dummies" => Some((sizes.rows.expected, distinct(columns)?, 1)),
        "pivot" => Some((distinct(string(site.keyword("index")?)?)?, distinct(columns)?, 8)),
        _ => None,
    }
}

fn is_dense(site: &CallSite<'_>) -> bool {
    let is_off = |keyword| site.keyword(keyword).and_then(truth) == Some(false);
    is_off("sparse_output") || is_off("sparse")
}
