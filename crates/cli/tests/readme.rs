//! Every command and every query that README.md shows works as it stands there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use std::{env, fs, path::Path};
use tidegate::{TIDEGATE, command, run};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");

const LOG: &str = r#"203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 "-" "curl/8" 0.012
203.0.113.8 - anna [10/Oct/2026:13:55:37 +0000] "GET /b HTTP/1.1" 500 17 "-" "curl/8" 0.004
"#;

/// What the README's commands read, by name.
const FILES: [(&str, &str); 8] = [
    ("logs/access1.log", LOG),
    ("access.log", LOG),
    ("old.log", LOG),
    ("odd.txt", LOG),
    ("old/1.txt", LOG),
    ("events.ndjson", "{\"request\":{\"path\":\"/a\"},\"n\":1}\n"),
    ("events.txt", "{\"path\":\"/a\",\"n\":1}\n"),
    ("f.csv", "status;ts;path\n200;2026-10-10 13:55:36;/a\n"),
];

#[test]
fn every_command_runs() {
    let folder = files();
    let path = format!("{}:{}", Path::new(TIDEGATE).parent().unwrap().display(), env::var("PATH").unwrap());
    let mut count = 0;
    for line in blocks("sh").iter().flat_map(|block| block.lines()).filter(|line| line.contains("tidegate query")) {
        let mut shell = command("bash");
        shell.env("PATH", &path).current_dir(folder.path()).args(["-o", "pipefail", "-ec", line]);
        let ran = run(&mut shell, b"");
        assert!(ran.status.success() && !ran.stdout.is_empty(), "{line}: {ran}");
        count += 1;
    }
    assert!(count >= 4, "{count} commands in README.md");
}

#[test]
fn every_query_runs() {
    let folder = files();
    let mut count = 0;
    for query in blocks("sql").iter().flat_map(|block| block.lines()) {
        let mut query_command = command(TIDEGATE);
        let ran = run(query_command.current_dir(folder.path()).args(["query", query]), b"");
        assert!(ran.status.success() && ran.stderr.contains(" 0 rejects"), "{query}: {ran}");
        count += 1;
    }
    assert!(count >= 3, "{count} queries in README.md");
}

fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut gzip = command("gzip");
    assert!(run(gzip.current_dir(folder.path()).arg("old.log"), b"").status.success());
    folder
}

/// Returns the blocks of code in one language.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(README).unwrap();
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}
