//! TG006: few columns are used, and those are read with wider types than they need.

use super::{Context, Rule, support::condition};
use crate::{finding::Findings, sizes::held};
use tidegate_sizing::Setting;

pub(super) static RULE: Rule = Rule {
    code: "TG006",
    name: "unused-and-untuned",
    title: "Few columns are used, and those are read with wider types than they need",
    fix: "read the columns that are used, with the types that they need",
    saving: "285 to 13.2 bytes a row of a log: 95 %",
    why: "\
What `usecols` (TG002) and types (TG003 to TG005) save adds up. The rule looks at the file, at the columns that the script uses,
and writes the whole line.",
    how_much: "\
232 MB of log lines, 2 of 10 columns used: 285 bytes a row fall to 13.2, and the peak from 551 to 59 bytes a row.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
print(df.groupby(\"status\")[\"bytes\"].sum())
```

```python
df = pd.read_csv(\"access.csv\", usecols=[\"status\", \"bytes\"], dtype={\"status\": \"int16\", \"bytes\": \"int32\"})
print(df.groupby(\"status\")[\"bytes\"].sum())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        if read.has("usecols") || read.has("dtype") {
            continue;
        }
        let uses = &read.uses;
        let needed = uses.needed();
        if uses.may_use_all || needed.is_empty() {
            continue;
        }
        let source = read.binding.source;
        let narrow =
            source.and_then(|source| context.data.of_columns(context.module, read.binding.name, source, &needed));
        let Some(sizes) = narrow else { continue };
        let find = |setting| sizes.settings.iter().find(|found| found.setting == setting);
        let (Some(now), Some(best)) = (held(&sizes, Setting::Default), find(Setting::UsedTuned)) else { continue };
        // Without better types it is TG002 alone.
        let narrowed = held(&sizes, Setting::Used).unwrap_or(now);
        if best.held.expected > narrowed / 10 * 9 {
            continue;
        }
        let columns = if needed.len() == 1 { "1 column".to_owned() } else { format!("{} columns", needed.len()) };
        let message = format!("`{}` needs {columns} and narrow types only", read.binding.name);
        let saved = now.saturating_sub(best.held.expected);
        let Some(finding) = findings.add(&RULE, read.call, message) else { continue };
        finding.fix(format!("`{}`, {}", best.line, condition(&best.line))).saving(Some(saved), String::new());
    }
}
