//! What is done, as a loop that comes later sees it.

use super::*;
use crate::{
    Fingerprint, TasksError,
    file::TaskFile,
    plan::{Missing, Unit, plan},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    units: Vec<Unit>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        for name in ["a", "b"] {
            fs::write(folder.path().join("logs").join(name), name).unwrap();
        }
        let path = folder.path().join("tasks.toml");
        let text = "[task.t]\ninput = \"logs\"\nsql = \"FROM {input}\"\noutput = \"deep/{task}/{stem}.csv\"\n";
        fs::write(&path, text).unwrap();
        let units = plan(&TaskFile::read(&path).unwrap(), Missing::Refused).unwrap();
        Self { folder, units }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn open(&self) -> State {
        State::open(&self.output()).unwrap()
    }

    fn unit(&self) -> &Unit {
        &self.units[0]
    }

    /// The path of the unit's output.
    fn path(&self) -> &Path {
        &self.unit().output.as_ref().unwrap().path
    }

    fn record(&self, state: &mut State) -> Sealed {
        let unit = self.unit();
        state.start(unit).unwrap();
        let part = state.part(unit).unwrap().unwrap();
        fs::write(&part, "rows").unwrap();
        let sealed = Sealed::seal(&part).unwrap();
        state.record(unit, used(), Some(&sealed)).unwrap();
        sealed
    }

    fn do_it(&self, state: &mut State) {
        let sealed = self.record(state);
        state.appear(self.unit(), &sealed).unwrap();
    }

    /// Ends a state as a kill does: nothing is removed.
    fn kill(state: State) {
        std::mem::forget(state);
    }

    /// Copies everything to another folder, as it was at the kill: here, the claim is still held, by this process.
    fn after_kill(&self) -> Self {
        let copy = Self::new();
        let copied = Command::new("cp").arg("-a").arg(self.output()).arg(copy.folder.path()).status().unwrap();
        assert!(copied.success());
        copy
    }

    /// Returns all that is below the folder of outputs but for the loop's own.
    fn files(&self) -> Vec<String> {
        let pattern = format!("{}/**/*", self.output().display());
        let paths = glob::glob(&pattern).unwrap().map(Result::unwrap);
        let relative = paths.map(|path| path.strip_prefix(self.output()).unwrap().to_str().unwrap().to_owned());
        relative.filter(|path| path != ".tidegate" && !path.starts_with(".tidegate/")).collect()
    }
}

fn used() -> Fingerprint {
    Fingerprint::of_texts(["used"])
}

const WHOLE: [&str; 3] = ["deep", "deep/t", "deep/t/a.csv"];

#[test]
fn what_is_done_stays_done() {
    let place = Place::new();
    let mut state = place.open();
    assert!(!state.is_done(place.unit(), used()).unwrap());
    place.do_it(&mut state);
    assert!(state.is_done(place.unit(), used()).unwrap());
    drop(state);
    assert_eq!(place.files(), WHOLE);
    let mut state = place.open();
    assert!(state.is_done(place.unit(), used()).unwrap());
    assert!(!state.is_done(&place.units[1], used()).unwrap());
    // Other outputs of those before it, or another place for its own.
    assert!(!state.is_done(place.unit(), Fingerprint::of_texts(["other"])).unwrap());
    let mut moved = place.unit().clone();
    moved.output.as_mut().unwrap().relative = "x.csv".into();
    assert!(!state.is_done(&moved, used()).unwrap());
    state.forget().unwrap();
    assert!(!state.is_done(place.unit(), used()).unwrap());
}

#[test]
fn an_output_that_is_not_as_recorded_is_not_done() {
    let place = Place::new();
    let mut state = place.open();
    for spoil in [|path: &Path| fs::write(path, "rowz").unwrap(), |path: &Path| fs::remove_file(path).unwrap()] {
        place.do_it(&mut state);
        assert!(state.is_done(place.unit(), used()).unwrap());
        spoil(place.path());
        assert!(!state.is_done(place.unit(), used()).unwrap());
    }
}

#[test]
fn a_kill_before_the_record_leaves_nothing() {
    let place = Place::new();
    let mut state = place.open();
    state.start(place.unit()).unwrap();
    let part = state.part(place.unit()).unwrap().unwrap();
    fs::write(&part, "ro").unwrap();
    Place::kill(state);
    let copy = place.after_kill();
    let mut state = copy.open();
    assert!(!state.is_done(copy.unit(), used()).unwrap());
    assert_eq!(copy.files(), ["deep", "deep/t"]);
    assert_eq!(state.start(copy.unit()).unwrap(), 2);
}

#[test]
fn a_kill_between_the_record_and_the_rename_loses_nothing() {
    let place = Place::new();
    let mut state = place.open();
    place.record(&mut state);
    assert!(!place.path().exists());
    Place::kill(state);
    let copy = place.after_kill();
    let mut state = copy.open();
    assert_eq!(fs::read_to_string(copy.path()).unwrap(), "rows");
    assert!(state.is_done(copy.unit(), used()).unwrap());
    assert_eq!(copy.files(), WHOLE);
}

