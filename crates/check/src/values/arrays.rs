//! Arrays whose shape stands in the source: how many bytes they hold.

use super::{integer_with, string};
use crate::names::Imports;
use ruff_python_ast::{Expr, ExprCall};

/// Returns the bytes of an array that a call of NumPy makes, where its shape and the type of its elements stand in the source, or
/// in names whose numbers are known.
pub(crate) fn bytes_of_array(
    imports: &Imports<'_>,
    expression: &Expr,
    named: &dyn Fn(&str) -> Option<i64>,
) -> Option<u64> {
    let Expr::Call(call) = expression else { return None };
    let path = imports.path(&call.func)?;
    let name = path.strip_prefix("numpy.")?;
    let argument = |place: usize, keyword: &str| {
        let given = call.arguments.find_keyword(keyword).map(|keyword| &keyword.value);
        given.or_else(|| call.arguments.find_positional(place))
    };
    let shape = |place: usize, keyword: &str| cells(argument(place, keyword)?, named);
    let (cells, default) = match name {
        "zeros" | "ones" | "empty" => (shape(0, "shape")?, 8),
        "full" => (shape(0, "shape")?, of_value(argument(1, "fill_value")?)?),
        "arange" if call.arguments.args.len() == 1 => (shape(0, "stop")?, 8),
        "linspace" => (shape(2, "num")?, 8),
        "eye" if call.arguments.args.len() == 1 => (square(shape(0, "N")?)?, 8),
        "identity" => (square(shape(0, "n")?)?, 8),
        "random.rand" | "random.randn" => (all(&call.arguments.args, named)?, 8),
        "random.random" | "random.standard_normal" => (shape(0, "size")?, 8),
        "random.randint" | "random.normal" | "random.uniform" => (shape(2, "size")?, 8),
        _ => return None,
    };
    let place = match name {
        "zeros" | "ones" | "empty" | "identity" | "arange" => 1,
        "full" => 2,
        _ => usize::MAX,
    };
    let each = match dtype(call, place) {
        Some(dtype) => size_of_dtype(dtype)?,
        None => default,
    };
    cells.checked_mul(each)
}

fn dtype(call: &ExprCall, place: usize) -> Option<&Expr> {
    let given = call.arguments.find_keyword("dtype").map(|keyword| &keyword.value);
    given.or_else(|| call.arguments.find_positional(place))
}

/// Elements of a shape: a number, or a tuple or a list of numbers.
fn cells(shape: &Expr, named: &dyn Fn(&str) -> Option<i64>) -> Option<u64> {
    match shape {
        Expr::Tuple(tuple) => all(&tuple.elts, named),
        Expr::List(list) => all(&list.elts, named),
        _ => u64::try_from(integer_with(shape, named)?).ok(),
    }
}

fn all(numbers: &[Expr], named: &dyn Fn(&str) -> Option<i64>) -> Option<u64> {
    numbers.iter().try_fold(1_u64, |cells, number| cells.checked_mul(u64::try_from(integer_with(number, named)?).ok()?))
}

fn square(side: u64) -> Option<u64> {
    side.checked_mul(side)
}

/// Bytes of an element that is filled with a value.
fn of_value(value: &Expr) -> Option<u64> {
    match value {
        Expr::BooleanLiteral(_) => Some(1),
        Expr::NumberLiteral(_) | Expr::UnaryOp(_) => Some(8),
        _ => None,
    }
}

/// Bytes of an element of a type: `"float32"`, `np.float32`, `float`, `"f4"`.
fn size_of_dtype(dtype: &Expr) -> Option<u64> {
    let name = match dtype {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => string(dtype)?,
    };
    match name {
        "bool" | "bool_" | "int8" | "uint8" | "i1" | "u1" => Some(1),
        "int16" | "uint16" | "float16" | "half" | "i2" | "u2" | "f2" => Some(2),
        "int32" | "uint32" | "float32" | "single" | "i4" | "u4" | "f4" => Some(4),
        "int" | "float" | "int64" | "uint64" | "float64" | "double" | "complex64" | "i8" | "u8" | "f8" => Some(8),
        "complex" | "complex128" | "c16" => Some(16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruff_python_ast::Stmt;

    fn bytes(expression: &str) -> Option<u64> {
        let text = format!("import numpy as np\n{expression}\n");
        let parsed = ruff_python_parser::parse_module(&text).unwrap();
        let body = &parsed.syntax().body;
        let Some(Stmt::Expr(statement)) = body.last() else { panic!("{expression}") };
        let named = |name: &str| (name == "n").then_some(1_000_000);
        bytes_of_array(&Imports::of(body), &statement.value, &named)
    }

    #[test]
    fn shapes_and_types_are_read() {
        for (expression, expected) in [
            ("np.zeros((1000000, 100))", 800_000_000),
            ("np.ones(10 ** 6, dtype=np.float32)", 4_000_000),
            ("np.empty([n, 2], 'int8')", 2_000_000),
            ("np.full((n,), True)", 1_000_000),
            ("np.full(shape=n, fill_value=0, dtype='f4')", 4_000_000),
            ("np.arange(n * 2)", 16_000_000),
            ("np.linspace(0, 1, num=1000)", 8000),
            ("np.identity(1000)", 8_000_000),
            ("np.random.rand(1000, 1000)", 8_000_000),
            ("np.random.normal(0, 1, size=(n, 10))", 80_000_000),
        ] {
            assert_eq!(bytes(expression), Some(expected), "{expression}");
        }
    }

    #[test]
    fn what_is_not_sure_is_not_told() {
        for expression in
            ["np.zeros(m)", "np.zeros((n, -1))", "np.zeros(n, dtype=kind)", "np.arange(0, n)", "zeros(5)", "np.sum(5)"]
        {
            assert_eq!(bytes(expression), None, "{expression}");
        }
    }
}
