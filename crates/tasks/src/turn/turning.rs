//! The loop itself.

use super::{
    Done, Ended, Ending, Event, Failure, Order, Retry, Runner, Running, Summary, Witness,
    entries::Entries,
    entry::{Stage, Step},
};
use crate::{
    Fingerprint, TasksError,
    admission::{Grant, Shared},
    file::TaskFile,
    plan::{Look, Unit, Watcher},
    release::{Release, ReleasePolicy, ReleaseReading},
    state::{Sealed, State},
};
use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

/// How a loop goes about its units.
#[derive(Clone, Copy, Debug)]
pub struct TurnOptions {
    /// What all units share.
    pub shared: Shared,
    /// How often a unit that failed is tried again.
    pub retries: u32,
    /// How memory is given back between units.
    pub release: ReleasePolicy,
    /// How often to look for new files; `None` ends the loop when all is done.
    pub watch: Option<Duration>,
}

impl TurnOptions {
    /// Returns what a task file asks for.
    pub fn of(file: &TaskFile) -> Self {
        let shared = Shared { limit: file.limit, parallel: file.parallel };
        Self { shared, retries: file.retries, release: file.release, watch: None }
    }
}

/// What reaches the loop.
#[derive(Debug)]
pub(super) enum Message {
    Ended { place: usize, ended: Box<Ended>, sealed: Option<Sealed> },
    Stop,
}

/// Where a loop hears of what happens.
#[derive(Debug)]
pub struct Mail {
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

/// Stops a loop from another thread.
#[derive(Clone, Debug)]
pub struct Stop(Sender<Message>);

impl Stop {
    /// Tells the loop to cancel what runs and to start nothing more.
    pub fn stop(&self) {
        // A loop that has ended needs no stopping.
        let _ = self.0.send(Message::Stop);
    }
}

impl Mail {
    /// Returns the mail of a loop and the way to stop it.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = mpsc::channel();
        let stop = Stop(sender.clone());
        (Self { sender, receiver }, stop)
    }
}

/// A loop that is ready to run.
pub struct Turn<'a> {
    /// The task file, for what is watched.
    pub file: &'a TaskFile,
    /// How it goes about its units.
    pub options: TurnOptions,
    /// What is done.
    pub state: &'a mut State,
    /// Who does the work.
    pub runner: &'a mut dyn Runner,
    /// Who is told.
    pub witness: &'a mut dyn Witness,
}

impl Turn<'_> {
    /// Runs all units, and those that come in while it watches, until all is done or somebody stops it.
    ///
    /// What cannot be done is in the summary: a unit whose state cannot be read or written fails, as one that goes wrong does.
    pub fn run(self, units: Vec<Unit>, mail: Mail) -> Summary {
        let watcher = Watcher::knowing(&units);
        let entries = Entries::new(self.options.shared, units);
        let next_look = self.options.watch.map(|interval| Instant::now() + interval);
        let (running, used, summary) = Default::default();
        Turning { turn: self, entries, running, used, mail, watcher, next_look, summary, has_ended: false }.run()
    }
}

/// A unit that runs.
struct Active {
    handle: Box<dyn Running>,
    part: Option<PathBuf>,
}

struct Turning<'a> {
    turn: Turn<'a>,
    entries: Entries,
    /// By the place of the entry.
    running: HashMap<usize, Active>,
    /// What the units of a task use of others, by its name, as long as the versions of those are the same.
    used: HashMap<String, (Vec<u64>, Fingerprint)>,
    mail: Mail,
    watcher: Watcher,
    next_look: Option<Instant>,
    summary: Summary,
    /// Whether a unit has ended since memory was last looked at.
    has_ended: bool,
}

