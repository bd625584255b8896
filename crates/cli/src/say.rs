//! What commands say on the standard output.

use std::io::{self, Write};
use tidegate_engine::EngineError;

/// Prints a line.
///
/// # Errors
/// [`EngineError::BrokenPipe`] where nobody reads on, else what the system said.
pub fn say(text: &str) -> Result<(), EngineError> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(EngineError::BrokenPipe),
        result => result.map_err(|error| EngineError::file("write", "-", error)),
    }
}
