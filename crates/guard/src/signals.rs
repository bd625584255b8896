//! Signals that the guard gets, passed on to the program.
//!
//! Ctrl-C and its kin reach a program by themselves when they come from the keyboard, as it is in the terminal's foreground with
//! the guard: passed on as well, they would come twice. The kernel says that it sent them. What the program sends to its whole
//! group, it has got itself.

use crate::session::News;
use rustix_process::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH},
    iterator::{Handle, SignalsInfo, exfiltrator::WithOrigin},
    low_level::siginfo::{Cause, Origin},
};
use std::{io, sync::mpsc::Sender, thread};

/// A signal that the guard got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) number: i32,
    /// Who sent it; `None` for the kernel.
    pub(crate) by: Option<u32>,
}

impl Got {
    fn of(origin: &Origin) -> Self {
        let by = match (&origin.cause, &origin.process) {
            (Cause::Kernel, _) => None,
            (_, sender) => Some(sender.as_ref().and_then(|sender| u32::try_from(sender.pid).ok()).unwrap_or(0)),
        };
        Self { number: origin.signal, by }
    }

    /// Returns whether the program has not got it itself.
    fn is_for(self, process: u32) -> bool {
        self.by.is_some_and(|by| by != process)
    }
}

/// Signals are listened to until this is dropped.
#[derive(Debug)]
pub(crate) struct Listening(Handle);

/// Starts to listen to signals.
pub(crate) fn listen(sender: Sender<News>) -> io::Result<Listening> {
    let all = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH];
    let mut signals = SignalsInfo::<WithOrigin>::new(all)?;
    let handle = signals.handle();
    let listen = move || {
        for origin in signals.forever() {
            if sender.send(News::Signal(Got::of(&origin))).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("tidegate-signals".into()).spawn(listen)?;
    Ok(Listening(handle))
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Passes a signal on to the program, unless it has got it itself.
pub(crate) fn pass(got: Got, process: u32) {
    let raw = i32::try_from(process).ok().and_then(Pid::from_raw);
    if let (Some(raw), Some(signal), true) = (raw, Signal::from_raw(got.number), got.is_for(process)) {
        // It may have ended by itself.
        let _ = kill_process(raw, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_got_itself_is_not_passed_on() {
        let is_for = |by: Option<u32>| Got { number: SIGINT, by }.is_for(7);
        assert_eq!((is_for(None), is_for(Some(7)), is_for(Some(8)), is_for(Some(0))), (false, false, true, true));
    }
}
