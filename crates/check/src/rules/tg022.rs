//! TG022: every text of a column is taken apart into new columns.

use super::{Context, Rule};
use crate::finding::Findings;
use ruff_python_ast::Expr;

pub(super) static RULE: Rule = Rule {
    code: "TG022",
    name: "text-taken-apart",
    title: "Every text of a column is taken apart into new columns",
    fix: "do it chunk by chunk, and drop the source column",
    saving: "once the text of the column for each output",
    why: "\
`str.split(expand=True)` and `str.extract` make as many columns of text as there are parts, and the source stays. In chunks only
one chunk's parts are there before they are narrowed.",
    how_much: "\
Once the text for each output column, and a list of Python for each row on the way.",
    example: "\
```python
df[[\"host\", \"path\"]] = df[\"url\"].str.split(\"/\", n=1, expand=True)
```

```python
for chunk in pd.read_csv(\"access.csv\", chunksize=100_000):
    chunk[[\"host\", \"path\"]] = chunk.pop(\"url\").str.split(\"/\", n=1, expand=True)
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for site in &context.calls {
        let is_texts = matches!(site.receiver, Some(Expr::Attribute(attribute)) if attribute.attr.as_str() == "str");
        let is_wide = match site.name {
            "split" | "rsplit" => site.is_true("expand"),
            "extract" | "extractall" => true,
            _ => false,
        };
        // What is done to a chunk is done right.
        let is_chunk = site.loops > 0;
        if is_texts && is_wide && !is_chunk {
            findings.add(
                &RULE,
                site.call,
                format!("`str.{}` makes a column of text for every part, beside the source", site.name),
            );
        }
    }
}
