//! The four questions about a script that needs memory, and the lines that answer them.

use crate::{
    lifetimes::Lifetime,
    module::{Module, Scope},
    source::Place,
};
use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use ruff_text_size::Ranged;
use serde::Serialize;

/// What is known of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The script does not tell.
    Unknown,
}

/// A question, its answer, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: Answer,
    /// Where that is seen, and what is there.
    pub proofs: Vec<Proof>,
}

/// A line that answers a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What it says.
    pub text: String,
}

/// The four questions of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checklist {
    /// The file.
    pub file: String,
    /// Questions and answers.
    pub questions: Vec<Question>,
}

/// Calls and modules by which a program looks at its own memory.
const MONITORS: [&str; 8] =
    ["psutil", "tracemalloc", "memory_profiler", "memray", "resource.getrusage", "pympler", "guppy", "tidegate"];

/// By which it sets itself a limit.
const LIMITS: [&str; 6] = [
    "resource.setrlimit",
    "dask.distributed.LocalCluster",
    "dask.distributed.Client",
    "tidegate",
    "polars.Config",
    "ray.init",
];

/// Which read a part at a time.
const STREAMS: [&str; 9] =
    ["polars.scan_", "dask.dataframe", "duckdb", "pyarrow.dataset", "vaex", "ibis", "pyspark", "tidegate", "modin"];

impl Checklist {
    pub(crate) fn of<'m, 'a>(module: &'m Module<'a>, lifetimes: &[Vec<Lifetime<'m, 'a>>]) -> Self {
        let mut seen = Seen::of(module);
        let questions = vec![released(&seen, lifetimes), monitored(&mut seen), tool(&mut seen), limited(&mut seen)];
        Self { file: module.source.name.clone(), questions }
    }
}

/// Returns whether a script looks at its own memory.
pub(crate) fn is_monitored(module: &Module<'_>) -> bool {
    !Seen::of(module).monitors.is_empty()
}

/// Returns whether a script sets itself a limit.
pub(crate) fn is_limited(module: &Module<'_>) -> bool {
    !Seen::of(module).limits.is_empty()
}

fn released<'m, 'a>(seen: &Seen<'m, 'a>, lifetimes: &[Vec<Lifetime<'m, 'a>>]) -> Question {
    let question = "unused values released?";
    let module = seen.module;
    let mut proofs = Vec::new();
    for lifetime in lifetimes.iter().flatten() {
        let text = format!("`{}` is not used after it, and stays", lifetime.binding.name);
        proofs.push(Proof { place: module.source.place(lifetime.last_use.start()), text });
    }
    let has_large = |scope: &Scope<'_>| scope.facts.bindings.iter().any(|binding| binding.value.is_large());
    let answer = match (proofs.is_empty(), module.scopes.iter().any(has_large)) {
        (false, _) => Answer::No,
        (true, true) => Answer::Yes,
        (true, false) => Answer::Unknown,
    };
    if answer == Answer::Yes {
        proofs.clone_from(&seen.deleted);
    }
    Question { question, answer, proofs }
}

fn monitored(seen: &mut Seen<'_, '_>) -> Question {
    let proofs = std::mem::take(&mut seen.monitors);
    let answer = if proofs.is_empty() { Answer::No } else { Answer::Yes };
    Question { question: "memory monitored?", answer, proofs }
}

fn tool(seen: &mut Seen<'_, '_>) -> Question {
    let (streams, whole) = (std::mem::take(&mut seen.streams), std::mem::take(&mut seen.whole));
    let (answer, proofs) = match (whole.is_empty(), streams.is_empty()) {
        (false, _) => (Answer::No, whole),
        (true, false) => (Answer::Yes, streams),
        (true, true) => (Answer::Unknown, Vec::new()),
    };
    Question { question: "right tool for the size?", answer, proofs }
}

fn limited(seen: &mut Seen<'_, '_>) -> Question {
    let proofs = std::mem::take(&mut seen.limits);
    // Whoever starts the script may set one.
    let answer = if proofs.is_empty() { Answer::Unknown } else { Answer::Yes };
    Question { question: "limit defined?", answer, proofs }
}

struct Seen<'m, 'a> {
    module: &'m Module<'a>,
    monitors: Vec<Proof>,
    limits: Vec<Proof>,
    streams: Vec<Proof>,
    whole: Vec<Proof>,
    deleted: Vec<Proof>,
}

impl<'m, 'a> Seen<'m, 'a> {
    fn of(module: &'m Module<'a>) -> Self {
        let mut seen = Seen {
            module,
            monitors: Vec::new(),
            limits: Vec::new(),
            streams: Vec::new(),
            whole: Vec::new(),
            deleted: Vec::new(),
        };
        seen.visit_body(module.body);
        seen
    }

    fn proof(&self, at: &impl Ranged) -> Proof {
        let source = self.module.source;
        let line = source.line(source.line_at(at.start())).trim();
        Proof { place: source.place(at.start()), text: line.chars().take(100).collect() }
    }
}

impl<'e> Visitor<'e> for Seen<'_, '_> {
    fn visit_stmt(&mut self, statement: &'e Stmt) {
        if let Stmt::Delete(_) = statement {
            self.deleted.push(self.proof(statement));
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'e Expr) {
        if let Expr::Call(call) = expression
            && let Some(path) = self.module.imports.path(&call.func)
        {
            let is = |names: &[&str]| names.iter().any(|name| path.starts_with(name));
            let has = |name: &str| call.arguments.find_keyword(name).is_some();
            if is(&MONITORS) {
                self.monitors.push(self.proof(call));
            }
            if is(&LIMITS) || has("memory_limit") {
                self.limits.push(self.proof(call));
            }
            let reads = path.starts_with("pandas.read_");
            if is(&STREAMS) || (reads && has("chunksize")) {
                self.streams.push(self.proof(call));
            } else if reads && !has("nrows") && !has("usecols") {
                self.whole.push(self.proof(call));
            }
        }
        walk_expr(self, expression);
    }
}
