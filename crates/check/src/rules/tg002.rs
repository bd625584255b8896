//! TG002: all columns of a file are read and few are used.

use super::{
    Context, Rule,
    support::{NamedRead, added_argument, list},
};
use crate::{columns::ColumnUses, finding::Findings, sizes::held};
use ruff_text_size::TextRange;
use tidegate_sizing::Setting;

pub(super) static RULE: Rule = Rule {
    code: "TG002",
    name: "read-without-usecols",
    title: "All columns of a file are read and few are used",
    fix: "name the columns that are used: `usecols=[...]`",
    saving: "the columns that are not used: often four fifths of the frame",
    why: "\
`read_csv` keeps every column of the file. Texts are most of a log line, and the ones that nobody looks at take as much memory as those
that matter. `usecols` drops them while the file is read, so that they are not in the peak either.

The rule follows the frame through names, masks, `groupby`, `.loc` and comparisons, and says nothing as soon as one use
may look at all columns: `df.to_csv()`, `df.merge()`, `print(df)`, a function that is given the frame.",
    how_much: "\
232 MB of log lines, 2 of 10 columns used: 285 bytes a row fall to 61, and the peak from 551 to 90 bytes a row. It also switches the
parallel reader of pandas 3.1 off. With the file at hand the saving is told in bytes.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
print(df.groupby(\"status\")[\"bytes\"].sum())
```

```python
df = pd.read_csv(\"access.csv\", usecols=[\"status\", \"bytes\"])
print(df.groupby(\"status\")[\"bytes\"].sum())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        let uses = &read.uses;
        let needed = uses.needed();
        if uses.may_use_all || needed.is_empty() || read.has("usecols") || read.has("nrows") || read.has("chunksize") {
            continue;
        }
        report(context, read, uses, findings);
    }
}

/// The columns that must be read: those too that the script sets and that the file has, as it may not set them on every way.
fn needed_of<'a>(read: &NamedRead<'_, 'a>, uses: &ColumnUses<'a>) -> Vec<&'a str> {
    let mut needed = uses.needed();
    let columns = read.sizes.iter().flat_map(|sizes| &sizes.columns);
    let is_there = |name: &&&str| columns.clone().any(|column| column.name == **name);
    needed.extend(uses.added.iter().filter(is_there));
    needed
}

fn report<'m, 'a>(
    context: &Context<'m, 'a>,
    read: &NamedRead<'m, 'a>,
    uses: &ColumnUses<'a>,
    findings: &mut Findings<'m, 'a>,
) {
    let needed = needed_of(read, uses);
    let columns = read.sizes.as_ref().map(|sizes| sizes.columns.len());
    if columns.is_some_and(|columns| columns <= needed.len()) {
        return;
    }
    let of = columns.map_or("every column".to_owned(), |columns| format!("all {columns} columns"));
    let message = format!("`{}` reads {of} and uses {} of them", read.binding.name, list(&needed));
    let (at, comma) = added_argument(context.module, read.call);
    let Some(finding) = findings.add(&RULE, read.call, message) else { return };
    finding.fix(format!("`usecols={}`", list(&needed)));
    let Some(sizes) = &read.sizes else { return };
    let unused = sizes.columns.iter().filter(|column| !needed.contains(&column.name.as_str()));
    let per_row: f64 = unused.map(|column| column.default.held).sum();
    let all: f64 = sizes.columns.iter().map(|column| column.default.held).sum();
    let share = if all > 0.0 { per_row / all } else { 0.0 };
    let bytes = held(sizes, Setting::Default).map(|bytes| crate::sizes::share(bytes, share));
    finding.saving(bytes, format!("{:.0} % of the frame", 100.0 * share));
    // Proven where the file is known to have these columns, and rows as wide as its header.
    let is_there = |name: &&str| sizes.columns.iter().any(|column| column.name == **name);
    let is_straight = sizes.notes.is_empty();
    if read.is_plain() && is_straight && needed.iter().all(is_there) {
        finding.edit(TextRange::empty(at), format!("{comma}usecols={}", list(&needed)));
    }
}
