//! Reads the lines of a thread from CPython's own frames, without its lock and without allocating.
//!
//! *Why this is allowed.* The frames of a thread are changed by that thread alone, and it stands in an allocation now. Those of
//! the main thread are read by others only while it waits, and then every word through the kernel, which checks the address.

use crate::{
    layout::walk,
    offsets::{self, COOKIE, DEBUG_BYTES, Offsets, Style, Unknown},
    sites::{self, Frame, Stack},
    sys,
};
use core::{
    ffi::{c_char, c_int},
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release},
};

/// The most frames that are followed.
const DEPTH: usize = 200;

/// Inner lines that are kept of a stack that is too deep; the rest is of the outer ones, among which the user's are.
const INNER: usize = crate::layout::FRAMES / 2;

type ThisThread = unsafe extern "C" fn() -> usize;
type AddressToLine = unsafe extern "C" fn(usize, c_int) -> c_int;

/// What was found of Python when the process started. Written once, before any thread is there.
struct Python {
    offsets: Offsets,
    this_thread: ThisThread,
    line: AddressToLine,
    code_type: usize,
}

static mut PYTHON: Option<Python> = None;
static VERSION: AtomicU32 = AtomicU32::new(0);
static STATE: AtomicU64 = AtomicU64::new(walk::NO_PYTHON);
static KIND_SHIFT: AtomicU32 = AtomicU32::new(2);
static MAIN: AtomicUsize = AtomicUsize::new(0);

/// Finds Python in what is loaded. Called once, before `main`.
pub(crate) fn start() {
    let find = |name| sys::find(sys::RTLD_DEFAULT, name);
    if find(c"PyPyGILState_Ensure").is_some() {
        return STATE.store(walk::PYPY, Relaxed);
    }
    let Some(this_thread) = find(c"PyGILState_GetThisThreadState") else { return };
    let (Some(version), Some(line), Some(code_type)) =
        (version_of_library(), find(c"PyCode_Addr2Line"), find(c"PyCode_Type"))
    else {
        STATE.store(walk::UNKNOWN_VERSION, Relaxed);
        return;
    };
    VERSION.store(version, Relaxed);
    let mut runtime = [0; DEBUG_BYTES];
    if let Some(place) = find(c"_PyRuntime") {
        // SAFETY: `_PyRuntime` has more than a thousand bytes in every version.
        let start = unsafe { core::slice::from_raw_parts(place as *const u8, DEBUG_BYTES) };
        if start.starts_with(COOKIE) {
            runtime.copy_from_slice(start);
        }
    }
    let offsets = match offsets::of(version, &runtime) {
        Ok(offsets) => offsets,
        Err(Unknown::FreeThreaded) => return STATE.store(walk::FREE_THREADED, Relaxed),
        Err(Unknown::Version) => return STATE.store(walk::UNKNOWN_VERSION, Relaxed),
    };
    // SAFETY: both are the functions of these names, whose C signatures are these in all versions from 3.9 to 3.14.
    let (this_thread, line) = unsafe {
        (core::mem::transmute::<usize, ThisThread>(this_thread), core::mem::transmute::<usize, AddressToLine>(line))
    };
    KIND_SHIFT.store(offsets.kind_shift, Relaxed);
    // SAFETY: there is one thread yet, and nobody has read it.
    unsafe { PYTHON = Some(Python { offsets, this_thread, line, code_type }) }
    STATE.store(walk::UNTESTED, Release);
}

fn version_of_library() -> Option<u32> {
    if let Some(place) = sys::find(sys::RTLD_DEFAULT, c"Py_Version") {
        // SAFETY: `Py_Version` is a constant of type `unsigned long`.
        return u32::try_from(unsafe { *(place as *const u64) }).ok();
    }
    // Before 3.11 there is its text alone: "3.10.13 (main, ..".
    let place = sys::find(sys::RTLD_DEFAULT, c"Py_GetVersion")?;
    // SAFETY: the function takes nothing, and returns a text that ends with a NUL and is never freed.
    let text = unsafe {
        let version = core::mem::transmute::<usize, unsafe extern "C" fn() -> *const c_char>(place);
        core::ffi::CStr::from_ptr(version())
    };
    let mut parts = text.to_bytes().split(|byte| *byte == b'.');
    let mut number = || core::str::from_utf8(parts.next()?).ok()?.parse::<u32>().ok();
    Some(number()? << 24 | number()? << 16)
}

/// Returns the version, as in `sys.hexversion`; 0 where there is no Python.
pub(crate) fn version() -> u64 {
    u64::from(VERSION.load(Relaxed))
}

/// Returns one of [`walk`].
pub(crate) fn state() -> u64 {
    STATE.load(Acquire)
}

/// Sets how the test ended.
pub(crate) fn set_state(state: u64) {
    STATE.store(state, Release);
}

