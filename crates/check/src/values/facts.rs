//! What the statements of a scope bind, keep, and cost, whatever the order in which they run.

use super::{
    environment::{CostlyCall, Environment, Receiver},
    evaluate::{evaluate, keeps_arguments},
    integer,
    kind::{Kind, Size, Value},
    summaries::Functions,
};
use crate::names::Imports;
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtFor, StmtWith};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

/// A name that gets a value.
#[derive(Clone, Debug)]
pub(crate) struct Binding<'a> {
    pub name: &'a str,
    pub value: Value<'a>,
    /// Where its statement begins.
    pub at: TextSize,
    /// The expression, where the name gets all of it.
    pub source: Option<&'a Expr>,
}

/// What is known of a scope.
pub(crate) struct Facts<'a> {
    pub bindings: Vec<Binding<'a>>,
    /// Who may keep alive what a name holds.
    pub holders: FxHashMap<&'a str, Vec<&'a str>>,
    /// What a name may keep alive.
    pub held: FxHashMap<&'a str, Vec<&'a str>>,
    /// Names whose objects go where the scope does not see them.
    pub escaped: FxHashSet<&'a str>,
    /// Names of containers that got something whose end somebody could notice.
    pub mixed: FxHashSet<&'a str>,
    /// Names of containers that got large values.
    pub grown: FxHashSet<&'a str>,
    /// Costly calls, each with the beginning of its statement.
    pub costly: Vec<(TextSize, CostlyCall<'a>)>,
    /// What is returned.
    pub returned: Vec<Value<'a>>,
    /// What methods are called on, by the range of the call.
    pub receivers: FxHashMap<TextRange, Receiver>,
    /// What the names are in the end.
    pub names: FxHashMap<&'a str, Value<'a>>,
    /// Whether it is a generator.
    pub yields: bool,
}

