//! A guard around a program that somebody starts: what is prepared before, what watches it, what is told after.

use crate::{
    GuardError, Observer, Options, Outcome, Progress, Silent,
    counted::{self, Control},
    layout,
    library::{self, Placed},
    options::ArrowPool,
    policy::{self, Action, Reading, WallKind},
    signals::Got,
    story::{End, Story},
    wall::{Kills, Wall},
    watch::Watch,
};
use rustix_process::process::{Pid, Signal, kill_process};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};
use tempfile::TempDir;
use tidegate_memory::{ByteCount, Limit};

/// Between two looks, where nothing is near.
const CALM: Duration = Duration::from_millis(50);
/// Near the limit.
const CLOSE: Duration = Duration::from_millis(10);
/// The first looks come soon: many programs are short.
const EARLY: Duration = Duration::from_millis(5);
/// So long is early.
const YOUTH: Duration = Duration::from_millis(200);

/// Looks after what is left of a tree that was ended.
const ROUNDS: usize = 20;

/// The smallest limit.
const LEAST: ByteCount = ByteCount::mib(16);

/// A folder in memory with less room is left to others.
const ROOM: u64 = 256 << 20;

/// The beginning of the names of folders; the number of the guard's process follows.
const PREFIX: &str = "tidegate-guard-";

/// What comes while a program runs.
#[derive(Debug)]
pub(crate) enum News {
    /// It has ended; nobody may send it signals any more.
    Ended,
    /// Somebody sent the guard a signal.
    Signal(Got),
}

/// What is prepared for one program.
#[derive(Debug)]
pub struct Session {
    options: Options,
    folder: TempDir,
    wall: Option<Wall>,
    kills: Kills,
    notes: Vec<String>,
    started: SystemTime,
    /// The library stays as long as programs may be started.
    library: Option<Placed>,
}

/// What was seen until the end.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) watch: Watch,
    ended_by_guard: bool,
}

impl Session {
    /// Prepares to guard what `options` name.
    ///
    /// # Errors
    /// If the limit is too small for any program, or the guard's files cannot be written.
    pub fn prepare(options: &Options) -> Result<Self, GuardError> {
        if let Limit::Bytes(limit) = options.limit
            && limit < LEAST
        {
            return Err(GuardError::LimitTooSmall(limit));
        }
        let folder = folder()?;
        let limit = options.limit.bytes();
        let wall = limit.and_then(Wall::make);
        let control = Control {
            limit: limit.map_or(0, ByteCount::bytes),
            soft: limit.map_or(0, |limit| policy::soft(limit).bytes()),
            interval: options.interval.bytes(),
            guard: if wall.is_none() { u64::from(process::id()) } else { 0 },
        };
        counted::write_control(folder.path(), control).map_err(|source| GuardError::Io {
            action: "write",
            path: folder.path().into(),
            source,
        })?;
        let (notes, started) = (Vec::new(), SystemTime::now());
        Ok(Self { options: options.clone(), folder, wall, kills: Kills::until_now(), notes, started, library: None })
    }

    /// Gives a command, which is about to be started, what it needs to be guarded.
    pub fn dress(&mut self, command: &mut Command) {
        if let Some(unfit) = library::unfit(command.get_program()) {
            self.notes.push(unfit.words().to_owned());
            return;
        }
        let Some(library) = library::put() else {
            self.notes.push(
                "there is no folder that programs may be run from: its lines cannot be seen, its memory can".into(),
            );
            return;
        };
        let set = |name: &str| command.get_envs().find(|(other, _)| *other == name).and_then(|(_, value)| value);
        let before = set("LD_PRELOAD").map(Into::into).or_else(|| env::var_os("LD_PRELOAD"));
        let chosen = set("ARROW_DEFAULT_MEMORY_POOL").is_some() || env::var_os("ARROW_DEFAULT_MEMORY_POOL").is_some();
        command.env("LD_PRELOAD", library::preload(before, &library.path)).env(layout::FOLDER, self.folder.path());
        if self.options.arrow_pool == ArrowPool::System && !chosen {
            command.env("ARROW_DEFAULT_MEMORY_POOL", "system");
        }
        self.library = Some(library);
    }

    /// Takes the program in that was just started.
    pub(crate) fn take(&mut self, process: u32) -> Watch {
        if let Some(wall) = &self.wall
            && let Err(error) = wall.take(process)
        {
            self.notes.push(format!("it is not in its cgroup: {error}"));
            self.wall = None;
        }
        Watch::of(process, self.folder.path())
    }

    /// Watches a program that was just started, in a thread, until [`Watcher::stop`].
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn watch(mut self, process: u32) -> Result<Watcher, GuardError> {
        let (sender, news) = channel();
        let work = move || {
            let watch = self.take(process);
            let watched = self.until_the_end(watch, &news, &mut |_| {}, &mut Silent);
            (self, watched)
        };
        let thread = thread::Builder::new().name("tidegate-guard".into()).spawn(work).map_err(GuardError::Thread)?;
        Ok(Watcher { sender, thread })
    }

