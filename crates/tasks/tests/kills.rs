//! A loop that is killed at any instant, and resumed, until it is done: its outputs are those of a loop that nobody disturbed,
//! no unit that was done is done again, and nothing else is left.
//!
//! The test starts itself as the process to kill. `TIDEGATE_SEED` chooses other instants.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use libtest_mimic::{Arguments, Failed, Trial};
use rustix_process::process::{Signal, getpid, kill_process};
use std::{
    collections::{BTreeMap, HashSet},
    env,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tidegate_tasks::{
    file::TaskFile,
    plan::{Missing, plan},
    state::State,
    turn::{
        CommandRunner, Done, Ended, Event, Failure, Mail, Order, Runner, Running, Split, Turn, TurnOptions, Witness,
    },
};

/// Kills in the test of random instants.
const KILLS: u32 = 200;

/// The folder of the loop to run, in the process to kill.
const FOLDER: &str = "TIDEGATE_TEST_FOLDER";

/// The event at which it kills itself, counted from 1.
const KILL_AT: &str = "TIDEGATE_TEST_KILL_AT";

const TASKS: &str = r#"
limit = "2GB"
parallel = 3
retries = 0

[task.each]
input = "logs/*.log"
sql = "SELECT {input}"
output = "{task}/{stem}.csv"

[task.all]
sql = "SELECT csv({output:each})"
output = "deep/er/all.csv"
after = "each"

[task.lines]
command = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo $i; done > \"$1\"; cat \"$2\" >> \"$1\"", "sh", "{output}", "{input}"]
input = "logs/*.log"
output = "lines/{name}.txt"

[task.joined]
command = ["cat", "{output:lines}", "{output:all}"]
output = "joined.txt"
after = ["lines", "all"]
"#;

