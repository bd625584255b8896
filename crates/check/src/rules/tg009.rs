//! TG009: files are read by several threads at a time, or by pandas' own threads under a limit.

use super::{Context, Rule, support::is_read_csv};
use crate::{finding::Findings, values::string};

/// By which executors and pools are given work.
const POOLS: [&str; 8] =
    ["map", "submit", "imap", "imap_unordered", "starmap", "map_async", "apply_async", "starmap_async"];

/// With which pandas reads with one thread.
const KEYWORDS: [&str; 9] =
    ["usecols", "parse_dates", "nrows", "chunksize", "iterator", "index_col", "low_memory", "engine", "compression"];

pub(super) static RULE: Rule = Rule {
    code: "TG009",
    name: "threads-times-read",
    title: "Files are read by several threads at a time, or by pandas' own threads under a limit",
    fix: "read one after another, or set `pd.set_option(\"mode.max_threads\", 1)`",
    saving: "42 % of the peak of reading, for each thread that is not there",
    why: "\
Each thread that reads has its own buffers, chunks and half-made columns. pandas 3.1 reads plain files of 5 MB and more with up to
six threads by itself: chunks and final columns are there together. An executor over `read_csv` multiplies that by its
workers, and so does the memory of all results that wait.

Where the script sets itself a limit (`resource.setrlimit`), what the threads of one read need may not be there.",
    how_much: "\
221 MiB of CSV: a peak of 526 MiB with the threads of pandas 3.1, 303 MiB with `mode.max_threads` 1, and somewhat slower.",
    example: "\
```python
with ThreadPoolExecutor(8) as pool:
    frames = list(pool.map(pd.read_csv, files))
```

```python
for file in files:
    process(pd.read_csv(file))
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let sites = &context.calls;
    let limits = sites.iter().any(|site| site.is("resource.setrlimit"));
    let is_serial = sites.iter().any(|site| {
        site.is("pandas.set_option")
            && site.argument(0).and_then(string).is_some_and(|name| name.ends_with("max_threads"))
    });
    for site in sites {
        let reads =
            site.call.arguments.args.iter().any(|argument| {
                context.module.imports.path(argument).is_some_and(|path| path.starts_with("pandas.read_"))
            });
        if reads && POOLS.contains(&site.name) && site.receiver.is_some() {
            findings.add(
                &RULE,
                site.call,
                format!("`{}` reads as many files at a time as there are workers", site.name),
            );
        } else if limits
            && !is_serial
            && is_read_csv(site)
            && !KEYWORDS.iter().any(|keyword| site.keyword(keyword).is_some())
        {
            let message = "the script sets itself a limit, and this read uses several threads of pandas 3.1".to_owned();
            if let Some(finding) = findings.add(&RULE, site.call, message) {
                finding.fix("`pd.set_option(\"mode.max_threads\", 1)` before it");
            }
        }
    }
}
