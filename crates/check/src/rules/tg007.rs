//! TG007: a file is read whole, and only an aggregate of it is used.

use super::{Context, Rule, support::NamedRead};
use crate::{
    finding::Findings,
    query::{Query, only_query},
    sizes::held,
    values::string,
};
use tidegate_sizing::Setting;

pub(super) static RULE: Rule = Rule {
    code: "TG007",
    name: "whole-read-for-aggregate",
    title: "A file is read whole, and only an aggregate of it is used",
    fix: "read it in chunks and put partial aggregates together, or ask `tidegate query`",
    saving: "551 to 47 bytes a row at the peak",
    why: "\
A sum for each key needs one row at a time. A frame of the whole file is there for one statement. `chunksize=` reads a part at a
time; sums, counts, minima and maxima of parts are put together by the same function once more. Where the whole chain (a filter,
groups, aggregates, an order, the first few) can be said in SQL, the query is written out: it runs inside a memory limit. pandas
leaves out groups whose key is missing; the query has a row for them.",
    how_much: "\
232 MB of log lines, a sum by key: the peak falls from 551 to 47 bytes a row with chunks of 100,000 rows.",
    example: "\
```python
df = pd.read_csv(\"access.csv\")
print(df.groupby(\"status\")[\"bytes\"].sum())
```

```python
parts = [c.groupby(\"status\")[\"bytes\"].sum() for c in pd.read_csv(\"access.csv\", chunksize=100_000)]
print(pd.concat(parts).groupby(level=0).sum())
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let module = context.module;
    for read in context.reads() {
        let (scope, name) = (read.scope, read.binding.name);
        let is_one = scope.facts.bindings.iter().filter(|binding| binding.name == name).count() == 1;
        let is_own = scope.reached.is_plain(name)
            && !module.is_watched(scope)
            && !(scope.function.is_none() && module.is_library());
        if !is_one || !is_own || read.uses.is_in_text || read.has("chunksize") || read.has("nrows") {
            continue;
        }
        // The one place where the frame is used must be an aggregate.
        let Some(query) = only_query(scope.body, name) else { continue };
        report(read, &query, findings);
    }
}

fn report<'m, 'a>(read: &NamedRead<'m, 'a>, query: &Query<'a>, findings: &mut Findings<'m, 'a>) {
    let by = if query.keys.is_empty() { String::new() } else { format!(" by {}", query.keys.join(", ")) };
    let message = format!("`{}` is read whole for one `{}`{by}", read.binding.name, query.function);
    let chunks = query.again().map(|again| format!("`chunksize=100_000`, and the `{again}` of partial results"));
    let path = read.call.arguments.find_positional(0).and_then(string).filter(|path| !path.contains("://"));
    // Names in quotes stand in a text that the shell reads.
    let sql = path.and_then(|path| query.sql(path)).map(|sql| sql.replace('"', "\\\""));
    let sql = sql.map(|sql| format!("`tidegate query \"{sql}\"`"));
    let fixes: Vec<String> = chunks.into_iter().chain(sql).collect();
    if fixes.is_empty() {
        return;
    }
    let Some(finding) = findings.add(&RULE, read.call, message) else { return };
    finding.fix(fixes.join("; or "));
    let bytes = read.sizes.as_ref().and_then(|sizes| held(sizes, Setting::Default));
    finding.saving(bytes, if bytes.is_some() { "all but one chunk" } else { "all of the frame but one chunk" });
}
