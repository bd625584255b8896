//! Looks at what processes show the kernel, all together, as long as something runs.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tidegate_memory::{ByteCount, Meter, Resident};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(4);

/// A thread that looks until it is ended.
pub(super) struct Sampler {
    stop: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts to look at the processes that `processes` names. `seen` is told what they hold together at each look.
    pub(super) fn start(
        processes: impl Fn() -> Vec<u32> + Send + 'static,
        seen: impl Fn(ByteCount) + Send + 'static,
    ) -> Self {
        let (stop, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, highest) = (Arc::clone(&stop), Arc::clone(&peak));
        let look = move || {
            let mut meters = HashMap::new();
            while !stopped.load(Relaxed) {
                let resident = together(&processes(), &mut meters);
                highest.fetch_max(resident.bytes(), Relaxed);
                seen(resident);
                thread::park_timeout(PAUSE);
            }
        };
        Self { stop, peak, thread: thread::Builder::new().name("tidegate-sampler".into()).spawn(look).ok() }
    }

    /// Ends it, and returns the most that was seen.
    pub(super) fn end(mut self) -> ByteCount {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of it has been printed.
            let _ = thread.join();
        }
        ByteCount::new(self.peak.load(Relaxed))
    }
}

/// Returns what processes hold together; one that has ended holds nothing.
fn together(processes: &[u32], meters: &mut HashMap<u32, Option<Meter>>) -> ByteCount {
    meters.retain(|process, _| processes.contains(process));
    let held = |process: &u32| {
        let meter = meters.entry(*process).or_insert_with(|| Meter::of(*process).ok());
        meter.as_ref().and_then(|meter| meter.read().ok()).map(Resident::total).unwrap_or_default()
    };
    processes.iter().map(held).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{process, sync::mpsc};

    #[test]
    fn what_all_hold_is_added() {
        let own = process::id();
        let (sender, receiver) = mpsc::channel();
        let sampler = Sampler::start(
            move || vec![own, own],
            move |bytes| {
                let _ = sender.send(bytes);
            },
        );
        let seen = receiver.recv().unwrap();
        let one = Meter::of(own).unwrap().read().unwrap().total();
        assert!(seen > one && seen < one + one + one, "{seen} of two times {one}");
        assert!(sampler.end() >= seen);
        assert_eq!(together(&[u32::MAX], &mut HashMap::new()), ByteCount::ZERO);
    }
}
