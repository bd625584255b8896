//! Who and when: what lines and notices have in common.

use crate::record::milliseconds;
use std::{fs, process, time::SystemTime};

/// Returns the name of a run that begins now: no other of this host has it.
pub fn run_id() -> String {
    format!("{}-{}", process::id(), now_ms())
}

/// Returns the time in milliseconds since 1970.
pub fn now_ms() -> u64 {
    milliseconds(SystemTime::now())
}

/// Returns the name of the host.
pub fn host() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned())
}
