//! What is used of the C library, declared here so that nothing has to be linked but that.

use core::ffi::{c_char, c_int, c_long, c_void};

/// A function that a thread begins with.
pub(crate) type ThreadStart = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    // The allocator itself, below the names that this library takes.
    pub(crate) fn __libc_malloc(size: usize) -> *mut c_void;
    pub(crate) fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    pub(crate) fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    pub(crate) fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    pub(crate) fn __libc_free(block: *mut c_void);
    pub(crate) fn malloc_usable_size(block: *mut c_void) -> usize;
    pub(crate) fn malloc_trim(pad: usize) -> c_int;

    /// The environment of this process.
    pub(crate) static environ: *const *const c_char;
    fn syscall(number: c_long, ...) -> c_long;
    pub(crate) fn __errno_location() -> *mut c_int;
    pub(crate) fn getenv(name: *const c_char) -> *const c_char;
    pub(crate) fn getpid() -> c_int;
    pub(crate) fn sysconf(name: c_int) -> c_long;
    pub(crate) fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    pub(crate) fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
    pub(crate) fn __register_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
        library: *mut c_void,
    ) -> c_int;
}

/// What `dladdr` tells.
#[repr(C)]
pub(crate) struct DlInfo {
    pub(crate) file: *const c_char,
    pub(crate) base: *mut c_void,
    pub(crate) symbol: *const c_char,
    pub(crate) address: *mut c_void,
}

/// Searches behind this library.
pub(crate) const RTLD_NEXT: *mut c_void = usize::MAX as *mut c_void;
/// Searches all that is loaded.
pub(crate) const RTLD_DEFAULT: *mut c_void = core::ptr::null_mut();

pub(crate) const ENOMEM: c_int = 12;
pub(crate) const EINVAL: c_int = 22;
pub(crate) const EAGAIN: c_int = 11;
pub(crate) const ENOSYS: c_int = 38;
pub(crate) const SC_PAGESIZE: c_int = 30;

pub(crate) const PROT_NONE: c_int = 0;
pub(crate) const PROT_READ: c_int = 1;
pub(crate) const PROT_WRITE: c_int = 2;
pub(crate) const PROT_EXEC: c_int = 4;
pub(crate) const MAP_SHARED: c_int = 1;
pub(crate) const MAP_FIXED: c_int = 0x10;
pub(crate) const MAP_ANONYMOUS: c_int = 0x20;

/// Numbers of system calls.
#[cfg(target_arch = "x86_64")]
pub(crate) mod number {
    use core::ffi::c_long;
    pub(crate) const READ: c_long = 0;
    pub(crate) const CLOSE: c_long = 3;
    pub(crate) const MMAP: c_long = 9;
    pub(crate) const MUNMAP: c_long = 11;
    pub(crate) const MREMAP: c_long = 25;
    pub(crate) const FTRUNCATE: c_long = 77;
    pub(crate) const FSTATFS: c_long = 138;
    pub(crate) const GETTID: c_long = 186;
    pub(crate) const KILL: c_long = 62;
    pub(crate) const EXIT_GROUP: c_long = 231;
    pub(crate) const OPENAT: c_long = 257;
    pub(crate) const CLOCK_GETTIME: c_long = 228;
    pub(crate) const PROCESS_VM_READV: c_long = 310;
}

/// Numbers of system calls.
#[cfg(target_arch = "aarch64")]
pub(crate) mod number {
    use core::ffi::c_long;
    pub(crate) const READ: c_long = 63;
    pub(crate) const CLOSE: c_long = 57;
    pub(crate) const MMAP: c_long = 222;
    pub(crate) const MUNMAP: c_long = 215;
    pub(crate) const MREMAP: c_long = 216;
    pub(crate) const FTRUNCATE: c_long = 46;
    pub(crate) const FSTATFS: c_long = 44;
    pub(crate) const GETTID: c_long = 178;
    pub(crate) const KILL: c_long = 129;
    pub(crate) const EXIT_GROUP: c_long = 94;
    pub(crate) const OPENAT: c_long = 56;
    pub(crate) const CLOCK_GETTIME: c_long = 113;
    pub(crate) const PROCESS_VM_READV: c_long = 270;
}

/// Calls the kernel. All arguments are whole words: of a narrower one the rest would be undefined, and the kernel reads it.
///
/// # Safety
/// As the call of this number.
pub(crate) unsafe fn call(number: c_long, arguments: [usize; 6]) -> c_long {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: whoever calls answers for it.
    unsafe { syscall(number, first, second, third, fourth, fifth, sixth) }
}

