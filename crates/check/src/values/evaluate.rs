//! From an expression to what its value is. Every part of it is looked at once.

use super::{
    environment::{Environment, Receiver},
    functions::{self, Makes, cost_of_function, is_container_builtin, is_reducing_builtin, size_of_shape},
    integer,
    kind::{Kind, Size, Value},
    methods::{self, Gives, attribute, cost_of_method, is_ambiguous, method},
    string, truth,
};
use ruff_python_ast::{
    Comprehension, Expr, ExprCall, ExprFString, ExprSubscript, FStringPart, InterpolatedStringElement, Operator,
    UnaryOp,
};
use ruff_text_size::Ranged;

/// Returns what the value of an expression is, and notes what it costs.
pub(crate) fn evaluate<'a>(expression: &'a Expr, environment: &mut Environment<'a, '_>) -> Value<'a> {
    match expression {
        Expr::Name(name) => environment.name(name.id.as_str()),
        Expr::Call(call) => call_value(call, environment),
        Expr::Attribute(attribute) => {
            if environment.imports.is_imported(expression) {
                return Value::unknown(Vec::new());
            }
            let base = evaluate(&attribute.value, environment);
            attribute_of(base, attribute.attr.as_str())
        }
        Expr::Subscript(subscript) => subscript_value(subscript, environment),
        Expr::BinOp(binary) => {
            let left = evaluate(&binary.left, environment);
            let right = evaluate(&binary.right, environment);
            arithmetic(left, right, binary.op)
        }
        Expr::UnaryOp(unary) => {
            let value = evaluate(&unary.operand, environment);
            if unary.op == UnaryOp::Not { Value::plain() } else { fresh(&value) }
        }
        Expr::Compare(compare) => {
            let left = evaluate(&compare.left, environment);
            joined(compare.comparators.iter(), environment);
            // A mask: a byte for each row.
            if left.is_data() { Value::fresh(Kind::Series, Size::Small) } else { Value::plain() }
        }
        Expr::BoolOp(either) => joined(either.values.iter(), environment),
        Expr::If(choice) => {
            evaluate(&choice.test, environment);
            let value = evaluate(&choice.body, environment);
            value.or(evaluate(&choice.orelse, environment))
        }
        Expr::Named(named) => evaluate(&named.value, environment),
        Expr::Starred(starred) => evaluate(&starred.value, environment),
        Expr::Await(waited) => unknown_of(&waited.value, environment),
        Expr::YieldFrom(yielded) => {
            environment.yields = true;
            unknown_of(&yielded.value, environment)
        }
        Expr::Yield(yielded) => {
            environment.yields = true;
            joined(yielded.value.as_deref().into_iter(), environment);
            Value::unknown(Vec::new())
        }
        Expr::List(_)
        | Expr::Tuple(_)
        | Expr::Set(_)
        | Expr::Dict(_)
        | Expr::ListComp(_)
        | Expr::SetComp(_)
        | Expr::Generator(_)
        | Expr::DictComp(_) => collection(expression, environment),
        Expr::FString(text) => formatted(text, environment),
        // It runs later, or keeps what it is given.
        Expr::Lambda(_) | Expr::TString(_) | Expr::IpyEscapeCommand(_) => Value::unknown(Vec::new()),
        Expr::Slice(slice) => {
            joined([&slice.lower, &slice.upper, &slice.step].into_iter().flatten().map(|part| &**part), environment);
            Value::plain()
        }
        Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_) => Value::plain(),
    }
}

/// A text with values in it.
fn formatted<'a>(text: &'a ExprFString, environment: &mut Environment<'a, '_>) -> Value<'a> {
    for part in &text.value {
        if let FStringPart::FString(part) = part {
            interpolations(part.elements.iter(), environment);
        }
    }
    Value::plain()
}

/// What is put together of several values.
fn collection<'a>(expression: &'a Expr, environment: &mut Environment<'a, '_>) -> Value<'a> {
    match expression {
        Expr::List(list) => container(list.elts.iter(), environment),
        Expr::Tuple(tuple) => container(tuple.elts.iter(), environment),
        Expr::Set(set) => container(set.elts.iter(), environment),
        Expr::Dict(dict) => {
            let keys = dict.items.iter().filter_map(|item| item.key.as_ref());
            container(keys.chain(dict.items.iter().map(|item| &item.value)), environment)
        }
        Expr::ListComp(list) => comprehension(&list.generators, [Some(&*list.elt), None], environment),
        Expr::SetComp(set) => comprehension(&set.generators, [Some(&*set.elt), None], environment),
        Expr::Generator(lazy) => comprehension(&lazy.generators, [Some(&*lazy.elt), None], environment),
        Expr::DictComp(dict) => comprehension(&dict.generators, [Some(&*dict.value), dict.key.as_deref()], environment),
        _ => Value::plain(),
    }
}