#[test]
fn a_part_that_was_lost_in_a_power_cut_is_done_again() {
    let place = Place::new();
    let mut state = place.open();
    let sealed = place.record(&mut state);
    fs::write(&sealed.part, "").unwrap();
    Place::kill(state);
    let copy = place.after_kill();
    let mut state = copy.open();
    assert!(!state.is_done(copy.unit(), used()).unwrap());
    assert_eq!(copy.files(), ["deep", "deep/t"]);
}

#[test]
fn parts_are_found_without_the_database() {
    let place = Place::new();
    let mut state = place.open();
    fs::write(state.part(place.unit()).unwrap().unwrap(), "ro").unwrap();
    let copy = place.after_kill();
    drop(state);
    // In its own place again.
    fs::remove_dir_all(place.output()).unwrap();
    fs::rename(copy.output(), place.output()).unwrap();
    // The log holds all of it, and would restore the database.
    fs::remove_file(place.output().join(".tidegate/state.db-wal")).unwrap();
    fs::write(place.output().join(".tidegate/state.db"), "no database").unwrap();
    let mut state = place.open();
    assert_eq!(state.take_notes().len(), 1);
    let part = state.part(place.unit()).unwrap().unwrap();
    let folders = fs::read_dir(part.parent().unwrap().parent().unwrap()).unwrap().count();
    assert_eq!(folders, 1, "only the part's own");
}

#[test]
fn loops_whose_folders_are_in_each_other_leave_parts_alone() {
    let place = Place::new();
    let mut outer = place.open();
    let inner_folder = place.path().parent().unwrap();
    let mut inner = State::open(inner_folder).unwrap();
    let mut unit = place.unit().clone();
    let path = inner_folder.join("x.csv");
    unit.output = Some(crate::plan::Output { relative: "x.csv".into(), path });
    let inner_part = inner.part(&unit).unwrap().unwrap();
    fs::write(&inner_part, "rows").unwrap();
    let outer_part = outer.part(place.unit()).unwrap().unwrap();
    fs::write(&outer_part, "rows").unwrap();
    assert_eq!(inner_part.parent().unwrap().parent(), outer_part.parent().unwrap().parent());
    assert!(inner_part.exists(), "the outer one removed it");
    drop(inner);
    drop(State::open(inner_folder).unwrap());
    assert!(outer_part.exists(), "the inner one removed it");
}

#[test]
fn a_file_in_place_of_a_folder_of_parts_keeps_nobody_out() {
    let place = Place::new();
    let mut state = place.open();
    fs::write(state.part(place.unit()).unwrap().unwrap(), "ro").unwrap();
    Place::kill(state);
    let copy = place.after_kill();
    fs::remove_dir_all(copy.output().join("deep")).unwrap();
    fs::write(copy.output().join("deep"), "a file").unwrap();
    let mut state = copy.open();
    assert_eq!(state.take_notes(), Vec::<String>::new());
    assert!(matches!(state.part(copy.unit()), Err(TasksError::Io { action: "make", .. })));
}

#[test]
fn a_new_output_replaces_what_was_recorded_of_the_old() {
    let mut place = Place::new();
    let mut state = place.open();
    place.do_it(&mut state);
    let old = place.unit().clone();
    place.units[0].key = Fingerprint::of_texts(["new"]);
    place.do_it(&mut state);
    assert!(state.is_done(place.unit(), used()).unwrap());
    assert!(!state.is_done(&old, used()).unwrap());
}

#[test]
fn a_rename_that_fails_is_told_and_the_unit_is_not_done() {
    let place = Place::new();
    let mut state = place.open();
    let sealed = place.record(&mut state);
    fs::create_dir(place.path()).unwrap();
    fs::write(place.path().join("x"), "").unwrap();
    assert!(matches!(state.appear(place.unit(), &sealed), Err(TasksError::Io { action: "write", .. })));
    assert!(!state.is_done(place.unit(), used()).unwrap());
}

#[test]
fn a_folder_belongs_to_one_loop() {
    let place = Place::new();
    let state = place.open();
    let Err(TasksError::InUse { holder, folder }) = State::open(&place.output()) else { panic!("claimed twice") };
    assert_eq!((holder, folder), (format!("process {}", std::process::id()), place.output()));
    drop(state);
    place.open();
}

#[test]
fn commands_that_outlived_their_loop_are_ended() {
    let place = Place::new();
    let marker = {
        let state = place.open();
        state.marker()
    };
    let start = |marker: &Marker| {
        let mut command = Command::new("sleep");
        command.arg("1000").env(Marker::VARIABLE, marker.to_string()).stdin(Stdio::null());
        command.spawn().unwrap()
    };
    let mut ours = start(&marker);
    // One of another folder, and one that has left our session, as a service does.
    let mut others = [
        start(&Marker { folder: Fingerprint::of_texts(["other"]), ..marker.clone() }),
        start(&Marker { session: marker.session + 1, ..marker }),
    ];
    let state = place.open();
    assert!(!ours.wait().unwrap().success());
    for other in &mut others {
        assert_eq!(other.try_wait().unwrap(), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }
    drop(state);
}
