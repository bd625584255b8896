//! TG010: `low_memory=False` tokenizes the whole file at once.

use super::{Context, Rule, support::is_read_csv};
use crate::{finding::Findings, values::truth};

pub(super) static RULE: Rule = Rule {
    code: "TG010",
    name: "low-memory-false",
    title: "`low_memory=False` tokenizes the whole file at once",
    fix: "name the types: `dtype={...}`, which is what the warning was about",
    saving: "half of the peak of reading",
    why: "\
The option is set to be rid of `DtypeWarning`. It makes the parser hold the text of the whole file before a column is made, and
switches the parallel reader off. With a `dtype` for the mixed columns there is no warning, and chunks are parsed one by one.",
    how_much: "\
232 MB of log lines: a peak of 613 bytes a row, 318 without the option and with one thread.",
    example: "\
```python
df = pd.read_csv(\"access.csv\", low_memory=False)
```

```python
df = pd.read_csv(\"access.csv\", dtype={\"user_id\": \"str\"})
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_off = site.keyword("low_memory").and_then(truth) == Some(false);
        if is_off && is_read_csv(site) {
            findings.add(
                &RULE,
                site.call,
                "`low_memory=False` holds the text of the whole file before columns are made".to_owned(),
            );
        }
    }
}
