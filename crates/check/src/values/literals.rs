//! Values that stand in the source.

use ruff_python_ast::{Expr, Number, UnaryOp};

/// Returns a text that stands there.
pub(crate) fn string(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(text) => Some(text.value.to_str()),
        _ => None,
    }
}

/// Returns a text, or the texts of a list or a tuple, if nothing else is in it.
pub(crate) fn strings(expression: &Expr) -> Option<Vec<&str>> {
    match expression {
        Expr::List(list) => list.elts.iter().map(string).collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().map(string).collect(),
        _ => string(expression).map(|text| vec![text]),
    }
}

/// Returns a whole number that stands there, also as `10 ** 6`, `1024 * 1024` or `-1`.
pub(crate) fn integer(expression: &Expr) -> Option<i64> {
    integer_with(expression, &|_| None)
}

/// Returns a whole number that stands there, or is made of names whose numbers are known.
pub(crate) fn integer_with(expression: &Expr, named: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
    match expression {
        Expr::Name(name) => named(name.id.as_str()),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(value) => value.as_i64(),
            Number::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}").parse().ok(),
            _ => None,
        },
        Expr::UnaryOp(unary) if unary.op == UnaryOp::USub => integer_with(&unary.operand, named)?.checked_neg(),
        Expr::BinOp(binary) => {
            use ruff_python_ast::Operator::{Add, Mult, Pow, Sub};
            let (left, right) = (integer_with(&binary.left, named)?, integer_with(&binary.right, named)?);
            match binary.op {
                Add => left.checked_add(right),
                Sub => left.checked_sub(right),
                Mult => left.checked_mul(right),
                Pow => left.checked_pow(u32::try_from(right).ok()?),
                _ => None,
            }
        }
        Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id == "int") => {
            integer_with(call.arguments.find_positional(0)?, named)
        }
        _ => None,
    }
}

/// Returns whether `True` or `False` stands there.
pub(crate) fn truth(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        _ => None,
    }
}
