//! The text of a query, from the command line or the standard input.

use std::io::{self, Read};
use tidegate_engine::EngineError;

/// Returns the text of a query: the argument, or what the standard input holds where that is `-`.
///
/// # Errors
/// If the standard input cannot be read.
pub fn text(argument: &str) -> Result<String, EngineError> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut sql = String::new();
    io::stdin().read_to_string(&mut sql).map_err(|error| EngineError::file("read", "-", error))?;
    Ok(sql)
}
