//! TG026: rows have a field more than the header, and pandas shifts all names.

use super::{Context, Rule};
use crate::finding::Findings;

pub(super) static RULE: Rule = Rule {
    code: "TG026",
    name: "shifted-columns",
    title: "Rows have a field more than the header, and pandas shifts all names",
    fix: "quote the field that holds the delimiter, or say `index_col=False`",
    saving: "nothing: it is the answer that is wrong",
    why: "\
Where rows have one field more than the header, `read_csv` takes the first field for an index, without a word, and every name stands for
the field before it. An unquoted comma in a log line is enough. The rule looks at the file.",
    how_much: "\
No memory, but a wrong answer; and an index of texts, which takes more than the column.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
```

```python
df = pd.read_csv(\"access.csv\", index_col=False)
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for read in context.reads() {
        let Some(sizes) = read.sizes.as_ref().filter(|_| !read.has("index_col") && !read.has("names")) else {
            continue;
        };
        let shifted = sizes.notes.iter().find(|note| note.contains("more fields than the header"));
        if let Some(note) = shifted {
            let count = note.split_whitespace().nth(2).unwrap_or("1");
            findings.add(
                &RULE,
                read.call,
                format!("rows of the file have {count} more fields than its header: names are shifted"),
            );
        }
    }
}
