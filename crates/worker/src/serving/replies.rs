//! What the worker says.

use super::RowWriter;
use crate::{
    WorkerError,
    protocol::{Failure, Finished, Kind, Outbox, Progress, Released, Reply, TaskId, Turn},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Progress is sent no more often.
const SPACING: Duration = Duration::from_millis(100);

/// A message that is longer is cut for people, who read one line.
const MOST_TEXT: usize = 16 << 10;

/// Sends replies, from any thread.
#[derive(Clone, Debug)]
pub struct Replies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    outbox: Outbox,
    progress: Mutex<Pending>,
}

/// Progress on its way.
#[derive(Debug, Default)]
struct Pending {
    /// When the last was taken.
    taken: Option<Instant>,
    /// What waits for whoever is sending.
    waits: Option<(TaskId, Progress)>,
    /// The last task whose last message was sent: nothing may come behind that. Tasks before it are over too.
    ended: Option<TaskId>,
}

impl Replies {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self(Arc::new(Shared { outbox, progress: Mutex::default() }))
    }

    /// Returns what takes the bytes of a task's Arrow IPC stream. One for each task.
    pub fn rows(&self, task: TaskId) -> RowWriter {
        RowWriter::new(self.clone(), task)
    }

    /// Says how far a task is, unless it was said a moment ago, or the task is over. Never waits, not for a client that reads
    /// slowly either: then the next message of rows takes it along, or newer progress takes its place. Should be called once a
    /// second at least, so that a worker that hangs can be told.
    ///
    /// # Errors
    /// If the client is gone.
    pub fn progress(&self, task: TaskId, progress: &Progress) -> Result<(), WorkerError> {
        let mut pending = self.pending();
        let now = Instant::now();
        if pending.ended >= Some(task) || !due(pending.taken, now) {
            return Ok(());
        }
        pending.taken = Some(now);
        pending.waits = Some((task, *progress));
        drop(pending);
        let Some(turn) = self.0.outbox.turn_now() else { return Ok(()) };
        let Some((task, progress)) = self.pending().waits.take() else { return Ok(()) };
        if !turn.bytes_now(&message(task, progress)?)? {
            // What another thread left meanwhile is newer.
            self.pending().waits.get_or_insert((task, progress));
        }
        Ok(())
    }

    /// Says that a task is done. The last of it; its rows are flushed before.
    ///
    /// # Errors
    /// If the client is gone, or the record is too long: then the task has to fail.
    pub fn finished(&self, task: TaskId, finished: Finished) -> Result<(), WorkerError> {
        self.last(task, Reply::Finished(finished))
    }

    /// Says that a task failed, or was cancelled. The last of it.
    ///
    /// # Errors
    /// If the client is gone.
    pub fn failed(&self, task: TaskId, failure: Failure) -> Result<(), WorkerError> {
        self.last(task, Reply::Failed(cut(failure)))
    }

    /// Says what was given back.
    ///
    /// # Errors
    /// If the client is gone.
    pub fn released(&self, released: Released) -> Result<(), WorkerError> {
        self.0.outbox.turn().bytes(&Reply::Released(released).into_frame(None)?.encode()?)
    }

    /// Sends a message of rows that is encoded already, and progress behind it. Waits for both: where rows fill the socket all
    /// the time, progress would never find room.
    pub(super) fn rows_message(&self, bytes: &[u8]) -> Result<(), WorkerError> {
        let turn = self.0.outbox.turn();
        turn.bytes(bytes)?;
        self.pass_on(&turn)
    }

    fn last(&self, task: TaskId, reply: Reply) -> Result<(), WorkerError> {
        let bytes = reply.into_frame(Some(task))?.encode()?;
        let turn = self.0.outbox.turn();
        self.pending().end(task);
        turn.bytes(&bytes)
    }

    fn pass_on(&self, turn: &Turn<'_>) -> Result<(), WorkerError> {
        let waits = self.pending().waits.take();
        match waits {
            Some((task, progress)) => turn.bytes(&message(task, progress)?),
            None => Ok(()),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Notes that a task is over, and drops what was to be said of it. Whoever sends progress holds the turn, as the caller
    /// does, so none is on its way.
    fn end(&mut self, task: TaskId) {
        self.ended = self.ended.max(Some(task));
        self.waits = None;
    }
}

fn message(task: TaskId, progress: Progress) -> Result<Vec<u8>, WorkerError> {
    Reply::Progress(progress).into_frame(Some(task))?.encode()
}

/// Returns whether progress may be sent again.
fn due(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= SPACING)
}

