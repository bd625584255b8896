//! Machines that hurt, one thing at a time.

use super::*;
use crate::{
    ByteCount,
    machine::{
        Bound, Cores, Folder, GroupMemory, GroupVersion, HostMemory, Machine, OvercommitMode, Stall, Transparent,
        Ulimit,
    },
};

const GB: u64 = 1_000_000_000;

fn gb(count: u64) -> ByteCount {
    ByteCount::new(count * GB)
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn at(value: u64) -> Option<Ulimit> {
    Some(Ulimit { soft: Bound::At(value), hard: Bound::At(value) })
}

fn folder(path: &str, in_memory: bool, free: ByteCount) -> Folder {
    let kind = Some(if in_memory { "tmpfs" } else { "ext4" }.to_owned());
    Folder { path: path.to_owned(), kind, in_memory, free: Some(free), total: Some(free) }
}

/// A machine of 64 GB on which nothing hurts.
fn healthy() -> Machine {
    Machine {
        memory: HostMemory { total: Some(gb(64)), available: Some(gb(60)), swap: Some(gb(8)), swap_free: Some(gb(8)) },
        cores: Cores { online: Some(16), allowed: Some(16) },
        page: Some(ByteCount::new(4096)),
        temp: vec![folder("/tmp", false, gb(500))],
        ..Machine::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the field has it")]
fn group(limit: ByteCount, room: ByteCount) -> Option<GroupMemory> {
    Some(GroupMemory {
        version: GroupVersion::V2,
        path: "/sys/fs/cgroup/x".to_owned(),
        limit: Some(limit),
        high: None,
        usage: Some(limit - room),
        cache: Some(ByteCount::ZERO),
        room: Some(room),
        swap: None,
    })
}

fn container() -> Machine {
    let mut machine = healthy();
    machine.groups.memory = group(gb(4), gb(4));
    machine
}

/// Changes the healthy machine and returns the only finding.
#[track_caller]
fn only(change: impl FnOnce(&mut Machine)) -> (Topic, Severity, String) {
    let mut machine = healthy();
    change(&mut machine);
    let findings = advice(&machine);
    let [finding] = &findings[..] else { panic!("{findings:#?}") };
    assert!(!finding.fix.is_empty() && !finding.sentence.ends_with('.'));
    (finding.topic, finding.severity, finding.sentence.clone())
}

#[test]
fn nothing_is_said_where_all_is_well_or_nothing_is_known() {
    assert_eq!(advice(&healthy()), []);
    assert_eq!(advice(&Machine::default()), []);
}

#[test]
fn memory_that_hurts() {
    let (topic, severity, sentence) = only(|machine| machine.groups.memory = group(gb(4), gb(4)));
    assert_eq!((topic, severity), (Topic::Cgroup, Severity::Caution));
    assert!(sentence.starts_with("the cgroup allows 4.00 GB of the host's 64.0 GB"), "{sentence}");
    let (_, severity, sentence) = only(|machine| machine.memory.available = Some(gb(9)));
    assert_eq!((severity, sentence.as_str()), (Severity::Harm, "only 9.00 GB of the host's 64.0 GB are available"));
    assert_eq!(only(|machine| machine.memory.swap = Some(ByteCount::ZERO)).1, Severity::Note);
    assert_eq!(only(|machine| machine.memory.swap_free = Some(gb(1))).0, Topic::Swap);
    let (_, severity, sentence) = only(|machine| {
        machine.overcommit.mode = Some(OvercommitMode::Never);
        machine.overcommit.limit = Some(gb(32));
        machine.overcommit.committed = Some(gb(30));
    });
    assert_eq!(severity, Severity::Harm);
    assert!(sentence.ends_with("beyond 2.00 GB more, though 60.0 GB are available"), "{sentence}");
    assert_eq!(only(|machine| machine.overcommit.mode = Some(OvercommitMode::Always)).1, Severity::Note);
    let mut full = healthy();
    full.groups.memory = group(gb(4), ByteCount::new(100_000_000));
    let sentence = &advice(&full)[0].sentence;
    assert_eq!(sentence, "of the cgroup's 4.00 GB only 100 MB are left: others in it use the rest");
    let mut slowed = healthy();
    slowed.groups.memory = group(gb(64), gb(64)).map(|memory| GroupMemory { high: Some(gb(3)), ..memory });
    assert!(advice(&slowed)[0].sentence.starts_with("above 3.00 GB (memory.high)"));
}

#[test]
fn limits_that_hurt() {
    let (topic, severity, sentence) = only(|machine| machine.ulimits.address_space = at(2 << 30));
    assert_eq!((topic, severity), (Topic::AddressSpace, Severity::Harm));
    assert!(sentence.starts_with("`ulimit -v` is 2.15 GB (2 GiB), and counts address space, not memory"), "{sentence}");
    assert_eq!(only(|machine| machine.ulimits.data = at(GB)).0, Topic::Data);
    assert_eq!(only(|machine| machine.ulimits.stack = at(65_536)).0, Topic::Stack);
    assert_eq!(only(|machine| machine.ulimits.open_files = at(1024)).1, Severity::Caution);
    let soft = Some(Ulimit { soft: Bound::At(256), hard: Bound::Unlimited });
    assert_eq!(only(|machine| machine.ulimits.open_files = soft).1, Severity::Note);
    assert_eq!(only(|machine| machine.ulimits.processes = at(100)).0, Topic::Processes);
    let unlimited = Some(Ulimit { soft: Bound::Unlimited, hard: Bound::Unlimited });
    assert_eq!(only(|machine| machine.ulimits.core = unlimited).0, Topic::CoreFile);
    assert_eq!(only(|machine| machine.groups.quota_millicores = Some(2000)).0, Topic::Cores);
    let mut roomy = healthy();
    roomy.ulimits.address_space = at(512 * GB);
    roomy.ulimits.open_files = Some(Ulimit { soft: Bound::At(1024), hard: Bound::At(524_288) });
    roomy.ulimits.stack = at(8 << 20);
    assert_eq!(advice(&roomy), []);
}

#[test]
fn places_stalls_and_pages_that_hurt() {
    let both = vec![folder("/tmp", true, gb(30)), folder("/var/tmp", false, gb(500))];
    let mut machine = healthy();
    machine.temp = both;
    assert_eq!(advice(&machine)[0].fix, "set TMPDIR=/var/tmp, which is on a disk");
    assert_eq!(only(|machine| machine.temp = vec![folder("/tmp", true, gb(30))]).1, Severity::Harm);
    assert_eq!(only(|machine| machine.temp = vec![folder("/tmp", false, gb(30))]).0, Topic::Temp);
    let shared = Some(folder("/dev/shm", true, ByteCount::mib(64)));
    assert_eq!(only(|machine| machine.shared_memory = shared).0, Topic::SharedMemory);
    let stall = |some_hundredths| Some(Stall { some_hundredths, full_hundredths: Some(0), total_us: 1 });
    let (_, severity, sentence) = only(|machine| machine.stalls.memory = stall(1250));
    assert_eq!(severity, Severity::Harm);
    assert_eq!(sentence, "in 12 % of the last 10 seconds some process waited for memory");
    assert_eq!(only(|machine| machine.stalls.io = stall(5000)).1, Severity::Caution);
    assert_eq!(only(|machine| machine.stalls.cpu = stall(9000)).1, Severity::Note);
    assert_eq!(only(|machine| machine.huge_pages.transparent = Some(Transparent::Always)).0, Topic::HugePages);
    assert_eq!(only(|machine| machine.huge_pages.reserved = Some(gb(20))).0, Topic::HugePages);
    assert_eq!(only(|machine| machine.page = Some(ByteCount::new(65_536))).0, Topic::PageSize);
}

#[test]
fn the_gravest_is_told_first() {
    let mut machine = container();
    machine.ulimits.address_space = at(GB);
    machine.memory.swap = Some(ByteCount::ZERO);
    let severities: Vec<_> = advice(&machine).iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Harm, Severity::Caution, Severity::Note]);
    let text = advice(&machine)[2].to_string();
    assert!(text.starts_with("note: there is no swap") && text.contains("\n  fix: give every job a limit"), "{text}");
}

fn job(expected: u64, spill: Option<u64>) -> Job {
    Job { name: "X".to_owned(), expected: gb(expected), bound: gb(expected), spill: spill.map(gb) }
}

/// The first difference and whether it is of the job.
fn first(here: &Machine, other: &Machine, job: &Job) -> (Severity, String) {
    let found = differences(here, other, std::slice::from_ref(job));
    assert_eq!(found[0].job.as_deref(), Some("X"), "{found:#?}");
    (found[0].severity, found[0].sentence.clone())
}

#[test]
fn a_small_container_makes_a_task_spill_or_fail() {
    let spills = "this container has 4.00 GB, the other 64.0 GB: task `X` forecasts 9.00 GB and will spill";
    assert_eq!(first(&container(), &healthy(), &job(9, Some(9))), (Severity::Caution, spills.to_owned()));
    let fails = "this container has 4.00 GB, the other 64.0 GB: task `X` forecasts 9.00 GB and will fail";
    assert_eq!(first(&container(), &healthy(), &job(9, None)), (Severity::Harm, fails.to_owned()));
    let (severity, sentence) = first(&healthy(), &container(), &job(9, None));
    assert_eq!(severity, Severity::Note);
    let expected = "this machine has 64.0 GB, the other 4.00 GB: task `X` forecasts 9.00 GB and stays in memory here, \
                    where on the other it will fail";
    assert_eq!(sentence, expected);
    let unsure = Job { bound: gb(5), ..job(3, Some(5)) };
    assert!(first(&container(), &healthy(), &unsure).1.ends_with("forecasts 3.00 GB (up to 5.00 GB) and may spill"));
    let unsure = Job { spill: None, ..unsure };
    assert!(first(&container(), &healthy(), &unsure).1.ends_with("and may fail"));
}

#[test]
fn spilling_needs_a_disk() {
    let mut here = container();
    here.temp = vec![folder("/tmp", true, gb(100))];
    let (severity, sentence) = first(&here, &healthy(), &job(9, Some(8)));
    assert_eq!(severity, Severity::Harm);
    let expected = "temporary folders: this container has only ones held in memory, the other 500 GB: task `X` forecasts \
                    9.00 GB, of which 8.00 GB are spilled, and will fail";
    assert_eq!(sentence, expected);
    here.temp = vec![folder("/tmp", false, gb(3))];
    let expected = "this container has 3.00 GB free for spilling, the other 500 GB: ";
    assert!(first(&here, &healthy(), &job(9, Some(8))).1.starts_with(expected));
    here.temp = Vec::new();
    assert_eq!(outlook(&here, &job(9, Some(8))).unwrap().fate, Fate::Spills, "nobody knows of a lack");
}

#[test]
fn limits_that_count_address_space_end_what_could_spill() {
    let mut here = healthy();
    here.ulimits.address_space = at(2 << 30);
    let (severity, sentence) = first(&here, &healthy(), &job(9, Some(9)));
    assert_eq!(severity, Severity::Harm);
    let expected = "this machine allows 2.15 GB (2 GiB) of address space (`ulimit -v`), the other 64.0 GB of memory: \
                    task `X` forecasts 9.00 GB and will fail";
    assert_eq!(sentence, expected);
    let mut strict = healthy();
    strict.overcommit.mode = Some(OvercommitMode::Never);
    strict.overcommit.limit = Some(gb(8));
    assert_eq!(outlook(&strict, &job(9, Some(9))).unwrap().cause, Cause::Commit);
    strict.overcommit.mode = Some(OvercommitMode::Heuristic);
    assert_eq!(outlook(&strict, &job(9, Some(9))).unwrap().fate, Fate::InMemory);
}

#[test]
fn what_changes_no_fate_is_told_as_such() {
    let mut other = healthy();
    other.cores.allowed = Some(4);
    other.memory.total = Some(gb(32));
    other.huge_pages.transparent = Some(Transparent::Always);
    let found = differences(&healthy(), &other, &[job(9, None)]);
    let told: Vec<_> =
        found.iter().map(|difference| (difference.job.is_some(), difference.sentence.as_str())).collect();
    let memory = "64.0 GB of memory here, 32.0 GB of memory there: no task's fate depends on it";
    let cores = "16 cores here, 4 cores there: other times, and more buffers with more cores";
    assert_eq!(told, [(false, memory), (false, cores)]);
    assert_eq!(differences(&healthy(), &healthy(), &[job(900, None)]), []);
    assert_eq!(differences(&Machine::default(), &healthy(), &[job(9, None)]), []);
}
