//! What a thread remembers.
//!
//! *Cost.* Every allocation looks here. `thread_local!` would call `__tls_get_addr` each time, as a library may be loaded when threads
//! are running already. This one is loaded before the program, so that its part of a thread's memory has a fixed distance from the
//! thread's own pointer (the model *initial-exec* of Drepper, ELF Handling For Thread-Local Storage), which stable Rust has no word
//! for: the place is named and found by assembly, in two instructions.

use core::{
    arch::{asm, global_asm},
    cell::Cell,
};

/// All zero in a new thread.
pub(crate) struct Local {
    /// Bytes until the next look.
    pub(crate) countdown: Cell<i64>,
    /// Bytes from there to the next sample.
    pub(crate) beyond: Cell<i64>,
    /// The mean with which the distance was drawn.
    pub(crate) mean: Cell<u64>,
    pub(crate) random: Cell<u64>,
    /// The last allocation that was let through: when, and how large.
    pub(crate) let_through: Cell<(u64, u64)>,
    /// The site that gave this thread its work.
    pub(crate) parent: Cell<u32>,
    /// This library works in this thread, and what it allocates is its own.
    pub(crate) busy: Cell<bool>,
}

global_asm!(
    ".pushsection .tbss.tidegate_local, \"awT\", @nobits",
    ".balign {align}",
    ".hidden tidegate_local",
    ".globl tidegate_local",
    ".type tidegate_local, @object",
    ".size tidegate_local, {size}",
    "tidegate_local:",
    ".zero {size}",
    ".popsection",
    align = const align_of::<Local>(),
    size = const size_of::<Local>(),
);

impl Local {
    /// Runs with what this thread remembers, which lives as long as the thread.
    #[inline(always)]
    pub(crate) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        let place: *const Self;
        // SAFETY: both read two words that do not change while the thread lives.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!(
                "mov {place}, qword ptr fs:[0]",
                "add {place}, qword ptr [rip + tidegate_local@GOTTPOFF]",
                place = out(reg) place,
                options(pure, readonly, nostack),
            );
        }
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!(
                "adrp {place}, :gottprel:tidegate_local",
                "ldr {place}, [{place}, :gottprel_lo12:tidegate_local]",
                "mrs {thread}, tpidr_el0",
                "add {place}, {place}, {thread}",
                place = out(reg) place,
                thread = out(reg) _,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        // SAFETY: the place has the size and the alignment of the type, for which zero is a value, and no other thread has it.
        work(unsafe { &*place })
    }

    /// What a new thread has.
    #[cfg(test)]
    pub(crate) const fn new() -> Self {
        Self {
            countdown: Cell::new(0),
            beyond: Cell::new(0),
            mean: Cell::new(0),
            random: Cell::new(0),
            let_through: Cell::new((0, 0)),
            parent: Cell::new(0),
            busy: Cell::new(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_its_own_which_is_zero_at_first() {
        Local::with(|local| local.countdown.set(7));
        let other = std::thread::spawn(|| Local::with(|local| (local.countdown.replace(5), local.let_through.get())));
        assert_eq!(other.join().unwrap(), (0, (0, 0)));
        assert_eq!(Local::with(|local| local.countdown.get()), 7);
    }
}
