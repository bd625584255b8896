//! One guarded process: the file that it maps, and what was seen in it.

use crate::{
    between::Life,
    charge::{self, Charges, Ledger, Lives},
    counted::{self, Counted},
    layout::word,
    picture::{self, Picture},
    processes::Member,
    variables::Variables,
};
use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};
use tidegate_memory::{ByteCount, peak_resident_of};

/// A change of what others hold that is worth telling.
const TELL: u64 = 1 << 20;

/// One guarded process.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) process: u32,
    /// Of the programs that the process has been, the last has the greatest.
    pub(crate) turn: u64,
    pub(crate) path: PathBuf,
    file: File,
    /// What it had counted when all of it was read last.
    pub(crate) counted: Counted,
    pub(crate) charges: Charges,
    told: u64,
    /// What it held itself when it was seen last, and the most of that; pages of the process that it was forked from are not its own.
    own: ByteCount,
    seen: ByteCount,
    /// The kernel's own peak, and what the process remembered of its own when the kernel was asked.
    kernel_peak: ByteCount,
    asked_at: [u64; 2],
    /// The most of it that was pages of the program and its libraries.
    program: ByteCount,
    /// The variables when the most lived, and what was in use.
    pub(crate) variables: Option<(ByteCount, Variables)>,
    /// The variables of modules when it ended, if most of it lived still.
    pub(crate) ended: Option<Variables>,
    /// What was thrown, and the variables then.
    pub(crate) thrown: Option<Variables>,
}

