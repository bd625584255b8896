//! From a source to findings.

use crate::{
    checklist::Checklist,
    finding::{Finding, Findings},
    module::Module,
    options::Selection,
    rules::{Context, RULES},
    sizes::Data,
    source::{Refusal, Source, SourceKind, Suppressions, is_too_deep},
};
use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, parse};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    thread,
};

/// The stack of a thread that checks: enough for the deepest tree that is walked over, and not touched where it is shallow.
pub(crate) const STACK: usize = 64 << 20;

/// What was found in a file.
#[derive(Debug, Default)]
pub(crate) struct FileReport {
    pub findings: Vec<Finding>,
    pub checklist: Option<Checklist>,
    /// Modules that it imports, by the last part of their names.
    pub imports: Vec<String>,
}

/// Checks the text of a script, as the file `name`. Nothing is read but the files that its calls of `read_csv` name.
///
/// ```
/// let script = "import pandas as pd\nraw = pd.read_csv('a.csv')\nprint(len(raw))\nb = pd.read_csv('b.csv')\nprint(b.x.sum())\n";
/// let findings = tidegate_check::check_source("etl.py", script)?;
/// assert_eq!(findings[0].code, "TG001");
/// assert_eq!(findings[0].fix, "`del raw` after line 3");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the system gives no thread to check in.
pub fn check_source(name: &str, text: &str) -> io::Result<Vec<Finding>> {
    let selection = Selection::default();
    let folders = vec![Path::new(name).parent().map(Path::to_path_buf).unwrap_or_default()];
    let checked = in_deep_thread(|| check_text(name, text, &selection, folders))?;
    Ok(checked.unwrap_or_else(|| vec![Finding::unreadable(name, &failed())]))
}

/// Does something in a thread that has room for deep trees; `None` if it went wrong there.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn in_deep_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<Option<T>> {
    thread::scope(|scope| Ok(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?.join().ok()))
}

/// What is said where checking itself went wrong, which it should not.
pub(crate) fn failed() -> Refusal {
    Refusal::whole("could not be checked: that is a fault of tidegate and not of the file")
}

fn check_text(name: &str, text: &str, selection: &Selection, folders: Vec<PathBuf>) -> Vec<Finding> {
    let data = Data::new(BTreeMap::new(), folders);
    match Source::of_text(name, text.to_owned()) {
        Ok(source) => check_parsed(&source, selection, &data).findings,
        Err(refusal) => vec![Finding::unreadable(name, &refusal)],
    }
}

/// Checks the bytes of a file.
pub(crate) fn check_bytes(name: &str, bytes: Vec<u8>, selection: &Selection, data: &Data) -> FileReport {
    match Source::of_bytes(name, bytes) {
        Ok(source) => check_parsed(&source, selection, data),
        Err(refusal) => FileReport { findings: vec![Finding::unreadable(name, &refusal)], ..FileReport::default() },
    }
}

fn check_parsed(source: &Source, selection: &Selection, data: &Data) -> FileReport {
    with_module(source, |module| check_module(module, selection, data)).unwrap_or_else(|refusal| FileReport {
        findings: vec![Finding::unreadable(&source.name, &refusal)],
        ..FileReport::default()
    })
}

/// Parses a source, and does something with what it is.
pub(crate) fn with_module<T>(source: &Source, work: impl FnOnce(&Module<'_>) -> T) -> Result<T, Refusal> {
    let mode = match source.kind {
        SourceKind::Script => Mode::Module,
        SourceKind::Notebook => Mode::Ipython,
    };
    if is_too_deep(&source.text, mode) {
        return Err(Refusal::whole("nested too deeply to be checked"));
    }
    // The newest syntax: what an older Python does not have, it will say itself.
    let parsed = parse(&source.text, ParseOptions::from(mode).with_target_version(PythonVersion::PY314));
    let parsed = parsed.map_err(|error| {
        let place = source.place(error.location.start());
        Refusal { place, message: format!("syntax error: {}", error.error) }
    })?;
    let Some(parsed) = parsed.try_into_module() else { return Err(failed()) };
    Ok(work(&Module::of(source, parsed.suite())))
}

fn check_module(module: &Module<'_>, selection: &Selection, data: &Data) -> FileReport {
    let source = module.source;
    let suppressions = Suppressions::of(source);
    let mut findings = Findings::new(module);
    let context = Context::new(module, data);
    for rule in RULES.iter().filter(|rule| selection.has(rule.code)) {
        (rule.check)(&context, &mut findings);
    }
    let mut found = findings.found;
    found.retain(|finding| !suppressions.hide(source, finding.code, finding.range));
    found.sort_by_key(|finding| (finding.range.start(), finding.code));
    // Places are those of the cells' text, not of the file, and cells are run again and again, in any order.
    if source.kind == SourceKind::Notebook {
        for finding in &mut found {
            finding.edits.clear();
        }
    }
    let last_part = |module: &String| module.rsplit('.').next().unwrap_or_default().to_owned();
    // What is taken of a package may be a module of it.
    let taken = module.imports.taken.iter().map(|(_, name)| name.clone());
    FileReport {
        findings: found,
        checklist: Some(Checklist::of(module, &context.lifetimes, data)),
        imports: module.imports.modules.iter().map(last_part).chain(taken).collect(),
    }
}
