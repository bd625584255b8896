//! Which modules the files of a project name: those that they import, or that they run by other ways.

use crate::files::is_python;
use ignore::WalkBuilder;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// How many entries of a project are looked at, and how many files of Python are read. Where there are more, every module may be
/// imported.
const MOST_ENTRIES: usize = 50_000;
const MOST_FILES: usize = 5_000;

/// How deep it goes below a folder that nothing says to be a project.
const DEPTH: usize = 3;

/// What lies at the root of a project.
const ROOTS: [&str; 4] = ["pyproject.toml", "setup.py", "setup.cfg", ".git"];

/// By which a text runs or imports modules that its strings name.
const BY_NAME: [&str; 9] = [
    "import_module",
    "__import__",
    "runpy",
    "exec(",
    "%run",
    "spec_from_file_location",
    "SourceFileLoader",
    "execfile",
    "reload(",
];

/// Who names modules, by project.
#[derive(Debug, Default)]
pub(crate) struct Importers {
    projects: BTreeMap<PathBuf, Project>,
}

/// What the files of a project name; `None` if they are too many to be read.
type Project = Option<BTreeMap<String, By>>;

/// Which files name a module.
#[derive(Debug)]
enum By {
    One(PathBuf),
    Several,
}

impl Importers {
    /// Returns whether another file of its project may import a module.
    pub(crate) fn may_import(&mut self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return true };
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { return true };
        let (root, depth) = root_of(&path);
        let project = self.projects.entry(root.clone()).or_insert_with(|| read(&root, depth));
        let Some(named) = project else { return true };
        match named.get(stem) {
            Some(By::Several) => true,
            Some(By::One(other)) => *other != path,
            None => false,
        }
    }
}

/// Returns the root of the project of a file, and how deep its files may be.
fn root_of(path: &Path) -> (PathBuf, Option<usize>) {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let is_root = |folder: &&Path| ROOTS.iter().any(|name| folder.join(name).exists());
    if let Some(root) = folder.ancestors().find(is_root) {
        return (root.to_path_buf(), None);
    }
    let mut root = folder;
    while let Some(parent) = root.parent().filter(|_| root.join("__init__.py").exists()) {
        root = parent;
    }
    let is_source = root.file_name().is_some_and(|name| name == "src");
    (root.parent().filter(|_| is_source).unwrap_or(root).to_path_buf(), Some(DEPTH))
}

/// Reads what the files below a root name.
fn read(root: &Path, depth: Option<usize>) -> Project {
    let mut named = BTreeMap::new();
    let (mut entries, mut files) = (0, 0);
    for entry in WalkBuilder::new(root).require_git(false).max_depth(depth).build().flatten() {
        entries += 1;
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if is_file && is_python(entry.path()) {
            files += 1;
            let Ok(bytes) = fs::read(entry.path()) else { continue };
            for word in words(&String::from_utf8_lossy(&bytes)) {
                let by = named.entry(word.to_owned()).or_insert_with(|| By::One(entry.path().to_path_buf()));
                if !matches!(by, By::One(other) if other == entry.path()) {
                    *by = By::Several;
                }
            }
        }
        if entries > MOST_ENTRIES || files > MOST_FILES {
            return None;
        }
    }
    Some(named)
}

/// Returns the words of the imports of a text, as far as its lines say, and the modules and files that its strings name, if it may
/// run or import them.
fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_open = false;
    // Cells of a notebook stand in quotes, and the ends of their lines are written out.
    for line in text.lines().flat_map(|line| line.split("\\n")) {
        for statement in line.split([';', ':']).map(|part| part.trim_start_matches([' ', '\t', '"', '[', ','])) {
            let is_import = statement.starts_with("import ") || statement.starts_with("from ");
            if is_import || is_open {
                found.extend(statement.split(|c: char| !(c.is_alphanumeric() || c == '_')));
                is_open = (is_open || statement.contains('(')) && !statement.contains(')') || statement.ends_with('\\');
            }
        }
    }
    if BY_NAME.iter().any(|way| text.contains(way)) {
        found.extend(text.split(['"', '\'', '\n']).filter_map(module));
    }
    found
}

/// Returns the module that a text names: `pkg.etl`, `jobs/etl.py`, `%run etl.py`.
fn module(text: &str) -> Option<&str> {
    let text = text.trim().trim_start_matches("%run").trim().trim_end_matches("\\n");
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let name = text.strip_suffix(".py").or_else(|| text.strip_suffix(".ipynb")).unwrap_or(text);
    let is_one = !name.is_empty() && name.len() < 200 && name.chars().all(is_name);
    name.rsplit(['.', '/']).next().filter(|name| is_one && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn names(text: &str, module: &str) -> bool {
        words(text).contains(&module)
    }

    #[test]
    fn what_others_import_is_seen() {
        assert!(names("from etl import raw\n", "etl") && names("import a, etl as e\n", "etl"));
        assert!(names("    from .etl import *\n", "etl") && !names("x = 'import etl'\n", "etl"));
        assert!(names("from pkg import (\n    a,\n    etl,\n)\n", "etl") && names("if x: import etl\n", "etl"));
        assert!(names("from pkg \\\n    import etl\n", "etl") && !names("import etl2\n", "etl"));
        let cell = r#"{"source": "import etl\nraw = read('a')\n"}"#;
        assert!(names(cell, "etl") && !names(cell, "a"));
    }

    #[test]
    fn what_others_run_is_seen() {
        for text in [
            "importlib.import_module('pkg.etl')\n",
            "runpy.run_path('pkg/etl.py')\n",
            "exec(open('pkg/etl.py').read())\n",
            "__import__(\"etl\").raw\n",
            "%run pkg/etl.py\n",
            r#"{"source": ["%run pkg/etl.py\n"]}"#,
        ] {
            assert!(names(text, "etl"), "{text}");
        }
        assert!(!names("print('etl')\n", "etl"));
    }

    fn project(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_module_may_be_imported_from_anywhere_in_its_project() {
        let check = |files: &[(&str, &str)], path: &str, expected: bool| {
            let folder = project(files);
            assert_eq!(Importers::default().may_import(&folder.path().join(path)), expected, "{files:?}");
        };
        let etl = ("pkg/etl.py", "import pandas\n");
        check(&[("pkg/__init__.py", ""), etl, ("app.py", "import pkg.etl as e\n")], "pkg/etl.py", true);
        check(&[("pkg/__init__.py", ""), etl, ("app.py", "import pkg.etl2 as e\n")], "pkg/etl.py", false);
        check(&[("pyproject.toml", ""), etl, ("tests/deep/a/b/t.py", "from pkg import etl\n")], "pkg/etl.py", true);
        check(
            &[("src/pkg/__init__.py", ""), ("src/pkg/etl.py", ""), ("tests/t.py", "from pkg.etl import *\n")],
            "src/pkg/etl.py",
            true,
        );
        check(&[("etl.py", "import etl\n")], "etl.py", false);
    }
}