impl Watched {
    /// Opens the file of a process, `PROCESS.TURN`, of which a later one has a greater turn; `None` if it is no such file, or not ready.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (process, turn) = name.split_once('.')?;
        let turn = turn.parse().ok()?;
        let process = process.parse().ok()?;
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        let counted = Counted::read(&file)?;
        let zero = ByteCount::ZERO;
        Some(Self {
            process,
            turn,
            path: path.into(),
            file,
            counted,
            charges: Charges::default(),
            told: 0,
            own: zero,
            seen: zero,
            kernel_peak: zero,
            asked_at: [0; 2],
            program: zero,
            variables: None,
            ended: None,
            thrown: None,
        })
    }

    /// Reads all that it has counted.
    pub(crate) fn read(&mut self) {
        if let Some(counted) = Counted::read(&self.file) {
            self.counted = counted;
        }
    }

    /// Reads the header alone, which is cheap.
    fn read_header(&mut self) {
        self.counted.read_header(&self.file);
    }

    /// Reads the header, and sees what of it is the program itself.
    pub(crate) fn look(&mut self, member: Option<&Member>) {
        self.read_header();
        if let Some(member) = member {
            self.program = self.program.max(member.file - self.data(member));
            self.own = (member.resident - self.inherited().max(member.file)).min(member.proportional());
            self.seen = self.seen.max(self.own);
        }
    }

    fn inherited(&self) -> ByteCount {
        ByteCount::new(self.counted.word(word::INHERITED))
    }

    /// Returns what is known of its most, for peaks between two looks; it is news once. `member` is what the kernel says of it,
    /// unless it is gone.
    pub(crate) fn life(&mut self, member: Option<&Member>) -> Life {
        let word = |at: usize| self.counted.word(at);
        let bytes = |at: usize| ByteCount::new(word(at));
        let (peak_at, left_at, ended_at) = (word(word::PEAK_AT), word(word::LEFT_AT), word(word::ENDED_AT));
        let or_later = |moment: u64| if moment == 0 { u64::MAX } else { moment };
        let end = or_later(if member.is_some() { 0 } else { ended_at });
        let held = peak_at..=or_later(left_at).min(end);
        let lived = word(word::BORN_AT)..=end;
        // What lived may have been touched or not; the kernel knows.
        let is_new = self.asked_at != [peak_at, left_at];
        let may_be_more = bytes(word::BASE) + bytes(word::PEAK_LIVE) > worth_telling(self.seen);
        if member.is_some() && is_new && may_be_more {
            self.asked_at = [peak_at, left_at];
            self.kernel_peak = peak_resident_of(self.process).unwrap_or_default();
        }
        let now = member.map_or(self.own, |member| member.proportional() - self.data(member));
        let own_most = self.own_most(member);
        let is_news = peak_at > 0 && own_most > worth_telling(self.seen);
        // Once is enough.
        self.seen = self.seen.max(own_most);
        let most = now.max(own_most);
        Life { most, is_news, held, lived, now }
    }

    /// Returns the most that it held itself, as far as it or the kernel saw it: of files in memory, others are likely to have the
    /// same, and its parent has what it was forked with.
    fn own_most(&self, member: Option<&Member>) -> ByteCount {
        let at_end = ByteCount::new(self.counted.word(word::LAST_FILE));
        let file = member.map_or(at_end.max(self.program), |member| member.file - self.data(member));
        self.most(self.kernel_peak) - self.inherited().max(file)
    }

    /// Returns what the interpreter and its libraries hold: what was anonymous when it began, and the pages of its files.
    pub(crate) fn base(&self) -> ByteCount {
        ByteCount::new(self.counted.word(word::BASE)) + self.program
    }

    /// Returns what of a member is data of mapped files, which the kernel can drop.
    pub(crate) fn data(&self, member: &Member) -> ByteCount {
        ByteCount::new(self.counted.word(word::MAPPED)).min(member.file)
    }

    /// Returns the most that it had in use, as far as it or the kernel saw it. The kernel counts data of mapped files.
    pub(crate) fn most(&self, kernel: ByteCount) -> ByteCount {
        let seen = ByteCount::new(self.counted.word(word::MOST_IN_USE));
        let last = ByteCount::new(self.counted.word(word::LAST_PEAK));
        if self.counted.word(word::MOST_MAPPED) == 0 { seen.max(last).max(kernel) } else { seen }
    }

    /// Adds what it has counted to a ledger.
    pub(crate) fn add_to(&mut self, ledger: &mut Ledger, lives: Lives) {
        ledger.add(&self.counted, &mut self.charges, lives);
    }

    /// Returns the function that allocated last.
    pub(crate) fn last_function(&mut self) -> String {
        let site = usize::try_from(self.counted.word(word::LAST_SITE)).unwrap_or(0);
        self.charges.of(&self.counted, site).line.function.clone()
    }

    /// Takes a picture of what its sites hold, and says what is the interpreter's and its libraries' of it. `member` is what was seen
    /// of it, unless it is gone: what it held then may have been freed since, and is remembered if that was its most.
    pub(crate) fn picture_of_now(&mut self, member: Option<&Member>) -> (Picture, ByteCount) {
        self.read();
        let (in_use, share) =
            member.map_or((self.own, 1000), |member| (member.resident - self.data(member), member.share()));
        let base = self.base();
        let now = Picture::take(&self.counted, &self.file, self.process, in_use, base);
        let own = in_use - self.inherited();
        let remembered = Picture::remembered(&self.counted, own - base);
        let best = picture::best(vec![now, remembered], base, own);
        (best.unwrap_or_default(), ByteCount::new(base.bytes() / 1000 * share))
    }

    /// Returns the picture of its most, and what is the interpreter's and its libraries' of that: what it remembered itself, or a
    /// picture that was taken before, whichever explains more of it.
    pub(crate) fn picture_of_most(&mut self, before: Option<Picture>) -> (Picture, ByteCount) {
        self.read();
        let base = ByteCount::new(self.counted.word(word::BASE));
        let most = self.most(self.kernel_peak) - self.inherited();
        let remembered = Picture::remembered(&self.counted, most - base);
        let best = picture::best([remembered].into_iter().chain(before).collect(), base, most);
        (best.unwrap_or_default(), base)
    }

    /// Tells it what the others of its tree hold.
    pub(crate) fn tell_others(&mut self, bytes: u64) {
        if bytes.abs_diff(self.told) >= TELL {
            self.told = bytes;
            counted::tell(&self.file, word::OTHERS, bytes);
        }
    }

    /// Reads what its helper has written since.
    pub(crate) fn hear(&mut self, folder: &Path, in_use: ByteCount) {
        let path = |kind: &str| folder.join(format!("{}.{kind}", self.process));
        if let Some(text) = take(&path("wanted")) {
            self.variables = Some((in_use, self.located(Variables::read(&text))));
        }
        if let Some(text) = take(&path("ended")) {
            self.ended = Some(self.located(Variables::read(&text)));
        }
        if let Some(text) = take(&path("error")) {
            self.thrown = Some(self.located(Variables::read(&text)));
        }
    }

    /// Finds out where the variables' buffers were allocated.
    fn located(&self, mut all: Variables) -> Variables {
        let Some(now) = Counted::read(&self.file) else { return all };
        for variable in all.variables.iter_mut().filter(|variable| variable.site > 0) {
            let line = charge::charged(&now, variable.site).line;
            if !line.file.is_empty() {
                variable.allocated = format!("{}:{}", line.file, line.line);
            }
        }
        all
    }
}

/// Returns from where on more than what was seen is worth telling.
pub(crate) fn worth_telling(seen: ByteCount) -> ByteCount {
    seen + seen.percent(2).max(ByteCount::mib(1))
}

/// Reads a file and removes it.
fn take(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    let _ = fs::remove_file(path);
    Some(String::from_utf8_lossy(&text).into_owned())
}