    /// Watches until it is told that the program has ended. `pass` passes signals on.
    pub(crate) fn until_the_end(
        &self,
        mut watch: Watch,
        news: &Receiver<News>,
        pass: &mut dyn FnMut(Got),
        observer: &mut dyn Observer,
    ) -> Watched {
        let limit = self.options.limit.bytes();
        let wall = if self.wall.is_some() { WallKind::Group } else { WallKind::Watchdog };
        let (mut pause, mut ended_by_guard, mut is_ending) = (EARLY, false, false);
        let mut next_told = Instant::now() + self.options.every.unwrap_or_default();
        loop {
            match news.recv_timeout(pause) {
                Ok(News::Ended) | Err(RecvTimeoutError::Disconnected) => {
                    if is_ending {
                        self.end_the_rest(&mut watch);
                    }
                    return Watched { watch, ended_by_guard };
                }
                Ok(News::Signal(got)) => pass(got),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let others = self.wall.as_ref().map(Wall::members).unwrap_or_default();
            let in_use = watch.look(&others);
            self.gather(&watch, &others);
            let action = policy::decide(&Reading { in_use, limit, above_for: watch.above_for(in_use, limit), wall });
            // A tree without one of its processes may wait for it for ever.
            let is_broken = self.wall.as_ref().is_some_and(Wall::has_killed);
            if (action == Action::End || is_broken) && !is_ending {
                is_ending = true;
                ended_by_guard = action == Action::End;
                end(&members(&watch, &others));
            }
            pause = match action {
                Action::LookCloser | Action::End => CLOSE,
                Action::Go if watch.elapsed() < YOUTH => EARLY,
                Action::Go => CALM,
            };
            if let Some(every) = self.options.every
                && Instant::now() >= next_told
            {
                next_told = Instant::now() + every;
                observer.progress(&progress(&watch, in_use, self.options.limit));
            }
        }
    }

    /// Ends what was started just when the tree was ended. The first process was waited for, and its number may be another's.
    fn end_the_rest(&self, watch: &mut Watch) {
        for _ in 0..ROUNDS {
            let others = self.wall.as_ref().map(Wall::members).unwrap_or_default();
            watch.look(&others);
            let mut rest = members(watch, &others);
            rest.retain(|process| *process != watch.root);
            if rest.is_empty() {
                return;
            }
            end(&rest);
        }
    }

    /// Takes those into the wall that were started before their parent was in it.
    fn gather(&self, watch: &Watch, inside: &[u32]) {
        if let Some(wall) = &self.wall {
            for process in watch.processes.members.keys().filter(|process| !inside.contains(process)) {
                // It may have ended by itself.
                let _ = wall.take(*process);
            }
        }
    }

    /// Tells how the program went.
    pub(crate) fn told(self, watched: Watched, status: io::Result<ExitStatus>) -> Outcome {
        let Watched { watch, ended_by_guard } = watched;
        let seconds = watch.elapsed().as_secs_f64();
        let by_wall = self.wall.as_ref().is_some_and(Wall::has_killed);
        let killed_by = Kills::until_now().since(&self.kills);
        let wall = self.wall.as_ref().map_or("a watchdog", Wall::kind);
        let wall = self.options.limit.bytes().map(|_| wall.to_owned()).unwrap_or_default();
        let place = self.options.folder.clone().or_else(|| env::current_dir().ok()).unwrap_or_default();
        let end = End { status, ended_by_guard, by_wall, killed_by };
        let (options, notes, started) = (&self.options, self.notes.clone(), self.started);
        Story { options, seen: watch.end(), end, started, seconds, notes, wall, place }.told()
    }
}

/// A thread that watches.
#[derive(Debug)]
pub struct Watcher {
    sender: Sender<News>,
    thread: JoinHandle<(Session, Watched)>,
}

/// What was seen of a program that has ended.
#[derive(Debug)]
pub struct Stopped(Option<(Session, Watched)>);

impl Watcher {
    /// Ends the thread: call this when the program has ended, and before it is waited for, as its number may be another's later.
    pub fn stop(self) -> Stopped {
        // It listens until it is told to stop.
        let _ = self.sender.send(News::Ended);
        Stopped(self.thread.join().ok())
    }
}

impl Stopped {
    /// Tells how the program went; `None` if the thread was lost.
    pub fn told(self, status: io::Result<ExitStatus>) -> Option<Outcome> {
        self.0.map(|(session, watched)| session.told(watched, status))
    }
}

fn progress(watch: &Watch, in_use: ByteCount, limit: Limit) -> Progress {
    Progress { elapsed: watch.elapsed(), in_use, peak: watch.peak, limit, processes: watch.processes.members.len() }
}

/// Returns all processes of a tree.
fn members(watch: &Watch, others: &[u32]) -> Vec<u32> {
    let mut members: Vec<u32> = watch.processes.members.keys().chain(others).copied().collect();
    members.push(watch.root);
    members.sort_unstable();
    members.dedup();
    members
}

/// Ends processes: first everything stands still, so that nothing is started in the meantime.
fn end(members: &[u32]) {
    for signal in [Signal::Stop, Signal::Kill] {
        for process in members.iter().filter_map(|member| i32::try_from(*member).ok().and_then(Pid::from_raw)) {
            // It may have ended by itself.
            let _ = kill_process(process, signal);
        }
    }
}

/// Makes the folder that processes map their files in: in memory, where there is room.
fn folder() -> Result<TempDir, GuardError> {
    let in_memory = Path::new("/dev/shm");
    let has_room =
        rustix::fs::statvfs(in_memory).is_ok_and(|facts| facts.f_bavail.saturating_mul(facts.f_frsize) >= ROOM);
    let prefix = format!("{PREFIX}{}-", process::id());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    sweep(in_memory);
    let made = if has_room { builder.tempdir_in(in_memory).ok() } else { None };
    made.map_or_else(|| builder.tempdir(), Ok).map_err(|source| GuardError::Io {
        action: "make a folder in",
        path: env::temp_dir(),
        source,
    })
}

/// Removes folders of guards that were killed.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|process| !PathBuf::from(format!("/proc/{process}")).exists()) {
            // Another person's cannot be removed, and need not.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
