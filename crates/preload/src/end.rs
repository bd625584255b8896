//! What a process tells when it ends by itself, or becomes another program: what nobody can read when it is gone.
//!
//! *Concurrency.* Between `vfork` and the start of a program, memory is that of the parent, and so is its file: nothing is told.

use crate::{layout::word, limit, shared, sys};
use core::{ffi::c_int, sync::atomic::Ordering::Relaxed};

/// The loader calls this when the program ends by itself.
#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = tell;

/// Tells the kernel's own peak, what is pages of files, and when that was.
pub(crate) extern "C" fn tell() {
    if !shared::is_on() || shared::word(word::PROCESS).load(Relaxed) != u64::from(shared::process()) {
        return;
    }
    let errno = sys::Errno::keep();
    let mut text = [0; 2048];
    let read = sys::read_start(c"/proc/self/status", &mut text);
    let text = text.get(..read).unwrap_or_default();
    let at = text.windows(6).position(|part| part == b"VmHWM:").unwrap_or(read);
    let digits = text.get(at..).unwrap_or_default().iter().skip(6).skip_while(|byte| !byte.is_ascii_digit());
    let kib =
        digits.take_while(|byte| byte.is_ascii_digit()).fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    shared::word(word::LAST_PEAK).store(kib * 1024, Relaxed);
    shared::word(word::LAST_FILE).store(limit::resident().1, Relaxed);
    shared::word(word::ENDED_AT).store(sys::microseconds(), Relaxed);
    drop(errno);
}

/// What C calls; processes that were forked end by it, and nothing that is registered for the end runs then.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn _exit(code: c_int) -> ! {
    end(code)
}

/// What C calls: `_exit` by its other name.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(test, expect(non_snake_case, reason = "the C library's name"))]
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn _Exit(code: c_int) -> ! {
    end(code)
}

fn end(code: c_int) -> ! {
    tell();
    loop {
        // SAFETY: it takes a number, and does not return.
        unsafe { sys::call(sys::number::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]) };
    }
}
