//! TG024: a cache or a list only grows.

use super::{Context, Rule};
use crate::{finding::Findings, names::Imports};
use ruff_python_ast::{
    Decorator, Expr, Stmt, StmtFunctionDef,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use ruff_text_size::TextRange;
use rustc_hash::FxHashSet;

pub(super) static RULE: Rule = Rule {
    code: "TG024",
    name: "unbounded-cache",
    title: "A cache or a list only grows",
    fix: "`lru_cache(maxsize=128)`, or drop what is old",
    saving: "everything that was ever put into it",
    why: "\
`lru_cache(maxsize=None)` and `cache` keep every argument and every result until the process ends; on a method they keep every object
whose method was called. A dictionary or a list of the module that functions only add to does the same.",
    how_much: "\
Unbounded: with frames as results, all frames.",
    example: "\
```python
@lru_cache(maxsize=None)
def load(day):
    return pd.read_csv(f\"{day}.csv\")
```

```python
@lru_cache(maxsize=2)
def load(day):
    return pd.read_csv(f\"{day}.csv\")
```",
    check,
};

fn check<'m, 'a>(context: &Context<'m, 'a>, findings: &mut Findings<'m, 'a>) {
    let mut search = Caches {
        imports: &context.module.imports,
        in_class: false,
        found: Vec::new(),
        decorators: FxHashSet::default(),
    };
    search.visit_body(context.module.body);
    for (range, message) in std::mem::take(&mut search.found) {
        findings.add(&RULE, &range, message);
    }
    for (name, range) in containers(context.module.body).take(MOST_CONTAINERS) {
        let decorators = &search.decorators;
        let mut growth = Growth { name, decorators, in_function: false, grows: false, shrinks: false };
        growth.visit_body(context.module.body);
        if growth.grows && !growth.shrinks {
            let Some(finding) = findings.add(&RULE, &range, format!("`{name}` keeps whatever functions put into it"))
            else {
                return;
            };
            finding.fix("drop what is old, or keep it in the function that needs it");
        }
    }
}

/// How many containers are looked at: for each, all statements are.
const MOST_CONTAINERS: usize = 100;

/// Empty lists and dictionaries of the module.
fn containers(body: &[Stmt]) -> impl Iterator<Item = (&str, TextRange)> {
    body.iter().filter_map(|statement| {
        let (target, value) = match statement {
            Stmt::Assign(assign) => (assign.targets.first()?, &*assign.value),
            Stmt::AnnAssign(assign) => (&*assign.target, assign.value.as_deref()?),
            _ => return None,
        };
        let is_empty = match value {
            Expr::List(list) => list.elts.is_empty(),
            Expr::Dict(dict) => dict.items.is_empty(),
            _ => false,
        };
        match target {
            Expr::Name(name) if is_empty => Some((name.id.as_str(), name.range)),
            _ => None,
        }
    })
}

/// Functions whose results are kept without a bound, or whose objects are.
struct Caches<'m, 'a> {
    imports: &'m Imports<'a>,
    in_class: bool,
    found: Vec<(TextRange, String)>,
    /// Functions of the module that decorate others: what they are called with is there once, however long it runs.
    decorators: FxHashSet<&'a str>,
}

impl<'a> Caches<'_, 'a> {
    fn decorates(&mut self, decorators: &'a [Decorator]) {
        let called = decorators.iter().map(|decorator| match &decorator.expression {
            Expr::Call(call) => &*call.func,
            other => other,
        });
        self.decorators.extend(called.filter_map(Expr::as_name_expr).map(|name| name.id.as_str()));
    }

    fn decorated(&mut self, decorator: &Decorator, function: &StmtFunctionDef) {
        let (called, size) = match &decorator.expression {
            Expr::Call(call) => {
                let size = call.arguments.find_keyword("maxsize").map(|keyword| &keyword.value);
                (&*call.func, size.or_else(|| call.arguments.find_positional(0)))
            }
            other => (other, None),
        };
        let path = self.imports.path(called);
        let is_unbounded = match path.as_deref() {
            Some("functools.cache") => true,
            Some("functools.lru_cache") => matches!(size, Some(Expr::NoneLiteral(_))),
            _ => return,
        };
        let first = function.parameters.posonlyargs.iter().chain(&function.parameters.args).next();
        let is_method = self.in_class && first.is_some_and(|first| first.parameter.name.as_str() == "self");
        let message = match (is_unbounded, is_method) {
            (true, _) => format!("every result of `{}` is kept until the process ends", function.name),
            (false, true) => format!("the cache of the method `{}` keeps its objects", function.name),
            (false, false) => return,
        };
        self.found.push((decorator.range, message));
    }
}

impl<'a> Visitor<'a> for Caches<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let outer = self.in_class;
        match statement {
            Stmt::FunctionDef(function) => {
                self.decorates(&function.decorator_list);
                // Without parameters there is one result.
                let has_parameters = function.parameters.iter().next().is_some();
                for decorator in function.decorator_list.iter().filter(|_| has_parameters) {
                    self.decorated(decorator, function);
                }
                self.in_class = false;
            }
            Stmt::ClassDef(class) => {
                self.decorates(&class.decorator_list);
                self.in_class = true;
            }
            _ => {}
        }
        walk_stmt(self, statement);
        self.in_class = outer;
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// What becomes of a container of the module.
struct Growth<'n> {
    name: &'n str,
    decorators: &'n FxHashSet<&'n str>,
    in_function: bool,
    /// A function adds to it.
    grows: bool,
    /// Something takes from it, puts another in its place, or asks how long it is.
    shrinks: bool,
}

impl Growth<'_> {
    fn is_it(&self, expression: &Expr) -> bool {
        matches!(expression, Expr::Name(name) if name.id == self.name)
    }
}

impl<'a> Visitor<'a> for Growth<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let outer = self.in_function;
        match statement {
            Stmt::FunctionDef(function) => {
                // A local name hides it.
                let is_hidden = function.parameters.iter().any(|parameter| parameter.name().as_str() == self.name);
                if is_hidden || self.decorators.contains(function.name.as_str()) {
                    return;
                }
                self.in_function = true;
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    match target {
                        Expr::Subscript(subscript) if self.is_it(&subscript.value) => self.grows |= self.in_function,
                        other => self.shrinks |= self.in_function && self.is_it(other),
                    }
                }
            }
            Stmt::Delete(delete) => {
                self.shrinks |= delete.targets.iter().any(|target| match target {
                    Expr::Subscript(subscript) => self.is_it(&subscript.value),
                    other => self.is_it(other),
                });
            }
            _ => {}
        }
        walk_stmt(self, statement);
        self.in_function = outer;
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            match &*call.func {
                Expr::Attribute(attribute) if self.is_it(&attribute.value) => match attribute.attr.as_str() {
                    "append" | "extend" | "setdefault" | "update" | "insert" => self.grows |= self.in_function,
                    "pop" | "popitem" | "clear" | "remove" => self.shrinks = true,
                    _ => {}
                },
                Expr::Name(name) if name.id == "len" => {
                    self.shrinks |= call.arguments.find_positional(0).is_some_and(|argument| self.is_it(argument));
                }
                _ => {}
            }
        }
        walk_expr(self, expression);
    }
}