fn interpolations<'a>(
    elements: impl Iterator<Item = &'a InterpolatedStringElement>,
    environment: &mut Environment<'a, '_>,
) {
    for element in elements {
        if let InterpolatedStringElement::Interpolation(inner) = element {
            evaluate(&inner.expression, environment);
        }
    }
}

fn unknown_of<'a>(expression: &'a Expr, environment: &mut Environment<'a, '_>) -> Value<'a> {
    Value::unknown(evaluate(expression, environment).holds)
}

/// What is one of several.
fn joined<'a>(expressions: impl Iterator<Item = &'a Expr>, environment: &mut Environment<'a, '_>) -> Value<'a> {
    let values = expressions.map(|expression| evaluate(expression, environment)).collect::<Vec<_>>();
    values.into_iter().reduce(Value::or).unwrap_or_else(Value::plain)
}

/// A container of Python's: large if something in it is, and data if all in it is.
fn container<'a>(parts: impl Iterator<Item = &'a Expr>, environment: &mut Environment<'a, '_>) -> Value<'a> {
    let mut value = Value::fresh(Kind::List, Size::Small);
    for part in parts {
        let part = evaluate(part, environment);
        put(&mut value, &part);
    }
    value
}

/// Puts a value into a container. Of one that may hold a file or a connection, somebody might notice the end.
fn put<'a>(container: &mut Value<'a>, part: &Value<'a>) {
    container.hold(&part.holds);
    if part.is_large() {
        container.size = Size::Large;
    }
    if !part.is_known() {
        container.kind = None;
    }
}

/// A comprehension goes over something, and has as many parts.
fn comprehension<'a>(
    generators: &'a [Comprehension],
    parts: [Option<&'a Expr>; 2],
    environment: &mut Environment<'a, '_>,
) -> Value<'a> {
    let mut value = Value::fresh(Kind::List, Size::Small);
    for generator in generators {
        let source = evaluate(&generator.iter, environment);
        value.hold(&source.holds);
        value.size = value.size.max(if source.is_large() { Size::Large } else { Size::Unknown });
        for condition in &generator.ifs {
            evaluate(condition, environment);
        }
    }
    for part in parts.into_iter().flatten() {
        let part = evaluate(part, environment);
        put(&mut value, &part);
    }
    value
}

/// What is as a value, but new.
fn fresh<'a>(value: &Value<'a>) -> Value<'a> {
    match value.kind {
        Some(kind) if value.is_data() => Value::fresh(kind, value.size),
        Some(Kind::Plain) => Value::plain(),
        _ => Value::unknown(value.holds.clone()),
    }
}

fn arithmetic<'a>(left: Value<'a>, right: Value<'a>, operator: Operator) -> Value<'a> {
    let is_mask = matches!(operator, Operator::BitAnd | Operator::BitOr);
    let size = if is_mask { Size::Small } else { left.size.max(right.size) };
    for kind in [Kind::Frame, Kind::Series, Kind::Array] {
        if left.kind == Some(kind) || right.kind == Some(kind) {
            let is_large = !is_mask && (left.is_large() || right.is_large());
            let size = if is_large { Size::Large } else { size };
            return Value::fresh(kind, size);
        }
    }
    if left.kind == Some(Kind::Plain) && (right.kind == Some(Kind::Plain) || operator == Operator::Mod) {
        return Value::plain();
    }
    // Lists are put together of what they hold.
    left.or(right)
}

fn attribute_of<'a>(base: Value<'a>, name: &str) -> Value<'a> {
    match base.kind {
        Some(Kind::Plain) => Value::plain(),
        Some(kind @ (Kind::Frame | Kind::Series | Kind::Array | Kind::Grouped)) => {
            let value = given(attribute(kind, name), base, kind);
            // A column by its name, or a number that some class of frames has.
            let is_column = kind == Kind::Frame && value.kind == Some(Kind::Series);
            Value { size: if is_column { value.size.min(Size::Unknown) } else { value.size }, ..value }
        }
        _ => Value::unknown(base.holds),
    }
}

