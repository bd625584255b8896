//! What is known of the names of a scope while its statements are looked at in their order.

use super::{
    Functions,
    kind::{Cost, Kind, Size, Value},
};
use crate::names::Imports;
use ruff_text_size::TextRange;
use rustc_hash::FxHashMap;

/// A call that needs memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CostlyCall<'a> {
    pub cost: Cost,
    /// What is called: `merge`.
    pub name: &'a str,
    pub range: TextRange,
}

/// What a method is called on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub kind: Option<Kind>,
    pub size: Size,
}

impl Receiver {
    /// Returns whether it is a frame or a column of unknown size or a large one.
    pub(crate) fn is_table(self) -> bool {
        matches!(self.kind, Some(Kind::Frame | Kind::Series)) && self.size != Size::Small
    }
}

/// The names of a scope, and what expressions cost.
pub(crate) struct Environment<'a, 'm> {
    pub imports: &'m Imports<'a>,
    pub functions: &'m Functions<'a>,
    /// What each name is bound to so far. A later binding takes the place of an earlier one: this is what advice is worded
    /// by; whether it is right is decided by the flow.
    pub names: FxHashMap<&'a str, Value<'a>>,
    /// Numbers that names are bound to, for shapes.
    pub numbers: FxHashMap<&'a str, i64>,
    /// Calls that were met, in their order.
    pub costly: Vec<CostlyCall<'a>>,
    /// Whether something is yielded.
    pub yields: bool,
    /// What methods are called on: the range of the call, and what the object is.
    pub receivers: Vec<(TextRange, Receiver)>,
    /// Names whose objects a function of the source stores where nobody sees them any more.
    pub escaped: Vec<&'a str>,
}

impl<'a, 'm> Environment<'a, 'm> {
    /// Returns one in which no name is bound.
    pub(crate) fn new(imports: &'m Imports<'a>, functions: &'m Functions<'a>) -> Self {
        Self {
            imports,
            functions,
            names: FxHashMap::default(),
            numbers: FxHashMap::default(),
            costly: Vec::new(),
            yields: false,
            receivers: Vec::new(),
            escaped: Vec::new(),
        }
    }

    /// Returns what a name is.
    pub(super) fn name(&self, name: &'a str) -> Value<'a> {
        let mut value = self.names.get(name).cloned().unwrap_or_else(|| Value::unknown(Vec::new()));
        // What it holds itself is found by way of the name.
        value.holds = if value.kind == Some(super::Kind::Plain) { Vec::new() } else { vec![name] };
        value
    }

    /// Notes a call that costs memory.
    pub(super) fn costs(&mut self, cost: Option<Cost>, name: &'a str, range: TextRange) {
        self.costly.extend(cost.map(|cost| CostlyCall { cost, name, range }));
    }
}
