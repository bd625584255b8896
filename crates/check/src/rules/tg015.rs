//! TG015: `inplace=True` is no way to save memory.

use super::{Context, Rule};
use crate::finding::Findings;

/// Methods that copy rows whatever `inplace` says. What only changes columns or the index shares the rest, since pandas 3.
const COPYING: [&str; 5] = ["dropna", "drop_duplicates", "sort_values", "sort_index", "query"];

pub(super) static RULE: Rule = Rule {
    code: "TG015",
    name: "inplace-saves-nothing",
    title: "`inplace=True` is no way to save memory",
    fix: "assign the result: `df = df.dropna()`, and free what is not used any more",
    saving: "nothing: that is the point",
    why: "\
Nearly every method makes a new frame, puts it into the place of the old one, and lets the old one go: both are there on the way.
So the peak is that of an assignment. What helps is fewer columns, narrower types, or a `del` before the next step.",
    how_much: "\
No difference between `df.dropna(inplace=True)` and `df = df.dropna()`. Since pandas 3, `fillna`, `replace`, `clip` and
their kin may really work in place, and `drop`, `set_index` and their kin share the columns that stay; they are left out.",
    example: "\
```python
df.sort_values(\"ts\", inplace=True)
```

```python
df = df.sort_values(\"ts\")
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_copying = COPYING.contains(&site.name) && site.receiver.is_some();
        if is_copying && site.is_true("inplace") {
            let message = format!("`{}` copies the rows, in place or not", site.name);
            let Some(finding) = findings.add(&RULE, site.call, message) else { return };
            let method = site.name;
            finding.fix(format!("assign the result: `df = df.{method}(..)`, and free what is not used any more"));
        }
    }
}
