//! The file of this process, mapped: made at the first sample, and made anew after a fork.
//!
//! *Concurrency.* One thread makes it, while others pass their samples over. Once it is mapped, its place does not change.

use crate::{
    layout::{self, MAGIC, control, word},
    limit, python, sys,
};
use core::{
    ffi::CStr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
};

/// Not guarded, or not started yet.
const OFF: u8 = 0;
/// To be made at the first sample.
const READY: u8 = 1;
/// Being made.
const MAKING: u8 = 2;
/// There.
const ON: u8 = 3;

static MODE: AtomicU8 = AtomicU8::new(OFF);
static FORKED: AtomicBool = AtomicBool::new(false);
static BASE: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());

/// The most bytes of a path.
const PATH: usize = 512;
static FOLDER: [AtomicU8; PATH] = [const { AtomicU8::new(0) }; PATH];

/// Takes the folder of the guard from the environment; later, the program may have cleared it.
pub(crate) fn start(folder: &CStr) -> bool {
    let bytes = folder.to_bytes();
    if bytes.is_empty() || bytes.len() + 40 > PATH {
        return false;
    }
    for (to, from) in FOLDER.iter().zip(bytes) {
        to.store(*from, Relaxed);
    }
    let mut text = [0; layout::control::WORDS * 8];
    let read = with_path(&[layout::CONTROL.as_bytes()], |path| sys::read_start(path, &mut text));
    if read < text.len() {
        return false;
    }
    let word =
        |at: usize| text.get(at * 8..at * 8 + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_ne_bytes);
    let (limit, soft, guard) = (word(control::LIMIT), word(control::SOFT), word(control::GUARD));
    limit::set(limit::Held { limit, soft, guard });
    crate::sampler::set_interval(word(control::INTERVAL));
    MODE.store(READY, SeqCst);
    true
}

/// Forgets the file of the parent in a process that was forked.
pub(crate) fn forked() {
    if MODE.load(SeqCst) != OFF {
        FORKED.store(true, Relaxed);
        MODE.store(READY, SeqCst);
    }
}

/// Returns whether there is a file, without making one.
pub(crate) fn is_on() -> bool {
    MODE.load(Relaxed) == ON
}

/// Returns whether there is a file, made now if it has to be.
pub(crate) fn ready() -> bool {
    match MODE.load(Relaxed) {
        ON => true,
        READY => MODE.compare_exchange(READY, MAKING, SeqCst, SeqCst).is_ok() && made(),
        _ => false,
    }
}

/// Returns a word of the header; one that nobody reads while there is no file.
pub(crate) fn word(index: usize) -> &'static AtomicU64 {
    at(index * 8)
}

/// Adds to a word of the header.
pub(crate) fn add(index: usize, more: u64) -> u64 {
    word(index).fetch_add(more, Relaxed)
}

/// Returns the word at a place in bytes.
pub(crate) fn at(place: usize) -> &'static AtomicU64 {
    static NOWHERE: AtomicU64 = AtomicU64::new(0);
    let base = BASE.load(Relaxed);
    if base.is_null() || place + 8 > layout::BYTES {
        return &NOWHERE;
    }
    // SAFETY: the mapping has `BYTES` bytes, is never unmapped, and words in it are at multiples of eight.
    unsafe { &*base.add(place & !7).cast::<AtomicU64>() }
}

/// Writes bytes that no other thread writes.
pub(crate) fn put(place: usize, bytes: &[u8]) {
    let base = BASE.load(Relaxed);
    if !base.is_null() && place + bytes.len() <= layout::BYTES {
        // SAFETY: the mapping has `BYTES` bytes, and this part of it was handed out to this thread alone.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), base.add(place), bytes.len()) }
    }
}

/// Returns bytes that were written before.
pub(crate) fn get(place: usize, length: usize) -> &'static [u8] {
    let base = BASE.load(Relaxed);
    if base.is_null() || place + length > layout::BYTES {
        return &[];
    }
    // SAFETY: the mapping has `BYTES` bytes; strings are written before their place is published, and never changed.
    unsafe { core::slice::from_raw_parts(base.add(place), length) }
}

