//! TG003: a text column whose values repeat is kept as text.

use super::{
    Context, Rule,
    support::{NamedRead, added_argument},
};
use crate::{
    columns::{ColumnUses, Use},
    finding::Findings,
};
use ruff_text_size::TextRange;
use tidegate_sizing::{ColumnSizes, Sizes};

/// The least share of the frame that is worth a line.
const LEAST: f64 = 0.02;

pub(super) static RULE: Rule = Rule {
    code: "TG003",
    name: "text-not-category",
    title: "A text column whose values repeat is kept as text",
    fix: "read it as a category: `dtype={\"method\": \"category\"}`",
    saving: "a text of 18 bytes becomes a code of 1 to 4 bytes",
    why: "\
A column of methods, states or paths has few values and many rows. As text every row has its own copy, or an offset of 8
bytes and its bytes. As a category each value is there once, and a row is a number of one, two or four bytes.

That values repeat is seen in what the script does: it groups or counts by the column, or compares it with texts. With the file
at hand, its values are counted in a sample.",
    how_much: "\
232 MB of log lines with four such columns: 285 bytes a row fall to 106, and the peak from 551 to 408 bytes a row.

Where the column is only compared with texts for equality, a category answers the same, and `--fix` adds it. Elsewhere results
may look different: groups of a category come in the order of the categories, and an index of it prints as one.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
print(df.groupby(\"method\")[\"bytes\"].sum())
```

```python
df = pd.read_csv(\"access.csv\", dtype={\"method\": \"category\"})
print(df.groupby(\"method\", observed=True)[\"bytes\"].sum())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        let uses = &read.uses;
        if !read.has("dtype") && !read.has("converters") {
            report(context, read, uses, findings);
        }
    }
}

fn report<'m, 'a>(
    context: &Context<'m, 'a>,
    read: &NamedRead<'m, 'a>,
    uses: &ColumnUses<'a>,
    findings: &mut Findings<'m, 'a>,
) {
    let (columns, saved) = match &read.sizes {
        Some(sizes) => of_file(sizes, uses),
        None => (of_script(uses), None),
    };
    if columns.is_empty() {
        return;
    }
    let types: Vec<String> = columns.iter().map(|column| format!("{column:?}: \"category\"")).collect();
    let types = format!("dtype={{{}}}", types.join(", "));
    let named: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    let message = format!("texts of {} repeat, and each row keeps its own", named.join(", "));
    let (at, comma) = added_argument(context.module, read.call);
    let Some(finding) = findings.add(&RULE, read.call, message) else { return };
    finding.fix(format!("`{types}`"));
    if saved.is_some() {
        finding.saving(saved, String::new());
    }
    // A category answers comparisons as texts do; what else is done with it may show.
    let is_compared =
        |column: &String| uses.is_only(column, Use::Text) && uses.used_as(Use::Text).contains(&column.as_str());
    if read.sizes.is_some() && !uses.may_use_all && read.is_plain() && columns.iter().all(is_compared) {
        finding.edit(TextRange::empty(at), format!("{comma}{types}"));
    }
}

/// Columns that the script groups, counts or compares by, while it does nothing else with them.
fn of_script(uses: &ColumnUses<'_>) -> Vec<String> {
    // Keys may be numbers: a comparison with a text tells that it is none.
    let texts = uses.used_as(Use::Text);
    let keys = uses.used_as(Use::Key).into_iter().filter(|key| texts.contains(key));
    keys.map(str::to_owned).collect()
}

/// Columns that the file shows to repeat, of those that are used, or of all if all may be used; and what that saves.
fn of_file(sizes: &Sizes, uses: &ColumnUses<'_>) -> (Vec<String>, Option<u64>) {
    let needed = uses.needed();
    let all: f64 = sizes.columns.iter().map(|column| column.default.held).sum();
    let saved = |column: &ColumnSizes| {
        let category = column.category.as_ref()?;
        let each = column.default.held - category.held;
        let is_used = uses.may_use_all || needed.contains(&column.name.as_str());
        let is_worth_it = is_used && each >= LEAST * all;
        is_worth_it.then(|| sizes.rows.expected.saturating_mul(crate::sizes::rounded(each)))
    };
    let found: Vec<(String, u64)> =
        sizes.columns.iter().filter_map(|column| Some((column.name.clone(), saved(column)?))).collect();
    let total = found.iter().map(|(_, saved)| saved).sum();
    (found.into_iter().map(|(name, _)| name).collect(), Some(total))
}
