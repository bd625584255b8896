//! Every script of `tests/corpus` is run as it is, and again with every change that is proven: what it prints and what it writes
//! must be the same, byte by byte.
//!
//! Needs a Python with pandas (`TIDEGATE_PYTHON`, else `python3`); without one, only the changes are made and compiled.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by a panic")]

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tidegate_check::{Options, check, fixes};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

/// What a script printed and wrote.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: String,
    printed: String,
    files: BTreeMap<String, Vec<u8>>,
}

#[test]
fn scripts_do_the_same_with_every_change() {
    let python = env::var("TIDEGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_pandas = Command::new(&python).args(["-c", "import pandas"]).output().is_ok_and(|out| out.status.success());
    let scripts = scripts();
    assert!(scripts.len() >= 40, "{} scripts", scripts.len());
    let (mut changed, mut deletions, mut read) = (0, 0, 0);
    let mut runs = Vec::new();
    for script in &scripts {
        let name = script.file_stem().unwrap().to_string_lossy().into_owned();
        let (before, after) = (folder(script), folder(script));
        let path = after.path().join(script.file_name().unwrap());
        let report = check(&Options { paths: vec![path.clone()], ..Options::default() }).unwrap();
        assert!(report.findings.iter().all(|finding| finding.code != "TG000"), "{name}: {:?}", report.findings);
        let of = |code: &str| report.findings.iter().filter(|f| f.code == code && !f.edits.is_empty()).count();
        deletions += of("TG001");
        read += of("TG002") + of("TG003");
        let made = fixes(&report.findings).unwrap();
        changed += made.len();
        for fix in &made {
            fix.write().unwrap();
        }
        runs.push((name, made.iter().map(tidegate_check::FileFix::diff).collect::<String>(), before, after));
    }
    if has_pandas {
        let scripts = runs.iter().flat_map(|(name, _, before, after)| {
            [before, after].map(|folder| folder.path().join(format!("{name}.py")))
        });
        run(&python, &scripts.collect::<Vec<_>>());
        for (name, diff, before, after) in &runs {
            let (one, other) = (outcome(before.path(), name), outcome(after.path(), name));
            assert_eq!(one.code, "0", "{name} fails as it is: {}", one.printed);
            assert_eq!(one.printed, other.printed, "{name} prints something else with:\n{diff}");
            assert!(one == other, "{name} writes something else with:\n{diff}");
        }
    }
    if !has_pandas {
        println!("not run: `{python}` has no pandas");
    }
    // Without changes, nothing would have been compared.
    assert!(changed >= 30 && deletions >= 40 && read >= 3, "{changed} scripts, {deletions} deletions, {read} reads");
}

fn scripts() -> Vec<PathBuf> {
    let mut scripts: Vec<_> = fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    scripts.sort();
    scripts
}

/// A folder with the script and the files that scripts read.
fn folder(script: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(script, folder.path().join(script.file_name().unwrap())).unwrap();
    for (name, text) in data() {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Runs scripts, each in its folder: pandas is loaded once, and each script has a process that is forked from there.
fn run(python: &str, scripts: &[PathBuf]) {
    let status = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run_scripts.py"))
        .args(scripts)
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONWARNINGS", "ignore")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// Reads what a script printed and wrote.
fn outcome(folder: &Path, name: &str) -> Outcome {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        files.insert(path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
    }
    let mut text = |name: &str| String::from_utf8_lossy(&files.remove(name).unwrap()).into_owned();
    let (code, printed) = (text("exit-code"), text("printed"));
    // The script itself is what differs.
    files.remove(&format!("{name}.py"));
    Outcome { code, printed, files }
}

/// The files that scripts read: some thousand rows, always the same.
fn data() -> Vec<(&'static str, String)> {
    let mut state = 1_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let methods = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
    let (mut access, mut orders) = ("ts,user,method,path,status,bytes,duration\n".to_owned(), String::new());
    for row in 0..1_500_u64 {
        let (day, hour, minute) = (1 + row / 500, row % 24, next(60));
        let (user, status) = (next(20), [200, 200, 200, 404, 500][usize::try_from(next(5)).unwrap()]);
        let method = methods[usize::try_from(next(6)).unwrap()];
        let (bytes, duration) = (next(20_000), next(1_000));
        let path = if next(3) == 0 { "/api".to_owned() } else { format!("/api/v{}/item{}", 1 + next(2), next(40)) };
        writeln!(
            access,
            "2026-03-{day:02} {hour:02}:{minute:02}:00,u{user},{method},{path},{status},{bytes},0.{duration:03}"
        )
        .unwrap();
    }
    orders.push_str("order_id,user,item,qty,price,day\n");
    for row in 0..400_u64 {
        let item = ["pen", "book", "lamp", "desk"][usize::try_from(next(4)).unwrap()];
        writeln!(
            orders,
            "{row},u{},{item},{},{}.{:02},2026-03-{:02}",
            next(20),
            1 + next(9),
            next(90),
            next(100),
            1 + next(28)
        )
        .unwrap();
    }
    let mut users = "user,country,plan,rate\n".to_owned();
    for user in 0..20_u64 {
        let country = ["DE", "FR", "US"][usize::try_from(next(3)).unwrap()];
        let plan = ["free", "pro"][usize::try_from(next(2)).unwrap()];
        writeln!(users, "u{user},{country},{plan},1.{:02}", next(100)).unwrap();
    }
    let mut events = String::new();
    for _ in 0..200 {
        let kind = ["click", "view"][usize::try_from(next(2)).unwrap()];
        writeln!(events, "{{\"kind\": \"{kind}\", \"user\": \"u{}\", \"value\": {}}}", next(20), next(100)).unwrap();
    }
    let numbers =
        (0..100).map(|_| format!("{} {} {}.5\n", next(100), next(100), next(100))).collect::<Vec<_>>().concat();
    vec![
        ("access.csv", access),
        ("orders.csv", orders),
        ("users.csv", users),
        ("events.ndjson", events),
        ("numbers.txt", numbers),
    ]
}
