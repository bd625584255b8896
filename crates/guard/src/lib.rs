//! Puts a limit on a program that already exists, and tells which line of it holds the memory.
//!
//! *Model.* A **guard** starts a program with a library loaded first (`crates/preload`), which samples what is allocated and
//! refuses what does not fit; each process of the tree writes what it counts into a file that the guard reads, so that nothing
//! is lost however a process ends. The guard looks at the tree every few milliseconds: what is in use, by the kernel's own
//! numbers ([`run`]). Behind the limit stands a **wall**: a cgroup where one can be made, else the guard itself. At the end,
//! what lines and variables held at the peak becomes a [`tidegate_report::record::RunRecord`].
//!
//! *In use* is what is resident, pages that processes share counted once, without mapped files that hold data: those the kernel
//! can drop.
//!
//! *Concurrency.* One thread watches; one waits for the program; one listens to signals.
//!
//! This crate prints nothing, and names neither Arrow nor DataFusion.

mod advice;
mod analysis;
mod attach;
mod between;
mod charge;
mod counted;
mod elf;
mod error;
mod export;
mod growth;
#[path = "../../preload/src/layout.rs"]
#[expect(dead_code, reason = "the library writes more than the guard reads")]
mod layout;
mod library;
mod line_table;
#[path = "../../preload/src/offsets.rs"]
mod offsets;
mod options;
mod picture;
mod policy;
mod processes;
mod remote;
mod run;
mod session;
mod signals;
mod story;
mod variables;
mod wall;
mod watch;
mod watched;

pub use attach::{Attach, attach};
pub use error::GuardError;
pub use export::Stacks;
pub use options::{ArrowPool, Observer, Options, Progress, Signals, Silent};
pub use run::run;
pub use session::{Session, Stopped, Watcher};

/// How a program went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// All that is known of it.
    pub record: tidegate_report::record::RunRecord,
    /// The exit code of a command that ran it: 3 when the limit ended it, else its own.
    pub exit_code: u8,
    /// What stacks held at the peak.
    pub stacks: Stacks,
}

impl Outcome {
    /// Returns whether the program ended because of its limit.
    pub fn limit_ended_it(&self) -> bool {
        self.record.ended.how == tidegate_report::record::How::MemoryLimit
    }

    /// Returns the record as JSON, as the history keeps it.
    pub fn json(&self) -> String {
        // A record can cause no error.
        serde_json::to_string(&self.record).unwrap_or_default()
    }
}
