//! The progress bar: rows, bytes, rate, time left, memory beside the limit, spilled. On a terminal only.

use crate::printer::grouped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tidegate_engine::Progress;
use tidegate_govern::SpillFiles;
use tidegate_memory::{ByteCount, Limit, Watch};

/// At most ten times a second.
const TICK: Duration = Duration::from_millis(100);

/// What the bar shows.
pub struct Sources {
    /// Rows and bytes.
    pub progress: Arc<Progress>,
    /// What was spilled.
    pub spill: Arc<SpillFiles>,
    /// Memory in use.
    pub watch: Arc<Watch>,
    /// The limit.
    pub limit: Limit,
}

/// A bar that draws itself until it is cleared.
pub struct Bar {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Writes rows where the bar is drawn: the bar is cleared first, or it would be drawn over them.
pub struct PastBar<W> {
    bar: Option<Arc<Bar>>,
    out: W,
}

impl Bar {
    /// Starts drawing, if `shown`.
    pub fn start(sources: Sources, shown: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let draw = move || draw(&sources, &stopped);
        // Without a thread there is no bar; the query runs all the same.
        let thread = shown.then(|| thread::Builder::new().name("tidegate-bar".into()).spawn(draw).ok()).flatten();
        Self { stop, thread: Mutex::new(thread) }
    }

    /// Ends the drawing. The line of the bar is free after that.
    pub fn clear(&self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            thread.thread().unpark();
            // A bar that panicked has no consequence.
            let _ = thread.join();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<W> PastBar<W> {
    /// Returns a writer to `out`, which is in the bar's way if it is the terminal.
    pub fn new(bar: &Arc<Bar>, out: W, terminal: bool) -> Self {
        Self { bar: terminal.then(|| Arc::clone(bar)), out }
    }
}

impl<W: Write> Write for PastBar<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(bar) = self.bar.take() {
            bar.clear();
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn draw(sources: &Sources, stop: &AtomicBool) {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
    // A line that wraps would be erased with what stands above it.
    if let Ok(style) = ProgressStyle::with_template("{bar:20.cyan} {wide_msg}") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    let start = Instant::now();
    // A query that is done at once needs no bar.
    thread::park_timeout(TICK * 2);
    while !stop.load(Relaxed) {
        let counts = sources.progress.snapshot();
        bar.set_length(counts.total_bytes.bytes());
        bar.set_position(counts.bytes.bytes());
        bar.set_message(message(sources, start.elapsed()));
        thread::park_timeout(TICK);
    }
    bar.finish_and_clear();
}

fn message(sources: &Sources, elapsed: Duration) -> String {
    let counts = sources.progress.snapshot();
    let memory = sources.watch.report().resident.total();
    let rate = per_second(counts.bytes, elapsed);
    let mut parts = vec![
        format!("{} rows", grouped(counts.rows)),
        counts.bytes.to_string(),
        format!("{rate}/s"),
        format!("memory {memory} / {}", sources.limit),
    ];
    let left = counts.total_bytes - counts.bytes;
    if let Some(seconds) = left.bytes().checked_div(rate.bytes()).filter(|seconds| *seconds > 0) {
        parts.insert(3, format!("{seconds} s left"));
    }
    let spilled = sources.spill.report().written;
    if spilled > ByteCount::ZERO {
        parts.push(format!("{spilled} spilled"));
    }
    parts.join(" · ")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rate, shown with three digits"
)]
fn per_second(bytes: ByteCount, elapsed: Duration) -> ByteCount {
    ByteCount::new((bytes.bytes() as f64 / elapsed.as_secs_f64().max(0.001)) as u64)
}
