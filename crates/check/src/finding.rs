//! What is found, and how it is put into words.

use crate::{
    module::Module,
    rules::Rule,
    source::{Place, Refusal, Source},
};
use ruff_text_size::{Ranged, TextRange, TextSize};
use serde::Serialize;
use tidegate_memory::ByteCount;

/// What would be saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saving {
    /// In bytes, if the data were looked at.
    pub bytes: Option<u64>,
    /// In words: a factor, or what it depends on.
    pub factor: String,
}

/// A change of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What takes the place.
    pub text: String,
}

/// Something about the memory of a script.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The code of the rule: `TG001`.
    pub code: &'static str,
    /// The name of the rule: `dead-but-alive`.
    pub name: &'static str,
    /// The file.
    pub file: String,
    /// Where it begins.
    #[serde(flatten)]
    pub place: Place,
    /// Where it ends.
    pub end: Place,
    /// What is the matter, in one sentence.
    pub message: String,
    /// What to do, in one line.
    pub fix: String,
    /// What that saves.
    pub saving: Saving,
    /// What a run measured at these lines.
    pub measured: Option<u64>,
    /// The change that does it, where it is proven to change nothing else.
    pub edits: Vec<Edit>,
    /// The source line, or the part of a long one around the place.
    #[serde(skip)]
    pub line: String,
    /// How many characters of the line stand before that part.
    #[serde(skip)]
    pub(crate) skipped: usize,
    /// Other lines that it is about: where a value is made that lives too long.
    #[serde(skip)]
    pub(crate) lines: Vec<u32>,
    /// The name that the finding is about, as far as others could import it.
    #[serde(skip)]
    pub(crate) global: Option<String>,
    /// Offset of the beginning, for the order.
    #[serde(skip)]
    pub(crate) range: TextRange,
}

impl Finding {
    /// Returns what a file is not read for.
    pub(crate) fn unreadable(file: &str, refusal: &Refusal) -> Self {
        Self {
            code: "TG000",
            name: "unreadable",
            file: file.to_owned(),
            place: refusal.place,
            end: refusal.place,
            message: refusal.message.clone(),
            fix: String::new(),
            saving: Saving::default(),
            measured: None,
            edits: Vec::new(),
            line: String::new(),
            skipped: 0,
            lines: Vec::new(),
            global: None,
            range: TextRange::default(),
        }
    }

    /// Returns what is saved, in words; nothing if nobody knows.
    pub fn saving_text(&self) -> String {
        match (self.saving.bytes, self.saving.factor.as_str()) {
            (Some(bytes), "") => format!("about {}", ByteCount::new(bytes)),
            (Some(bytes), factor) => format!("about {}: {factor}", ByteCount::new(bytes)),
            (None, factor) => factor.to_owned(),
        }
    }

    /// Returns where in [`Finding::line`] it begins, in characters.
    pub fn column(&self) -> usize {
        (self.place.column as usize).saturating_sub(1 + self.skipped)
    }

    /// Returns how many columns the finding takes in its first line.
    pub fn width(&self) -> usize {
        if self.end.line > self.place.line {
            return self.line.chars().count().saturating_sub(self.column()).max(1);
        }
        (self.end.column.saturating_sub(self.place.column) as usize).max(1)
    }
}

/// How many findings of a file are told.
const MOST_FINDINGS: usize = 1_000;

/// The longest line that is kept whole, and what is kept before the place in a longer one. Files of one line are not rare.
const LONG_LINE: usize = 400;
const BEFORE: usize = 60;

/// Where rules put what they find.
pub(crate) struct Findings<'m, 'a> {
    module: &'m Module<'a>,
    pub found: Vec<Finding>,
}

impl<'m, 'a> Findings<'m, 'a> {
    pub(crate) fn new(module: &'m Module<'a>) -> Self {
        Self { module, found: Vec::new() }
    }

    /// Adds a finding, and returns it to be filled; nothing once there are too many to be read.
    pub(crate) fn add(&mut self, rule: &'static Rule, at: &impl Ranged, message: String) -> Option<&mut Finding> {
        if self.found.len() >= MOST_FINDINGS {
            return None;
        }
        let source: &Source = self.module.source;
        let range = at.range();
        let place = source.place(range.start());
        let line = source.line(source.line_at(range.start()));
        let skipped = if line.len() > LONG_LINE { (place.column as usize).saturating_sub(1 + BEFORE) } else { 0 };
        self.found.push(Finding {
            code: rule.code,
            name: rule.name,
            file: source.name.clone(),
            place,
            end: source.place(range.end()),
            message,
            fix: rule.fix.to_owned(),
            saving: Saving { bytes: None, factor: rule.saving.to_owned() },
            measured: None,
            edits: Vec::new(),
            line: line.chars().skip(skipped).take(LONG_LINE).collect(),
            skipped,
            lines: Vec::new(),
            global: None,
            range,
        });
        self.found.last_mut()
    }
}

impl Finding {
    /// Says what to do.
    pub(crate) fn fix(&mut self, text: impl Into<String>) -> &mut Self {
        self.fix = text.into();
        self
    }

    /// Says what that saves: bytes, if they are known, and in words.
    pub(crate) fn saving(&mut self, bytes: Option<u64>, factor: impl Into<String>) -> &mut Self {
        self.saving = Saving { bytes, factor: factor.into() };
        self
    }

    /// Adds a change that is proven.
    pub(crate) fn edit(&mut self, range: TextRange, text: String) -> &mut Self {
        self.edits.push(Edit { start: range.start().to_usize(), end: range.end().to_usize(), text });
        self
    }

    /// Adds a text that is inserted, which is proven to change nothing.
    pub(crate) fn insert(&mut self, at: TextSize, text: String) -> &mut Self {
        self.edit(TextRange::empty(at), text)
    }
}