/// What a method or an attribute gives of a value.
fn given<'a>(gives: Gives, base: Value<'a>, kind: Kind) -> Value<'a> {
    let size = base.size;
    match gives {
        Gives::Small => Value::plain(),
        Gives::SmallFrame => Value::fresh(Kind::Frame, Size::Small),
        Gives::Fresh => Value::fresh(kind, size),
        Gives::FreshAs(kind) => Value::fresh(kind, size),
        Gives::Mask => Value::fresh(Kind::Series, Size::Small),
        Gives::PerhapsAs(kind) => Value::fresh(kind, size.min(Size::Unknown)),
        Gives::Shares => Value { kind: Some(kind), size, holds: base.holds, made_by: base.made_by },
        Gives::SharesAs(kind) => Value { kind: Some(kind), size, holds: base.holds, made_by: base.made_by },
    }
}

/// Arguments of a call: each, the largest of their sizes, and all that they hold.
pub(super) struct Given<'a> {
    pub positional: Vec<Value<'a>>,
    pub named: Vec<(&'a str, Value<'a>)>,
    pub holds: Vec<&'a str>,
    pub size: Size,
}

impl<'a> Given<'a> {
    fn first(&self) -> Option<&Value<'a>> {
        self.positional.first().or_else(|| self.named.first().map(|(_, value)| value))
    }
}

fn arguments<'a>(call: &'a ExprCall, environment: &mut Environment<'a, '_>) -> Given<'a> {
    let positional: Vec<_> = call.arguments.args.iter().map(|argument| evaluate(argument, environment)).collect();
    let named: Vec<_> = call
        .arguments
        .keywords
        .iter()
        .map(|keyword| {
            let name = keyword.arg.as_ref().map_or("", |name| name.as_str());
            (name, evaluate(&keyword.value, environment))
        })
        .collect();
    let mut all = Value::plain();
    for value in positional.iter().chain(named.iter().map(|(_, value)| value)) {
        all.hold(&value.holds);
        all.size = all.size.max(value.size);
    }
    Given { positional, named, holds: all.holds, size: all.size }
}

fn call_value<'a>(call: &'a ExprCall, environment: &mut Environment<'a, '_>) -> Value<'a> {
    if let Some(path) = environment.imports.path(&call.func) {
        let given = arguments(call, environment);
        let name = called(call);
        environment.costs(cost_of_function(&path), name, call.range());
        return library(call, &path, given, environment).by(name);
    }
    match &*call.func {
        Expr::Name(function) => {
            let name = function.id.as_str();
            let given = arguments(call, environment);
            if environment.names.contains_key(name) {
                return Value::unknown(given.holds);
            }
            if let Some(summary) = environment.functions.summary(name, environment.imports) {
                environment.costs(summary.cost, name, call.range());
                environment.escaped.extend(summary.escaping(&given));
                return summary.applied(&given);
            }
            builtin(name, given).by(name)
        }
        Expr::Attribute(attribute) => {
            let base = evaluate(&attribute.value, environment);
            let given = arguments(call, environment);
            let name = attribute.attr.as_str();
            environment.receivers.push((call.range(), Receiver { kind: base.kind, size: base.size }));
            let is_of_data = base.is_data() || base.kind == Some(Kind::Grouped);
            if is_of_data || !is_ambiguous(name) {
                environment.costs(cost_of_method(name), name, call.range());
            }
            method_value(call, base, name, given).by(name)
        }
        _ => {
            let mut value = Value::unknown(evaluate(&call.func, environment).holds);
            value.hold(&arguments(call, environment).holds);
            value
        }
    }
}

/// The last part of what is called.
fn called(call: &ExprCall) -> &str {
    match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    }
}

fn is_true(call: &ExprCall, keyword: &str) -> bool {
    call.arguments.find_keyword(keyword).is_some_and(|keyword| truth(&keyword.value) == Some(true))
}

