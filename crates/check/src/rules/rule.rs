//! What a rule is.

use super::support::{NamedRead, named_reads};
use crate::{
    calls::{CallSite, calls},
    finding::Findings,
    lifetimes::{Lifetime, lifetimes},
    module::Module,
    sizes::Data,
};
use std::cell::OnceCell;

/// A rule: what it is called, what it says, and how it looks for it.
pub struct Rule {
    /// Its code: `TG001`.
    pub code: &'static str,
    /// Its name: `dead-but-alive`.
    pub name: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// What to do, if a finding says nothing better.
    pub fix: &'static str,
    /// What that saves, if a finding says nothing better.
    pub saving: &'static str,
    /// What it finds, and why that matters.
    pub why: &'static str,
    /// How much it is about, and how that is known.
    pub how_much: &'static str,
    /// A script that it finds something in, and the same script as it should be.
    pub example: &'static str,
    /// Looks for it.
    pub(crate) check: for<'m, 'a> fn(&Context<'m, 'a>, &mut Findings<'m, 'a>),
}

/// What rules look at.
pub(crate) struct Context<'m, 'a> {
    pub module: &'m Module<'a>,
    /// All calls of the script, in the order of evaluation.
    pub calls: Vec<CallSite<'a>>,
    /// The values that live longer than they are used, of each scope.
    pub lifetimes: Vec<Vec<Lifetime<'m, 'a>>>,
    /// The files that the script reads, as far as they are there.
    pub data: &'m Data,
    /// The `read_csv` calls whose frame has a name, once a rule has asked for them.
    reads: OnceCell<Vec<NamedRead<'m, 'a>>>,
}

impl<'m, 'a> Context<'m, 'a> {
    /// Looks at what several rules need.
    pub(crate) fn new(module: &'m Module<'a>, data: &'m Data) -> Self {
        let lifetimes = module.scopes.iter().map(|scope| lifetimes(module, scope)).collect();
        Self { module, calls: calls(module), lifetimes, data, reads: OnceCell::new() }
    }

    /// Returns the `read_csv` calls whose frame has a name.
    pub(super) fn reads(&self) -> &[NamedRead<'m, 'a>] {
        self.reads.get_or_init(|| named_reads(self.module, self.data))
    }
}

impl Rule {
    /// Returns its page: what `--explain` says and what stands in `docs/rules`.
    pub fn page(&self) -> String {
        let Self { code, name, title, fix, saving, why, how_much, example, .. } = self;
        format!(
            "# {code} {name}\n\n{title}.\n\n## Why\n\n{why}\n\n## How much\n\n{how_much}\n\nIn short: {saving}.\n\n## The fix\n\n\
             {fix}.\n\n{example}\n\nTo keep a line as it is: `# tidegate: ignore[{code}]`.\n"
        )
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("code", &self.code).field("name", &self.name).finish_non_exhaustive()
    }
}
