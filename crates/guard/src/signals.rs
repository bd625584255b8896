//! Signals that the guard gets, passed on to the program.
//!
//! Ctrl-C and its kin reach a program by themselves when they come from the keyboard, as it is in the terminal's foreground with
//! the guard. Passed on as well, they would come twice. So they are passed on where no terminal is the standard input.

use crate::session::News;
use rustix_process::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH},
    iterator::{Handle, Signals},
};
use std::{
    io::{self, IsTerminal},
    sync::mpsc::Sender,
    thread,
};

/// Signals are passed on until this is dropped.
#[derive(Debug)]
pub(crate) struct Passed {
    handle: Handle,
    has_keyboard: bool,
}

/// Starts to listen to signals.
pub(crate) fn pass_on(sender: Sender<News>) -> io::Result<Passed> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH])?;
    let handle = signals.handle();
    let listen = move || {
        for number in signals.forever() {
            if sender.send(News::Signal(number)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("tidegate-signals".into()).spawn(listen)?;
    Ok(Passed { handle, has_keyboard: io::stdin().is_terminal() })
}

impl Passed {
    /// Sends a signal to the program.
    pub(crate) fn to(&self, process: u32, number: i32) {
        let comes_by_itself = self.has_keyboard && matches!(number, SIGINT | SIGQUIT | SIGWINCH | SIGCONT);
        let process = i32::try_from(process).ok().and_then(Pid::from_raw);
        if let (Some(process), Some(signal), false) = (process, Signal::from_raw(number), comes_by_itself) {
            // It may have ended by itself.
            let _ = kill_process(process, signal);
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        self.handle.close();
    }
}