/// A function of a library.
fn library<'a>(call: &'a ExprCall, path: &str, given: Given<'a>, environment: &Environment<'a, '_>) -> Value<'a> {
    let has = |keyword: &str| call.arguments.find_keyword(keyword).is_some();
    let kind_of_first = given.first().and_then(|first| first.kind);
    // Functions of NumPy give frames and columns of pandas back as such.
    let like = |kind: Kind| match kind_of_first {
        Some(first @ (Kind::Frame | Kind::Series)) if path.starts_with("numpy") => first,
        _ => kind,
    };
    match functions::makes(path) {
        Some(Makes::Large(Kind::Frame)) if has("chunksize") || is_true(call, "iterator") => {
            Value::fresh(Kind::Reader, Size::Unknown)
        }
        // A part of the file stays on disk, or only a few rows are read.
        Some(Makes::Large(_)) if has("mmap_mode") => Value::unknown(Vec::new()),
        Some(Makes::Large(kind)) => {
            let rows = call.arguments.find_keyword("nrows").and_then(|keyword| integer(&keyword.value));
            let is_small = rows.is_some_and(|rows| rows <= 100_000) || is_text_of_source(call);
            let size = if is_small { Size::Small } else { Size::Large };
            Value::fresh(kind, size)
        }
        Some(Makes::Like(kind)) if path.ends_with(".concat") => {
            let is_literal = !matches!(call.arguments.find_positional(0), Some(Expr::Name(_) | Expr::ListComp(_)));
            let size = if is_literal { given.size } else { Size::Large };
            let is_wide = call.arguments.find_keyword("axis").is_some_and(|axis| integer(&axis.value) != Some(0));
            let holds = if is_wide { given.holds } else { Vec::new() };
            Value { kind: Some(kind), size, holds, made_by: None }
        }
        Some(Makes::Like(kind)) => Value::fresh(like(kind), given.size),
        Some(Makes::Small(kind)) => Value::fresh(kind, Size::Small),
        // Objects of lists are copied into columns.
        Some(Makes::Shares(Kind::Frame | Kind::Series)) if kind_of_first == Some(Kind::List) => {
            let kind = if path.ends_with("Series") { Kind::Series } else { Kind::Frame };
            let size = given.size.max(if is_literal_of(call) { Size::Small } else { Size::Unknown });
            Value::fresh(kind, size)
        }
        Some(Makes::Shares(kind)) => {
            Value { kind: Some(like(kind)), size: given.size, holds: given.holds, made_by: None }
        }
        Some(Makes::Shaped) => Value::fresh(Kind::Array, shaped(call, environment)),
        // A tuple of them; who takes it apart is told by `made_by` what is in it.
        Some(Makes::Parts) => Value::fresh(Kind::List, given.size),
        Some(Makes::Plain) => Value::plain(),
        None => Value::unknown(given.holds),
    }
}

/// Returns whether the first argument stands in the source as a list or a dictionary.
fn is_literal_of(call: &ExprCall) -> bool {
    matches!(call.arguments.find_positional(0), Some(Expr::List(_) | Expr::Dict(_) | Expr::Tuple(_)))
}

/// Returns whether a text that stands in the source is read: `pd.read_csv(StringIO("a,b"))`.
fn is_text_of_source(call: &ExprCall) -> bool {
    let Some(Expr::Call(text)) = call.arguments.find_positional(0) else { return false };
    matches!(called(text), "StringIO" | "BytesIO")
        && matches!(text.arguments.find_positional(0), Some(Expr::StringLiteral(_) | Expr::BytesLiteral(_)))
}

/// The size of an array from its shape.
fn shaped(call: &ExprCall, environment: &Environment<'_, '_>) -> Size {
    let shape =
        ["size", "shape"].iter().find_map(|name| call.arguments.find_keyword(name)).map(|keyword| &keyword.value);
    let length = |expression: &Expr| match expression {
        Expr::Name(name) => environment.numbers.get(name.id.as_str()).copied(),
        _ => integer(expression),
    };
    let lengths: Vec<_> = match shape.or_else(|| call.arguments.find_positional(0)) {
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().map(length).collect(),
        Some(Expr::List(list)) => list.elts.iter().map(length).collect(),
        Some(shape) if shape_is_named(call) => vec![length(shape)],
        // `rand(rows, columns)`, and `zeros(rows)`.
        Some(_) => call.arguments.args.iter().filter(|part| string(part).is_none()).map(length).collect(),
        None => return Size::Small,
    };
    size_of_shape(&lengths)
}

fn shape_is_named(call: &ExprCall) -> bool {
    call.arguments.find_keyword("size").is_some() || call.arguments.find_keyword("shape").is_some()
}

fn builtin<'a>(name: &str, given: Given<'a>) -> Value<'a> {
    if is_reducing_builtin(name) {
        return Value::plain();
    }
    if is_container_builtin(name) {
        let size = if given.first().is_some_and(Value::is_large) { Size::Large } else { Size::Unknown };
        let is_data = given.first().is_none_or(Value::is_known);
        return Value { kind: is_data.then_some(Kind::List), size, holds: given.holds, made_by: None };
    }
    Value::unknown(given.holds)
}

