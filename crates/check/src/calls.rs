//! The calls of a source, with what is around them.

use crate::{
    module::{Module, Scope},
    values::Receiver,
};
use ruff_python_ast::{
    Expr, ExprCall, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use ruff_text_size::Ranged;

/// A call.
pub(crate) struct CallSite<'a> {
    pub call: &'a ExprCall,
    /// What is called, if it is something imported: `pandas.read_csv`.
    pub path: Option<String>,
    /// The last part of what is called.
    pub name: &'a str,
    /// What the method belongs to, if it is one.
    pub receiver: Option<&'a Expr>,
    /// The place of its scope in [`Module::scopes`].
    pub scope: usize,
    /// How many loops are around it in its scope.
    pub loops: usize,
    /// The statement that it is a part of.
    pub statement: &'a Stmt,
}

impl<'a> CallSite<'a> {
    /// Returns a keyword's value.
    pub(crate) fn keyword(&self, name: &str) -> Option<&'a Expr> {
        self.call.arguments.find_keyword(name).map(|keyword| &keyword.value)
    }

    /// Returns an argument by its place.
    pub(crate) fn argument(&self, place: usize) -> Option<&'a Expr> {
        self.call.arguments.find_positional(place)
    }

    /// Returns whether a keyword is `True`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.keyword(name).and_then(crate::values::truth) == Some(true)
    }

    /// Returns whether it calls something by its dotted name.
    pub(crate) fn is(&self, path: &str) -> bool {
        self.path.as_deref() == Some(path)
    }

    /// Returns what the method is called on.
    pub(crate) fn on(&self, module: &Module<'a>) -> Receiver {
        let scope = module.scopes.get(self.scope);
        scope.and_then(|scope| scope.facts.receivers.get(&self.call.range())).copied().unwrap_or_default()
    }

    /// Returns its scope.
    pub(crate) fn scope_of<'m>(&self, module: &'m Module<'a>) -> Option<&'m Scope<'a>> {
        module.scopes.get(self.scope)
    }
}

/// Returns the calls of a source, in the order of evaluation.
pub(crate) fn calls<'a>(module: &Module<'a>) -> Vec<CallSite<'a>> {
    let mut search = Search { module, found: Vec::new(), scopes: 0, scope: 0, loops: 0, statement: None };
    search.visit_body(module.body);
    search.found
}

struct Search<'m, 'a> {
    module: &'m Module<'a>,
    found: Vec<CallSite<'a>>,
    /// How many functions were met: the place of the last in the module's list.
    scopes: usize,
    scope: usize,
    loops: usize,
    statement: Option<&'a Stmt>,
}

impl<'a> Visitor<'a> for Search<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let outer = (self.statement.replace(statement), self.scope, self.loops);
        match statement {
            Stmt::FunctionDef(_) => {
                self.scopes += 1;
                (self.scope, self.loops) = (self.scopes, 0);
                walk_stmt(self, statement);
            }
            Stmt::For(each) => {
                // What is gone over is evaluated once.
                self.visit_expr(&each.iter);
                self.visit_expr(&each.target);
                self.loops += 1;
                self.visit_body(&each.body);
                self.loops -= 1;
                self.visit_body(&each.orelse);
            }
            Stmt::While(_) => {
                self.loops += 1;
                walk_stmt(self, statement);
            }
            _ => walk_stmt(self, statement),
        }
        (self.statement, self.scope, self.loops) = outer;
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let (Expr::Call(call), Some(statement)) = (expression, self.statement) {
            let path = self.module.imports.path(&call.func);
            let (name, receiver) = match &*call.func {
                Expr::Name(name) => (name.id.as_str(), None),
                Expr::Attribute(attribute) => (attribute.attr.as_str(), Some(&*attribute.value)),
                _ => ("", None),
            };
            let receiver = receiver.filter(|_| path.is_none());
            self.found.push(CallSite { call, path, name, receiver, scope: self.scope, loops: self.loops, statement });
        }
        walk_expr(self, expression);
    }
}
