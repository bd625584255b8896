//! Who started a thread, so that what the thread allocates can be charged to the line that wanted it.

use crate::{
    helper, sampler, shared, stack,
    sys::{self, ThreadStart},
};
use core::{
    ffi::{c_int, c_void},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

type Create = unsafe extern "C" fn(*mut c_void, *const c_void, ThreadStart, *mut c_void) -> c_int;

static CREATE: AtomicUsize = AtomicUsize::new(0);

/// Finds the function that starts threads.
pub(crate) fn start() {
    CREATE.store(sys::find(sys::RTLD_NEXT, c"pthread_create").unwrap_or(0), Relaxed);
}

/// What a new thread is given.
struct Begin {
    start: ThreadStart,
    argument: *mut c_void,
    parent: u32,
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: ThreadStart,
    argument: *mut c_void,
) -> c_int {
    if CREATE.load(Relaxed) == 0 {
        self::start();
    }
    let create = CREATE.load(Relaxed);
    if create == 0 {
        return sys::EAGAIN;
    }
    // SAFETY: the loader found it by its name, and its C signature is this.
    let create = unsafe { core::mem::transmute::<usize, Create>(create) };
    if !shared::is_on() {
        // SAFETY: what was asked for is passed on.
        return unsafe { create(thread, attributes, start, argument) };
    }
    helper::threads();
    let parent = match sampler::aside(stack::here).unwrap_or(0) {
        0 => sampler::parent(),
        site => site,
    };
    // SAFETY: the block is as large as what is written into it; the new thread frees it.
    unsafe {
        let begin = sys::__libc_malloc(size_of::<Begin>()).cast::<Begin>();
        if begin.is_null() {
            return create(thread, attributes, start, argument);
        }
        begin.write(Begin { start, argument, parent });
        let result = create(thread, attributes, run, begin.cast());
        if result != 0 {
            sys::__libc_free(begin.cast());
        }
        result
    }
}

unsafe extern "C" fn run(begin: *mut c_void) -> *mut c_void {
    // SAFETY: it is what `pthread_create` wrote, and nobody else reads it.
    let Begin { start, argument, parent } = unsafe {
        let begin = begin.cast::<Begin>();
        let given = begin.read();
        sys::__libc_free(begin.cast());
        given
    };
    sampler::set_parent(parent);
    // SAFETY: what was asked for.
    unsafe { start(argument) }
}
