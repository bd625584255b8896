//! TG031: a script reads data and never looks at its own memory. On request only.

use super::{Context, Rule, support::first_read};
use crate::{checklist::is_monitored, finding::Findings};

pub(super) static RULE: Rule = Rule {
    code: "TG031",
    name: "no-monitoring",
    title: "A script reads data and never looks at its own memory",
    fix: "run it under `tidegate guard`, which reports lines and variables, or log `resource.getrusage`",
    saving: "nothing by itself; it says where the next saving is",
    why: "\
A job that grows by some percent a week is noticed on the day it dies. One number at its end, the most that was resident, shows
it months before.

Most scripts have no such line, and whoever starts them may measure them. So this rule is applied where it is selected only:
`--select TG031`, or `ALL`.",
    how_much: "\
No memory. Reading `resource.getrusage` takes a microsecond.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
```

```python
df = pd.read_csv(\"access.csv\")
log.info(\"peak: %d kB\", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let Some(read) = first_read(context.module).filter(|_| !is_monitored(context.module)) else { return };
    findings.add(&RULE, &read, "data are read, and nothing in the script looks at its memory".to_owned());
}
