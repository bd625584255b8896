//! TG008: a column of times is read as text and converted afterwards.

use super::{Context, Rule};
use crate::{columns::Use, finding::Findings};

pub(super) static RULE: Rule = Rule {
    code: "TG008",
    name: "time-as-text",
    title: "A column of times is read as text and converted afterwards",
    fix: "let `read_csv` do it: `parse_dates=[\"ts\"]`",
    saving: "23 bytes a row held, and the text that is there beside the times",
    why: "\
A time as text takes 31 bytes, as `datetime64` 8. Read as text and converted, both are there until the text is replaced, and the
frame keeps a hole. `parse_dates` converts chunk by chunk.",
    how_much: "\
232 MB of log lines: 23 bytes a row held, and the peak falls from 551 to 317 bytes a row. It also switches the parallel reader of pandas
3.1 off.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
df[\"ts\"] = pd.to_datetime(df[\"ts\"])
```

```python
df = pd.read_csv(\"access.csv\", parse_dates=[\"ts\"])
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        if read.has("parse_dates") {
            continue;
        }
        let uses = &read.uses;
        for column in uses.used_as(Use::Time) {
            let rows = read.sizes.as_ref().map(|sizes| sizes.rows.expected);
            let text = read.sizes.as_ref().and_then(|sizes| sizes.columns.iter().find(|known| known.name == column));
            let message = format!("`{column}` is read as text and turned into times afterwards");
            let Some(finding) = findings.add(&RULE, read.call, message) else { continue };
            finding.fix(format!("`parse_dates=[{column:?}]`"));
            if let (Some(rows), Some(text)) = (rows, text) {
                let each = crate::sizes::rounded(text.default.held - 8.0);
                finding.saving(Some(rows.saturating_mul(each)), String::new());
            }
        }
    }
}
