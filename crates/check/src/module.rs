//! A source as rules see it: parsed, its names and scopes known.

use crate::{
    names::{Imports, Reached, reached},
    source::Source,
    values::{Facts, Functions, Value},
};
use ruff_python_ast::{
    Expr, Stmt, StmtFunctionDef,
    visitor::{Visitor, walk_stmt},
};
use rustc_hash::FxHashMap;

/// A parsed source.
pub(crate) struct Module<'a> {
    pub source: &'a Source,
    pub body: &'a [Stmt],
    pub imports: Imports<'a>,
    /// The module itself first, then each function, methods too.
    pub scopes: Vec<Scope<'a>>,
}

/// The statements that share local names.
pub(crate) struct Scope<'a> {
    pub body: &'a [Stmt],
    /// The name of the function; `None` for the module.
    pub function: Option<&'a str>,
    /// Where it is defined; `None` for the module.
    pub definition: Option<&'a StmtFunctionDef>,
    pub parameters: Vec<&'a str>,
    pub facts: Facts<'a>,
    pub reached: Reached<'a>,
}

impl<'a> Module<'a> {
    /// Looks at the statements of a source.
    pub(crate) fn of(source: &'a Source, body: &'a [Stmt]) -> Self {
        let imports = Imports::of(body);
        let functions = Functions::of(body);
        let mut scopes = vec![Scope {
            body,
            function: None,
            definition: None,
            parameters: Vec::new(),
            facts: Facts::of(body, Vec::new(), &imports, &functions),
            reached: reached(body, &imports),
        }];
        let mut search = Definitions { found: Vec::new() };
        search.visit_body(body);
        for definition in search.found {
            let body = definition.body.as_slice();
            let names = crate::values::parameters(&definition.parameters);
            let all = names.iter().map(|(name, _)| *name).collect();
            scopes.push(Scope {
                body,
                function: Some(definition.name.as_str()),
                definition: Some(definition),
                parameters: all,
                facts: Facts::of(body, names, &imports, &functions),
                reached: reached(body, &imports),
            });
        }
        Self { source, body, imports, scopes }
    }

    /// Returns the module's own scope.
    pub(crate) fn top(&self) -> Option<&Scope<'a>> {
        self.scopes.first()
    }

    /// Returns whether something looks at names of the module, or at objects wherever they are.
    pub(crate) fn is_watched(&self, scope: &Scope<'a>) -> bool {
        let everywhere = self.scopes.iter().any(|scope| scope.reached.everywhere);
        everywhere || scope.reached.all
    }

    /// Returns whether the source is a test, by what pytest looks for: its data are small, and its memory matters to nobody.
    pub(crate) fn is_test(&self) -> bool {
        let path = std::path::Path::new(&self.source.name);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let folder = path.parent().and_then(|folder| folder.file_name());
        stem.starts_with("test_")
            || stem.ends_with("_test")
            || stem == "conftest"
            || folder.is_some_and(|name| name == "tests")
    }

    /// Returns whether the source may be a library: then others may import names of the module.
    pub(crate) fn is_library(&self) -> bool {
        let name =
            std::path::Path::new(&self.source.name).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let defines_all =
            self.top().is_some_and(|top| top.facts.bindings.iter().any(|binding| binding.name == "__all__"));
        defines_all || matches!(name, "__init__.py" | "conftest.py" | "settings.py" | "conf.py")
    }
}

impl<'a> Scope<'a> {
    /// Returns what a name is, as far as the last statement that binds it says.
    pub(crate) fn value(&self, name: &str) -> Option<&Value<'a>> {
        self.facts.names.get(name)
    }

    /// Returns the names that may keep alive what another name holds, and the names that keep those; `None` if they are too
    /// many to be followed.
    pub(crate) fn holders(&self, name: &'a str) -> Option<Vec<&'a str>> {
        follow(name, &self.facts.holders)
    }

    /// Returns the names whose memory a name may share, and whose those may share; `None` if they are too many.
    pub(crate) fn held(&self, name: &'a str) -> Option<Vec<&'a str>> {
        follow(name, &self.facts.held)
    }
}

/// How many names are followed.
const MOST_FOLLOWED: usize = 32;

/// Follows edges from a name to others, and from those on; the name itself is left out.
fn follow<'a>(name: &'a str, edges: &FxHashMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut found: Vec<&str> = Vec::new();
    let mut open = vec![name];
    while let Some(one) = open.pop() {
        for other in edges.get(one).into_iter().flatten() {
            if *other != name && !found.contains(other) {
                found.push(other);
                open.push(other);
            }
            if found.len() > MOST_FOLLOWED {
                return None;
            }
        }
    }
    Some(found)
}

/// Functions of a source, wherever they are defined.
struct Definitions<'a> {
    found: Vec<&'a StmtFunctionDef>,
}

impl<'a> Visitor<'a> for Definitions<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::FunctionDef(function) = statement {
            self.found.push(function);
        }
        walk_stmt(self, statement);
    }

    /// No function is defined inside an expression, but by `lambda`, which has no statements.
    fn visit_expr(&mut self, _: &'a Expr) {}
}