fn main() -> ExitCode {
    if let Some(folder) = env::var_os(FOLDER) {
        return run_loop(Path::new(&folder));
    }
    let trials = vec![
        Trial::test("killed_at_random_instants", || killed_at_random_instants().map_err(Failed::from)),
        Trial::test("killed_at_every_event", || killed_at_every_event().map_err(Failed::from)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn killed_at_random_instants() -> Result<(), String> {
    let mut random = Random(env::var("TIDEGATE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(5));
    let began = Instant::now();
    let undisturbed = Place::new();
    undisturbed.finish()?;
    let usual = began.elapsed();
    let expect = undisturbed.outputs();
    let (mut kills, mut sessions) = (0, 0);
    while kills < KILLS {
        let place = Place::new();
        loop {
            let mut child = place.start(None);
            // When it is killed is left to chance; nothing depends on it.
            thread::sleep(usual.mul_f64(random.next()));
            child.kill().unwrap();
            match how(&mut child) {
                How::Killed => kills += 1,
                How::Ended => break,
                How::Failed(status) => return Err(format!("after {kills} kills: the loop ended with {status}")),
            }
            if kills >= KILLS {
                place.finish()?;
                break;
            }
        }
        sessions += 1;
        place.check(&expect).map_err(|wrong| format!("session {sessions}, after {kills} kills: {wrong}"))?;
    }
    Ok(())
}

fn killed_at_every_event() -> Result<(), String> {
    let undisturbed = Place::new();
    undisturbed.finish()?;
    let expect = undisturbed.outputs();
    for event in 1_u32.. {
        let place = Place::new();
        match how(&mut place.start(Some(event))) {
            How::Killed => place.finish()?,
            // There are no more events.
            How::Ended if event > 20 => return Ok(()),
            How::Ended => return Err(format!("the loop ended before event {event}")),
            How::Failed(status) => return Err(format!("killed at event {event}: {status}")),
        }
        place.check(&expect).map_err(|wrong| format!("killed at event {event}: {wrong}"))?;
    }
    Ok(())
}

/// How a loop ended.
enum How {
    Killed,
    Ended,
    Failed(ExitStatus),
}

fn how(child: &mut Child) -> How {
    let status = child.wait().unwrap();
    match (status.signal(), status.success()) {
        (Some(9), _) => How::Killed,
        (_, true) => How::Ended,
        _ => How::Failed(status),
    }
}

/// A folder with a task file and logs.
struct Place(TempDir);

impl Place {
    /// In memory, if there is such a place: a kill spares what was written, synced or not, and a disk takes its time to sync.
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        for name in 0..5 {
            fs::write(folder.path().join(format!("logs/{name}.log")), format!("line of {name}\n").repeat(50)).unwrap();
        }
        fs::write(folder.path().join("tasks.toml"), TASKS).unwrap();
        Self(folder)
    }

    fn start(&self, kill_at: Option<u32>) -> Child {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(FOLDER, self.0.path()).stdin(Stdio::null());
        if let Some(event) = kill_at {
            command.env(KILL_AT, event.to_string());
        }
        command.spawn().unwrap()
    }

    fn finish(&self) -> Result<(), String> {
        let status = self.start(None).wait().unwrap();
        if status.success() { Ok(()) } else { Err(format!("undisturbed, the loop ended with {status}")) }
    }

    /// Returns everything below the folder of outputs but for the loop's own folder: names, and what they hold.
    fn outputs(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let root = self.0.path().join("out");
        let mut found = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_path_buf();
                if name == Path::new(".tidegate") {
                    continue;
                }
                let holds = if path.is_dir() { None } else { Some(fs::read(&path).unwrap()) };
                if holds.is_none() {
                    folders.push(path);
                }
                found.insert(name, holds);
            }
        }
        found
    }

    fn check(&self, expect: &BTreeMap<PathBuf, Option<Vec<u8>>>) -> Result<(), String> {
        let found = self.outputs();
        let names = |outputs: &BTreeMap<PathBuf, _>| outputs.keys().cloned().collect::<Vec<_>>();
        if names(&found) != names(expect) {
            return Err(format!("outputs are {:?}", names(&found)));
        }
        if let Some((name, _)) = found.iter().find(|(name, holds)| expect.get(*name) != Some(*holds)) {
            return Err(format!("`{}` holds something else", name.display()));
        }
        let told = fs::read_to_string(self.0.path().join("told")).unwrap();
        let mut done = HashSet::new();
        for line in told.lines() {
            let (what, unit) = line.split_once(' ').unwrap();
            match what {
                "started" if done.contains(unit) => return Err(format!("`{unit}` was done and is done again")),
                "started" => {}
                _ => drop(done.insert(unit)),
            }
        }
        Ok(())
    }
}

/// The process to kill: runs a loop to its end.
fn run_loop(folder: &Path) -> ExitCode {
    let file = TaskFile::read(&folder.join("tasks.toml")).unwrap();
    let mut state = State::open(&file.output).unwrap();
    let units = plan(&file, Missing::Refused).unwrap();
    let (mail, _stop) = Mail::new();
    let mut told = OpenOptions::new().create(true).append(true).open(folder.join("told")).unwrap();
    // An output that is in its place is whole, and so its unit is done.
    for unit in units.iter().filter(|unit| unit.output.as_ref().is_some_and(|output| output.path.exists())) {
        writeln!(told, "there {}", unit.name).unwrap();
    }
    let kill_at = env::var(KILL_AT).ok().and_then(|event| event.parse().ok());
    let mut writer = Writer;
    let mut runner = Split { queries: &mut writer, commands: CommandRunner };
    let mut witness = Teller { told, events: 0, kill_at };
    let options = TurnOptions::of(&file);
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut runner, witness: &mut witness };
    let summary = turn.run(units, mail);
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    ExitCode::from(summary.exit_code())
}

/// Writes down what was started and what is done, and kills its process at one event.
struct Teller {
    told: File,
    events: u32,
    kill_at: Option<u32>,
}

impl Witness for Teller {
    fn told(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { unit, .. } => writeln!(self.told, "started {}", unit.name).unwrap(),
            Event::Recorded(unit) => writeln!(self.told, "recorded {}", unit.name).unwrap(),
            _ => {}
        }
        self.events += 1;
        if self.kill_at == Some(self.events) {
            kill_process(getpid(), Signal::Kill).unwrap();
            // It takes effect at the return from the system at the latest.
            thread::sleep(Duration::from_mins(1));
        }
    }
}

/// Writes what the files hold that a query names, in many small writes.
struct Writer;

struct Nothing;

impl Running for Nothing {
    fn cancel(&mut self) {}
}

impl Runner for Writer {
    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure> {
        thread::spawn(move || {
            let mut part = File::create(order.part.as_ref().unwrap()).unwrap();
            for path in order.unit.sql().unwrap().split('\'').skip(1).step_by(2) {
                for (number, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
                    part.write_all(line.as_bytes()).unwrap();
                    part.write_all(format!(",{number}\n").as_bytes()).unwrap();
                }
            }
            drop(part);
            done.ended(Ended::default());
        });
        Ok(Box::new(Nothing))
    }
}

/// Numbers from 0 to 1, by xorshift.
struct Random(u64);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "any number will do")]
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
