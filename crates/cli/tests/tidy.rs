//! The house rules that no lint knows, over every source file of the repository.
//!
//! Each rule says where it is written down: STYLE.md or ARCHITECTURE.md. An exception is a line in an allow-list here, with
//! its reason.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Lines of a file without its tests.
const MOST_LINES: usize = 600;

/// Crates that may name DataFusion.
const DATAFUSION: [&str; 3] = ["govern", "engine", "cluster"];

/// Where `unsafe` may be; in `exchange`, Arrow's interface of C.
const UNSAFE: [&str; 3] = ["crates/memory/src/allocator/", "crates/preload/src/", "crates/python/src/exchange.rs"];

/// A source file: its path from the root, and its text.
struct Source {
    name: String,
    text: String,
}

#[test]
fn every_rust_file_begins_with_what_it_is() {
    let build_script = |name: &str| name.ends_with("/build.rs");
    check(rust(), |file| {
        (!file.text.starts_with("//!") && !build_script(&file.name)).then_some("begins without `//!`".into())
    });
}

#[test]
fn no_file_is_too_long() {
    let is_test = |name: &str| name.contains("/tests/") || name.ends_with("/tests.rs");
    check(rust().into_iter().filter(|file| !is_test(&file.name)), |file| {
        let lines = without_tests(&file.text).lines().count();
        (lines > MOST_LINES).then(|| format!("{lines} lines without tests, {MOST_LINES} are allowed"))
    });
}

#[test]
fn nothing_is_left_to_do() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let macros = [concat!("to", "do!"), concat!("unimple", "mented!")];
    check(sources(), |file| {
        let word = words.iter().find(|word| has_word(&file.text, word));
        word.or_else(|| macros.iter().find(|name| file.text.contains(*name))).map(|found| format!("holds {found}"))
    });
}

#[test]
fn mod_files_are_tables_of_contents() {
    check(rust().into_iter().filter(|file| file.name.ends_with("/mod.rs")), |file| {
        logic(&file.text).map(|item| format!("holds more than `mod` and `use`: {item}"))
    });
}

#[test]
fn only_the_command_prints() {
    let prints = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!(", "stdout()", "stderr()"];
    let files = rust().into_iter().filter(|file| file.name.contains("/src/") && !file.name.starts_with("crates/cli/"));
    check(files, |file| {
        let code = code(&file.text);
        prints.iter().find(|print| code.contains(*print)).map(|print| format!("prints: {print}"))
    });
}

#[test]
fn only_three_crates_name_the_query_engine() {
    let allowed = |name: &str| DATAFUSION.iter().any(|member| name == format!("crates/{member}/Cargo.toml"));
    let manifests =
        sources().into_iter().filter(|file| file.name.starts_with("crates/") && file.name.ends_with("/Cargo.toml"));
    check(manifests.filter(|file| !allowed(&file.name)), |file| depends_on(&file.text, "datafusion"));
}

#[test]
fn unsafe_code_has_its_place() {
    let allowed = |name: &str| UNSAFE.iter().any(|folder| name.starts_with(folder));
    check(rust().into_iter().filter(|file| !allowed(&file.name)), |file| {
        let word = concat!("un", "safe");
        has_word(&code(&file.text), word).then(|| format!("holds {word} code"))
    });
}

#[test]
fn formats_do_no_io() {
    let io = ["std::fs", "std::io", "fs::", "io::", "File::open", "std::net", "tokio::"];
    let formats: Vec<_> = sources().into_iter().filter(|file| file.name.starts_with("crates/formats/")).collect();
    let manifest = formats.iter().find(|file| file.name == "crates/formats/Cargo.toml").unwrap();
    for crate_name in ["tokio", "datafusion"] {
        assert_eq!(depends_on(&manifest.text, crate_name), None);
    }
    check(formats.into_iter().filter(|file| file.name.starts_with("crates/formats/src/")), |file| {
        let code = code(&file.text);
        io.iter().find(|path| has_word(&code, path)).map(|path| format!("does I/O: {path}"))
    });
}

#[test]
fn the_architecture_is_told_in_200_lines() {
    if let Ok(text) = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")) {
        let lines = text.lines().count();
        assert!(lines <= 200, "ARCHITECTURE.md has {lines} lines");
    }
}

