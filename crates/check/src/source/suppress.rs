//! Comments that switch rules off: `# tidegate: ignore[TG001]` for a line, `# tidegate: ignore-file` for a file.

use super::Source;
use ruff_text_size::TextRange;
use rustc_hash::FxHashMap;

/// What of a source is not to be told.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    file: Option<Codes>,
    lines: FxHashMap<usize, Codes>,
}

/// Which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Codes {
    All,
    Some(Vec<String>),
}

impl Codes {
    fn holds(&self, code: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(codes) => codes.iter().any(|named| named.eq_ignore_ascii_case(code)),
        }
    }
}

const MARK: &str = "tidegate:";

impl Suppressions {
    /// Reads the comments of a source.
    pub(crate) fn of(source: &Source) -> Self {
        let mut found = Self::default();
        for (at, _) in source.text.match_indices(MARK) {
            let offset = u32::try_from(at).unwrap_or(u32::MAX);
            let line = source.line_at(offset.into());
            let start = source.line_start(line);
            let is_comment = source.text.get(start..at).is_some_and(|before| before.trim_end().ends_with('#'));
            let rest = source.line(line).get(at - start + MARK.len()..).unwrap_or_default().trim_start();
            if !is_comment {
                continue;
            }
            if let Some(rest) = rest.strip_prefix("ignore-file") {
                found.file = Some(codes(rest));
            } else if let Some(rest) = rest.strip_prefix("ignore") {
                found.lines.insert(line, codes(rest));
            }
        }
        found
    }

    /// Returns whether a finding is not to be told: by the file, or by a line of its range.
    pub(crate) fn hide(&self, source: &Source, code: &str, range: TextRange) -> bool {
        if self.file.as_ref().is_some_and(|codes| codes.holds(code)) {
            return true;
        }
        if self.lines.is_empty() {
            return false;
        }
        let lines = source.line_at(range.start())..=source.line_at(range.end());
        lines.into_iter().any(|line| self.lines.get(&line).is_some_and(|codes| codes.holds(code)))
    }
}

/// Reads `[TG001, TG002]`; nothing is all.
fn codes(text: &str) -> Codes {
    let Some((list, _)) = text.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return Codes::All;
    };
    Codes::Some(list.split(',').map(|code| code.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_hide_what_they_name() {
        let text = "a = 1  # tidegate: ignore[TG001, tg002]\nb = 2  # tidegate: ignore\nc = 'tidegate: ignore'\n";
        let source = Source::of_text("a.py", text.into()).unwrap();
        let suppressions = Suppressions::of(&source);
        let hides = |code: &str, offset: u32| suppressions.hide(&source, code, TextRange::empty(offset.into()));
        assert!(hides("TG001", 0) && hides("TG002", 0) && !hides("TG003", 0));
        assert!(hides("TG003", 45) && !hides("TG001", 72));
        let source = Source::of_text("a.py", "# tidegate: ignore-file[TG001]\na = 1\n".into()).unwrap();
        let suppressions = Suppressions::of(&source);
        assert!(suppressions.hide(&source, "TG001", TextRange::empty(35.into())));
        assert!(!suppressions.hide(&source, "TG002", TextRange::empty(35.into())));
    }
}
