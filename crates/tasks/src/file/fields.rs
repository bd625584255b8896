//! Values of a table in a task file, each with its line, and what is wrong with them.

use super::Placed;
use crate::{
    Problem,
    names::{nearest, quoted},
};
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The text of a task file and what was found to be wrong with it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub text: &'a str,
    pub problems: Vec<Problem>,
}

/// A table whose keys are all known.
pub(super) struct Fields<'a, 'b> {
    table: &'b DeTable<'a>,
}

impl Source<'_> {
    /// Returns the line of a place.
    pub fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        before.split(|byte| *byte == b'\n').count()
    }

    /// Keeps what is wrong.
    pub fn problem(&mut self, line: usize, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem { line, message: message.into(), help: Some(help.into()) });
    }

    /// Returns the line where a text begins, and whether its lines are lines of the file: it stands in three quotes then.
    pub fn first_line(&self, span: &Range<usize>) -> (usize, bool) {
        let line = self.line(span);
        let written = self.text.get(span.clone()).unwrap_or_default();
        let many = written.strip_prefix("\"\"\"").or_else(|| written.strip_prefix("'''"));
        // The first line break after the quotes is no part of the text.
        let below = many.is_some_and(|text| text.starts_with('\n') || text.starts_with("\r\n"));
        (line + usize::from(below), many.is_some())
    }

    /// Expects that the table has these keys only.
    pub fn fields<'a, 'b>(&mut self, table: &'b DeTable<'a>, known: &[&str], whose: &str) -> Fields<'a, 'b> {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let help = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("{whose} has {}", quoted(known.iter().copied())),
                };
                self.problem(self.line(&key.span()), format!("unknown key `{name}`"), help);
            }
        }
        Fields { table }
    }

    /// Expects a text.
    pub fn text(&mut self, value: &Spanned<DeValue<'_>>, key: &str, example: &str) -> Option<Placed<String>> {
        let line = self.line(&value.span());
        if let DeValue::String(text) = value.get_ref() {
            return Some(Placed { value: text.clone().into_owned(), line });
        }
        let found = value.get_ref().type_str();
        self.problem(line, format!("`{key}` is {found} and not a text"), format!("write it as `{key} = {example}`"));
        None
    }
}

impl Fields<'_, '_> {
    /// Returns a text.
    pub fn text(&self, source: &mut Source<'_>, key: &str, example: &str) -> Option<Placed<String>> {
        source.text(self.table.get(key)?, key, example)
    }

    /// Returns where the text of a key begins, and whether its lines are lines of the file.
    pub fn first_line(&self, source: &Source<'_>, key: &str) -> Option<(usize, bool)> {
        Some(source.first_line(&self.table.get(key)?.span()))
    }

    /// Returns a text or a list of texts; `None` if there is none.
    pub fn texts(&self, source: &mut Source<'_>, key: &str, example: &str) -> Option<Vec<Placed<String>>> {
        let value = self.table.get(key)?;
        let DeValue::Array(list) = value.get_ref() else {
            return source.text(value, key, example).map(|text| vec![text]);
        };
        Some(list.iter().filter_map(|item| source.text(item, key, example)).collect())
    }

    /// Returns a text or a list of texts that is not empty; `None` if there is none.
    pub fn some_texts(&self, source: &mut Source<'_>, key: &str, example: &str) -> Option<Vec<Placed<String>>> {
        let texts = self.texts(source, key, example)?;
        let value = self.table.get(key)?;
        if value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            let help = format!("write it as `{key} = {example}`, or leave it out");
            source.problem(source.line(&value.span()), format!("`{key}` is empty"), help);
        }
        Some(texts)
    }

    /// Returns a whole number within a range.
    pub fn number(&self, source: &mut Source<'_>, key: &str, range: Range<u32>) -> Option<u32> {
        let value = self.table.get(key)?;
        let number =
            value.get_ref().as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let fitting = number.and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        if fitting.is_none() {
            let line = source.line(&value.span());
            let help = format!("write it as `{key} = {}`", range.start.max(1));
            let most = range.end - 1;
            source.problem(line, format!("`{key}` is no whole number from {} to {most}", range.start), help);
        }
        fitting
    }

    /// Returns one of some words.
    pub fn word<T>(&self, source: &mut Source<'_>, key: &str, words: &Words<'_, T>) -> Option<T> {
        let example = format!("\"{}\"", words.names.first()?);
        let text = self.text(source, key, &example)?;
        let value = (words.read)(&text.value);
        if value.is_none() {
            let help = match nearest(&text.value, words.names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it is one of {}", quoted(words.names.iter().copied())),
            };
            source.problem(text.line, format!("`{key}` is no `{}`", text.value), help);
        }
        value
    }
}

/// Some words and what they mean.
pub(super) struct Words<'a, T> {
    pub names: &'a [&'a str],
    pub read: fn(&str) -> Option<T>,
}
