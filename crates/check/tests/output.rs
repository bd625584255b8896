//! What people and programs are told.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use std::{fs, path::Path};
use tidegate_check::{
    Answer, Format, Options, Report, Style, check, check_source, checklist_text, findings_text, github, json, sarif,
};

const SCRIPT: &str = "import pandas as pd\n\nraw = pd.read_csv('raw.csv')\nprint(len(raw))\nb = pd.read_csv('b.csv', nrows=9)\nprint(b)\n";

fn report(folder: &Path, options: Options) -> Report {
    fs::write(folder.join("etl.py"), SCRIPT).unwrap();
    fs::write(folder.join("raw.csv"), "a,b\n".to_owned() + &"1,some text\n".repeat(1_000)).unwrap();
    let mut report = check(&Options { paths: vec![folder.join("etl.py")], ..options }).unwrap();
    for finding in &mut report.findings {
        finding.file = "etl.py".into();
    }
    for list in &mut report.checklists {
        list.file = "etl.py".into();
    }
    report
}

fn only(code: &str) -> Options {
    Options { select: vec![code.to_owned()], ..Options::default() }
}

#[test]
fn people_see_the_line_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text = findings_text(&report(folder.path(), only("TG001")), Style::Plain);
    let expected = "\
etl.py:4:11: TG001 `raw`, a frame from `read_csv`, is last used here and stays in memory through `read_csv` in line 5
   |
 4 | print(len(raw))
   |           ^^^
   fix: `del raw` after line 4
   saves: about 27.1 kB

1 finding in 1 file; --fix changes what is proven safe of 1
";
    // The size is the model's, which has tests of its own.
    let without = |text: &str| text.lines().filter(|line| !line.contains("saves:")).collect::<Vec<_>>().join("\n");
    assert_eq!(without(&text), without(expected));
    assert!(text.contains("   saves: about "), "{text}");
    assert!(
        findings_text(&report(folder.path(), only("TG001")), Style::Coloured).contains("\u{1b}[1;31mTG001\u{1b}[0m")
    );
    assert_eq!(findings_text(&report(folder.path(), only("TG015")), Style::Plain), "no findings in 1 file\n");
}

#[test]
fn programs_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let report = report(folder.path(), only("TG001"));
    let found = json(&report);
    let finding = &found["findings"][0];
    assert_eq!((&finding["code"], &finding["line"], &finding["column"]), (&"TG001".into(), &4.into(), &11.into()));
    assert_eq!(finding["edits"][0]["text"], "del raw\n");
    assert!(finding["saving"]["bytes"].as_u64().is_some_and(|bytes| bytes > 10_000));
    let log = sarif(&report);
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&log["version"], &result["ruleId"]), (&"2.1.0".into(), &"TG001".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
    let line = github(&report);
    assert!(
        line.starts_with(
            "::warning file=etl.py,line=4,col=11,endLine=4,endColumn=14,title=TG001 dead-but-alive::`raw`"
        ),
        "{line}"
    );
    assert_eq!(Format::default(), Format::Text);
}

#[test]
fn the_four_questions_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let report = report(folder.path(), Options::default());
    let answers: Vec<Answer> = report.checklists[0].questions.iter().map(|question| question.answer).collect();
    assert_eq!(answers, [Answer::No, Answer::No, Answer::Yes, Answer::Unknown]);
    let text = checklist_text(&report);
    assert!(
        text.starts_with("etl.py\n  unused values released?    no\n    4:11: `raw` is not used after it, and stays\n"),
        "{text}"
    );
    // How large a file is that is not there, nobody knows.
    let absent = check_checklist(folder.path(), "import pandas as pd\nprint(pd.read_csv('none.csv'))\n");
    assert_eq!(absent[2], Answer::Unknown);
    let good = "import resource, tracemalloc\nimport pandas as pd\nresource.setrlimit(resource.RLIMIT_AS, (1, 1))\ntracemalloc.start()\n\
                for c in pd.read_csv('a.csv', chunksize=9):\n    print(c)\n";
    assert_eq!(check_checklist(folder.path(), good)[1..], [Answer::Yes, Answer::Yes, Answer::Yes]);
}

fn check_checklist(folder: &Path, script: &str) -> Vec<Answer> {
    let path = folder.join("etl.py");
    fs::write(&path, script).unwrap();
    let report = check(&Options { paths: vec![path], ..Options::default() }).unwrap();
    report.checklists.iter().flat_map(|list| &list.questions).map(|question| question.answer).collect()
}

#[test]
fn what_no_rule_and_no_file_is_ends_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("etl.py");
    fs::write(&path, SCRIPT).unwrap();
    let paths = vec![path];
    let check = |options: Options, expected: &str| {
        let error = check(&Options { paths: paths.clone(), ..options }).unwrap_err();
        assert!(error.to_string().starts_with(expected) && error.exit_code() == 2, "{error}");
    };
    check(Options { select: vec!["TG99".into()], ..Options::default() }, "no rule `TG99`");
    check(Options { ignore: vec!["XX".into()], ..Options::default() }, "no rule `XX`");
    let data = [("raw".to_owned(), folder.path().join("none.csv"))].into();
    check(Options { data, ..Options::default() }, "read `");
}

