//! TG030: a script reads data and sets itself no limit. On request only.

use super::{Context, Rule, support::first_read};
use crate::{checklist::is_limited, finding::Findings};

pub(super) static RULE: Rule = Rule {
    code: "TG030",
    name: "no-limit",
    title: "A script reads data and sets itself no limit",
    fix: "run it under one: `tidegate guard --limit 2GB -- python etl.py`, or set one: `resource.setrlimit`",
    saving: "nothing by itself; what grows beyond it ends with an error that says where, and takes nobody else with it",
    why: "\
Without a limit a script that grows takes the memory of everything else on the machine, until the kernel ends some process, which
need not be this one and leaves no word. Under a limit it gets a `MemoryError` at the line that asks for too much.

Most scripts have none, and whoever starts them may set one. So this rule is applied where it is selected only: `--select TG030`,
or `ALL`.",
    how_much: "\
No memory. It is the difference between an error with a line and a machine that stands still.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
```

```python
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
df = pd.read_csv(\"access.csv\")
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let Some(read) = first_read(context.module).filter(|_| !is_limited(context.module)) else { return };
    findings.add(&RULE, &read, "data are read, and nothing in the script limits its memory".to_owned());
}
