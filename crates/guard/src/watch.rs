//! What is seen of a tree of processes while it runs, and what is left of it at the end.

use crate::{
    between::{self, Part},
    charge::{Ledger, Lives, charged},
    counted::Counted,
    growth::Growth,
    layout::{walk, word},
    picture::{self, Picture},
    processes::Processes,
    variables::Variables,
    watched::{Watched, worth_telling},
};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tidegate_memory::ByteCount;
use tidegate_report::record::Sample;

/// Processes whose picture is taken at a new peak, the largest first.
const PICTURES: usize = 64;

/// Pictures may take this at once, and then one of so many parts of the time.
const PICTURES_AT_ONCE: Duration = Duration::from_millis(50);
const PART_OF_TIME: u32 = 200;

/// A look for new files that takes long is followed by another so many times later.
const SELDOM: u32 = 30;

/// A tree that is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Instant,
    folder: PathBuf,
    pub(crate) root: u32,
    pub(crate) processes: Processes,
    watched: BTreeMap<PathBuf, Watched>,
    next_files: Instant,
    /// What processes that are gone allocated.
    ended: Ledger,
    pub(crate) growth: Growth,
    pub(crate) peak: ByteCount,
    /// What was seen at the peak: what had been counted, and the picture, of each process.
    at_peak: Vec<AtPeak>,
    pictured: ByteCount,
    /// There are processes that were not there when the picture was taken.
    has_new: bool,
    /// What pictures took.
    took: Duration,
    /// The variables of the process that had the most in use when they were seen.
    variables: Option<(ByteCount, Variables)>,
    /// The variables of the first process's modules when it ended.
    last_variables: Option<Variables>,
    thrown: Option<Variables>,
    pub(crate) counts: Counts,
    above_since: Option<Instant>,
    /// The kernel's own peak of the first process.
    kernel_peak: ByteCount,
    most_members: usize,
}

/// What was seen of a process at the peak.
#[derive(Debug)]
struct AtPeak {
    path: PathBuf,
    counted: Counted,
    picture: Picture,
    /// What the interpreter and its libraries held; of what is shared, its part.
    base: ByteCount,
}

/// What was counted, of all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) processes: u64,
    pub(crate) refused: u64,
    pub(crate) raised: u64,
    pub(crate) spared: u64,
    pub(crate) trims: u64,
    pub(crate) collections: u64,
    pub(crate) dropped: u64,
    /// Processes of Python whose lines could not be read, by the reason.
    pub(crate) failed: u64,
    pub(crate) unknown_version: u64,
    pub(crate) free_threaded: u64,
    pub(crate) pypy: u64,
    /// Processes in which another library has `malloc`.
    pub(crate) other_malloc: u64,
    /// Whether lines of Python were read anywhere.
    pub(crate) walked: u64,
    /// Processes that ended by an exception that is no `MemoryError`.
    pub(crate) other_errors: u64,
}

/// All that is known when the tree has ended.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) ledger: Ledger,
    pub(crate) growth: Growth,
    pub(crate) peak: ByteCount,
    pub(crate) base: ByteCount,
    pub(crate) counts: Counts,
    pub(crate) variables: Option<Variables>,
    pub(crate) thrown: Option<Variables>,
    /// What the first process held at its end, when freed memory had been given back.
    pub(crate) after: Option<ByteCount>,
    /// What was refused last: the bytes, what was in use, and the line.
    pub(crate) refused: Option<Refused>,
}

/// An allocation that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) bytes: ByteCount,
    pub(crate) in_use: ByteCount,
    pub(crate) file: String,
    pub(crate) function: String,
    pub(crate) line: u32,
}