/// What only this or that machine has.
#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("replace", "-with"), concat!("index", "-url")];
    check(sources(), |file| {
        places.iter().find(|place| file.text.contains(*place)).map(|place| format!("names {place}"))
    });
    let locked = fs::read_to_string(Path::new(ROOT).join("Cargo.lock")).unwrap();
    let mut registries: Vec<_> = locked.lines().filter(|line| line.starts_with("source = ")).collect();
    registries.sort_unstable();
    registries.dedup();
    assert_eq!(registries.len(), 1, "Cargo.lock names more than one registry: {registries:?}");
}

#[test]
fn the_rules_see_what_they_look_for() {
    let contents = "//! A.\n\nmod a;\n#[cfg(test)]\npub(crate) mod b;\n\npub use a::{\n    B,\n    C,\n};\n";
    assert_eq!(logic(contents), None);
    for more in ["fn a() {}", "mod a {\n}", "pub struct A;", "const A: u8 = 1;"] {
        assert!(logic(&format!("{contents}{more}\n")).is_some(), "{more}");
    }
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n    b\n}\nc\n"), "a\nc\n");
    assert_eq!(code("a // b\n#[cfg(test)]\nmod tests;\n"), "a \n#[cfg(test)]\nmod tests;");
    assert!(has_word("a word.", "word") && has_word("std::io::Read", "std::io") && !has_word("a_word", "word"));
    assert!(depends_on("datafusion.workspace = true", "datafusion").is_some());
}

/// Fails with every file that breaks a rule and how.
fn check(files: impl IntoIterator<Item = Source>, rule: impl Fn(&Source) -> Option<String>) {
    let mut checked = 0;
    let broken: Vec<_> = files
        .into_iter()
        .inspect(|_| checked += 1)
        .filter_map(|file| rule(&file).map(|how| format!("{}: {how}", file.name)))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    assert!(checked > 0, "the rule met no file");
}

fn rust() -> Vec<Source> {
    sources()
        .into_iter()
        .filter(|file| Path::new(&file.name).extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Returns every text file that people write: neither what is built nor what is hidden, but for `.ci` and its kin.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(Path::new(ROOT), &mut sources);
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let built = ["target", ".git", "node_modules", "__pycache__", ".venv", "Cargo.lock"].contains(&name.as_str());
        if built || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, sources);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let name = path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned();
            sources.push(Source { name, text });
        }
    }
}

/// Returns the text without inline modules of tests, which end with a brace in the first column.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let module = lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if line == "#[cfg(test)]" && module {
            lines.find(|line| *line == "}");
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Returns the text without tests and comments.
fn code(text: &str) -> String {
    let text = without_tests(text);
    let code = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    code.collect::<Vec<_>>().join("\n")
}

/// Returns the first item that is neither `mod` nor `use`.
fn logic(text: &str) -> Option<String> {
    let code = code(text);
    let items: Vec<_> = code.lines().filter(|line| !line.starts_with("#[") && !line.starts_with("#![")).collect();
    let items = items.join("\n");
    let is_contents = |item: &str| {
        let item = item.split_once(") ").filter(|(start, _)| start.starts_with("pub(")).map_or(item, |(_, item)| item);
        let item = item.strip_prefix("pub ").unwrap_or(item);
        item.is_empty() || item.starts_with("mod ") && !item.contains('{') || item.starts_with("use ")
    };
    let other = items.split(';').map(str::trim).find(|item| !is_contents(item));
    other.map(|item| item.lines().next().unwrap_or_default().to_owned())
}

/// Returns whether `word` stands in the text by itself, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(joins);
        let after = text[at + word.len()..].chars().next().is_some_and(joins);
        !before && (!after || word.ends_with(':'))
    })
}

/// Returns the line of a manifest that depends on a crate or on a part of it.
fn depends_on(manifest: &str, crate_name: &str) -> Option<String> {
    let line = manifest
        .lines()
        .find(|line| line.trim_start().starts_with(crate_name) || line.contains(&format!("\"{crate_name}")));
    line.map(|line| format!("depends on {line}"))
}
