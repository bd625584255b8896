//! How a worker ended, and what is said when that was not asked for.

use super::signals;
use std::{error::Error, fmt, os::unix::process::ExitStatusExt, process::ExitStatus};
use tidegate_memory::Limit;

/// How the process of a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal of this number.
    Signalled(i32),
    /// It was killed by its client, which had waited for its end.
    Killed,
    /// It is not known: another part of this program took its exit status, or the kernel does not let go of it.
    Unknown,
}

/// The end of a worker's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// How it ended.
    pub how: How,
    /// How many processes the kernel killed in its cgroup for want of memory; `None` without a cgroup.
    pub oom_kills: Option<u64>,
}

/// A worker that ended although nobody had asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The process.
    pub pid: u32,
    /// Its end.
    pub end: End,
    /// Its limit.
    pub limit: Limit,
    /// The end of what it wrote to streams that are kept.
    pub last_words: String,
}

impl How {
    pub(super) fn of_status(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signalled(signal),
            (None, None) => Self::Unknown,
        }
    }
}

/// The exit code of a worker whose task could not be ended before its limit was reached.
const OVER_THE_LIMIT: i32 = 3;

impl Loss {
    /// Returns whether it ended for lack of memory: killed by the kernel, because its cgroup had none left, or by itself, because
    /// its task could not be ended in time (exit code 3).
    pub fn out_of_memory(&self) -> bool {
        let killed = self.end.oom_kills.is_some_and(|kills| kills > 0) && self.end.how == How::Signalled(libc::SIGKILL);
        killed || self.end.how == How::Exited(OVER_THE_LIMIT)
    }

    /// Returns the name of the signal that ended it.
    pub fn signal(&self) -> Option<&'static str> {
        match self.end.how {
            How::Signalled(signal) => signals::name(signal),
            How::Exited(_) | How::Killed | How::Unknown => None,
        }
    }

    pub(crate) fn help(&self) -> Option<String> {
        if self.out_of_memory() {
            return Some("raise the limit".into());
        }
        if let Some(line) = self.last_words.lines().rev().find(|line| !line.trim().is_empty()) {
            return Some(format!("the last it said was `{}`", line.trim()));
        }
        let killed = self.end.how == How::Signalled(libc::SIGKILL);
        killed.then(|| "dmesg tells whether the kernel killed it for want of memory".into())
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} ", self.pid)?;
        match (self.end.how, self.signal()) {
            (How::Exited(OVER_THE_LIMIT), _) => {
                write!(f, "ended itself: it could not hold its limit of {}", self.limit)
            }
            _ if self.out_of_memory() => {
                write!(f, "was killed by the kernel: no memory left in its cgroup of {}", self.limit)
            }
            (How::Exited(code), _) => write!(f, "ended with exit code {code} before its work was done"),
            (How::Signalled(_), Some(name)) => write!(f, "was killed by {name}"),
            (How::Signalled(signal), None) => write!(f, "was killed by signal {signal}"),
            (How::Killed, _) => write!(f, "broke off the connection, and was killed"),
            (How::Unknown, _) => write!(f, "is gone"),
        }
    }
}

impl Error for Loss {}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::ByteCount;

    #[test]
    fn a_loss_names_its_cause_and_the_next_step() {
        let check = |how, oom_kills, last_words: &str, message: &str, help: Option<&str>| {
            let limit = Limit::Bytes(ByteCount::mib(64));
            let loss = Loss { pid: 7, end: End { how, oom_kills }, limit, last_words: last_words.into() };
            assert_eq!(loss.to_string(), format!("worker 7 {message}"));
            assert_eq!(loss.help().as_deref(), help);
        };
        let words = "thread 'main' has overflowed its stack\n\n";
        let said = Some("the last it said was `thread 'main' has overflowed its stack`");
        let kernel = Some("dmesg tells whether the kernel killed it for want of memory");
        let of_memory = "was killed by the kernel: no memory left in its cgroup of 67.1 MB (64 MiB)";
        check(How::Signalled(9), Some(1), words, of_memory, Some("raise the limit"));
        check(How::Signalled(9), Some(0), "", "was killed by SIGKILL", kernel);
        check(How::Signalled(6), None, words, "was killed by SIGABRT", said);
        check(How::Signalled(34), None, "", "was killed by signal 34", None);
        check(How::Exited(2), Some(1), "", "ended with exit code 2 before its work was done", None);
        let limit = "ended itself: it could not hold its limit of 67.1 MB (64 MiB)";
        check(How::Exited(3), None, "", limit, Some("raise the limit"));
        check(How::Killed, None, "", "broke off the connection, and was killed", None);
        check(How::Unknown, None, "", "is gone", None);
    }
}
