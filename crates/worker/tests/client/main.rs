//! The client against a worker that is this program, started anew.
//!
//! A role in the environment makes it a worker, or a client whose own memory and files are measured; without one it runs the
//! tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by a panic"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a client says which worker it has, a test what is skipped"
)]

mod cancel;
mod fence;
mod life;
mod pool;
mod rows;
mod shared;
mod support;
mod tasks;
mod worker;

use libtest_mimic::{Arguments, Trial};
use std::env;
use support::ROLE;

fn main() {
    if let Ok(role) = env::var(ROLE) {
        match role.as_str() {
            "client" => life::client(),
            "fifty" => life::fifty(),
            "reader" => rows::reader(),
            role => worker::play(role),
        }
        return;
    }
    support::remember_inherited();
    let tests =
        [cancel::TESTS, fence::TESTS, life::TESTS, pool::TESTS, rows::TESTS, shared::TESTS, tasks::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
