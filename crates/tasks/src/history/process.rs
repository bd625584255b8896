//! Which process a run is of, so that others can tell whether it is gone: its id may be another's since.

use std::{fs, path::Path};

/// Returns what tells this process from all others, of this machine and of others.
pub(super) fn own() -> Option<String> {
    let pid = std::process::id();
    Some(format!("{} {} {pid} {}", boot()?, namespace()?, started(pid)?))
}

/// Returns whether a process is known to be gone. Of one in another container nobody can tell.
pub(super) fn is_gone(process: &str) -> bool {
    let mut parts = process.split(' ');
    let (Some(its_boot), Some(its_namespace), Some(pid), Some(its_start)) =
        (parts.next(), parts.next(), parts.next().and_then(|pid| pid.parse().ok()), parts.next())
    else {
        return true;
    };
    if boot().is_some_and(|boot| boot != its_boot) {
        return true;
    }
    if namespace().is_none_or(|namespace| namespace != its_namespace) {
        return false;
    }
    started(pid).is_none_or(|start| start != its_start)
}

/// Returns what is new with each start of the machine.
fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

/// Returns where ids of processes are counted.
fn namespace() -> Option<String> {
    fs::read_link("/proc/self/ns/pid").ok().map(|link| link.to_string_lossy().into_owned())
}

/// Returns when a process started, in the kernel's ticks; `None` if there is none, or only what is left of one.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name, in brackets, can hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_gone_when_its_id_is_of_nobody_or_of_another() {
        let own = own().unwrap();
        assert!(!is_gone(&own));
        assert!(is_gone(&format!("{own}0")), "another with its id");
        let mut child = Command::new("true").spawn().unwrap();
        let start = own.rsplit_once(' ').unwrap().1;
        let id = std::process::id().to_string();
        let other = own.replace(&format!(" {id} {start}"), &format!(" {} {start}", child.id()));
        child.wait().unwrap();
        assert!(is_gone(&other));
        let elsewhere = own.replace("pid:[", "pid:[9");
        assert!(!is_gone(&elsewhere), "nobody can tell");
        assert!(is_gone(&format!("another-boot {}", own.split_once(' ').unwrap().1)) && is_gone("nonsense"));
    }
}