impl Watch {
    pub(crate) fn of(root: u32, folder: &Path) -> Self {
        let started = Instant::now();
        Self {
            started,
            folder: folder.into(),
            root,
            processes: Processes::of(root),
            watched: BTreeMap::new(),
            next_files: started,
            ended: Ledger::default(),
            growth: Growth::default(),
            peak: ByteCount::ZERO,
            at_peak: Vec::new(),
            pictured: ByteCount::ZERO,
            has_new: false,
            took: Duration::ZERO,
            variables: None,
            last_variables: None,
            thrown: None,
            counts: Counts::default(),
            above_since: None,
            kernel_peak: ByteCount::ZERO,
            most_members: 0,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Looks at the tree, and returns what it has in use.
    pub(crate) fn look(&mut self, others: &[u32]) -> ByteCount {
        let now = Instant::now();
        if now >= self.next_files {
            self.find_files();
            self.next_files = now + now.elapsed() * SELDOM;
        }
        let known: Vec<u32> =
            self.watched.values().map(|watched| watched.process).chain(others.iter().copied()).collect();
        self.processes.look(&known);
        for watched in self.watched.values_mut() {
            watched.look(self.processes.members.get(&watched.process));
        }
        self.most_members = self.most_members.max(self.processes.members.len());
        if let Some(member) = self.processes.members.get(&self.root) {
            self.kernel_peak = self.kernel_peak.max(member.peak);
        }
        let gone = self.gone();
        let in_use = self.in_use();
        self.see_between(in_use, &gone);
        self.settle_ended(gone);
        self.tell(in_use);
        self.remember(in_use);
        in_use
    }

    /// Returns for how long more than `limit` has been in use.
    pub(crate) fn above_for(&mut self, in_use: ByteCount, limit: Option<ByteCount>) -> Duration {
        if limit.is_none_or(|limit| in_use <= limit) {
            self.above_since = None;
            return Duration::ZERO;
        }
        self.above_since.get_or_insert_with(Instant::now).elapsed()
    }

    fn find_files(&mut self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if self.watched.contains_key(&path) {
                continue;
            }
            if let Some(watched) = Watched::open(&path) {
                self.counts.processes += 1;
                self.has_new = true;
                self.watched.insert(path, watched);
            }
        }
    }

    /// Returns the files of processes that have ended. A process that started another program has a new file.
    fn gone(&self) -> Vec<PathBuf> {
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        for watched in self.watched.values() {
            let turn = newest.entry(watched.process).or_default();
            *turn = watched.turn.max(*turn);
        }
        let is_newest = |watched: &Watched| newest.get(&watched.process) == Some(&watched.turn);
        self.watched
            .values()
            .filter(|watched| watched.process != self.root || !is_newest(watched))
            .filter(|watched| !self.processes.members.contains_key(&watched.process) || !is_newest(watched))
            .map(|watched| watched.path.clone())
            .collect()
    }

    /// Sees whether more was held between two looks than at any. `gone` are those that have ended since the one before.
    fn see_between(&mut self, in_use: ByteCount, gone: &[PathBuf]) {
        let members = &self.processes.members;
        let lives = self.watched.iter_mut().map(|(path, watched)| {
            let member = members.get(&watched.process).filter(|_| !gone.contains(path));
            (member.is_some(), watched.life(member))
        });
        let (is_there, lives): (Vec<bool>, Vec<_>) = lives.unzip();
        let Some((most, parts)) = between::peak(&lives) else { return };
        let seen = lives.iter().zip(is_there).filter(|(_, is_there)| *is_there).map(|(life, _)| life.now).sum();
        let most = most + in_use.saturating_sub(seen);
        if most <= self.peak && most < self.peak.percent(75) {
            return;
        }
        let pictures = self.parts(&parts);
        let peak = self.peak.max(most);
        let unexplained = |pictures: &[AtPeak]| {
            let explained: ByteCount = pictures.iter().map(|seen| seen.base + seen.picture.owned()).sum();
            explained.bytes().abs_diff(peak.bytes())
        };
        // What a process held may have been seen before its lines could be.
        if most > self.peak || unexplained(&pictures) < unexplained(&self.at_peak) {
            self.at_peak = pictures;
        }
        if most > self.peak {
            self.peak = most;
            self.pictured = most;
        }
    }

    /// Takes the pictures of a moment at which each process counts with a part.
    fn parts(&mut self, parts: &[Part]) -> Vec<AtPeak> {
        let mut pictures = Vec::new();
        for ((path, watched), part) in self.watched.iter_mut().zip(parts) {
            let member = self.processes.members.get(&watched.process);
            let (picture, base) = match part {
                Part::Most => {
                    let before = self.at_peak.iter().find(|seen| seen.path == *path).map(|seen| seen.picture.clone());
                    watched.picture_of_most(before)
                }
                Part::Now => watched.picture_of_now(member),
                Part::Nothing => continue,
            };
            pictures.push(AtPeak { path: path.clone(), counted: watched.counted.clone(), picture, base });
        }
        pictures
    }

    /// Puts what has ended to the rest.
    fn settle_ended(&mut self, gone: Vec<PathBuf>) {
        for path in gone {
            if let Some(mut watched) = self.watched.remove(&path) {
                self.settle(&mut watched, Lives::NoMore);
                let _ = fs::remove_file(&path);
            }
        }
    }

    fn settle(&mut self, watched: &mut Watched, lives: Lives) {
        watched.read();
        watched.hear(&self.folder, watched.most(ByteCount::ZERO));
        self.hear(watched);
        watched.add_to(&mut self.ended, lives);
        self.counts.add(&watched.counted);
    }

    fn hear(&mut self, watched: &mut Watched) {
        if let Some((in_use, variables)) = watched.variables.take()
            && self.variables.as_ref().is_none_or(|(before, _)| in_use >= *before)
        {
            self.variables = Some((in_use, variables));
        }
        if let Some(ended) = watched.ended.take().filter(|_| watched.process == self.root) {
            self.last_variables = Some(ended);
        }
        if let Some(thrown) = watched.thrown.take() {
            self.thrown = Some(thrown);
        }
    }

    /// What the tree has in use: all that is resident, what is shared once, without data of mapped files.
    fn in_use(&self) -> ByteCount {
        let all = self.processes.together();
        let data = self
            .watched
            .values()
            .filter_map(|watched| Some(watched.data(self.processes.members.get(&watched.process)?)));
        all - data.sum()
    }

    /// Tells each process what others have, and hears what its helper wrote.
    fn tell(&mut self, in_use: ByteCount) {
        let mut heard = Vec::new();
        for (path, watched) in &mut self.watched {
            let Some(member) = self.processes.members.get(&watched.process) else { continue };
            let own = member.resident - watched.data(member);
            watched.tell_others((in_use - own).bytes());
            watched.hear(&self.folder, own);
            if watched.variables.is_some() || watched.ended.is_some() || watched.thrown.is_some() {
                heard.push(path.clone());
            }
        }
        for path in heard {
            if let Some(mut watched) = self.watched.remove(&path) {
                self.hear(&mut watched);
                self.watched.insert(path, watched);
            }
        }
    }

    fn remember(&mut self, in_use: ByteCount) {
        let ms = self.ms();
        let file: ByteCount = self.processes.members.values().map(|member| member.file).sum();
        let resident = self.processes.together();
        let anonymous = Some(resident - file);
        self.growth.sample(Sample { ms, resident: in_use, anonymous, ..Sample::default() });
        self.peak = self.peak.max(in_use);
        // A new peak is worth a picture when it is 2 % above the one before.
        let may_take = PICTURES_AT_ONCE + self.elapsed() / PART_OF_TIME;
        // What a process held may have been seen before its lines could be.
        let is_due = in_use > worth_telling(self.pictured) || self.has_new && in_use >= nearly(self.pictured);
        if is_due && self.took < may_take {
            let begun = Instant::now();
            self.pictured = in_use;
            self.has_new = false;
            self.picture();
            self.took += begun.elapsed();
        }
        let root = self.watched.values().find(|watched| watched.process == self.root);
        // What is given back when an interpreter is taken down says nothing of the program.
        let ends = root.is_some_and(|watched| watched.counted.word(word::ENDS) != 0);
        if self.growth.is_due(ms) && !ends {
            let mut now = Ledger::default();
            for watched in self.watched.values_mut() {
                watched.read();
                watched.add_to(&mut now, Lives::Still);
            }
            self.growth.lines(ms, &now);
            let last = self.watched.values_mut().find(|watched| watched.process == self.root);
            let function = last.map(Watched::last_function);
            self.growth.phase(&function.unwrap_or_default(), ms, in_use);
        }
    }

    /// Takes the picture of the processes that hold the most now.
    fn picture(&mut self) {
        let members = &self.processes.members;
        let own =
            |watched: &Watched| members.get(&watched.process).map(|member| member.resident - watched.data(member));
        let mut largest: Vec<(ByteCount, &PathBuf)> =
            self.watched.iter().filter_map(|(path, watched)| Some((own(watched)?, path))).collect();
        largest.sort_by_key(|(own, _)| std::cmp::Reverse(*own));
        largest.truncate(PICTURES);
        let largest: HashSet<&PathBuf> = largest.into_iter().map(|(_, path)| path).collect();
        let is_one = |path: &PathBuf| if largest.contains(path) { Part::Now } else { Part::Nothing };
        let parts: Vec<Part> = self.watched.keys().map(is_one).collect();
        self.at_peak = self.parts(&parts);
    }

    /// Returns all that is known; the tree has ended, or is not watched any more.
    pub(crate) fn end(mut self) -> Seen {
        self.find_files();
        for watched in self.watched.values_mut() {
            watched.look(None);
        }
        let all: Vec<PathBuf> = self.watched.keys().cloned().collect();
        self.see_between(ByteCount::ZERO, &all);
        let watched = std::mem::take(&mut self.watched);
        let (mut last, mut refused, mut after) = (Vec::new(), None, None);
        for mut watched in watched.into_values() {
            self.settle(&mut watched, Lives::Still);
            refused = Refused::of(&watched.counted).or(refused);
            let at_end = watched.counted.word(word::IN_USE_AT_END);
            after = Some(ByteCount::new(at_end)).filter(|_| at_end > 0 && watched.process == self.root).or(after);
            last.push(watched);
        }
        if self.most_members == 1 && last.is_empty() {
            self.peak = self.peak.max(self.kernel_peak);
        }
        let base = self.explain_peak(&last);
        let variables = match (self.variables.map(|(_, variables)| variables), self.last_variables) {
            (Some(variables), Some(last)) => {
                Some(variables.and(last, after.is_some_and(|after| after >= nearly(self.peak))))
            }
            (variables, last) => variables.or(last),
        };
        let (ledger, growth, peak, counts, thrown) = (self.ended, self.growth, self.peak, self.counts, self.thrown);
        Seen { ledger, growth, peak, base, counts, variables, thrown, after, refused }
    }

    /// Charges what was held at the peak to lines, and returns what was the interpreter's and its libraries'. `last` are those that
    /// were there at the end.
    fn explain_peak(&mut self, last: &[Watched]) -> ByteCount {
        // Of one process alone, the kernel's own peak and what the process remembered are known too, and may be between two looks;
        // also of the first process, where others, such as a script that starts the program, were there before it, or were small.
        let is_alone = last.len() == 1 && self.counts.processes == 1;
        let kernel_peak = if is_alone { self.kernel_peak } else { ByteCount::ZERO };
        let root = last.iter().filter(|watched| watched.process == self.root).max_by_key(|watched| watched.turn);
        let Some(watched) = root.filter(|watched| is_alone || watched.most(kernel_peak) >= nearly(self.peak)) else {
            for seen in &self.at_peak {
                self.ended.add_peak(&seen.counted, &seen.picture.sites);
            }
            return self.at_peak.iter().map(|seen| seen.base).sum();
        };
        let most = watched.most(kernel_peak);
        self.peak = self.peak.max(most);
        let base = watched.base();
        let seen = self.at_peak.iter().filter(|seen| seen.path == watched.path).map(|seen| seen.picture.clone());
        let pictures = seen.chain([Picture::remembered(&watched.counted, most - base)]);
        if let Some(best) = picture::best(pictures.collect(), base, most) {
            self.ended.add_peak(&watched.counted, &best.sites);
        }
        base
    }
}

/// Returns what is nearly as much: what lacks is small beside it.
fn nearly(bytes: ByteCount) -> ByteCount {
    bytes - bytes.percent(5)
}

impl Refused {
    fn of(counted: &Counted) -> Option<Self> {
        if counted.word(word::REFUSED) == 0 {
            return None;
        }
        let site = usize::try_from(counted.word(word::REFUSED_SITE)).unwrap_or(0);
        let line = charged(counted, site).line;
        let [bytes, in_use] = [word::REFUSED_BYTES, word::REFUSED_IN_USE].map(|at| ByteCount::new(counted.word(at)));
        Some(Self { bytes, in_use, file: line.file, function: line.function, line: line.line })
    }
}

impl Counts {
    fn add(&mut self, counted: &Counted) {
        let word = |at: usize| counted.word(at);
        self.refused += word(word::REFUSED);
        self.raised += word(word::RAISED);
        self.spared += word(word::SPARED);
        self.trims += word(word::TRIMS);
        self.collections += word(word::COLLECTIONS);
        self.dropped += word(word::DROPPED);
        self.other_malloc += word(word::OTHER_MALLOC);
        self.other_errors += word(word::OTHER_ERROR);
        match word(word::WALK) {
            walk::WORKS => self.walked += 1,
            walk::FAILED => self.failed += 1,
            walk::UNKNOWN_VERSION => self.unknown_version += 1,
            walk::FREE_THREADED => self.free_threaded += 1,
            walk::PYPY => self.pypy += 1,
            _ => {}
        }
    }
}