#[test]
fn a_notebook_is_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("access.csv"), "user,amount\na,1\nb,2\n").unwrap();
    let path = folder.path().join("n.ipynb");
    let cells = r#"{"cells": [{"cell_type": "code", "source": ["import pandas as pd\n", "raw = pd.read_csv(\"access.csv\")\n", "print(raw[\"user\"].max())"]}]}"#;
    fs::write(&path, cells).unwrap();
    let report = check(&Options { paths: vec![path], select: vec!["TG002".into()], ..Options::default() }).unwrap();
    assert_eq!((report.findings.len(), report.findings[0].edits.len()), (1, 0));
}

#[test]
fn folders_notebooks_and_projects_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("jobs/a.py", SCRIPT);
    write("jobs/old/b.py", SCRIPT);
    write("shared.py", SCRIPT);
    write("user.py", "from shared import raw\nprint(raw)\n");
    let cells = r#"{"cells": [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code", "source": "import pandas as pd\nraw = pd.read_csv('a')\n"},
        {"cell_type": "code", "source": ["%time print(1)\n", "print(len(raw))\n"]}, {"cell_type": "code", "source": "b = pd.read_csv('b')\nprint(b)"}]}"#;
    write("n.ipynb", cells);
    write("pyproject.toml", "[tool.tidegate.check]\nselect = ['TG001']\nexclude = ['old/']\n");
    let report = check(&Options { paths: vec![folder.path().to_path_buf()], ..Options::default() }).unwrap();
    let mut found: Vec<String> = report
        .findings
        .iter()
        .map(|f| {
            format!(
                "{} {} {} {}",
                Path::new(&f.file).file_name().unwrap().to_string_lossy(),
                f.place,
                f.fix,
                f.edits.len()
            )
        })
        .collect();
    found.sort();
    // What another file imports is its affair too; a notebook is advised and never changed.
    assert_eq!(found, ["a.py 4:11 `del raw` after line 4 1", "n.ipynb cell 3:2:11 `del raw` after line 2 of cell 3 0"]);
    assert_eq!(report.files, 4);
}

/// What a cell shows at its end is kept by the notebook, whoever deletes its name.
#[test]
fn what_a_notebook_shows_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cell = |text: &str| serde_json::json!({"cell_type": "code", "source": text});
    let fixes_of = |last: &str| {
        let first = format!("import pandas as pd\nraw = pd.read_csv('a')\n{last}");
        let cells = [cell(&first), cell("b = pd.read_csv('b')\nprint(b.x.sum())")];
        fs::write(folder.path().join("n.ipynb"), serde_json::json!({"cells": cells}).to_string()).unwrap();
        let report = check(&Options { paths: vec![folder.path().join("n.ipynb")], ..only("TG001") }).unwrap();
        report.findings.iter().map(|finding| finding.fix.clone()).collect::<Vec<_>>()
    };
    assert_eq!(fixes_of("raw"), Vec::<String>::new());
    assert_eq!(fixes_of("raw['x'], 1"), Vec::<String>::new());
    assert_eq!(fixes_of("raw.describe()"), ["`del raw` after line 3 of cell 1"]);
}

/// A matrix of a million cells is known before it is made.
#[test]
fn the_size_of_a_dense_matrix_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..1_000).map(|row| format!("{},{}\n", row % 100, row % 7)).collect::<Vec<_>>().concat();
    fs::write(folder.path().join("a.csv"), format!("k,v\n{rows}")).unwrap();
    let script = "import pandas as pd\ndf = pd.read_csv('a.csv')\nx = pd.get_dummies(df['k'])\n\
                  y = df.pivot(index='k', columns='v', values='v')\n";
    fs::write(folder.path().join("etl.py"), script).unwrap();
    let report = check(&Options { paths: vec![folder.path().join("etl.py")], ..only("TG021") }).unwrap();
    let told: Vec<_> = report.findings.iter().map(|finding| finding.saving.clone()).collect();
    assert_eq!(told.iter().map(|saving| saving.bytes).collect::<Vec<_>>(), [Some(100_000), Some(5_600)], "{told:?}");
    assert_eq!(told.first().unwrap().factor, "1000 rows x 100 values x 1");
}

/// Their data are small, and nobody waits for their memory.
#[test]
fn nothing_is_said_of_the_memory_of_tests() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    let names = ["test_etl.py", "etl_test.py", "tests/data.py", "latest.py"];
    for name in &names {
        fs::write(folder.path().join(name), SCRIPT).unwrap();
    }
    let report = check(&Options { paths: vec![folder.path().to_path_buf()], ..only("TG001") }).unwrap();
    let files: Vec<_> = report.findings.iter().map(|finding| Path::new(&finding.file).file_name().unwrap()).collect();
    assert_eq!(files, ["latest.py"]);
}

#[test]
fn what_is_wrong_with_the_call_is_an_error() {
    let missing = check(&Options { paths: vec!["no/such.py".into()], ..Options::default() }).unwrap_err();
    assert!(missing.to_string().starts_with("read `no/such.py`: "), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pyproject.toml"), "[tool.tidegate.check]\nx = 1\n").unwrap();
    let error = check(&Options { paths: vec![folder.path().into()], ..Options::default() }).unwrap_err();
    assert!(error.to_string().contains("unknown key `x`"), "{error}");
}

#[test]
fn arrays_whose_shape_stands_there_have_a_size() {
    let script = "import numpy as np\nimport pandas as pd\nn = 1_000_000\nx = np.zeros((n, 100))\nprint(x.sum())\n\
                  print(pd.read_csv('a.csv'))\n";
    let findings = check_source("etl.py", script).unwrap();
    let finding = findings.iter().find(|finding| finding.code == "TG001").unwrap();
    assert_eq!((finding.place.line, finding.saving_text().as_str()), (5, "about 800 MB"));
}
