//! TG004: numbers take eight bytes each where two or four would do.

use super::{Context, Rule, support::condition};
use crate::{
    finding::Findings,
    sizes::{held, rounded},
};
use tidegate_sizing::{ColumnSizes, Setting};

/// The least share of the frame that is worth a line.
const LEAST: f64 = 0.1;

pub(super) static RULE: Rule = Rule {
    code: "TG004",
    name: "wide-numbers",
    title: "Numbers take eight bytes each where two or four would do",
    fix: "name their types: `dtype={\"status\": \"int16\"}`, after a look at the range",
    saving: "6 bytes a row from int64 to int16, 4 from float64 to float32",
    why: "\
pandas reads whole numbers as `int64` and others as `float64`. A status code fits into 16 bits, a size mostly into 32. The rule
looks at the file (`--data`, or a path in the script that is there) and tells the smallest type that holds the values of a
sample.

A sample does not show the largest value: a counter may outgrow its type, and `read_csv` then fails rather than cut. What is computed of
it later may outgrow it too, and that is cut. `float32` has seven digits, so that amounts and sums may differ behind them. So `--fix`
never does it.",
    how_much: "\
status, bytes and duration of a log line: 24 bytes a row fall to 10.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
```

```python
df = pd.read_csv(\"access.csv\", dtype={\"status\": \"int16\", \"bytes\": \"int32\", \"duration\": \"float32\"})
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        let Some(sizes) = read.sizes.as_ref().filter(|_| !read.has("dtype")) else { continue };
        let narrow: Vec<&ColumnSizes> = sizes.columns.iter().filter(|column| is_narrower(column)).collect();
        let saved: f64 = narrow.iter().map(|column| column.default.held - column.tuned.held).sum();
        let all: f64 = sizes.columns.iter().map(|column| column.default.held).sum();
        if narrow.is_empty() || all <= 0.0 || saved / all < LEAST {
            continue;
        }
        let types: Vec<String> =
            narrow.iter().map(|column| format!("{:?}: \"{}\"", column.name, column.tuned.dtype)).collect();
        let count = narrow.len();
        let columns = if count == 1 { "column of `" } else { "columns of `" };
        let holds = if count == 1 { "holds" } else { "hold" };
        let message = format!("{count} {columns}{}` {holds} numbers that fit into fewer bytes", read.binding.name);
        let bytes = held(sizes, Setting::Default).map(|_| sizes.rows.expected.saturating_mul(rounded(saved)));
        let Some(finding) = findings.add(&RULE, read.call, message) else { continue };
        let types = types.join(", ");
        finding.fix(format!("`dtype={{{types}}}`, {}", condition(&types))).saving(bytes, String::new());
    }
}

fn is_narrower(column: &ColumnSizes) -> bool {
    let is_number = |dtype: &str| dtype.starts_with("int") || dtype.starts_with("float") || dtype.starts_with("uint");
    is_number(&column.default.dtype) && is_number(&column.tuned.dtype) && column.tuned.held < column.default.held
}
