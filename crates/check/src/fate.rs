//! What a guard asks of a script when it has seen it run: which variables were not used again after a line, and what is done with
//! a file that a line reads.

use crate::{
    check::{failed, in_deep_thread, with_module},
    columns::column_uses,
    flow::{Point, Tracked, build, solve},
    module::{Module, Scope},
    query::only_query,
    source::Source,
    values::string,
};
use ruff_python_ast::{
    Expr, Stmt, StmtFunctionDef,
    visitor::{Visitor, walk_stmt},
};
use ruff_text_size::{Ranged, TextSize};

/// A variable that was there when its frame was at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its function, as Python names it: `<module>`, `Job.run`.
    pub function: String,
    /// The first line of that, from 1, decorators included.
    pub first_line: u32,
    /// The line that its frame was at; 0 for a module whose code has run.
    pub line: u32,
    /// Its name.
    pub name: String,
}

/// What becomes of a variable after a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may be used again.
    Used,
    /// It is not used again. It could have gone after this line, where there is one after which it can.
    Dead(Option<u32>),
    /// Nobody knows, and why.
    Unknown(String),
}

/// What a script does with a file that it reads into a data frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileUse {
    /// The columns that it uses; none if it may use all.
    pub columns: Vec<String>,
    /// The same as a query; `None` if it cannot be said.
    pub query: Option<String>,
}

/// Returns what becomes of variables of a script, by its text, in their order.
///
/// ```
/// use tidegate_check::{Fate, Variable, fates};
/// let script = "raw = read()\nprint(len(raw))\nother = read()\nprint(other)\n";
/// let raw = Variable { function: "<module>".into(), first_line: 1, line: 3, name: "raw".into() };
/// assert_eq!(fates("etl.py", script, &[raw]), [Fate::Dead(Some(2))]);
/// ```
pub fn fates(file: &str, text: &str, variables: &[Variable]) -> Vec<Fate> {
    let asked = |module: &Module<'_>| variables.iter().map(|variable| fate(module, variable)).collect();
    with_text(file, text, asked).unwrap_or_else(|reason| vec![Fate::Unknown(reason); variables.len()])
}

/// Returns what is done with the file that a line reads, from 1; nothing if it reads none.
pub fn file_use(file: &str, text: &str, line: u32) -> FileUse {
    with_text(file, text, |module| use_at(module, line)).unwrap_or_default()
}

