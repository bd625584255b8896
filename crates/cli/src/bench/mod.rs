//! `tidegate bench`: claims, measured on the machine at hand.

mod release;

pub use release::release_command;
