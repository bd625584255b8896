//! TG025: a large value is sent to other processes.

use super::{Context, Rule};
use crate::{calls::CallSite, finding::Findings, module::Scope, values::Value};
use ruff_python_ast::{
    Expr,
    visitor::{Visitor, walk_expr},
};

/// By which pools are given work.
const POOLS: [&str; 9] =
    ["map", "starmap", "imap", "imap_unordered", "apply", "apply_async", "map_async", "starmap_async", "submit"];

pub(super) static RULE: Rule = Rule {
    code: "TG025",
    name: "frame-to-processes",
    title: "A large value is sent to other processes",
    fix: "send paths or ranges, and let each process read its part; or share it: Arrow files, `shared_memory`",
    saving: "the value, once for each process, and its pickled bytes",
    why: "\
What a process pool is given is pickled, sent through a pipe, and made anew in the worker: the value is there once in the parent, once as
bytes, and once for each worker that has one.",
    how_much: "\
The number of workers times the value, and twice while it is sent.",
    example: "\
```python
with Pool(8) as pool:
    pool.starmap(score, [(df, day) for day in days])
```

```python
with Pool(8) as pool:
    pool.map(score_file, files)
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let module = context.module;
    let processes =
        ["multiprocessing", "concurrent.futures", "joblib", "ray"].iter().any(|name| module.imports.uses(name));
    if !processes {
        return;
    }
    for site in &context.calls {
        let Some(scope) = site.scope_of(module) else { continue };
        let is_pool = POOLS.contains(&site.name) && site.receiver.is_some() && !is_threads(site, context);
        let is_process = site.name == "Process" || site.is("ray.put");
        if !is_pool && !is_process {
            continue;
        }
        let mut search = Large { scope, found: None };
        search.visit_arguments(&site.call.arguments);
        if let Some(name) = search.found {
            findings.add(&RULE, site.call, format!("`{name}` is pickled for each process that gets it"));
        }
    }
}

/// Threads share what they are given.
fn is_threads(site: &CallSite<'_>, context: &Context<'_, '_>) -> bool {
    let module = context.module;
    let is_thread_pool = |path: &String| path.contains("Thread");
    let only_threads = !module.imports.taken.iter().any(|(_, name)| name == "ProcessPoolExecutor" || name == "Pool")
        && !module.imports.uses("multiprocessing");
    let receiver = site.receiver.and_then(|receiver| module.imports.path(receiver));
    receiver.as_ref().is_some_and(is_thread_pool)
        || (only_threads && module.imports.taken.iter().any(|(_, name)| is_thread_pool(name)))
}

/// A large value among arguments.
struct Large<'m, 'a> {
    scope: &'m Scope<'a>,
    found: Option<&'a str>,
}

impl<'a> Visitor<'a> for Large<'_, 'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => {
                let is_large = self.scope.value(name.id.as_str()).is_some_and(Value::is_large);
                if is_large {
                    self.found = Some(name.id.as_str());
                }
            }
            // What is taken of it may be small.
            Expr::Call(_) | Expr::Attribute(_) | Expr::Subscript(_) => {}
            _ => walk_expr(self, expression),
        }
    }
}
