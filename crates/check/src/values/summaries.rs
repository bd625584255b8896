//! What functions of the source itself give and cost.

use super::{
    evaluate::Given,
    facts::Facts,
    kind::{Cost, Kind, Size, Value},
};
use crate::names::Imports;
use ruff_python_ast::{Expr, ParameterWithDefault, Parameters, Stmt, StmtFunctionDef};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, RefCell};

/// How deep calls are followed from one function to the next.
const DEEPEST: usize = 8;

/// The functions at the top of a source. One that is defined twice is none.
#[derive(Default)]
pub(crate) struct Functions<'a> {
    defined: FxHashMap<&'a str, Option<&'a StmtFunctionDef>>,
    known: RefCell<FxHashMap<&'a str, Option<Summary<'a>>>>,
    depth: Cell<usize>,
}

/// What a function gives and costs.
#[derive(Clone, Debug)]
pub(crate) struct Summary<'a> {
    /// What it returns; what that holds are parameters.
    returns: Value<'a>,
    parameters: Vec<&'a str>,
    /// Parameters that it stores where nobody sees them any more.
    escaping: Vec<&'a str>,
    /// What its first costly call does, if it has one.
    pub cost: Option<Cost>,
}

impl<'a> Functions<'a> {
    /// Collects the functions of a source.
    pub(crate) fn of(body: &'a [Stmt]) -> Self {
        let mut defined = FxHashMap::default();
        for statement in body {
            if let Stmt::FunctionDef(function) = statement {
                let once = (!defined.contains_key(function.name.as_str())).then_some(function);
                defined.insert(function.name.as_str(), once);
            }
        }
        Self { defined, ..Self::default() }
    }

    /// Returns what a function gives and costs, if it is one of this source and plain: no decorator changes it, and it is
    /// no generator.
    pub(crate) fn summary(&self, name: &'a str, imports: &Imports<'a>) -> Option<Summary<'a>> {
        let function = (*self.defined.get(name)?)?;
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        if self.depth.get() >= DEEPEST {
            return None;
        }
        // Nothing is known of a function while it is looked at, should it call itself.
        self.known.borrow_mut().insert(name, None);
        self.depth.set(self.depth.get() + 1);
        let summary = self.summarize(function, imports);
        self.depth.set(self.depth.get() - 1);
        self.known.borrow_mut().insert(name, summary.clone());
        summary
    }

    fn summarize(&self, function: &'a StmtFunctionDef, imports: &Imports<'a>) -> Option<Summary<'a>> {
        if !function.decorator_list.is_empty() || function.is_async {
            return None;
        }
        let names = parameters(&function.parameters);
        let parameters: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let facts = Facts::of(&function.body, names, imports, self);
        if facts.yields {
            return None;
        }
        let mut returns = facts.returned.iter().cloned().reduce(Value::or).unwrap_or_else(Value::plain);
        // A name that is returned holds what it holds, and so on.
        returns.holds = held_parameters(&facts, returns.holds.iter().copied(), &parameters);
        let escaping = held_parameters(&facts, facts.escaped.iter().copied(), &parameters);
        let cost = facts.costly.first().map(|(_, call)| call.cost);
        Some(Summary { returns, parameters, escaping, cost })
    }
}

/// Returns the parameters of a function in their order, and what they are likely to be given.
pub(crate) fn parameters(parameters: &Parameters) -> Vec<(&str, Value<'_>)> {
    let placed = parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs);
    let rest = parameters.vararg.iter().chain(&parameters.kwarg);
    let rest = rest.map(|parameter| (parameter.name.as_str(), Value::unknown(Vec::new())));
    placed.map(|parameter| (parameter.parameter.name.as_str(), assumed(parameter))).chain(rest).collect()
}

/// What a parameter is by its annotation, or by the name that everybody gives a frame.
fn assumed(parameter: &ParameterWithDefault) -> Value<'_> {
    let annotation = parameter.parameter.annotation.as_deref().and_then(last_part).unwrap_or_default();
    let name = parameter.parameter.name.as_str();
    // Functions over arrays are given rows and weights as well as data.
    let (kind, size) = match annotation {
        "DataFrame" => (Kind::Frame, Size::Large),
        "Series" => (Kind::Series, Size::Unknown),
        "ndarray" | "NDArray" | "ArrayLike" => (Kind::Array, Size::Unknown),
        "" if name == "df" || name.ends_with("_df") || name.starts_with("df_") => (Kind::Frame, Size::Large),
        _ => return Value::unknown(Vec::new()),
    };
    Value::fresh(kind, size)
}

fn last_part(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        Expr::Subscript(subscript) => last_part(&subscript.value),
        Expr::StringLiteral(text) => text.value.to_str().rsplit('.').next(),
        _ => None,
    }
}

/// Follows names that hold others to the parameters among them.
fn held_parameters<'a>(
    facts: &Facts<'a>,
    names: impl Iterator<Item = &'a str>,
    parameters: &[&'a str],
) -> Vec<&'a str> {
    let mut open: Vec<&str> = names.collect();
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        open.extend(facts.held.get(name).into_iter().flatten());
    }
    parameters.iter().copied().filter(|parameter| seen.contains(parameter)).collect()
}

impl<'a> Summary<'a> {
    /// Returns what a call gives.
    pub(super) fn applied(&self, given: &Given<'a>) -> Value<'a> {
        let mut value =
            Value { holds: self.arguments(&self.returns.holds, given), made_by: None, ..self.returns.clone() };
        // What is made of small things is not known to be large.
        if given.size == Size::Small && !given.positional.is_empty() {
            value.size = value.size.min(Size::Unknown);
        }
        value
    }

    /// Returns the names whose objects the function stores somewhere.
    pub(super) fn escaping(&self, given: &Given<'a>) -> Vec<&'a str> {
        self.arguments(&self.escaping, given)
    }

    /// Returns what is held by the arguments of some parameters.
    fn arguments(&self, parameters: &[&'a str], given: &Given<'a>) -> Vec<&'a str> {
        let mut held = Value::plain();
        for parameter in parameters {
            let place = self.parameters.iter().position(|name| name == parameter);
            let named = given.named.iter().find(|(name, _)| name == parameter).map(|(_, value)| value);
            let argument = named.or_else(|| place.and_then(|place| given.positional.get(place)));
            held.hold(argument.map_or(&[][..], |value| &value.holds));
        }
        held.holds
    }
}
