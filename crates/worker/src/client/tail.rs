//! The last of what a worker says on a stream that nobody watches.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

const KEPT: usize = 4 << 10;

/// Keeps the last bytes of a worker's streams.
#[derive(Debug, Default)]
pub(super) struct Tail {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    last: VecDeque<u8>,
    open: usize,
}

impl Tail {
    /// Reads a stream to its end in a thread of its own, so that the worker never waits for somebody to read it.
    pub(super) fn keep(self: &Arc<Self>, mut stream: impl Read + Send + 'static) -> io::Result<()> {
        let tail = Arc::clone(self);
        self.lock().open += 1;
        let read = move || {
            let mut bytes = [0; KEPT];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                tail.lock().add(bytes.get(..read).unwrap_or_default());
            }
            // Closed before that is said: whoever waits for it counts on it.
            drop(stream);
            tail.lock().open -= 1;
            tail.closed.notify_all();
        };
        thread::Builder::new().name("tidegate-tail".into()).spawn(read).map(drop)
    }

    /// Waits until the streams are closed, which a process that the worker left behind may delay.
    pub(super) fn wait(&self, at_most: Duration) {
        let closed = self.closed.wait_timeout_while(self.lock(), at_most, |state| state.open > 0);
        drop(closed);
    }

    /// Returns what was kept.
    pub(super) fn text(&self) -> String {
        let mut state = self.lock();
        String::from_utf8_lossy(state.last.make_contiguous()).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, bytes: &[u8]) {
        self.last.extend(bytes);
        let too_many = self.last.len().saturating_sub(KEPT);
        self.last.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_of_a_long_stream_are_kept() {
        let tail = Arc::new(Tail::default());
        let text = format!("{}the end", "noise ".repeat(100_000));
        tail.keep(io::Cursor::new(text)).unwrap();
        tail.wait(Duration::MAX);
        let kept = tail.text();
        assert_eq!(kept.len(), KEPT);
        assert!(kept.ends_with("noise the end"));
    }
}