/// Returns whether frames are read, tested or not.
fn python() -> Option<&'static Python> {
    if !matches!(state(), walk::WORKS | walk::UNTESTED) {
        return None;
    }
    // SAFETY: it was written before the state was set, which was read with `Acquire`, and is never written again.
    unsafe { (*core::ptr::addr_of!(PYTHON)).as_ref() }
}

/// Remembers this thread as the main one.
pub(crate) fn set_main() {
    if let Some(python) = python() {
        // SAFETY: the function may be called by any thread at any time.
        MAIN.store(unsafe { (python.this_thread)() }, Release);
    }
}

/// Stops reading the main thread's frames, which are about to go.
pub(crate) fn forget_main() {
    MAIN.store(0, Release);
}

/// Reads the lines of this thread into `stack`; none if it is no thread of Python.
pub(crate) fn lines(stack: &mut Stack) {
    if state() == walk::WORKS {
        lines_by(direct, stack);
    }
}

/// Does the same before it is known whether frames are where they should be.
pub(crate) fn lines_checked(stack: &mut Stack) {
    let known = 7_usize;
    // Some containers forbid the call; then the frames must be where the tables say.
    let is_allowed = checked(&raw const known as usize) == Some(7);
    lines_by(if is_allowed { checked } else { direct }, stack);
}

fn lines_by(read: Read, stack: &mut Stack) {
    let Some(python) = python() else { return };
    // SAFETY: the function may be called by any thread at any time.
    let thread = unsafe { (python.this_thread)() };
    if thread != 0 {
        follow(python, thread, read, stack);
    }
}

/// Returns whether a string is this text.
pub(crate) fn is_text(string: u32, text: &[u8]) -> bool {
    sites::string(text) == string && string != 0
}

/// Reads the lines of the main thread, which waits, into `stack`.
pub(crate) fn lines_of_main(stack: &mut Stack) {
    let thread = MAIN.load(Acquire);
    if let Some(python) = python().filter(|_| thread != 0 && state() == walk::WORKS) {
        follow(python, thread, checked, stack);
    }
}

/// Reads a word of this thread's own.
fn direct(address: usize) -> Option<usize> {
    if address < 4096 || !address.is_multiple_of(8) {
        return None;
    }
    // SAFETY: the addresses are those that CPython keeps for the frames of this thread, whose places the self-test checked.
    Some(unsafe { *(address as *const usize) })
}

/// Reads a word that may be gone.
fn checked(address: usize) -> Option<usize> {
    let mut word = 0_usize;
    let (to, from) = ([(&raw mut word) as usize, 8], [address, 8]);
    // SAFETY: the first vector is a word of this function; the kernel checks the second.
    let read = unsafe {
        let (process, to, from) = (sys::getpid() as usize, to.as_ptr() as usize, from.as_ptr() as usize);
        sys::call(sys::number::PROCESS_VM_READV, [process, to, 1, from, 1, 0])
    };
    (read == 8).then_some(word)
}

type Read = fn(usize) -> Option<usize>;

fn follow(python: &Python, thread: usize, read: Read, stack: &mut Stack) {
    let offsets = &python.offsets;
    let Some(mut frame) = first_frame(offsets, thread, read) else { return };
    let mut outer = 0;
    for _ in 0..DEPTH {
        if frame == 0 {
            return;
        }
        if let Some(found) = line_of(python, frame, read) {
            if let Some(place) = stack.frames.get_mut(stack.depth) {
                *place = found;
                stack.depth += 1;
            } else {
                // The place of the oldest of the outer lines.
                let place = INNER + outer % (stack.frames.len() - INNER);
                if let Some(place) = stack.frames.get_mut(place) {
                    *place = found;
                }
                outer += 1;
            }
        }
        frame = read(frame + offsets.previous).unwrap_or(0);
    }
    if outer > 0
        && let Some(rest) = stack.frames.get_mut(INNER..)
    {
        let turn = outer % rest.len();
        rest.rotate_left(turn);
    }
}

fn first_frame(offsets: &Offsets, thread: usize, read: Read) -> Option<usize> {
    let frame = read(thread + offsets.thread_frame)?;
    match offsets.style {
        Style::CFrame => read(frame + offsets.cframe_frame),
        Style::Objects | Style::Direct => Some(frame),
    }
}

/// Returns the line of a frame; nothing of one that is no code of Python, such as where C enters the interpreter.
fn line_of(python: &Python, frame: usize, read: Read) -> Option<Frame> {
    let offsets = &python.offsets;
    // From 3.14 on the lowest bits say who counts the reference.
    let code = read(frame + offsets.code)? & !7;
    if read(code + 8)? != python.code_type {
        return None;
    }
    let instruction = read(frame + offsets.instruction)?;
    let address = match offsets.style {
        Style::Objects => (instruction as u32 as i32).wrapping_mul(i32::try_from(offsets.index_bytes).unwrap_or(1)),
        Style::CFrame | Style::Direct => {
            i32::try_from(instruction as i64 - (code + offsets.instructions) as i64).ok()?
        }
    };
    let file = read(code + offsets.file)?;
    let name = read(code + offsets.name)?;
    let first_line = half(code + offsets.first_line, read)?;
    let key = [code as u64, (address as u32 as u64) << 32 | u64::from(first_line), file as u64];
    if let Some(frame) = Known::get(key) {
        return Some(frame);
    }
    // SAFETY: the code is one, as its type says, and alive, as a frame of this thread or of one that waits refers to it. The
    // function reads its table of lines, and neither allocates nor needs the lock.
    let line = unsafe { (python.line)(code, address) };
    let frame = Frame {
        file: text(offsets, file, read)?,
        function: text(offsets, name, read)?,
        line: u32::try_from(line).unwrap_or(first_line),
    };
    Known::put(key, frame);
    Some(frame)
}

