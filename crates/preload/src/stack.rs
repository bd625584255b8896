//! Which lines an allocation is charged to: those of its thread, and of whoever gave the thread its work.

use crate::{
    python, sampler, shared,
    sites::{self, Stack},
    sys,
};

/// Returns the site of this moment in this thread.
pub(crate) fn here() -> u32 {
    site_of(Content::Any)
}

/// What is in allocated memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Anything.
    Any,
    /// Zeros, which a program may rely on and never touch.
    Zeros,
}

/// Returns the site of this moment in this thread, for an allocation.
pub(crate) fn site_of(content: Content) -> u32 {
    if !shared::is_on() {
        return 0;
    }
    let mut stack = Stack::EMPTY;
    python::lines(&mut stack);
    stack.parent = sampler::parent();
    if stack.depth == 0 && main_waits() {
        let mut main = Stack { is_native: true, ..Stack::EMPTY };
        python::lines_of_main(&mut main);
        if main.depth > 0 && main_waits() {
            stack = main;
        }
    }
    stack.is_zeroed = content == Content::Zeros;
    sites::site(&stack)
}

/// Returns whether another thread than the main one asks, and the main one sleeps: it waits for what this one does, or at
/// least does nothing else.
fn main_waits() -> bool {
    // SAFETY: it takes nothing and always succeeds.
    let process = unsafe { sys::getpid() };
    if sys::thread() == i64::from(process) {
        return false;
    }
    let mut path = [0_u8; 64];
    let mut digits = [0; 20];
    let number = shared::decimal(u64::try_from(process).unwrap_or(0), &mut digits);
    let parts = b"/proc/self/task/".iter().chain(number).chain(b"/stat\0");
    path.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    let mut text = [0; 128];
    let read = core::ffi::CStr::from_bytes_until_nul(&path).map_or(0, |path| sys::read_start(path, &mut text));
    // `4242 (name) S ..`: the name may hold anything, also a bracket.
    let text = text.get(..read).unwrap_or_default();
    let end = text.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    text.get(end + 2) == Some(&b'S')
}
