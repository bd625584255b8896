//! Ctrl-C and SIGTERM.
//!
//! Signals are waited for by a thread of its own: the runtime's threads may all be reading a pipe in which nothing comes.

use crate::run::EndsNow;
use std::{io, process, sync::mpsc, thread, time::Duration};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// How long an interrupted task may take to unwind. Nothing has to be removed, so this is for the terminal only.
const GRACE: Duration = Duration::from_millis(400);

/// Starts waiting for Ctrl-C or SIGTERM, until the receiver is dropped. What is received is the exit code that says so. If the
/// process has not ended within a grace period after that, because a thread waits for a pipe or computes without end, it ends
/// here, and `ends` is told before.
///
/// # Errors
/// If no thread can be started.
pub fn watch(ends: EndsNow) -> io::Result<oneshot::Receiver<u8>> {
    let (mut sender, receiver) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let wait = move || {
        runtime.block_on(async {
            let code = tokio::select! {
                code = received() => code,
                () = sender.closed() => return,
            };
            if sender.send(code).is_ok() {
                tokio::time::sleep(GRACE).await;
                ends(code);
                process::exit(i32::from(code));
            }
        });
    };
    thread::Builder::new().name("tidegate-signals".into()).spawn(wait)?;
    Ok(receiver)
}

/// Starts waiting for Ctrl-C or SIGTERM. Whoever waits is told once, and ends by itself; the second signal ends the process.
///
/// # Errors
/// If no thread can be started.
pub fn told() -> io::Result<mpsc::Receiver<u8>> {
    let (sender, receiver) = mpsc::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let wait = move || {
        runtime.block_on(async {
            // Nobody waits any more where that fails.
            let _ = sender.send(received().await);
            process::exit(i32::from(received().await));
        });
    };
    thread::Builder::new().name("tidegate-signals".into()).spawn(wait)?;
    Ok(receiver)
}

async fn received() -> u8 {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals keep their default action, which ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    }
}
