//! What is seen of a tree of processes while it runs, and what is left of it at the end.

use crate::{
    charge::{Ledger, Lives, charged},
    counted::Counted,
    growth::Growth,
    layout::{walk, word},
    picture::{self, Picture},
    processes::Processes,
    variables::Variables,
    watched::Watched,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tidegate_memory::ByteCount;
use tidegate_report::record::Sample;

/// Processes whose picture is taken at a new peak, the largest first.
const PICTURES: usize = 64;

/// A picture that takes long is followed by another so many times later.
const SELDOM: u32 = 30;

/// Between two looks for new files.
const NEW_FILES: Duration = Duration::from_millis(40);

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
    next_picture: Instant,
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
            next_picture: started,
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
        if Instant::now() >= self.next_files {
            self.find_files();
            self.next_files = Instant::now() + NEW_FILES;
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
        self.settle_ended();
        let in_use = self.in_use();
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
                self.watched.insert(path, watched);
            }
        }
    }

    /// Puts what has ended to the rest. A process that started another program has a new file.
    fn settle_ended(&mut self) {
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        for watched in self.watched.values() {
            let turn = newest.entry(watched.process).or_default();
            *turn = watched.turn.max(*turn);
        }
        let is_newest = |watched: &Watched| newest.get(&watched.process) == Some(&watched.turn);
        let gone: Vec<PathBuf> = self
            .watched
            .values()
            .filter(|watched| watched.process != self.root || !is_newest(watched))
            .filter(|watched| !self.processes.members.contains_key(&watched.process) || !is_newest(watched))
            .map(|watched| watched.path.clone())
            .collect();
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
        let now = Instant::now();
        if in_use > self.pictured + self.pictured.percent(2).max(ByteCount::mib(1)) && now >= self.next_picture {
            self.pictured = in_use;
            self.picture();
            self.next_picture = now + now.elapsed() * SELDOM;
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

    fn picture(&mut self) {
        let mut largest: Vec<(&mut Watched, ByteCount, u64)> = Vec::new();
        for watched in self.watched.values_mut() {
            if let Some(member) = self.processes.members.get(&watched.process) {
                let own = member.resident - watched.data(member);
                largest.push((watched, own, member.share));
            }
        }
        largest.sort_by_key(|(_, own, _)| std::cmp::Reverse(*own));
        let pictures = largest.into_iter().take(PICTURES).map(|(watched, own, share)| {
            let picture = watched.picture(own);
            let base = ByteCount::new(watched.base().bytes() / 1000 * share);
            AtPeak { counted: watched.counted.clone(), picture, base }
        });
        let pictures: Vec<AtPeak> = pictures.collect();
        self.at_peak = pictures;
    }

    /// Returns all that is known; the tree has ended, or is not watched any more.
    pub(crate) fn end(mut self) -> Seen {
        self.find_files();
        let watched = std::mem::take(&mut self.watched);
        let (mut last, mut refused, mut after) = (Vec::new(), None, None);
        for mut watched in watched.into_values() {
            self.settle(&mut watched, Lives::Still);
            refused = Refused::of(&watched.counted).or(refused);
            let at_end = watched.counted.word(word::IN_USE_AT_END);
            after = Some(ByteCount::new(at_end)).filter(|_| at_end > 0 && watched.process == self.root).or(after);
            last.push(watched);
        }
        let mut ledger = self.ended;
        if self.most_members == 1 && last.is_empty() {
            self.peak = self.peak.max(self.kernel_peak);
        }
        // Of one process alone, the kernel's own peak and what the process remembered are known too, and may be between two looks;
        // also of the first process, where others, such as a script that starts the program, were there before it.
        let is_alone = last.len() == 1 && self.counts.processes == 1;
        let kernel_peak = if is_alone { self.kernel_peak } else { ByteCount::ZERO };
        let root = last.iter().filter(|watched| watched.process == self.root).max_by_key(|watched| watched.turn);
        let decisive = root.filter(|watched| is_alone || watched.most(kernel_peak) >= self.peak);
        let mut base = self.at_peak.iter().map(|seen| seen.base).sum();
        if let Some(watched) = decisive {
            let most = watched.most(kernel_peak);
            self.peak = self.peak.max(most);
            base = watched.base();
            let seen = self.at_peak.pop().filter(|_| is_alone).map(|seen| seen.picture);
            let pictures = seen.into_iter().chain([Picture::remembered(&watched.counted, most - base)]);
            if let Some(best) = picture::best(pictures.collect(), base, most) {
                ledger.add_peak(&watched.counted, &best.sites);
            }
        } else {
            for seen in &self.at_peak {
                ledger.add_peak(&seen.counted, &seen.picture.sites);
            }
        }
        let variables = match (self.variables.map(|(_, variables)| variables), self.last_variables) {
            (Some(variables), Some(last)) => Some(variables.and(last)),
            (variables, last) => variables.or(last),
        };
        let (growth, peak, counts, thrown) = (self.growth, self.peak, self.counts, self.thrown);
        Seen { ledger, growth, peak, base, counts, variables, thrown, after, refused }
    }
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
