//! Bounds on SQL text, checked on its tokens before anything recursive sees it.
//!
//! Planning recurses over expressions and set operations, and a plan of twenty thousand nested levels overflows any stack.
//! The parser bounds brackets by itself; what it does not bound are flat chains (`a OR b OR ...`, `UNION ALL ...`, CTEs on
//! CTEs), which become deep trees, and lists of columns, over which planning takes time that grows with the square. All
//! bounds are far above what people and generators write, and far below what crashes.

use crate::EngineError;
use datafusion::sql::sqlparser::{
    dialect::GenericDialect,
    keywords::Keyword,
    tokenizer::{Token, Tokenizer},
};
use tidegate_formats::VirtualColumn;

/// The longest text, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Operators in one chain. DataFusion plans 3,000 in 4 seconds, and the time grows with the square.
const MAX_CHAIN: usize = 2_000;

/// Columns in one select list or GROUP BY.
const MAX_COLUMNS: usize = 4_000;

/// Queries inside one query: set operations, CTEs, subqueries.
const MAX_SELECTS: usize = 400;

/// What was counted of one level of brackets.
#[derive(Clone, Copy, Default)]
struct Level {
    operators: usize,
    columns: usize,
    in_columns: bool,
}

/// Checks the text against the bounds, and returns the virtual columns that it names.
///
/// # Errors
/// [`EngineError::Query`] names the bound and what to do. Text that is no SQL passes: the parser says what is wrong with it.
pub(super) fn check(sql: &str) -> Result<Vec<VirtualColumn>, EngineError> {
    if sql.len() > MAX_BYTES {
        return Err(EngineError::query_with_help(
            format!("the query is {:.1} MB long; at most {} MB are accepted", megabytes(sql.len()), MAX_BYTES >> 20),
            "put long lists of values into a file and join with it",
        ));
    }
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return Ok(Vec::new()) };
    let mut levels = vec![Level::default()];
    let mut selects = 0;
    for token in &tokens {
        match token {
            Token::LParen => levels.push(Level::default()),
            Token::RParen => {
                levels.pop();
            }
            _ => {}
        }
        let Some(level) = levels.last_mut() else { continue };
        level.count(token);
        selects += usize::from(is_word(token, Keyword::SELECT));
        if level.operators > MAX_CHAIN {
            let help = "use IN (...) in place of a chain of OR, and split what is longer";
            return Err(too_many("operators in one expression", MAX_CHAIN, help));
        }
        if level.columns > MAX_COLUMNS {
            return Err(too_many("columns in one list", MAX_COLUMNS, "select fewer columns at a time"));
        }
        if selects > MAX_SELECTS {
            return Err(too_many("SELECTs in one query", MAX_SELECTS, "use a glob to read many files as one table"));
        }
    }
    Ok(virtual_columns(&tokens))
}

impl Level {
    fn count(&mut self, token: &Token) {
        match token {
            Token::Comma => {
                self.operators = 0;
                self.columns += usize::from(self.in_columns);
            }
            Token::Word(word) => match word.keyword {
                Keyword::SELECT | Keyword::GROUP => *self = Self { in_columns: true, ..Self::default() },
                Keyword::FROM | Keyword::WHERE | Keyword::HAVING | Keyword::ORDER => *self = Self::default(),
                Keyword::WHEN | Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => self.operators = 0,
                Keyword::OR | Keyword::AND | Keyword::NOT | Keyword::JOIN => self.operators += 1,
                _ => {}
            },
            token => self.operators += usize::from(is_operator(token)),
        }
    }
}

fn virtual_columns(tokens: &[Token]) -> Vec<VirtualColumn> {
    let names = |column: &VirtualColumn| {
        let named =
            |token: &Token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(column.name()));
        tokens.iter().any(named)
    };
    VirtualColumn::ALL.into_iter().filter(names).collect()
}

fn too_many(what: &str, most: usize, help: &str) -> EngineError {
    EngineError::query_with_help(format!("the query is too complex: more than {most} {what}"), help)
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn is_word(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword)
}

fn is_operator(token: &Token) -> bool {
    matches!(
        token,
        Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::StringConcat
            | Token::DoubleColon
            | Token::Pipe
            | Token::Ampersand
            | Token::Caret
            | Token::LBracket
    )
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_would_overflow_or_stall_planning_is_refused() {
        let repeat = |part: &str, times: usize| part.repeat(times);
        assert!(check(&format!("SELECT 1 WHERE 1=1 {}", repeat(" OR 1=2", 20_000))).is_err());
        assert!(check(&format!("SELECT 1 {}", repeat("+1", 5_000))).is_err());
        assert!(check(&format!("SELECT {} 1", repeat("NOT ", 5_000))).is_err());
        assert!(check(&format!("SELECT 1{}", repeat(" UNION ALL SELECT 1", 5_000))).is_err());
        assert!(check(&format!("WITH t AS (SELECT 1){} SELECT 1", repeat(", u AS (SELECT 1 FROM t)", 3_000))).is_err());
        assert!(check(&format!("SELECT 1{}", repeat(", 1", 50_000))).is_err());
        assert!(check(&repeat("x", 5 << 20)).is_err());
    }

    #[test]
    fn what_people_and_generators_write_passes() {
        let repeat = |part: &str, times: usize| part.repeat(times);
        assert!(check(&format!("SELECT 1 WHERE 1 IN (1{})", repeat(", -1", 100_000))).is_ok());
        assert!(check(&format!("SELECT 1 WHERE 1=1 {}", repeat(" OR 1=2", 1_000))).is_ok());
        assert!(check(&format!("SELECT 1{} FROM t", repeat(", a + 1", 2_000))).is_ok());
        assert!(check("SELECT 'unclosed").is_ok());
    }
}
