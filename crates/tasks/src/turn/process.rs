//! A process group: a program and all that it starts, ended together.

use rustix_process::{
    io::retry_on_intr,
    process::{
        Pid, Resource, Rlimit, Signal, WaitId, WaitidOptions, kill_process_group, prlimit, test_kill_process_group,
        waitid,
    },
};
use std::{
    io,
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tidegate_memory::ByteCount;

/// How long a program may take to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A program that leads a group of its own.
///
/// Signals are sent under the lock, and only until the program is waited for: later, its number may be another's.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    ended: Mutex<bool>,
    has_ended: Condvar,
}

impl Group {
    /// Takes a child that was started with a group of its own.
    pub fn of(child: &Child) -> Arc<Self> {
        let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Arc::new(Self { leader, ended: Mutex::new(false), has_ended: Condvar::new() })
    }

    /// Limits the memory that each process of the group may allocate. Not what is resident: that takes a guard.
    pub fn limit(&self, limit: ByteCount) {
        let bytes = Some(limit.bytes());
        // It may have ended already.
        let _ = prlimit(self.leader, Resource::Data, Rlimit { current: bytes, maximum: bytes });
    }

    /// Waits until the leader has ended, and ends what it left behind.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        if let Some(leader) = self.leader {
            // Without taking its state, so that its number stays its own. An error is told by the wait below.
            let options = WaitidOptions::EXITED | WaitidOptions::NOWAIT;
            let _ = retry_on_intr(|| waitid(WaitId::Pid(leader), options));
        }
        let status = {
            let mut ended = self.lock();
            self.signal(Signal::Kill);
            let status = child.wait();
            *ended = true;
            self.has_ended.notify_all();
            status
        };
        self.wait_for_others();
        status
    }

    /// Asks the group to end, and kills it if it does not.
    pub fn cancel(self: &Arc<Self>) {
        if !*self.lock() {
            self.signal(Signal::Term);
        }
        let group = Arc::clone(self);
        thread::spawn(move || {
            let ended = group.lock();
            let waited = group.has_ended.wait_timeout_while(ended, GRACE, |ended| !*ended);
            let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !*ended {
                group.signal(Signal::Kill);
            }
        });
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

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
