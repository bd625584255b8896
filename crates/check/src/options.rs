//! What is checked, and how.

use crate::{
    GuardedRun,
    rules::{ON_REQUEST, RULES},
};
use std::{collections::BTreeMap, path::PathBuf};

/// What is checked, and how. The command line and Python fill it in.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Files, notebooks and folders.
    pub paths: Vec<PathBuf>,
    /// Codes of rules, or beginnings of them, that are applied, or `ALL`; empty for what `pyproject.toml` says, else all but
    /// those that are applied on request only.
    pub select: Vec<String>,
    /// Codes of rules, or beginnings of them, that are not applied, beside those that `pyproject.toml` names.
    pub ignore: Vec<String>,
    /// Files behind names of the script: `raw` is `big.csv`.
    pub data: BTreeMap<String, PathBuf>,
    /// A guarded run, by which findings are ranked.
    pub run: Option<GuardedRun>,
}

/// Which rules are applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub select: Vec<String>,
    pub ignore: Vec<String>,
}

impl Selection {
    /// Returns a code that no rule begins with, if there is one.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let is_known = |start: &String| {
            let start = start.to_ascii_uppercase();
            start == "ALL"
                || start == "TG000"
                || RULES.iter().any(|rule| !start.is_empty() && rule.code.starts_with(&start))
        };
        self.select.iter().chain(&self.ignore).find(|start| !is_known(start)).map(String::as_str)
    }

    /// Returns whether a rule is applied.
    pub(crate) fn has(&self, code: &str) -> bool {
        let named = |list: &[String]| {
            list.iter().any(|start| start.eq_ignore_ascii_case("all") || code.starts_with(&start.to_ascii_uppercase()))
        };
        let is_asked_for = named(&self.select) || (self.select.is_empty() && !ON_REQUEST.contains(&code));
        is_asked_for && !named(&self.ignore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_selected_by_the_beginning_of_their_code() {
        let check = |select: &[&str], ignore: &[&str], code: &str| {
            let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            Selection { select: list(select), ignore: list(ignore) }.has(code)
        };
        assert!(check(&[], &[], "TG001") && check(&["tg00"], &[], "TG001") && check(&["ALL"], &[], "TG026"));
        assert!(check(&["all"], &[], "TG030") && check(&["TG03"], &[], "TG030") && !check(&[], &[], "TG030"));
        assert!(
            !check(&["TG002"], &[], "TG001")
                && !check(&[], &["TG001"], "TG001")
                && !check(&["TG001"], &["TG"], "TG001")
        );
    }
}
