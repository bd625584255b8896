//! One guarded process: the file that it maps, and what was seen in it.

use crate::{
    charge::{self, Charges, Ledger, Lives},
    counted::{self, Counted},
    layout::word,
    picture::Picture,
    processes::Member,
    variables::Variables,
};
use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};
use tidegate_memory::ByteCount;

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
        let (told, program, path, charges) = (0, ByteCount::ZERO, path.into(), Charges::default());
        let (variables, ended, thrown) = (None, None, None);
        Some(Self { process, turn, path, file, counted, charges, told, program, variables, ended, thrown })
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
        }
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

    /// Takes a picture of what its sites hold.
    pub(crate) fn picture(&mut self, in_use: ByteCount) -> Picture {
        self.read();
        Picture::take(&self.counted, &self.file, self.process, in_use, self.base())
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

/// Reads a file and removes it.
fn take(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    let _ = fs::remove_file(path);
    Some(String::from_utf8_lossy(&text).into_owned())
}