impl<'a> Facts<'a> {
    /// Looks at the statements of a scope. `names` are those that are there before: parameters.
    pub(crate) fn of(
        body: &'a [Stmt],
        names: Vec<(&'a str, Value<'a>)>,
        imports: &Imports<'a>,
        functions: &Functions<'a>,
    ) -> Self {
        let mut environment = Environment::new(imports, functions);
        environment.names.extend(names);
        let mut scan = Scan { environment, facts: Found::default(), at: TextSize::new(0) };
        scan.statements(body);
        let Scan { environment, facts, .. } = scan;
        Self {
            bindings: facts.bindings,
            holders: edges(facts.holds.iter().map(|(holder, held)| (*held, *holder))),
            held: edges(facts.holds.iter().copied()),
            escaped: facts.escaped,
            mixed: facts.mixed,
            grown: facts.grown,
            costly: facts.costly,
            returned: facts.returned,
            receivers: environment.receivers.into_iter().collect(),
            names: environment.names,
            yields: environment.yields,
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    bindings: Vec<Binding<'a>>,
    holds: Vec<(&'a str, &'a str)>,
    escaped: FxHashSet<&'a str>,
    mixed: FxHashSet<&'a str>,
    grown: FxHashSet<&'a str>,
    costly: Vec<(TextSize, CostlyCall<'a>)>,
    returned: Vec<Value<'a>>,
}

struct Scan<'a, 'm> {
    environment: Environment<'a, 'm>,
    facts: Found<'a>,
    /// Where the statement begins that is looked at.
    at: TextSize,
}

impl<'a> Scan<'a, '_> {
    fn statements(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.at = statement.start();
            self.statement(statement);
        }
    }

    fn value(&mut self, expression: &'a Expr) -> Value<'a> {
        let value = evaluate(expression, &mut self.environment);
        let at = self.at;
        self.facts.costly.extend(self.environment.costly.drain(..).map(|call| (at, call)));
        self.facts.escaped.extend(self.environment.escaped.drain(..));
        value
    }

    fn values(&mut self, expressions: impl IntoIterator<Item = &'a Expr>) {
        for expression in expressions {
            self.value(expression);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => {
                let value = self.value(&assign.value);
                for target in &assign.targets {
                    self.assign(target, &value, Some(&assign.value));
                }
                // `a = b = x` gives both the same.
                let names: Vec<_> = assign.targets.iter().filter_map(name).collect();
                for pair in names.windows(2) {
                    if let [one, other] = pair {
                        self.facts.holds.extend([(*one, *other), (*other, *one)]);
                    }
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let found = self.value(value);
                    self.assign(&assign.target, &found, Some(value));
                }
            }
            Stmt::AugAssign(assign) => self.augmented(&assign.target, &assign.value),
            Stmt::Expr(expression) => self.expression(&expression.value),
            Stmt::Return(returned) => {
                if let Some(value) = &returned.value {
                    let value = self.value(value);
                    self.facts.returned.push(value);
                }
            }
            Stmt::For(each) => self.each(each),
            Stmt::While(repeated) => {
                self.value(&repeated.test);
                self.statements(&repeated.body);
                self.statements(&repeated.orelse);
            }
            Stmt::If(choice) => {
                self.value(&choice.test);
                self.statements(&choice.body);
                for clause in &choice.elif_else_clauses {
                    self.at = statement.start();
                    self.values(&clause.test);
                    self.statements(&clause.body);
                }
            }
            Stmt::With(with) => self.with(with),
            Stmt::Match(choice) => {
                self.value(&choice.subject);
                for case in &choice.cases {
                    self.values(case.guard.as_deref());
                    self.statements(&case.body);
                }
            }
            Stmt::Try(attempt) => {
                self.statements(&attempt.body);
                for handler in &attempt.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    self.statements(&handler.body);
                }
                self.statements(&attempt.orelse);
                self.statements(&attempt.finalbody);
            }
            Stmt::Assert(claim) => self.values([Some(&*claim.test), claim.msg.as_deref()].into_iter().flatten()),
            Stmt::Raise(raised) => self.values([raised.exc.as_deref(), raised.cause.as_deref()].into_iter().flatten()),
            // Bodies of definitions are scopes of their own; what names they keep is found elsewhere.
            _ => {}
        }
    }

    fn each(&mut self, each: &'a StmtFor) {
        let source = self.value(&each.iter);
        let item = match source.kind {
            Some(Kind::Reader) => Value::fresh(Kind::Frame, Size::Large).by("chunk"),
            _ => Value::unknown(source.holds.clone()),
        };
        self.assign(&each.target, &item, None);
        self.statements(&each.body);
        self.statements(&each.orelse);
    }

    fn with(&mut self, with: &'a StmtWith) {
        for item in &with.items {
            let value = self.value(&item.context_expr);
            if let Some(target) = &item.optional_vars {
                let value = if value.kind == Some(Kind::Reader) { value } else { Value::unknown(value.holds) };
                self.assign(target, &value, None);
            }
        }
        self.statements(&with.body);
    }

    /// Binds a target. `source` is the expression where the target gets its value as it is.
    fn assign(&mut self, target: &'a Expr, value: &Value<'a>, source: Option<&'a Expr>) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value.clone(), source),
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, value, source),
            Expr::List(list) => self.unpack(&list.elts, value, source),
            Expr::Starred(starred) => {
                let value = Value::unknown(value.holds.clone());
                self.assign(&starred.value, &value, None);
            }
            Expr::Subscript(subscript) => {
                self.value(&subscript.value);
                self.value(&subscript.slice);
                self.keep(&subscript.value, value);
            }
            Expr::Attribute(attribute) => {
                self.value(&attribute.value);
                self.keep(target, value);
            }
            _ => {}
        }
    }

    fn unpack(&mut self, targets: &'a [Expr], value: &Value<'a>, source: Option<&'a Expr>) {
        let parts: Option<&[Expr]> = match source {
            Some(Expr::Tuple(tuple)) if tuple.elts.len() == targets.len() => Some(&tuple.elts),
            _ => None,
        };
        for (index, target) in targets.iter().enumerate() {
            let part = parts.and_then(|parts| parts.get(index));
            let found = match part {
                // It was looked at as a part of the tuple; what it costs is noted already.
                Some(part) => {
                    let found = evaluate(part, &mut self.environment);
                    self.environment.costly.clear();
                    found
                }
                None if value.made_by == Some("train_test_split") => {
                    Value::fresh(Kind::Array, value.size).by("train_test_split")
                }
                None => Value::unknown(value.holds.clone()),
            };
            self.assign(target, &found, part);
        }
    }

    fn bind(&mut self, name: &'a str, value: Value<'a>, source: Option<&'a Expr>) {
        self.facts.holds.extend(value.holds.iter().map(|held| (name, *held)));
        match source.and_then(integer) {
            Some(number) if !self.environment.numbers.contains_key(name) => {
                self.environment.numbers.insert(name, number);
            }
            // A number that changes is none to count on.
            _ => {
                self.environment.numbers.remove(name);
            }
        }
        self.environment.names.insert(name, value.clone());
        self.facts.bindings.push(Binding { name, value, at: self.at, source });
    }

    fn augmented(&mut self, target: &'a Expr, added: &'a Expr) {
        let added = self.value(added);
        match target {
            Expr::Name(name) => {
                let name = name.id.as_str();
                let old = self.environment.names.get(name).cloned().unwrap_or_default();
                let is_number = matches!(old.kind, Some(Kind::Frame | Kind::Series | Kind::Array));
                let mut value = Value { size: old.size.max(added.size), ..old };
                if !is_number {
                    value.hold(&added.holds);
                }
                self.bind(name, value, None);
            }
            _ => self.keep(target, &added),
        }
    }

    /// An expression by itself: a call may leave something in its receiver.
    fn expression(&mut self, expression: &'a Expr) {
        self.value(expression);
        let mut expression = expression;
        while let Expr::Await(waited) = expression {
            expression = &waited.value;
        }
        match expression {
            Expr::Call(call) => self.call(call),
            // Who gets it may keep it.
            Expr::Yield(yielded) => {
                if let Some(value) = &yielded.value {
                    let value = evaluate(value, &mut self.environment);
                    self.environment.costly.clear();
                    self.facts.escaped.extend(value.holds);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        let Expr::Attribute(attribute) = &*call.func else { return };
        if self.environment.imports.is_imported(&call.func) {
            return;
        }
        let receiver = evaluate(&attribute.value, &mut self.environment);
        if !keeps_arguments(&receiver, attribute.attr.as_str()) {
            self.environment.costly.clear();
            return;
        }
        let keywords = call.arguments.keywords.iter().map(|keyword| &keyword.value);
        for argument in call.arguments.args.iter().chain(keywords) {
            let value = evaluate(argument, &mut self.environment);
            self.keep(&attribute.value, &value);
        }
        self.environment.costly.clear();
    }

    /// Something is stored in an object: in one that a name of the scope holds, or where it is not seen any more.
    fn keep(&mut self, place: &'a Expr, kept: &Value<'a>) {
        let holder = root(place).filter(|name| self.environment.names.contains_key(name) && *name != "self");
        match holder {
            Some(holder) => {
                let others = kept.holds.iter().filter(|held| **held != holder);
                self.facts.holds.extend(others.map(|held| (holder, *held)));
                if !kept.is_known() {
                    self.facts.mixed.insert(holder);
                }
                if kept.is_large() {
                    self.facts.grown.insert(holder);
                }
            }
            None => self.facts.escaped.extend(kept.holds.iter().copied()),
        }
    }
}

fn edges<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> FxHashMap<&'a str, Vec<&'a str>> {
    let mut edges: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
    for (from, to) in pairs {
        edges.entry(from).or_default().push(to);
    }
    edges
}

fn name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        _ => None,
    }
}

/// The name that an expression begins with: `a` of `a.b[0].c`.
fn root(mut expression: &Expr) -> Option<&str> {
    loop {
        match expression {
            Expr::Name(name) => return Some(name.id.as_str()),
            Expr::Attribute(attribute) => expression = &attribute.value,
            Expr::Subscript(subscript) => expression = &subscript.value,
            Expr::Call(call) => expression = &call.func,
            _ => return None,
        }
    }
}