/// Parses a text and asks it.
fn with_text<T: Send>(file: &str, text: &str, ask: impl FnOnce(&Module<'_>) -> T + Send) -> Result<T, String> {
    let source = Source::of_text(file, text.to_owned()).map_err(|refusal| refusal.message)?;
    let asked = in_deep_thread(|| with_module(&source, ask)).ok().flatten();
    asked.unwrap_or_else(|| Err(failed())).map_err(|refusal| refusal.message)
}

fn fate(module: &Module<'_>, variable: &Variable) -> Fate {
    let unknown = |reason: &str| Fate::Unknown(reason.to_owned());
    let name = variable.name.as_str();
    if variable.line == 0 {
        return unknown("others may use a module's names");
    }
    let Some(scope) = scope_of(module, variable) else { return unknown("its function was not found") };
    if scope.parameters.contains(&name) {
        return unknown("it is an argument, which the caller may hold");
    }
    if module.is_watched(scope) {
        return unknown("something in the script looks at names");
    }
    if !scope.reached.is_plain(name) {
        return unknown("a function in the script may use it, or look it up by its name");
    }
    let mut tracked = Tracked::default();
    tracked.add(name);
    let graph = build(scope.body, &tracked);
    let Some(at) = statement_at(module, scope.body, variable.line) else { return unknown("its line was not found") };
    let Some(node) = graph.node_of(at) else { return unknown("its line was not found") };
    let solution = solve(&graph);
    let set = tracked.set(name);
    if solution.live(node).meets(set) {
        return Fate::Used;
    }
    let place = |point: TextSize| module.source.place(point).line;
    let can_go = |from: &TextSize| {
        let mut points = graph.points_after(*from).into_iter();
        let can_go =
            |point: &Point<'_>| graph.leads_to(point.node, node) && graph.can_delete(&solution, point.node, set);
        points.find(can_go).map(|point| place(point.after()))
    };
    Fate::Dead(graph.bindings_reaching(node, set).iter().filter_map(can_go).max())
}

fn scope_of<'m, 'a>(module: &'m Module<'a>, variable: &Variable) -> Option<&'m Scope<'a>> {
    if variable.function == "<module>" {
        return module.top();
    }
    let last = variable.function.rsplit('.').next();
    let begins = |function: &StmtFunctionDef| {
        let lines = [function.range.start(), function.name.range.start()];
        lines.iter().any(|at| module.source.place(*at).line == variable.first_line)
    };
    module.scopes.iter().find(|scope| scope.function == last && scope.definition.is_some_and(begins))
}

/// Returns where the inmost statement begins that is at a line, from 1; functions and classes in it are scopes of their own.
fn statement_at(module: &Module<'_>, body: &[Stmt], line: u32) -> Option<TextSize> {
    let mut search = StatementAt { module, line, found: None };
    search.visit_body(body);
    search.found
}

struct StatementAt<'m, 'a> {
    module: &'m Module<'a>,
    line: u32,
    found: Option<TextSize>,
}

impl<'e> Visitor<'e> for StatementAt<'_, '_> {
    fn visit_stmt(&mut self, statement: &'e Stmt) {
        let line = |at: TextSize| self.module.source.place(at).line;
        if !(line(statement.start())..=line(statement.end())).contains(&self.line) {
            return;
        }
        self.found = Some(statement.start());
        if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            walk_stmt(self, statement);
        }
    }

    /// No statement is inside an expression.
    fn visit_expr(&mut self, _: &'e Expr) {}
}

/// Functions of pandas that read a file into a frame.
const READERS: [&str; 4] = ["pandas.read_csv", "pandas.read_table", "pandas.read_json", "pandas.read_parquet"];

fn use_at(module: &Module<'_>, line: u32) -> FileUse {
    let at = |at: TextSize| module.source.place(at).line;
    let bindings = module.scopes.iter().flat_map(|scope| scope.facts.bindings.iter().map(move |one| (scope, one)));
    for (scope, binding) in bindings {
        let Some(Expr::Call(call)) = binding.source else { continue };
        let is_reader = module.imports.path(&call.func).is_some_and(|path| READERS.contains(&path.as_str()));
        if !is_reader || !(at(binding.at)..=at(call.end())).contains(&line) {
            continue;
        }
        let uses = column_uses(module, scope, binding);
        let columns = if uses.may_use_all { Vec::new() } else { uses.needed() };
        let path = call.arguments.find_positional(0).and_then(string).filter(|path| !path.contains(['\'', '\\']));
        let all = |path: &str| (!columns.is_empty()).then(|| format!("SELECT {} FROM '{path}'", quoted(&columns)));
        let asked = only_query(scope.body, binding.name);
        let query = path.and_then(|path| asked.and_then(|query| query.sql(path)).or_else(|| all(path)));
        return FileUse { columns: columns.iter().map(|column| (*column).to_owned()).collect(), query };
    }
    FileUse::default()
}

/// Writes names of columns as SQL reads them.
fn quoted(columns: &[&str]) -> String {
    let is_plain = |name: &str| {
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let one =
        |name: &&str| if is_plain(name) { (*name).to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) };
    columns.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, function: &str, [first_line, line]: [u32; 2], name: &str) -> Fate {
        let variable = Variable { function: function.into(), first_line, line, name: name.into() };
        fates("etl.py", text, &[variable]).remove(0)
    }

    #[test]
    fn the_line_after_which_a_variable_can_go_is_found() {
        let script = "import a\nraw = a.read()\npart = raw[0]\nprint(len(raw),\n      part)\nif part:\n    b = a.read()\n    print(b)\n";
        assert_eq!(at(script, "<module>", [1, 7], "raw"), Fate::Dead(Some(5)));
        // It is looked at once more, and no statement ends between that and the line.
        assert_eq!(at(script, "<module>", [1, 7], "part"), Fate::Dead(None));
        assert_eq!(at(script, "<module>", [1, 3], "raw"), Fate::Used);
        assert_eq!(at(script, "<module>", [1, 8], "b"), Fate::Used);
    }

    #[test]
    fn what_the_turn_before_left_can_go_at_its_end() {
        let script = "for name in names:\n    frame = read(name)\n    print(frame)\n    count = 1\n";
        assert_eq!(at(script, "<module>", [1, 2], "frame"), Fate::Dead(Some(3)));
        assert_eq!(at(script, "<module>", [1, 4], "frame"), Fate::Dead(Some(3)));
        assert_eq!(at(script, "<module>", [1, 3], "frame"), Fate::Used);
    }

    #[test]
    fn functions_are_found_by_name_and_line() {
        let script = "def run():\n    pass\nclass Job:\n    @cached\n    def run(self, given):\n        raw = read()\n        print(raw)\n        work(given)\n";
        for first in [4, 5] {
            assert_eq!(at(script, "Job.run", [first, 8], "raw"), Fate::Dead(Some(7)));
        }
        assert!(matches!(at(script, "Job.run", [4, 8], "given"), Fate::Unknown(reason) if reason.contains("argument")));
        assert!(matches!(at(script, "run", [9, 9], "raw"), Fate::Unknown(reason) if reason.contains("function")));
    }

    #[test]
    fn what_others_may_use_is_unknown() {
        let script = "raw = read()\ndef later():\n    return raw\nwork()\n";
        assert!(matches!(at(script, "<module>", [1, 4], "raw"), Fate::Unknown(reason) if reason.contains("function")));
        assert!(matches!(at(script, "<module>", [1, 0], "raw"), Fate::Unknown(reason) if reason.contains("module")));
        assert!(matches!(at("raw = 1\nwork(locals())\n", "<module>", [1, 2], "raw"), Fate::Unknown(_)));
        assert!(
            matches!(at("raw = (\n", "<module>", [1, 1], "raw"), Fate::Unknown(reason) if reason.contains("syntax"))
        );
        assert!(matches!(at("raw = 1\n", "<module>", [1, 9], "raw"), Fate::Unknown(reason) if reason.contains("line")));
    }

    #[test]
    fn what_is_done_with_a_file_is_told() {
        let script =
            "import pandas as pd\nframe = pd.read_csv(\n    'a.csv')\nprint(frame.groupby('status')['bytes'].sum())\n";
        let told = file_use("etl.py", script, 3);
        assert_eq!(told.columns, ["status", "bytes"]);
        assert_eq!(told.query.as_deref(), Some("SELECT status, sum(bytes) FROM 'a.csv' GROUP BY status"));
        let parts =
            "import pandas as pd\nframe = pd.read_parquet('a.parquet')\nprint(frame['A b'].max(), frame['c'].min())\n";
        assert_eq!(file_use("etl.py", parts, 2).query.as_deref(), Some("SELECT \"A b\", c FROM 'a.parquet'"));
        assert_eq!(file_use("etl.py", script, 4), FileUse::default());
        let all = "import pandas as pd\nframe = pd.read_csv('a.csv')\nprint(frame)\n";
        assert_eq!(file_use("etl.py", all, 2), FileUse::default());
    }
}
