//! TG001: a large value that is dead but alive.

use super::{Context, Rule};
use crate::{
    finding::Findings,
    lifetimes::{Lifetime, deletion},
    module::{Module, Scope},
    sizes::is_exact,
    values::Kind,
};

pub(super) static RULE: Rule = Rule {
    code: "TG001",
    name: "dead-but-alive",
    title: "A large value stays in memory after its last use while other work needs memory",
    fix: "`del` the name after its last use, or put the work into a function, whose names end with it",
    saving: "the full size of the value, for the rest of the script",
    why: "\
Python frees an object when the last name for it is gone. Names of a module are there until the process ends, names of a
function until it returns. A frame that was read in line 3, was last used in line 12 and is followed by a merge in line 20 is in
memory during that merge, for nothing. That is the commonest reason why a job needs twice the memory that its work does.

The rule follows the flow of each scope: branches, loops, `try`, `with`, `match`, comprehensions. It says the line after which a
`del` changes nothing: on every way there the name has a value, on no way from there it is read before it gets another, and
nothing reaches it otherwise. So it says nothing of names that a function, a `lambda`, a generator or a class of the scope
reads, that `global` or `nonlocal` declare, of scopes with `locals()`, `globals()`, `vars()`, `eval()` or `exec()`, of names
in the text of `df.query(\"@name\")`, `pd.eval()` or SQL over frames, and of scripts that look at frames, weak references or
reference counts.

It says nothing either where a `del` would free nothing: of a frame that a container or an attribute keeps, or a model that keeps
what it was trained with. Names that share the memory, such as a column or a slice of it, are deleted with it, or
the advice waits for their last use.",
    how_much: "\
All that the value holds. With `--data name=file`, or where the script names a file that is there, the size is told in
bytes by the model of `docs/pandas-sizes.md`; of a NumPy array by its shape, where that stands in the script. The
example of 232 MB of log lines holds 294 MiB as a frame of pandas 3, and reading the next one beside it needs 551 MiB
more.",
    example: "\
```python
raw = pd.read_csv(\"access.csv\")
slow = raw[raw[\"duration\"] > 1]
users = pd.read_csv(\"users.csv\")        # `raw` is still there
slow.merge(users, on=\"user\").to_csv(\"slow.csv\")
```

```python
raw = pd.read_csv(\"access.csv\")
slow = raw[raw[\"duration\"] > 1]
del raw
users = pd.read_csv(\"users.csv\")
slow.merge(users, on=\"user\").to_csv(\"slow.csv\")
```",
    check,
};

/// From so many names on, a function is the better end for them.
const MANY: usize = 3;

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    for (scope, found) in context.module.scopes.iter().zip(&context.lifetimes) {
        for (index, lifetime) in found.iter().enumerate() {
            report(context, scope, lifetime, findings);
            if index == 0
                && scope.function.is_none()
                && found.len() >= MANY
                && let Some(finding) = findings.found.last_mut()
            {
                let names: Vec<_> = found.iter().map(|lifetime| format!("`{}`", lifetime.binding.name)).collect();
                finding.fix.extend(["; or a function around ", &names.join(", "), ", which ends with it"]);
            }
        }
    }
}

fn report<'m, 'a>(
    context: &Context<'m, 'a>,
    scope: &Scope<'a>,
    lifetime: &Lifetime<'m, 'a>,
    findings: &mut Findings<'m, 'a>,
) {
    let module = context.module;
    let source = module.source;
    let binding = lifetime.binding;
    let size = context.data.held_of(module, binding);
    let message = sentence(module, lifetime);
    let Some(finding) = findings.add(&RULE, &lifetime.last_use, message) else { return };
    let names = lifetime.names.join(", ");
    finding.fix(format!("`del {names}` after {}", source.line_name(lifetime.point.after())));
    let factor = match (size, is_exact(module, binding)) {
        (Some(_), true) => String::new(),
        (Some(_), false) => format!("at most what `{}` is made of", binding.name),
        (None, _) => format!("all of `{}`", binding.name),
    };
    let shared = lifetime.is_merged.then(|| "less what pandas 3 shares with the merge".to_owned());
    let factor: Vec<String> = [Some(factor), shared].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let factor = factor.join(", ");
    finding.saving(size, factor);
    finding.lines.push(source.place(binding.at).line);
    finding.global = scope.function.is_none().then(|| binding.name.to_owned());
    let (at, text) = deletion(module, lifetime);
    finding.insert(at, text);
}

fn sentence(module: &Module<'_>, lifetime: &Lifetime<'_, '_>) -> String {
    let source = module.source;
    let binding = lifetime.binding;
    let kind = binding.value.kind.unwrap_or(Kind::Plain).word();
    let made = binding.value.made_by.map(|call| format!(" from `{call}`")).unwrap_or_default();
    let first = lifetime.during.first();
    let call =
        first.map(|call| format!("`{}` in {}", call.name, source.line_name(call.range.start()))).unwrap_or_default();
    let more = match lifetime.during.len() {
        0 | 1 => String::new(),
        2 => " and 1 more costly call".to_owned(),
        count => format!(" and {} more costly calls", count - 1),
    };
    let article = if kind.starts_with('a') { "an" } else { "a" };
    let again = again(lifetime);
    format!(
        "`{}`, {article} {kind}{made}, is last used here and stays in memory through {call}{more}{again}",
        binding.name,
    )
}

/// What comes before in the source comes again in a loop.
fn again(lifetime: &Lifetime<'_, '_>) -> &'static str {
    let is_again = lifetime.during.first().is_some_and(|call| call.range.start() < lifetime.point.after());
    if is_again { ", when the loop comes there again" } else { "" }
}
