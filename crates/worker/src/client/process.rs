//! The process of a worker: started with a socket as its standard input, waited for by a thread, killed by anybody.

use super::{
    End, Fence, How,
    cgroup::Group,
    options::{Cgroup, Stream, WorkerOptions},
    tail::Tail,
};
use crate::{
    WorkerError,
    protocol::{TaskId, preamble},
};
use shared_child::SharedChild;
use std::{
    fs::File,
    io::{self, Write},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tidegate_memory::Limit;

/// How long the last words of a process that ended are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long the kernel is given for killing a process. One that waits for a broken disk may take for ever; it is reaped
/// then when it ends, by the thread that waits for it.
const KILL: Duration = Duration::from_secs(5);

/// The process of a worker.
#[derive(Debug)]
pub(super) struct Process {
    child: SharedChild,
    tail: Arc<Tail>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    end: Option<End>,
    /// The last task that is over.
    over: Option<TaskId>,
    killed: Option<Reason>,
}

/// Why a client killed its worker.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    /// It did not do this in this time.
    Silent(&'static str, Duration),
    /// It is of no use any more.
    Useless,
}

/// A process and the client's end of its socket.
pub(super) struct Started {
    pub(super) process: Arc<Process>,
    pub(super) stream: Arc<UnixStream>,
    pub(super) fence: Fence,
}

impl Process {
    /// Starts a worker's process. Both ends of the socket are closed on exec but for the one that becomes its standard input.
    pub(super) fn start(options: &WorkerOptions) -> Result<Started, WorkerError> {
        let (stream, theirs) =
            socket(options).map_err(|error| WorkerError::system("make a socket for a worker", error))?;
        let group = match options.cgroup {
            Cgroup::Off => None,
            Cgroup::Auto => Some(Group::make(options.limit)),
        };
        let failed = |source| WorkerError::Start { program: options.program.clone(), source };
        let (mut child, fence, group) = spawn_enclosed(options, theirs, group).map_err(failed)?;
        let streams = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
        let process = Self {
            child: SharedChild::new(child).map_err(failed)?,
            tail: Arc::new(Tail::default()),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        let started = Started { process: Arc::new(process), stream: Arc::new(stream), fence };
        let watched = started.watch(streams.into_iter().flatten(), group);
        watched.map_err(|error| WorkerError::system("start a thread for a worker", error))?;
        Ok(started)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn is_alive(&self) -> bool {
        let state = self.lock();
        state.end.is_none() && state.killed.is_none()
    }

    /// Returns what the process said last.
    pub(super) fn last_words(&self) -> String {
        self.tail.text()
    }

    /// Kills the process, unless it has ended.
    pub(super) fn kill(&self, reason: Reason) {
        let mut state = self.lock();
        if state.end.is_none() && state.killed.is_none() {
            state.killed = Some(reason);
            // Fails only for a process that has ended.
            let _ = self.child.kill();
        }
    }

    /// Returns why the process was killed by its client.
    pub(super) fn killed(&self) -> Option<Reason> {
        self.lock().killed
    }

    /// Waits for the end of the process, and kills it if that does not come by itself.
    pub(super) fn end_within(&self, patience: Duration) -> End {
        if let Some(end) = self.wait(patience) {
            return end;
        }
        self.kill(Reason::Useless);
        self.wait(KILL).unwrap_or(End { how: How::Unknown, oom_kills: None })
    }

    /// Notes that a task is over.
    pub(super) fn task_over(&self, task: TaskId) {
        self.lock().over = Some(task);
        self.changed.notify_all();
    }

    /// Waits until a task is over, or the process; returns whether that came in time.
    pub(super) fn over_within(&self, task: TaskId, patience: Duration) -> bool {
        let goes_on = |state: &mut State| state.end.is_none() && state.over.is_none_or(|over| over < task);
        let waited = self.changed.wait_timeout_while(self.lock(), patience, goes_on);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn wait(&self, at_most: Duration) -> Option<End> {
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, |state| state.end.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.end
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the process, cleans up behind it, then tells everybody, so that nothing is left when they know.
    fn attend(&self, group: Option<Group>, stream: Arc<UnixStream>) {
        let how = self.child.wait().map_or(How::Unknown, How::of_status);
        let oom_kills = group.as_ref().and_then(Group::kills);
        drop(group);
        self.tail.wait(LAST_WORDS);
        // Whatever it started may hold its end open. What it sent before can still be read.
        let _ = stream.shutdown(Shutdown::Read);
        drop(stream);
        let mut state = self.lock();
        let how = if state.killed.is_some() && how == How::Signalled(libc::SIGKILL) { How::Killed } else { how };
        state.end = Some(End { how, oom_kills });
        drop(state);
        self.changed.notify_all();
    }
}

impl Started {
    /// Starts the threads that belong to the process. If one cannot be had, the process is gone when this returns.
    fn watch(&self, mut kept: impl Iterator<Item = OwnedFd>, group: Option<Group>) -> io::Result<()> {
        let (process, stream) = (Arc::clone(&self.process), Arc::clone(&self.stream));
        let attend = move || process.attend(group, stream);
        // Before the end of the process can be known, so that its last words are.
        let kept = kept.try_for_each(|stream| self.process.tail.keep(File::from(stream)));
        let attended =
            kept.and_then(|()| thread::Builder::new().name("tidegate-attend".into()).spawn(attend).map(drop));
        if attended.is_err() {
            self.process.kill(Reason::Useless);
            let _ = self.process.child.wait();
        }
        attended
    }
}

/// Returns both ends of a socket; the client's first words are in it already. So what another program says in place of a
/// hello can be read, even if it ended before anybody could talk to it.
fn socket(options: &WorkerOptions) -> io::Result<(UnixStream, UnixStream)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    ours.set_write_timeout(Some(options.patience.answer.max(Duration::from_millis(1))))?;
    ours.write_all(&preamble())?;
    Ok((ours, theirs))
}

/// Starts the program. The command holds the worker's end of the socket; when it is dropped, the worker alone has it.
fn spawn(options: &WorkerOptions, socket: UnixStream) -> io::Result<Child> {
    let limit = match options.limit {
        Limit::Unlimited => "none".to_owned(),
        Limit::Bytes(bytes) => bytes.bytes().to_string(),
    };
    let mut command = Command::new(&options.program);
    command.args(&options.args).env("TIDEGATE_LIMIT", limit);
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    // Ctrl-C is for the client, which cancels; a worker whose client ends by it ends with its socket.
    command.process_group(0);
    command.stdin(Stdio::from(OwnedFd::from(socket)));
    command.stdout(stdio(&options.stdout)?).stderr(stdio(&options.stderr)?);
    command.spawn()
}

fn stdio(stream: &Stream) -> io::Result<Stdio> {
    Ok(match stream {
        Stream::Null => Stdio::null(),
        Stream::Inherit => Stdio::inherit(),
        Stream::File(file) => Stdio::from(file.try_clone()?),
        Stream::Kept => Stdio::piped(),
    })
}

/// Starts the program in its cgroup.
fn spawn_enclosed(
    options: &WorkerOptions,
    socket: UnixStream,
    group: Option<Result<Group, String>>,
) -> io::Result<(Child, Fence, Option<Group>)> {
    let group = match group {
        None => return Ok((spawn(options, socket)?, Fence::Off, None)),
        Some(Err(why)) => return Ok((spawn(options, socket)?, Fence::Impossible(why), None)),
        Some(Ok(group)) => group,
    };
    let (child, is_inside) = thread::scope(|scope| {
        let work = || (group.take_in_thread().is_ok(), spawn(options, socket));
        let thread = thread::Builder::new().name("tidegate-spawn".into()).spawn_scoped(scope, work)?;
        let (is_inside, child) = thread.join().map_err(|_| io::Error::other("the thread that starts it panicked"))?;
        Ok::<_, io::Error>((child?, is_inside))
    })?;
    let moved = if is_inside { Ok(()) } else { group.take_in(child.id()) };
    Ok(match moved {
        Ok(()) => (child, Fence::Around(group.folder().to_path_buf()), Some(group)),
        Err(error) => (child, Fence::Impossible(format!("{}: {error}", group.folder().display())), None),
    })
}
