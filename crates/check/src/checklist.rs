//! The four questions about a script that needs memory, and the lines that answer them.

use crate::{
    lifetimes::Lifetime,
    module::{Module, Scope},
    sizes::{Data, held},
    source::Place,
};
use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use ruff_text_size::Ranged;
use serde::Serialize;
use tidegate_sizing::Setting;

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

/// A frame of so many bytes may be read whole.
const SMALL: u64 = 256 << 20;

impl Checklist {
    pub(crate) fn of<'m, 'a>(module: &'m Module<'a>, lifetimes: &[Vec<Lifetime<'m, 'a>>], data: &'m Data) -> Self {
        let mut seen = Seen::of(module, Some(data));
        let questions = vec![released(&seen, lifetimes), monitored(&mut seen), tool(&mut seen), limited(&mut seen)];
        Self { file: module.source.name.clone(), questions }
    }
}

/// Returns whether a script looks at its own memory.
pub(crate) fn is_monitored(module: &Module<'_>) -> bool {
    !Seen::of(module, None).monitors.is_empty()
}

/// Returns whether a script sets itself a limit.
pub(crate) fn is_limited(module: &Module<'_>) -> bool {
    !Seen::of(module, None).limits.is_empty()
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
    let [streams, large, small, whole] =
        [&mut seen.streams, &mut seen.large, &mut seen.small, &mut seen.whole].map(std::mem::take);
    let (answer, proofs) = match (large.is_empty(), whole.is_empty()) {
        (false, _) => (Answer::No, large),
        // How large it is, nobody knows here.
        (true, false) => (Answer::Unknown, whole),
        (true, true) if streams.is_empty() && small.is_empty() => (Answer::Unknown, Vec::new()),
        (true, true) => (Answer::Yes, if streams.is_empty() { small } else { streams }),
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
    data: Option<&'m Data>,
    monitors: Vec<Proof>,
    limits: Vec<Proof>,
    streams: Vec<Proof>,
    /// Files that are read whole: large ones, small ones, and those whose size is not known.
    large: Vec<Proof>,
    small: Vec<Proof>,
    whole: Vec<Proof>,
    deleted: Vec<Proof>,
}

impl<'m, 'a> Seen<'m, 'a> {
    fn of(module: &'m Module<'a>, data: Option<&'m Data>) -> Self {
        let mut seen = Seen {
            module,
            data,
            monitors: Vec::new(),
            limits: Vec::new(),
            streams: Vec::new(),
            large: Vec::new(),
            small: Vec::new(),
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
                let proof = self.proof(call);
                let sizes = self.data.and_then(|data| data.of_read(self.module, None, expression));
                match sizes.and_then(|sizes| held(&sizes, Setting::Default)) {
                    Some(bytes) if bytes < SMALL => self.small.push(proof),
                    Some(_) => self.large.push(proof),
                    None => self.whole.push(proof),
                }
            }
        }
        walk_expr(self, expression);
    }
}
