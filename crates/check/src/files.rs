//! Which files are checked, and what was found in all of them.

use crate::{
    CheckError, Checklist, Finding, Options,
    check::{FileReport, STACK, check_bytes, failed},
    importers::Importers,
    measured::Measured,
    options::Selection,
    sizes::Data,
    source::{Config, Refusal, config_of},
};
use ignore::{WalkBuilder, overrides::OverrideBuilder};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// What was found in all files.
#[derive(Debug, Default)]
pub struct Report {
    /// The findings, by file and place; by what a run measured, if one was given.
    pub findings: Vec<Finding>,
    /// The four questions, for each file that was read.
    pub checklists: Vec<Checklist>,
    /// How many files were looked at.
    pub files: usize,
}

/// A file to check, and how.
struct Task {
    path: PathBuf,
    selection: Selection,
    data: BTreeMap<String, PathBuf>,
}

/// Checks files, notebooks and folders. In folders, what `.gitignore` leaves out is left out, and hidden files are.
///
/// # Errors
/// [`CheckError::Read`] if a path that was named is not there, [`CheckError::Config`] if a `pyproject.toml` is wrong,
/// [`CheckError::Run`] if the record of a run is none. What is wrong with a file is a finding.
pub fn check(options: &Options) -> Result<Report, CheckError> {
    let measured = options.run.as_ref().map(Measured::read).transpose()?;
    if let Some(path) = options.data.values().find(|path| !path.is_file()) {
        return Err(CheckError::Read { path: path.clone(), source: io::ErrorKind::NotFound.into() });
    }
    let mut tasks = Vec::new();
    for path in &options.paths {
        collect(path, options, &mut tasks)?;
    }
    tasks.sort_by(|one, other| one.path.cmp(&other.path));
    tasks.dedup_by(|one, other| one.path == other.path);
    let reports = in_threads(&tasks);
    let mut report = Report { files: tasks.len(), ..Report::default() };
    let imported: BTreeSet<String> = reports.iter().flat_map(|file| file.imports.iter().cloned()).collect();
    let mut importers = Importers::default();
    for (task, file) in tasks.iter().zip(reports) {
        // Names of a module that others import are theirs too.
        let is_global = file.findings.iter().any(|finding| finding.global.is_some());
        let stem = task.path.file_stem().and_then(|stem| stem.to_str());
        let is_named = stem.is_some_and(|stem| imported.contains(stem));
        let is_library = is_global && (is_named || importers.may_import(&task.path));
        let kept = file.findings.into_iter().filter(|finding| !(is_library && finding.global.is_some()));
        report.findings.extend(kept);
        report.checklists.extend(file.checklist);
    }
    if let Some(measured) = measured {
        measured.join(&mut report.findings);
    }
    Ok(report)
}

/// Adds the files of a path.
fn collect(path: &Path, options: &Options, tasks: &mut Vec<Task>) -> Result<(), CheckError> {
    let read = |source| CheckError::Read { path: path.to_path_buf(), source };
    let is_folder = fs::metadata(path).map_err(read)?.is_dir();
    let around = if is_folder { path } else { path.parent().unwrap_or(Path::new("")) };
    let around = if around.as_os_str().is_empty() { Path::new(".") } else { around };
    let (project, config) = config_of(around)?.unwrap_or_else(|| (PathBuf::new(), Config::default()));
    let selection = Selection {
        select: if options.select.is_empty() { config.select.clone() } else { options.select.clone() },
        ignore: config.ignore.iter().chain(&options.ignore).cloned().collect(),
    };
    if let Some(code) = selection.unknown() {
        return Err(CheckError::UnknownRule { code: code.to_owned() });
    }
    let mut data: BTreeMap<_, _> = config.data.iter().map(|(name, file)| (name.clone(), project.join(file))).collect();
    data.extend(options.data.clone());
    let mut add = |path: PathBuf| tasks.push(Task { path, selection: selection.clone(), data: data.clone() });
    if !is_folder {
        add(path.to_path_buf());
        return Ok(());
    }
    let mut overrides = OverrideBuilder::new(path);
    let wrong =
        |error: ignore::Error| CheckError::Config { path: project.join("pyproject.toml"), message: error.to_string() };
    for pattern in &config.exclude {
        overrides.add(&format!("!{pattern}")).map_err(wrong)?;
    }
    let walk = WalkBuilder::new(path).overrides(overrides.build().map_err(wrong)?).require_git(false).build();
    // A folder that may not be read is none of ours.
    for entry in walk.flatten() {
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if is_file && is_python(entry.path()) {
            add(entry.into_path());
        }
    }
    Ok(())
}

pub(crate) fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["py", "pyw", "ipynb"].iter().any(|known| extension == *known))
}

/// Checks all files by as many threads as there are cores; reports are in the order of the tasks.
fn in_threads(tasks: &[Task]) -> Vec<FileReport> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            // The counter alone decides who takes what; nothing else is shared.
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(index) else { return done };
            done.push((index, check_file(task)));
        }
    };
    let count = thread::available_parallelism().map_or(1, usize::from).min(tasks.len());
    let mut done: BTreeMap<usize, FileReport> = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok();
        let threads: Vec<_> = (0..count).map(spawn).collect();
        threads.into_iter().flatten().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    // What a thread did not come back with is told, too.
    let report = |(index, task): (usize, &Task)| {
        done.remove(&index).unwrap_or_else(|| unreadable(&task.path.to_string_lossy(), &failed()))
    };
    tasks.iter().enumerate().map(report).collect()
}

fn unreadable(name: &str, refusal: &Refusal) -> FileReport {
    FileReport { findings: vec![Finding::unreadable(name, refusal)], ..FileReport::default() }
}

fn check_file(task: &Task) -> FileReport {
    let name = task.path.to_string_lossy();
    let folder = task.path.parent().map(Path::to_path_buf).unwrap_or_default();
    let data = Data::new(task.data.clone(), vec![folder, PathBuf::new()]);
    match fs::read(&task.path) {
        Ok(bytes) => check_bytes(&name, bytes, &task.selection, &data),
        Err(error) => unreadable(&name, &Refusal::whole(format!("cannot be read: {error}"))),
    }
}