fn half(address: usize, read: Read) -> Option<u32> {
    let word = read(address & !7)?;
    let half = if address & 4 == 0 { word } else { word >> 32 };
    Some(half as u32)
}

/// Keeps a text of Python as a string, in UTF-8.
fn text(offsets: &Offsets, object: usize, read: Read) -> Option<u32> {
    let length = read(object + 16)?;
    let (ascii, kind) = shape(read(object + 32)?)?;
    let start = object + if ascii { offsets.ascii } else { offsets.compact };
    let mut bytes = [0_u8; crate::layout::LONGEST_STRING];
    let mut used = 0;
    // Of a long path the end says most.
    let skipped = length.saturating_sub(bytes.len() / if ascii { 1 } else { 3 });
    for at in skipped..length {
        let place = start + at * kind;
        let word = read(place & !7)? >> (8 * (place & 7));
        let code = match kind {
            1 => word as u8 as u32,
            2 => u32::from(word as u16),
            _ => word as u32,
        };
        let character = char::from_u32(code).unwrap_or('?');
        let end = used + character.len_utf8();
        let Some(room) = bytes.get_mut(used..end) else { break };
        character.encode_utf8(room);
        used = end;
    }
    Some(sites::string(bytes.get(..used)?))
}

/// Returns whether a text is ASCII, and the bytes of one character; nothing of one that is not in one piece.
fn shape(state: usize) -> Option<(bool, usize)> {
    let bits = (state as u32) >> KIND_SHIFT.load(Relaxed);
    let (kind, is_compact, ascii) = (bits & 7, bits >> 3 & 1 == 1, bits >> 4 & 1 == 1);
    (is_compact && matches!(kind, 1 | 2 | 4)).then_some((ascii, kind as usize))
}

/// Finds out, by a text that is known to be ASCII, where the bits of its kind are.
pub(crate) fn learn_shape(object: usize) {
    const ASCII: u32 = 0b1_1001;
    let state = direct(object + 32).unwrap_or(0) as u32;
    if let Some(shift) = [2, 8, 16].into_iter().find(|shift| state >> shift & 0x1F == ASCII) {
        KIND_SHIFT.store(shift, Relaxed);
    }
}

/// Lines that were found before: of an instruction, unless another code has taken its place.
struct Known;

const KNOWN: usize = 1024;
static WORDS: [[AtomicU64; 6]; KNOWN] = [const { [const { AtomicU64::new(0) }; 6] }; KNOWN];

impl Known {
    fn place(key: [u64; 3]) -> Option<&'static [AtomicU64; 6]> {
        let [code, address, _] = key;
        WORDS.get(usize::try_from(sites::mixed(code ^ address.rotate_left(17)) >> 44).unwrap_or(0) % KNOWN)
    }

    /// An entry that two threads wrote at once has a sum that does not fit, and counts as none.
    fn get(key: [u64; 3]) -> Option<Frame> {
        let entry = Self::place(key)?;
        let [a, b, c, names, line, sum] =
            [0, 1, 2, 3, 4, 5].map(|at: usize| entry.get(at).map_or(0, |word| word.load(Relaxed)));
        let fits = [a, b, c] == key && sum == Self::sum(key, names, line) && crate::shared::is_on();
        fits.then_some(Frame { file: (names >> 32) as u32, function: names as u32, line: line as u32 })
    }

    fn put(key: [u64; 3], frame: Frame) {
        let names = u64::from(frame.file) << 32 | u64::from(frame.function);
        let line = u64::from(frame.line);
        let [a, b, c] = key;
        let words = [a, b, c, names, line, Self::sum(key, names, line)];
        if let Some(entry) = Self::place(key) {
            entry.iter().zip(words).for_each(|(place, word)| place.store(word, Relaxed));
        }
    }

    fn sum(key: [u64; 3], names: u64, line: u64) -> u64 {
        let [a, b, c] = key;
        sites::mixed(a ^ b.rotate_left(7) ^ c.rotate_left(21) ^ names.rotate_left(35) ^ line.rotate_left(49)) | 1
    }
}

/// Forgets lines, whose strings were those of the parent.
pub(crate) fn forked() {
    WORDS.iter().flatten().for_each(|word| word.store(0, Relaxed));
}
