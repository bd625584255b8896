//! A process group: a program and all that it starts, ended together.
//!
//! A program may make groups of its own for what it starts, as shells with job control and `timeout` do. Those are known by a
//! variable that they inherit.

use crate::state::{Marker, ask_carriers, end_carriers};
use rustix_process::{
    io::retry_on_intr,
    process::{Pid, Signal, WaitId, WaitidOptions, kill_process_group, test_kill_process_group, waitid},
};
use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How long a program may take to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The name of the variable that tells what one run of a command has started from all else.
const VARIABLE: &str = "TIDEGATE_UNIT";

/// Runs of commands, so that each has a value of its own. Only that they differ matters.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A program that leads a group of its own.
///
/// Signals are sent under the lock, and only until the program is waited for: later, its number may be another's.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    /// What the program and all that it starts carry.
    variable: String,
    state: Mutex<State>,
    has_ended: Condvar,
}

#[derive(Debug)]
struct State {
    child: Child,
    ended: bool,
    cancelled: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// By itself.
    Ended(ExitStatus),
    /// It was asked to. Whatever it says, what it wrote need not be whole.
    Cancelled,
}

impl Group {
    /// Starts a command with a group of its own.
    pub fn start(command: &mut Command, marker: &Marker) -> io::Result<Arc<Self>> {
        let value = format!("{marker}.{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let child = command.env(VARIABLE, &value).process_group(0).spawn()?;
        let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let state = Mutex::new(State { child, ended: false, cancelled: false });
        let variable = format!("{VARIABLE}={value}");
        Ok(Arc::new(Self { leader, variable, state, has_ended: Condvar::new() }))
    }

    /// Returns the number of the leader.
    pub fn process(&self) -> Option<u32> {
        self.leader.and_then(|leader| u32::try_from(leader.as_raw_nonzero().get()).ok())
    }

    /// Waits until the leader has ended. Its number stays its own until [`Group::kill`], which also ends what it left behind.
    pub fn wait_for_end(&self) {
        if let Some(leader) = self.leader {
            // Without taking its state. An error is told by the wait of `kill`.
            let options = WaitidOptions::EXITED | WaitidOptions::NOWAIT;
            let _ = retry_on_intr(|| waitid(WaitId::Pid(leader), options));
        }
    }

    /// Ends the group at once, and tells how its leader ended.
    pub fn kill(&self) -> io::Result<Outcome> {
        let outcome = {
            let mut state = self.lock();
            if !state.ended {
                self.signal(Signal::Kill);
            }
            let status = state.child.wait();
            state.ended = true;
            self.has_ended.notify_all();
            if state.cancelled { Ok(Outcome::Cancelled) } else { status.map(Outcome::Ended) }
        };
        self.wait_for_others();
        end_carriers(&self.variable);
        outcome
    }

    /// Asks the group to end, and kills it if it does not.
    pub fn cancel(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.cancelled = true;
        self.signal(Signal::Term);
        drop(state);
        if let Some(leader) = self.leader {
            ask_carriers(&self.variable, leader);
        }
        let group = Arc::clone(self);
        let patience = move || {
            let state = group.lock();
            let waited = group.has_ended.wait_timeout_while(state, GRACE, |state| !state.ended);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !state.ended {
                group.signal(Signal::Kill);
            }
        };
        if thread::Builder::new().name("tidegate-cancel".into()).spawn(patience).is_err() {
            let state = self.lock();
            if !state.ended {
                self.signal(Signal::Kill);
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // It may have ended by itself.
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Waits a moment for killed members of the group, which might be in the middle of a write.
    fn wait_for_others(&self) {
        let Some(leader) = self.leader else { return };
        for _ in 0..100 {
            if test_kill_process_group(leader).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
