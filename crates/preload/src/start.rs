//! What happens before `main`, and after a fork.

use crate::{blocks, exec, helper, layout, python, shared, sys, threads};
use core::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static OTHER_MALLOC: AtomicBool = AtomicBool::new(false);

/// Returns whether another library has `malloc`, so that what passes it is not seen.
pub(crate) fn other_malloc() -> bool {
    OTHER_MALLOC.load(Relaxed)
}

/// The loader calls this when the libraries are there, before the program begins.
#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    const NAME: &CStr = c"TIDEGATE_GUARD";
    debug_assert!(NAME.to_bytes() == layout::FOLDER.as_bytes());
    threads::start();
    exec::start();
    // SAFETY: one thread is there, which changes no variables now.
    let folder = unsafe { sys::getenv(NAME.as_ptr()) };
    if folder.is_null() {
        return;
    }
    // SAFETY: a variable's text ends with a NUL, and is read before anybody changes it.
    let folder = unsafe { CStr::from_ptr(folder) };
    #[cfg(not(test))]
    OTHER_MALLOC.store(crate::hooks::others_malloc(), Relaxed);
    python::start();
    helper::start();
    if shared::start(folder) {
        // SAFETY: the function stays as long as the process; it takes no lock and allocates nothing.
        unsafe { sys::__register_atfork(None, None, Some(forked), core::ptr::null_mut()) };
    }
}

/// In the child, which has one thread: what the parent counted is the parent's.
extern "C" fn forked() {
    shared::forked();
    blocks::forked();
    python::forked();
    helper::forked();
    python::set_main();
}
