//! What a source imports, and what dotted names stand for.

use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_stmt},
};
use rustc_hash::FxHashMap;

/// Imported names.
#[derive(Debug, Default)]
pub(crate) struct Imports<'a> {
    /// A name in the source, and what it stands for: `pd` for `pandas`.
    names: FxHashMap<&'a str, String>,
    /// Modules that are named by any import.
    pub modules: Vec<String>,
    /// Modules of which names are taken: `from etl import raw`, with `*` for all.
    pub taken: Vec<(String, String)>,
}

impl<'a> Imports<'a> {
    /// Collects the imports of a source, wherever they stand.
    pub(crate) fn of(body: &'a [Stmt]) -> Self {
        let mut imports = Self::default();
        imports.visit_body(body);
        imports
    }

    /// Returns what an expression stands for, if it is a dotted name of something imported: `pandas.read_csv`.
    pub(crate) fn path(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(name) => self.names.get(name.id.as_str()).cloned(),
            Expr::Attribute(attribute) => {
                let mut path = self.path(&attribute.value)?;
                path.push('.');
                path.push_str(attribute.attr.as_str());
                Some(path)
            }
            _ => None,
        }
    }

    /// Returns whether an expression is a module or a part of one, and not an object of the program.
    pub(crate) fn is_imported(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Name(name) => self.names.contains_key(name.id.as_str()),
            Expr::Attribute(attribute) => self.is_imported(&attribute.value),
            _ => false,
        }
    }

    /// Returns whether a package or a part of it is imported.
    pub(crate) fn uses(&self, package: &str) -> bool {
        self.modules
            .iter()
            .any(|module| module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}

impl<'a> Visitor<'a> for Imports<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let module = alias.name.as_str();
                    self.modules.push(module.to_owned());
                    let root = module.split('.').next().unwrap_or(module);
                    let (name, path) = alias.asname.as_ref().map_or((root, root), |name| (name.as_str(), module));
                    self.names.insert(name, path.to_owned());
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                // What is near is told by its last part, as `import etl` beside it.
                let module = if import.level > 0 { format!(".{module}") } else { module.to_owned() };
                for alias in &import.names {
                    let taken = alias.name.as_str();
                    self.taken.push((module.trim_start_matches('.').to_owned(), taken.to_owned()));
                    let name = alias.asname.as_ref().map_or(taken, |name| name.as_str());
                    self.names.insert(name, format!("{module}.{taken}"));
                }
                self.modules.push(module);
            }
            _ => walk_stmt(self, statement),
        }
    }

    /// No import is inside an expression.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruff_python_parser::parse_module;

    #[test]
    fn dotted_names_stand_for_what_was_imported() {
        let text = "import pandas as pd, numpy, os.path\nfrom pandas import read_csv as read\n\
                    def f():\n    from . import etl\npd.a.b; read; numpy.zeros; x.y; etl\n";
        let parsed = parse_module(text).unwrap();
        let imports = Imports::of(parsed.suite());
        let paths: Vec<_> = parsed
            .suite()
            .iter()
            .filter_map(|statement| statement.as_expr_stmt())
            .map(|statement| imports.path(&statement.value))
            .collect();
        let expected = [Some("pandas.a.b"), Some("pandas.read_csv"), Some("numpy.zeros"), None, Some("..etl")];
        assert_eq!(paths, expected.map(|path| path.map(str::to_owned)));
        assert!(imports.uses("pandas") && !imports.uses("pan"));
    }
}