impl Turning<'_> {
    fn run(mut self) -> Summary {
        loop {
            if self.summary.ending == Ending::Completed {
                self.go_on();
                self.turn.witness.told(&Event::Waiting(self.entries.left()));
            }
            if self.running.is_empty() && (self.summary.ending == Ending::Interrupted || self.next_look.is_none()) {
                break;
            }
            match self.receive() {
                Some(Message::Ended { place, ended, sealed }) => self.finish(place, &ended, sealed.as_ref()),
                Some(Message::Stop) => self.stop(),
                None => self.look(),
            }
        }
        self.summary.left = self.entries.left();
        self.summary
    }

    /// Starts all that can be started now.
    fn go_on(&mut self) {
        loop {
            self.advance();
            if std::mem::take(&mut self.has_ended) {
                self.release();
            }
            if !self.start() {
                return;
            }
        }
    }

    /// Moves every unit on that waits for others, until none can.
    fn advance(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            for place in self.entries.movable() {
                match self.entries.step(place) {
                    Step::Wait => continue,
                    // It could not start, either.
                    Step::Go if !self.turn.options.shared.has_room(&self.entries.limits()) => continue,
                    Step::Skip(task) => self.skip(place, task),
                    Step::Go => {
                        if let Err(error) = self.ready(place) {
                            self.fail(place, &Failure::of(&error), None);
                        }
                    }
                }
                moved = true;
            }
        }
    }

    fn skip(&mut self, place: usize, task: String) {
        let Some(unit) = self.entries.unit(place) else { return };
        self.turn.witness.told(&Event::Skipped { unit: &unit, because: &task });
        self.summary.skipped.push((unit.name.clone(), task));
        self.entries.set(place, Stage::Skipped);
    }

    /// Looks whether a unit whose turn it is was done before, and if not, what it needs.
    fn ready(&mut self, place: usize) -> Result<(), TasksError> {
        let Some(unit) = self.entries.unit(place) else { return Ok(()) };
        let used = self.used(&unit)?;
        if self.turn.state.is_done(&unit, used)? {
            self.turn.witness.told(&Event::AlreadyDone(&unit));
            self.summary.already_done += 1;
            self.entries.set(place, Stage::AlreadyDone);
        } else {
            let forecast = self.turn.runner.forecast(&unit);
            self.entries.set_ready(place, used, forecast);
        }
        Ok(())
    }

    /// Returns what the outputs hold that a unit uses.
    fn used(&mut self, unit: &Unit) -> Result<Fingerprint, TasksError> {
        let versions = self.entries.versions(&unit.after);
        if let Some((_, used)) = self.used.get(&unit.task).filter(|(then, _)| *then == versions) {
            return Ok(*used);
        }
        let before = self.entries.of_tasks(&unit.after);
        let used = self.turn.state.used(before.iter().map(AsRef::as_ref))?;
        self.used.insert(unit.task.clone(), (versions, used));
        Ok(used)
    }

    /// Starts what fits now. Returns whether anything could not be started, which lets others move on.
    fn start(&mut self) -> bool {
        let mut failed = false;
        let entries = &self.entries;
        let grants = self.turn.options.shared.admit(&entries.limits(), entries.asked(), entries.least());
        let Some(last) = grants.last() else { return false };
        let waiting: Vec<usize> = entries.waiting().take(last.place + 1).collect();
        self.count_passed(&waiting, &grants);
        for grant in grants {
            let Some(place) = waiting.get(grant.place).copied() else { continue };
            // Two units of the same output can be ready at once; the second waits.
            if self.entries.step(place) != Step::Go {
                continue;
            }
            if let Err(failure) = self.start_one(place, grant) {
                self.fail(place, &failure, None);
                failed = true;
            }
        }
        failed
    }

    fn count_passed(&mut self, waiting: &[usize], grants: &[Grant]) {
        let mut granted = grants.iter().map(|grant| grant.place).peekable();
        for (at, place) in waiting.iter().enumerate() {
            if granted.next_if_eq(&at).is_none() {
                self.entries.pass(*place);
            }
        }
    }

    fn start_one(&mut self, place: usize, grant: Grant) -> Result<(), Failure> {
        let Some(entry) = self.entries.get(place) else { return Ok(()) };
        let (unit, retry) = (Arc::clone(&entry.unit), entry.failures);
        let state = &mut *self.turn.state;
        let prepared = state.start(&unit).and_then(|_| Ok((state.part(&unit)?, state.log(&unit)?)));
        let (part, log) = prepared.map_err(|error| Failure::of(&error))?;
        let order = Order {
            unit: Arc::clone(&unit),
            limit: grant.limit,
            part: part.clone(),
            log,
            retry,
            marker: state.marker(),
        };
        let sender = Some(self.mail.sender.clone());
        let done = Done { place, unit: Arc::clone(&unit), part: part.clone(), sender };
        self.turn.witness.told(&Event::Started { unit: &unit, limit: grant.limit });
        let handle = self.turn.runner.start(order, done)?;
        self.running.insert(place, Active { handle, part });
        self.entries.set(place, Stage::Runs(grant.limit));
        Ok(())
    }

    /// Waits for what happens next; `None` when it is time to look for new files.
    fn receive(&mut self) -> Option<Message> {
        let Some(next) = self.next_look.filter(|_| self.summary.ending == Ending::Completed) else {
            // The loop has a sender itself, so that the channel is never closed.
            return self.mail.receiver.recv().ok();
        };
        self.mail.receiver.recv_timeout(next.saturating_duration_since(Instant::now())).ok()
    }

    fn finish(&mut self, place: usize, ended: &Ended, sealed: Option<&Sealed>) {
        // A unit that failed to start tells so twice.
        let Some(active) = self.running.remove(&place) else { return };
        if let Some(failure) = &ended.failure {
            if let Some(part) = &active.part {
                // It may not be there.
                let _ = fs::remove_file(part);
            }
            self.fail_or_retry(place, failure, ended);
        } else if let Err(error) = self.keep(place, sealed) {
            self.fail(place, &Failure::of(&error), Some(ended));
        } else {
            let Some(unit) = self.entries.unit(place) else { return };
            self.entries.set(place, Stage::Done);
            self.summary.done += 1;
            self.turn.witness.told(&Event::Finished { unit: &unit, ended });
        }
        self.has_ended = true;
    }

    /// Records that a unit is done and makes its output appear, in this order.
    fn keep(&mut self, place: usize, sealed: Option<&Sealed>) -> Result<(), TasksError> {
        let Some(entry) = self.entries.get(place) else { return Ok(()) };
        let used = entry.used.unwrap_or_else(|| Fingerprint::of_texts([]));
        self.turn.state.record(&entry.unit, used, sealed)?;
        self.turn.witness.told(&Event::Recorded(&entry.unit));
        match sealed {
            Some(sealed) => self.turn.state.appear(&entry.unit, sealed),
            None => Ok(()),
        }
    }

    fn fail_or_retry(&mut self, place: usize, failure: &Failure, ended: &Ended) {
        let stopped = self.summary.ending == Ending::Interrupted;
        let retries = self.turn.options.retries;
        let Some(entry) = self.entries.get(place) else { return };
        let again = failure.retry == Retry::Can && entry.failures < retries && !entry.superseded;
        if !stopped && !again {
            return self.fail(place, failure, Some(ended));
        }
        if !stopped {
            self.turn.witness.told(&Event::Retrying { unit: &entry.unit, failure });
        }
        self.entries.set_again(place);
    }

    fn fail(&mut self, place: usize, failure: &Failure, ended: Option<&Ended>) {
        let Some(entry) = self.entries.get(place) else { return };
        let (unit, superseded) = (Arc::clone(&entry.unit), entry.superseded);
        self.entries.set(place, Stage::Failed);
        // It is not done; that it failed is for the record only.
        let _ = self.turn.state.fail(&unit);
        self.turn.witness.told(&Event::Failed { unit: &unit, failure, ended });
        // Whatever became of what its input was before, it is done again.
        if !superseded {
            self.summary.failed.push((unit.name.clone(), failure.clone()));
        }
    }

    /// Gives memory back, if the policy says so.
    fn release(&mut self) {
        let Some(memory) = self.turn.runner.memory() else { return };
        let next =
            self.entries.waiting().next().and_then(|place| self.entries.get(place)).and_then(|entry| entry.forecast);
        let release = self.turn.options.release.decide(&ReleaseReading {
            limit: self.turn.options.shared.limit,
            used: memory.used,
            baseline: memory.baseline,
            floor: memory.floor,
            next: next.map(|forecast| forecast.bound),
        });
        if release != Release::Keep {
            self.turn.runner.release(release);
            self.turn.witness.told(&Event::Released(release));
        }
    }

    fn stop(&mut self) {
        self.summary.ending = Ending::Interrupted;
        for active in self.running.values_mut() {
            active.handle.cancel();
        }
    }

    /// Looks for new units, which take the place of those on the same input.
    fn look(&mut self) {
        self.next_look = self.turn.options.watch.map(|interval| Instant::now() + interval);
        let Look { units, trouble } = self.watcher.look(self.turn.file);
        if let Some(trouble) = trouble {
            self.turn.witness.told(&Event::WatchFailed(&trouble));
        }
        for unit in units {
            self.entries.add(unit);
        }
    }
}
