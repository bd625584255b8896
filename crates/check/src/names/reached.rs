//! Names of a scope that something reaches in a way the flow of its statements does not show.
//!
//! A function that is defined in a scope may read its names whenever it is called, `locals()` sees all of them, and a text may
//! be looked up in them. Whoever advises to delete a name has to know that nobody can miss it.

use super::Imports;
use ruff_python_ast::{
    Expr, ExprContext, Identifier, Pattern, Stmt,
    visitor::{Visitor, walk_expr, walk_pattern, walk_stmt},
};
use rustc_hash::FxHashSet;

/// Functions that see all names of the scope they are called in, or of the module.
const SEE_ALL: [&str; 9] =
    ["locals", "globals", "vars", "dir", "eval", "exec", "breakpoint", "__import__", "get_ipython"];

/// What does so as an attribute: frames, debuggers, shells, what pickles a session, what counts references.
const SEE_ALL_ATTRIBUTES: [&str; 24] = [
    "_getframe",
    "currentframe",
    "embed",
    "interact",
    "set_trace",
    "dump_session",
    "dump_module",
    "getrefcount",
    "get_objects",
    "get_referrers",
    "get_referents",
    "getouterframes",
    "_current_frames",
    "getinnerframes",
    "getclosurevars",
    "walk_stack",
    "walk_tb",
    "f_locals",
    "f_globals",
    "f_back",
    "tb_frame",
    "gi_frame",
    "cr_frame",
    "ag_frame",
];

/// Packages that look names up in the frame of their caller or in the module: those whose texts are SQL, formulas or statements.
const LOOK_UP: [&str; 17] = [
    "duckdb",
    "pandasql",
    "chdb",
    "patsy",
    "statsmodels.formula",
    "formulaic",
    "linearmodels",
    "dask_sql",
    "fugue",
    "timeit",
    "cProfile",
    "profile",
    "pdb",
    "bdb",
    "trace",
    "doctest",
    "code",
];

/// The name of the module that is run. Whoever looks it up, and does not compare, has all its names.
const MAIN: &str = "__main__";

/// Names that are reached in hidden ways.
#[derive(Debug, Default)]
pub(crate) struct Reached<'a> {
    /// Everything may be reached: by what sees the names of a scope or of the module, at any depth. A comprehension is a scope of
    /// its own in some versions of Python and evaluates its source outside of it, so that the depth says nothing.
    pub all: bool,
    /// Names that are read by what is defined in the scope, bound by patterns or `:=`, or declared elsewhere.
    pub names: FxHashSet<&'a str>,
    /// Texts that packages look names up by; any word in them is one.
    pub texts: Vec<&'a str>,
    /// Whether something looks at frames, references or objects, wherever they are.
    pub everywhere: bool,
}

impl Reached<'_> {
    /// Returns whether nobody reaches a name but by the flow.
    pub(crate) fn is_plain(&self, name: &str) -> bool {
        let in_text = |text: &&str| super::mentioned(text, super::Mentioned::Words).any(|word| word == name);
        !self.all && !self.everywhere && !self.names.contains(name) && !self.texts.iter().any(in_text)
    }
}

/// Returns which names of a scope are reached in hidden ways.
pub(crate) fn reached<'a>(body: &'a [Stmt], imports: &Imports<'_>) -> Reached<'a> {
    let looks_up = LOOK_UP.iter().any(|package| imports.uses(package));
    let sees_all = ["weakref", "builtins", MAIN].iter().any(|module| imports.uses(module));
    let reached = Reached { everywhere: sees_all, ..Reached::default() };
    let mut search = Search { reached, inner: 0, looks_up };
    search.visit_body(body);
    search.reached
}

struct Search<'a> {
    reached: Reached<'a>,
    /// How many definitions and lazy expressions are around.
    inner: usize,
    looks_up: bool,
}

impl Search<'_> {
    fn inside(&mut self, walk: impl FnOnce(&mut Self)) {
        self.inner += 1;
        walk(self);
        self.inner -= 1;
    }
}

