//! The pages of `docs/rules` are what the rules say of themselves. `TIDEGATE_BLESS=1` writes them.

use std::{env, fs, path::PathBuf};
use tidegate_check::{RULES, rule};

#[test]
fn the_pages_are_those_of_the_rules() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules"));
    let mut pages: Vec<(String, String)> =
        RULES.iter().map(|rule| (format!("{}.md", rule.code), rule.page())).collect();
    let lines = RULES
        .iter()
        .map(|rule| format!("| [{0}]({0}.md) | `{1}` | {2} | {3} |\n", rule.code, rule.name, rule.title, rule.saving));
    let head = "# Rules of `tidegate check`\n\n| code | name | what it finds | what that saves |\n|---|---|---|---|\n";
    pages.push(("README.md".to_owned(), head.to_owned() + &lines.collect::<String>()));
    if env::var_os("TIDEGATE_BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &pages {
        let there = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(&there, text, "docs/rules/{name}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), pages.len(), "a page of no rule is in docs/rules");
}

#[test]
fn rules_are_found_by_code_and_name() {
    assert_eq!(rule("tg001").unwrap().name, "dead-but-alive");
    assert_eq!(rule("dead-but-alive").unwrap().code, "TG001");
    assert_eq!(rule("TG999").unwrap_err().to_string(), "no rule `TG999`");
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted);
}