fn method_value<'a>(call: &'a ExprCall, mut base: Value<'a>, name: &str, given: Given<'a>) -> Value<'a> {
    if is_true(call, "inplace") {
        return Value::plain();
    }
    let argument = call.arguments.find_positional(0);
    let is_shallow = name == "copy" && call.arguments.find_keyword("deep").is_some();
    // Columns that keep their type are shared.
    let is_partial =
        name == "astype" && !matches!(argument, Some(Expr::StringLiteral(_) | Expr::Name(_) | Expr::Attribute(_)));
    let Some(gives) = method(base.kind, name) else {
        base.hold(&given.holds);
        return Value::unknown(base.holds);
    };
    let kind = base.kind.unwrap_or(Kind::Plain);
    // A function of columns may make one number of each.
    let by_row = call.arguments.find_keyword("axis").is_some_and(|axis| integer(&axis.value) != Some(0));
    let gives = match gives {
        _ if is_shallow || is_partial => Gives::Shares,
        Gives::Fresh if name == "apply" && kind == Kind::Frame && !by_row => Gives::PerhapsAs(kind),
        gives => gives,
    };
    if matches!(gives, Gives::Shares | Gives::SharesAs(_)) {
        base.hold(&given.holds);
    }
    self::given(gives, base, kind)
}

/// How something is taken from something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    /// One column, one row, a slice: memory is shared.
    View,
    /// A column by its name.
    Column,
    /// A list of columns or rows, a mask: a copy.
    Copy,
    /// A row or a value by its place or name.
    One,
}

fn index<'a>(expression: &'a Expr, environment: &mut Environment<'a, '_>) -> Index {
    let value = evaluate(expression, environment);
    match expression {
        Expr::StringLiteral(_) => Index::Column,
        Expr::List(_) | Expr::ListComp(_) | Expr::Compare(_) => Index::Copy,
        Expr::UnaryOp(unary) if unary.op == UnaryOp::Invert => Index::Copy,
        Expr::BinOp(binary) if matches!(binary.op, Operator::BitAnd | Operator::BitOr) => Index::Copy,
        Expr::Tuple(tuple) => {
            let is_mask = |part: &Expr| matches!(part, Expr::Compare(_) | Expr::List(_));
            if tuple.elts.iter().any(is_mask) { Index::Copy } else { Index::View }
        }
        // A mask that has a name, or that a method makes.
        Expr::Name(_) | Expr::Call(_) if value.is_data() => Index::Copy,
        Expr::Name(_) | Expr::NumberLiteral(_) | Expr::UnaryOp(_) | Expr::BinOp(_) => Index::One,
        _ => Index::View,
    }
}

fn subscript_value<'a>(subscript: &'a ExprSubscript, environment: &mut Environment<'a, '_>) -> Value<'a> {
    let base = evaluate(&subscript.value, environment);
    let index = index(&subscript.slice, environment);
    let Some(kind) = base.kind else { return Value::unknown(base.holds) };
    match (kind, index) {
        (Kind::Plain, _) => Value::plain(),
        (Kind::Series | Kind::Array, Index::One) => Value::unknown(base.holds),
        (Kind::Grouped, Index::One) if is_locator(&subscript.value) => Value::unknown(base.holds),
        (Kind::Frame, Index::Column | Index::One) => given(Gives::SharesAs(Kind::Series), base, kind),
        (Kind::Frame | Kind::Series | Kind::Array, Index::Copy) => given(Gives::Fresh, base, kind),
        // `.loc[mask]` copies; `groupby(..)[["a", "b"]]` does not.
        (Kind::Grouped, Index::Copy) if is_locator(&subscript.value) => given(Gives::FreshAs(Kind::Frame), base, kind),
        (Kind::Grouped, _) if is_locator(&subscript.value) => given(Gives::SharesAs(Kind::Frame), base, kind),
        (Kind::List | Kind::Reader, _) => Value::unknown(base.holds),
        _ => given(Gives::Shares, base, kind),
    }
}

fn is_locator(expression: &Expr) -> bool {
    matches!(expression, Expr::Attribute(attribute) if matches!(attribute.attr.as_str(), "loc" | "iloc"))
}

/// Returns whether a call of a method may leave what it is given in the object.
pub(super) fn keeps_arguments(receiver: &Value<'_>, name: &str) -> bool {
    if methods::keeps_nothing(name) {
        return false;
    }
    match receiver.kind {
        Some(Kind::Frame | Kind::Series | Kind::Array | Kind::Grouped | Kind::Plain) => false,
        Some(Kind::List | Kind::Reader) => true,
        None => !(name.starts_with("fit") && receiver.made_by.is_some_and(methods::model_keeps_nothing)),
    }
}