/// Cuts what would make the message too long to be sent: that a task failed must arrive.
fn cut(failure: Failure) -> Failure {
    let most = Kind::Failed.most() / 2;
    Failure {
        message: cut_text(&failure.message),
        help: failure.help.as_deref().map(cut_text),
        record: failure.record.filter(|record| record.to_string().len() <= most),
        ..failure
    }
}

fn cut_text(text: &str) -> String {
    text.chars().take(MOST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
    };

    #[test]
    fn progress_is_sent_ten_times_a_second_at_most() {
        let start = Instant::now();
        assert!(due(None, start));
        assert!(!due(Some(start), start + Duration::from_millis(99)));
        assert!(due(Some(start), start + Duration::from_millis(100)));
        assert!(!due(Some(start + Duration::from_millis(5)), start));
    }

    /// Sends rows and returns what went out: they, and the progress that waited.
    fn rows_and_progress(replies: &Replies, progress: Progress) -> Vec<u8> {
        let mut rows = replies.rows(TaskId::FIRST);
        rows.write_all(b"rows").unwrap();
        rows.flush().unwrap();
        let expected = [Reply::Schema(b"rows".to_vec()), Reply::Progress(progress)];
        expected.map(|reply| reply.into_frame(Some(TaskId::FIRST)).unwrap().encode().unwrap()).concat()
    }

    #[test]
    fn progress_does_not_wait_for_another_thread_and_goes_behind_the_next_rows() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let replies = Replies::new(Outbox::new(Arc::new(ours)));
        let progress = Progress { rows: 7, ..Progress::default() };
        let turn = replies.0.outbox.turn();
        replies.progress(TaskId::FIRST, &progress).unwrap();
        drop(turn);
        let expected = rows_and_progress(&replies, progress);
        drop(replies);
        let mut sent = Vec::new();
        (&theirs).read_to_end(&mut sent).unwrap();
        assert_eq!(sent, expected);
    }

    #[test]
    fn progress_does_not_wait_for_a_client_that_reads_slowly() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut filled = 0;
        while let Ok(taken) = (&ours).write(&[0; 4096]) {
            filled += taken;
        }
        ours.set_nonblocking(false).unwrap();
        let replies = Replies::new(Outbox::new(Arc::new(ours)));
        let progress = Progress { rows: 7, ..Progress::default() };
        replies.progress(TaskId::FIRST, &progress).unwrap();
        (&theirs).read_exact(&mut vec![0; filled]).unwrap();
        let expected = rows_and_progress(&replies, progress);
        drop(replies);
        let mut sent = Vec::new();
        (&theirs).read_to_end(&mut sent).unwrap();
        assert_eq!(sent, expected);
    }

    #[test]
    fn nothing_comes_behind_the_last_message_of_a_task() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let replies = Replies::new(Outbox::new(Arc::new(ours)));
        let (first, second) = (TaskId::FIRST, TaskId::FIRST.next());
        let progress = Progress { rows: 7, ..Progress::default() };
        let failure = Failure::cancelled();
        replies.failed(first, failure.clone()).unwrap();
        // A thread that told of the first task and was not stopped in time.
        replies.progress(first, &progress).unwrap();
        replies.progress(second, &progress).unwrap();
        replies.progress(first, &progress).unwrap();
        drop(replies);
        let failed = Reply::Failed(failure).into_frame(Some(first)).unwrap().encode().unwrap();
        let told = Reply::Progress(progress).into_frame(Some(second)).unwrap().encode().unwrap();
        let mut sent = Vec::new();
        (&theirs).read_to_end(&mut sent).unwrap();
        assert_eq!(sent, [failed, told].concat());
    }

    #[test]
    fn a_failure_can_always_be_sent() {
        let long = "\u{1}\u{10ffff}".repeat(1 << 20);
        let record = Some(json!({ "sql": long }));
        let failure = Failure { message: long.clone(), help: Some(long), record, ..Failure::cancelled() };
        let frame = Reply::Failed(cut(failure)).into_frame(Some(TaskId::FIRST)).unwrap();
        assert!(frame.payload.len() <= Kind::Failed.most());
        let short = Failure { record: Some(json!({ "rows": 1 })), ..Failure::cancelled() };
        assert_eq!(cut(short.clone()), short);
    }
}