/// Keeps `errno` as the program knows it, whatever is called until this is dropped.
pub(crate) struct Errno(c_int);

impl Errno {
    pub(crate) fn keep() -> Self {
        // SAFETY: the C library returns a valid place of this thread.
        Self(unsafe { *__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        set_errno(self.0);
    }
}

/// Sets `errno` of this thread.
pub(crate) fn set_errno(value: c_int) {
    // SAFETY: the C library returns a valid place of this thread.
    unsafe { *__errno_location() = value }
}

/// Says that there is no such function, as C does.
pub(crate) fn missing() -> c_int {
    set_errno(ENOSYS);
    -1
}

/// Opens a file; nothing of the program's own hooks is passed.
pub(crate) fn open(path: &core::ffi::CStr, flags: c_int, mode: c_int) -> Option<c_int> {
    const AT_FDCWD: c_int = -100;
    // SAFETY: the path ends with a NUL and outlives the call.
    let file = unsafe {
        call(number::OPENAT, [AT_FDCWD as usize, path.as_ptr() as usize, flags as usize, mode as usize, 0, 0])
    };
    c_int::try_from(file).ok().filter(|file| *file >= 0)
}

/// Closes a file.
pub(crate) fn close(file: c_int) {
    // SAFETY: the file was opened by this library, and is used by nobody else.
    unsafe { call(number::CLOSE, [file as usize, 0, 0, 0, 0, 0]) };
}

/// Reads the beginning of a file, such as one of `/proc`, and returns how much.
pub(crate) fn read_start(path: &core::ffi::CStr, into: &mut [u8]) -> usize {
    const O_CLOEXEC: c_int = 0o2_000_000;
    let Some(file) = open(path, O_CLOEXEC, 0) else { return 0 };
    // SAFETY: the buffer is valid for its length.
    let read = unsafe { call(number::READ, [file as usize, into.as_mut_ptr() as usize, into.len(), 0, 0, 0]) };
    close(file);
    usize::try_from(read).unwrap_or(0)
}

/// Returns milliseconds of a clock that only goes on.
pub(crate) fn milliseconds() -> u64 {
    const CLOCK_MONOTONIC_COARSE: usize = 6;
    nanoseconds(CLOCK_MONOTONIC_COARSE) / 1_000_000
}

/// Returns microseconds of a clock that is finer.
pub(crate) fn microseconds() -> u64 {
    const CLOCK_MONOTONIC: usize = 1;
    nanoseconds(CLOCK_MONOTONIC) / 1000
}

fn nanoseconds(clock: usize) -> u64 {
    let mut time = [0_i64; 2];
    // SAFETY: two 64-bit words are what the call writes.
    unsafe { call(number::CLOCK_GETTIME, [clock, time.as_mut_ptr() as usize, 0, 0, 0, 0]) };
    let [seconds, nanoseconds] = time;
    u64::try_from(seconds * 1_000_000_000 + nanoseconds).unwrap_or(0)
}

/// Returns the number of this thread.
pub(crate) fn thread() -> c_long {
    // SAFETY: it takes nothing and always succeeds.
    unsafe { call(number::GETTID, [0; 6]) }
}

/// Returns whether there is no process of this number.
pub(crate) fn is_gone(process: u64) -> bool {
    const ESRCH: c_int = 3;
    let errno = Errno::keep();
    // SAFETY: signal 0 asks and sends nothing; the C library returns a valid place of this thread.
    let is_gone =
        unsafe { call(number::KILL, [process as usize, 0, 0, 0, 0, 0]) == -1 && *__errno_location() == ESRCH };
    drop(errno);
    is_gone
}

/// Ends this process as the kernel does where memory is out.
pub(crate) fn end_self() {
    const SIGKILL: usize = 9;
    // SAFETY: it takes nothing and always succeeds; what follows sends a signal.
    unsafe { call(number::KILL, [getpid() as usize, SIGKILL, 0, 0, 0, 0]) };
}

/// Finds a function or a variable in what is loaded.
pub(crate) fn find(place: *mut c_void, name: &core::ffi::CStr) -> Option<usize> {
    // SAFETY: the name ends with a NUL; both handles are known to the loader.
    let found = unsafe { dlsym(place, name.as_ptr()) };
    (!found.is_null()).then_some(found as usize)
}
