//! From a task file to units: which files each reads, what it does, and where its output goes.

mod around;
mod inputs;
mod make;
mod outputs;
#[cfg(test)]
mod tests;
mod unit;
mod watch;

pub use inputs::InputFile;
pub use make::{Missing, plan};
pub use unit::{Output, Unit};
pub use watch::{Look, Watcher};
