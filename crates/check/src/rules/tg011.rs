//! TG011: `engine="pyarrow"` is faster, and its peak is higher.

use super::{Context, Rule, support::is_read_csv};
use crate::{finding::Findings, values::string};

pub(super) static RULE: Rule = Rule {
    code: "TG011",
    name: "pyarrow-engine",
    title: "`engine=\"pyarrow\"` is faster, and its peak is higher",
    fix: "leave the engine out, or stream: `pyarrow.csv.open_csv`, `pyarrow.dataset`",
    saving: "15 % of the peak of reading",
    why: "\
The engine reads the whole file into Arrow arrays, and turns them into columns of NumPy afterwards: both are there. It is worth it
for its speed where memory is no matter.",
    how_much: "\
232 MB of log lines: a peak of 644 bytes a row in place of 551, and 374 MiB stay resident in place of 294.",
    example: "\
```python
df = pd.read_csv(\"access.csv\", engine=\"pyarrow\")
```

```python
for batch in pyarrow.csv.open_csv(\"access.csv\"):
    process(batch.to_pandas())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_arrow = site.keyword("engine").and_then(string) == Some("pyarrow");
        if is_arrow && is_read_csv(site) {
            findings.add(
                &RULE,
                site.call,
                "`engine=\"pyarrow\"` holds all of the file as Arrow beside the frame".to_owned(),
            );
        }
    }
}
