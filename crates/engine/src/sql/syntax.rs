//! What can be said of a query by its text alone.

use super::{Parsed, parse, take_paths};
use crate::EngineError;

/// Checks a query as far as that can be done without its inputs. Recurses as deep as the query is nested.
///
/// # Errors
/// [`EngineError::Query`] for what would end it before its inputs are opened: its syntax, what is not a query, options of tables.
pub fn check(sql: &str) -> Result<(), EngineError> {
    let Parsed { mut statement, hidden, .. } = parse(sql)?;
    take_paths(&mut statement, &hidden, &[]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_is_wrong_without_its_files() {
        let wrong = |sql| check(sql).unwrap_err().to_string();
        assert!(check("SELECT count(*) FROM 'there is no such file' WHERE anything = 1").is_ok());
        assert!(wrong("SELEC 1").contains("SELEC"), "{}", wrong("SELEC 1"));
        assert!(!wrong("DROP TABLE a").is_empty());
        assert!(!wrong("SELECT 1; SELECT 2").is_empty());
    }
}