fn made() -> bool {
    let on = map();
    if on {
        word(word::PROCESS).store(u64::from(process()), Relaxed);
        word(word::INTERVAL).store(crate::sampler::interval(), Relaxed);
        // The first site stands for all that find no place.
        word(word::SITES_USED).store(1, Relaxed);
        // What a process has of its parent is charged to lines of the parent.
        let (anonymous, file) = limit::resident();
        let (base, inherited) = if FORKED.load(Relaxed) { (0, anonymous + file) } else { (anonymous, 0) };
        word(word::BASE).store(base, Relaxed);
        word(word::INHERITED).store(inherited, Relaxed);
        word(word::BORN_AT).store(sys::microseconds(), Relaxed);
        word(word::PYTHON).store(python::version(), Relaxed);
        word(word::WALK).store(python::state(), Relaxed);
        word(word::OTHER_MALLOC).store(u64::from(crate::start::other_malloc()), Relaxed);
        word(word::MAGIC).store(MAGIC, SeqCst);
    }
    MODE.store(if on { ON } else { OFF }, SeqCst);
    on
}

/// Maps a new file, where the one before was if there was one: what still points there must not point elsewhere.
fn map() -> bool {
    const O_RDWR: i32 = 2;
    const O_CREAT: i32 = 0o100;
    const O_EXCL: i32 = 0o200;
    const O_CLOEXEC: i32 = 0o2_000_000;
    let mut digits = [0; 20];
    let process = decimal(u64::from(process()), &mut digits);
    // After `exec`, the process is the same and the program another. The guard removes files that it is done with, so that a name
    // which was used before may be free again, and would be taken for that of an earlier program: names go by the time.
    let now = sys::microseconds();
    for turn in 0..100_u64 {
        let mut turns = [0; 20];
        let turn = decimal(now + turn, &mut turns);
        let name = [process, b".", turn];
        let Some(file) = with_path(&name, |path| sys::open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)) else {
            continue;
        };
        if !has_room(file) {
            sys::close(file);
            return false;
        }
        let before = BASE.load(Relaxed);
        let fixed = if before.is_null() { 0 } else { sys::MAP_FIXED };
        let (protection, flags) = (sys::PROT_READ | sys::PROT_WRITE, sys::MAP_SHARED | fixed);
        // SAFETY: the file is new and ours; a fixed place is that of the mapping before, which this replaces as a whole.
        let mapped = unsafe {
            sys::call(sys::number::FTRUNCATE, [file as usize, layout::BYTES, 0, 0, 0, 0]);
            let place = [before as usize, layout::BYTES, protection as usize, flags as usize, file as usize, 0];
            sys::call(sys::number::MMAP, place)
        };
        sys::close(file);
        if mapped == -1 {
            return false;
        }
        BASE.store(mapped as usize as *mut u8, SeqCst);
        return true;
    }
    false
}

/// Returns whether there is room for more than the file: a page of it that finds none later would end the process.
fn has_room(file: i32) -> bool {
    const LEAST: u64 = 32 << 20;
    let mut facts = [0_u64; 16];
    // SAFETY: the call writes 120 bytes.
    let known =
        unsafe { sys::call(sys::number::FSTATFS, [file as usize, facts.as_mut_ptr() as usize, 0, 0, 0, 0]) } == 0;
    let [_, block, _, _, available, ..] = facts;
    known && available.saturating_mul(block) >= LEAST
}

/// Returns the number of this process.
pub(crate) fn process() -> u32 {
    // SAFETY: it takes nothing and always succeeds.
    u32::try_from(unsafe { sys::getpid() }).unwrap_or(0)
}

/// Calls with the path of a file in the folder, built of parts.
pub(crate) fn with_path<T>(parts: &[&[u8]], call: impl FnOnce(&CStr) -> T) -> T
where
    T: Default,
{
    let mut path = [0_u8; PATH];
    let folder = FOLDER.iter().map(|byte| byte.load(Relaxed)).take_while(|byte| *byte != 0);
    let name = parts.iter().flat_map(|part| part.iter().copied());
    // The last byte stays the NUL that ends the path.
    for (to, from) in path.iter_mut().take(PATH - 1).zip(folder.chain([b'/']).chain(name)) {
        *to = from;
    }
    CStr::from_bytes_until_nul(&path).map_or_else(|_| T::default(), call)
}

/// Writes a number, and returns its digits.
pub(crate) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        if let (Some(place), Ok(digit)) = (digits.get_mut(start), u8::try_from(number % 10)) {
            *place = b'0' + digit;
        }
        number /= 10;
        if number == 0 || start == 0 {
            return digits.get(start..).unwrap_or_default();
        }
    }
}
