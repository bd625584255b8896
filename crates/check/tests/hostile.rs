//! Whatever a file holds, there is an answer: findings, or one that says why it is not checked.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use tidegate_check::{Options, check, check_source};

fn told(text: &str) -> Vec<String> {
    check_source("a.py", text).unwrap().iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect()
}

fn told_of_bytes(name: &str, bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let report = check(&Options { paths: vec![path], ..Options::default() }).unwrap();
    report.findings.iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect()
}

#[test]
fn deep_nesting_is_told() {
    let deep = ["TG000 nested too deeply to be checked"];
    let n = 5_000;
    for text in [
        format!("x = {}1{}\n", "(".repeat(n), ")".repeat(n)),
        format!("x = {}1{}\n", "[".repeat(n), "]".repeat(n)),
        format!("x = 1{}\n", " + 1".repeat(n)),
        format!("x = {}1\n", "lambda: ".repeat(n)),
        format!("x = df{}\n", ".dropna()".repeat(n)),
        format!("x = {}1{}\n", "f(".repeat(n), ")".repeat(n)),
        format!("x = {}1\n", "not ".repeat(n)),
        format!("x = {}\n", "1 if a else ".repeat(n) + "0"),
    ] {
        assert_eq!(told(&text), deep);
    }
}

/// Just below the bound, everything is walked over and dropped, in all ways that recurse.
#[test]
fn what_is_nearly_too_deep_is_checked() {
    let n = 900;
    for text in [
        format!("import pandas as pd\nx = {}1{}\n", "(".repeat(n), ")".repeat(n)),
        format!("import pandas as pd\ndf = pd.read_csv('a')\nx = df{}\nprint(x)\n", ".dropna()".repeat(n / 2)),
        format!("def f(x):\n    return x\nx = {}1{}\n", "f(".repeat(n), ")".repeat(n)),
        format!("import pandas as pd\nx = 1{}\n", " + pd.y".repeat(n / 2)),
        format!("x = {}\n", "1 if a else ".repeat(n / 2) + "0"),
        (0..90).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect::<Vec<_>>().concat()
            + &" ".repeat(90)
            + "pass\n",
    ] {
        assert!(told(&text).iter().all(|line| !line.starts_with("TG000")), "{:?}", told(&text));
    }
}

#[test]
fn large_files_are_told_or_checked() {
    let line = "x = [".to_owned() + &"1, ".repeat(3_300_000) + "]\n";
    assert!(line.len() > 9_000_000);
    assert_eq!(told_of_bytes("a.py", line.as_bytes()), ["TG000 9 MB of source, more than the 4 MB that are checked"]);
    let names =
        (0..20_000).map(|n| format!("a{n} = pd.read_csv('{n}')\nb{n} = [a{n}, b0]\n")).collect::<Vec<_>>().concat();
    assert!(told(&format!("import pandas as pd\nb0 = []\n{names}")).iter().all(|line| !line.starts_with("TG000")));
    let elements = (0..100_000).map(|n| format!("x{n}, ")).collect::<Vec<_>>().concat();
    assert!(told(&format!("x = [{elements}]\n")).is_empty());
}

#[test]
fn what_python_does_not_read_is_told() {
    assert_eq!(told_of_bytes("a.py", b"x = 1\0\n"), ["TG000 a NUL byte: Python does not read this file"]);
    assert_eq!(told_of_bytes("a.py", b"x = '\xff'\n"), ["TG000 not UTF-8, and no other encoding is declared"]);
    assert_eq!(told_of_bytes("a.py", b"\xff\xfex\0").len(), 1);
    assert!(told("def f(:\n")[0].starts_with("TG000 syntax error: "));
    assert!(told("x = 'a\n")[0].starts_with("TG000 syntax error: "));
    assert!(told("  x = 1\n y = 2\n")[0].starts_with("TG000 syntax error: "));
    assert!(told_of_bytes("a.ipynb", b"{").len() == 1 && told_of_bytes("a.py", b"").is_empty());
}

/// All syntax from 3.9 to 3.14.
#[test]
fn new_syntax_is_read() {
    let text = "match x:\n    case {'a': [1, *rest], **more} if rest: pass\n    case A(b=1) | None: pass\n\
                type P[T: int = str] = list[T]\ndef f[*Ts](a, /, *, b): pass\ntry: pass\nexcept A, B: pass\n\
                try: pass\nexcept* C: pass\nx = t'{a!r:>{w}}'\ny = f'{a:{b}}'\nwith (a as b, c): pass\nasync def g():\n    \
                async for i in y: await i\n    return [j async for j in y]\n";
    assert_eq!(told(text), Vec::<String>::new());
}
