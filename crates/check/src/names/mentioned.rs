//! Names that a text mentions: `df.query("a > @least")`, `pd.eval("x + y")`, SQL over frames.

/// Which names a text reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mentioned {
    /// Those after `@`.
    Marked,
    /// Every word.
    Words,
}

/// Returns the names that a text may reach.
pub(crate) fn mentioned(text: &str, how: Mentioned) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(is_part)?;
            let is_marked = rest.get(..start).is_some_and(|before| before.ends_with('@'));
            let word = rest.get(start..)?;
            let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
            let (word, after) = word.split_at_checked(end)?;
            rest = after;
            if is_marked || how == Mentioned::Words {
                return Some(word);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_texts() {
        let check = |text: &str, how, expected: &[&str]| {
            assert_eq!(mentioned(text, how).collect::<Vec<_>>(), expected, "{text}");
        };
        check("a > @least and b in @names", Mentioned::Marked, &["least", "names"]);
        check("@größe", Mentioned::Marked, &["größe"]);
        check("SELECT * FROM raw, b", Mentioned::Words, &["SELECT", "FROM", "raw", "b"]);
        check("", Mentioned::Words, &[]);
        check("@", Mentioned::Marked, &[]);
    }
}