impl<'a> Visitor<'a> for Search<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            // Defaults and decorators are evaluated here, and what they are given stays with the function.
            Stmt::FunctionDef(function) => {
                self.reached.names.insert(function.name.as_str());
                self.inside(|search| walk_stmt(search, statement));
            }
            Stmt::ClassDef(class) => {
                self.reached.names.insert(class.name.as_str());
                self.inside(|search| walk_stmt(search, statement));
            }
            Stmt::Global(global) => self.reached.names.extend(global.names.iter().map(Identifier::as_str)),
            Stmt::Nonlocal(outer) => self.reached.names.extend(outer.names.iter().map(Identifier::as_str)),
            Stmt::Import(import) => {
                let names = import.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).as_str());
                self.reached.names.extend(names);
            }
            Stmt::ImportFrom(import) => {
                let names = import.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).as_str());
                self.reached.names.extend(names);
            }
            // What a magic does with names is its own affair.
            Stmt::IpyEscapeCommand(command) => self.reached.texts.push(&command.value),
            Stmt::Try(attempt) => {
                for handler in &attempt.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    self.reached.names.extend(handler.name.as_ref().map(Identifier::as_str));
                }
                walk_stmt(self, statement);
            }
            Stmt::TypeAlias(_) => self.inside(|search| walk_stmt(search, statement)),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => {
                if self.inner > 0 {
                    self.reached.names.insert(name.id.as_str());
                }
                if matches!(name.ctx, ExprContext::Load) && SEE_ALL.contains(&name.id.as_str()) {
                    self.reached.all = true;
                }
            }
            // They run later, when the names may be gone.
            Expr::Lambda(_) | Expr::Generator(_) => self.inside(|search| walk_expr(search, expression)),
            Expr::Named(named) => {
                if let Expr::Name(name) = &*named.target {
                    self.reached.names.insert(name.id.as_str());
                }
                walk_expr(self, expression);
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                let is_of = |module: &str| matches!(&*attribute.value, Expr::Name(base) if base.id == module);
                let is_special =
                    (name == "modules" && is_of("sys")) || (matches!(name, "stack" | "trace") && is_of("inspect"));
                self.reached.everywhere |= SEE_ALL_ATTRIBUTES.contains(&name) || is_special;
                walk_expr(self, expression);
            }
            // A number of an object may be used again by the next one.
            Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id == "id") => {
                self.inside(|search| walk_expr(search, expression));
            }
            Expr::Compare(compare) if matches!(&*compare.left, Expr::Name(name) if name.id == "__name__") => {}
            Expr::StringLiteral(text) if text.value.to_str() == MAIN => self.reached.everywhere = true,
            Expr::StringLiteral(text) if self.looks_up => self.reached.texts.push(text.value.to_str()),
            Expr::IpyEscapeCommand(command) => self.reached.texts.push(&command.value),
            _ => walk_expr(self, expression),
        }
    }

    fn visit_interpolated_string_element(&mut self, element: &'a ruff_python_ast::InterpolatedStringElement) {
        if let ruff_python_ast::InterpolatedStringElement::Literal(text) = element
            && self.looks_up
        {
            self.reached.texts.push(&text.value);
        }
        ruff_python_ast::visitor::walk_interpolated_string_element(self, element);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        self.reached.names.extend(name.map(Identifier::as_str));
        // What a value of a pattern reads is not followed either.
        self.inside(|search| walk_pattern(search, pattern));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruff_python_parser::parse_module;

    fn check(text: &str, name: &str) -> bool {
        let parsed = parse_module(text).unwrap();
        let imports = Imports::of(parsed.suite());
        reached(parsed.suite(), &imports).is_plain(name)
    }

    #[test]
    fn what_only_the_flow_reaches_is_plain() {
        assert!(check("x = 1\nprint(x)\n", "x"));
        assert!(check("x = 1\ny = [a for a in x]\n", "x"));
        assert!(check("x = 1\ndef f(x2):\n    return x2\n", "x"));
        assert!(check("x = 1\nd.eval('a + x')\n", "x"));
        assert!(check("x = 1\nif __name__ == '__main__':\n    print(x)\n", "x"));
    }

    #[test]
    fn hidden_ways_are_seen() {
        for text in [
            "x = 1\ndef f():\n    return x\n",
            "x = 1\nf = lambda: x\n",
            "x = 1\ng = (x for _ in y)\n",
            "x = 1\nclass A:\n    y = x\n",
            "x = 1\ndef f(a=x): pass\n",
            "x = 1\nprint(locals())\n",
            "x = 1\nprint(eval('x'))\n",
            "x = 1\nprint(sorted(n for n in locals()))\n",
            "x = 1\ndef f():\n    return globals()\n",
            "x = 1\nsys._getframe()\n",
            "x = 1\nsys.modules[__name__]\n",
            "x = 1\nimportlib.import_module('__main__').x\n",
            "import builtins\nx = 1\n",
            "import timeit\nx = 1\ntimeit.timeit('len(x)', setup='from __main__ import x')\n",
            "import cProfile\nx = 1\ncProfile.run('n = x.sum()', 'out')\n",
            "x = 1\nprint(error.__traceback__.tb_frame.f_locals)\n",
            "import inspect\nx = 1\ninspect.stack()\n",
            "if (x := 1): pass\n",
            "match y:\n    case [x, *_]: pass\n",
            "match y:\n    case x.z: pass\n",
            "global x\nx = 1\n",
            "x = 1\nprint(id(x))\n",
            "import x\n",
            "try: pass\nexcept E as x: pass\n",
            "import duckdb\nx = 1\nduckdb.sql('SELECT * FROM x')\n",
            "import duckdb\nx = 1\nduckdb.sql(f'SELECT {a} FROM x')\n",
            "import weakref\nx = 1\n",
        ] {
            assert!(!check(text, "x"), "{text}");
        }
    }
}
