//! Programs that cannot load this library: they are started without it. The loader of musl ends a program for a library that it
//! cannot bind, and that of 32-bit programs complains.
//!
//! *Concurrency.* Between `vfork` and the start of a program, memory is that of the parent: nothing is allocated here, and what
//! is changed are variables of the functions alone.

use crate::{end, sys};
use core::{
    ffi::{CStr, c_char, c_int, c_void},
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed},
};

/// A list of texts that ends with a null.
type List = *const *const c_char;

const PRELOAD: &[u8] = b"LD_PRELOAD=";
/// As much of a program is read: its loader is named at its beginning.
const HEAD: usize = 2048;
/// The most variables of an environment that is changed, and the longest list of libraries in it.
const VARIABLES: usize = 1024;
const LONGEST: usize = 2048;
/// The longest path.
const PATH: usize = 4096;

/// The functions that this library stands before.
static EXECVE: AtomicUsize = AtomicUsize::new(0);
static EXECVPE: AtomicUsize = AtomicUsize::new(0);
static SPAWN: AtomicUsize = AtomicUsize::new(0);
static SPAWNP: AtomicUsize = AtomicUsize::new(0);

/// The path of this library, as the loader knows it.
static OWN: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());

type Execute = unsafe extern "C" fn(*const c_char, List, List) -> c_int;
type Spawn = unsafe extern "C" fn(*mut c_int, *const c_char, *const c_void, *const c_void, List, List) -> c_int;

/// Finds the functions and the path, before anybody can have no right to ask the loader.
pub(crate) fn start() {
    for (place, name) in
        [(&EXECVE, c"execve"), (&EXECVPE, c"execvpe"), (&SPAWN, c"posix_spawn"), (&SPAWNP, c"posix_spawnp")]
    {
        place.store(sys::find(sys::RTLD_NEXT, name).unwrap_or(0), Relaxed);
    }
    let nothing = core::ptr::null();
    let mut info =
        sys::DlInfo { file: nothing, base: core::ptr::null_mut(), symbol: nothing, address: core::ptr::null_mut() };
    // SAFETY: it writes what it knows of an address into `info`, whose texts live as long as the library.
    if unsafe { sys::dladdr(start as *const c_void, &raw mut info) } != 0 {
        OWN.store(info.file.cast_mut(), Relaxed);
    }
}

/// Returns the place of a function; 0 if there is none.
fn found(function: &AtomicUsize) -> usize {
    if function.load(Relaxed) == 0 {
        // Somebody starts a program before this library was started.
        start();
    }
    function.load(Relaxed)
}

/// An environment without this library, if it must be one.
struct Changed {
    list: [*const c_char; VARIABLES],
    libraries: [u8; LONGEST],
}

impl Changed {
    const EMPTY: Self = Self { list: [core::ptr::null(); VARIABLES], libraries: [0; LONGEST] };

    /// Returns the environment for a program: as it is, or, for one that cannot load this library, without it.
    ///
    /// # Safety
    /// `environment` is null or a list that ends with a null.
    unsafe fn for_program(&mut self, can_load: bool, environment: List) -> List {
        let own = OWN.load(Relaxed);
        if can_load || environment.is_null() || own.is_null() {
            return environment;
        }
        // SAFETY: it is a text of the loader's.
        let own = unsafe { CStr::from_ptr(own) }.to_bytes();
        let mut count = 0;
        for at in 0.. {
            // SAFETY: the list ends with a null, at which this ends.
            let variable = unsafe { *environment.add(at) };
            if variable.is_null() {
                break;
            }
            // SAFETY: variables are texts that end with a NUL.
            let text = unsafe { CStr::from_ptr(variable) }.to_bytes();
            let kept = match text.strip_prefix(PRELOAD) {
                Some(libraries) => match without(libraries, own, &mut self.libraries) {
                    Some(0) => continue,
                    Some(_) => self.libraries.as_ptr().cast(),
                    None => return environment,
                },
                None => variable,
            };
            // The last place stays the null that ends the list.
            match self.list.get_mut(..VARIABLES - 1).and_then(|list| list.get_mut(count)) {
                Some(place) => *place = kept,
                None => return environment,
            }
            count += 1;
        }
        self.list.as_ptr()
    }
}

/// Writes a variable with all libraries of a list but one, and returns how many those are; `None` if there is no room.
fn without(libraries: &[u8], own: &[u8], into: &mut [u8; LONGEST]) -> Option<usize> {
    into.fill(0);
    let (mut end, mut count) = (PRELOAD.len(), 0);
    into.get_mut(..end)?.copy_from_slice(PRELOAD);
    let parts = libraries.split(|byte| matches!(byte, b':' | b' '));
    for part in parts.filter(|part| !part.is_empty() && *part != own) {
        if count > 0 {
            *into.get_mut(end)? = b':';
            end += 1;
        }
        // The last byte stays the NUL that ends the text.
        into.get_mut(..LONGEST - 1)?.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
        count += 1;
    }
    Some(count)
}

/// Returns whether a program can load this library, or does not care. A script is asked for its interpreter.
fn can_load(path: &CStr) -> bool {
    let mut head = [0; HEAD];
    let read = sys::read_start(path, &mut head);
    let head = head.get(..read).unwrap_or_default();
    let Some(line) = head.strip_prefix(b"#!") else { return fits(head) };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_start();
    let interpreter = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let mut path = [0; 256];
    let Some(room) = path.get_mut(..interpreter.len()).filter(|room| room.len() < 255) else { return true };
    room.copy_from_slice(interpreter);
    let mut head = [0; HEAD];
    let read = CStr::from_bytes_until_nul(&path).map_or(0, |path| sys::read_start(path, &mut head));
    fits(head.get(..read).unwrap_or_default())
}

/// Reads the head of a program: whether it is for this processor, and not for another C library.
fn fits(head: &[u8]) -> bool {
    const INTERPRETER: u64 = 3;
    const OWN: u64 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let number = |at: u64, size: usize| {
        let at = usize::try_from(at).ok()?;
        let bytes = head.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    if !head.starts_with(b"\x7FELF") {
        return true;
    }
    if head.get(4) != Some(&2) || number(18, 2) != Some(OWN) {
        return false;
    }
    let loader = || {
        let (first, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let mut parts = (0..count).filter_map(|nth| first.checked_add(nth * size));
        let part = parts.find(|part| number(*part, 4) == Some(INTERPRETER))?;
        let (at, length) = (usize::try_from(number(part + 8, 8)?).ok()?, usize::try_from(number(part + 32, 8)?).ok()?);
        head.get(at..at.checked_add(length)?)
    };
    !loader().unwrap_or_default().windows(7).any(|part| part == b"ld-musl")
}

/// Does the same for a program that is searched for in `PATH`.
///
/// # Safety
/// `file` is a text that ends with a NUL.
unsafe fn can_load_found(file: *const c_char) -> bool {
    // SAFETY: as whoever calls says.
    let file = unsafe { CStr::from_ptr(file) };
    if file.to_bytes().contains(&b'/') {
        return can_load(file);
    }
    // SAFETY: the name ends with a NUL, and so does the text, which is read before anybody changes it.
    let folders = unsafe { sys::getenv(c"PATH".as_ptr()) };
    if folders.is_null() {
        return true;
    }
    // SAFETY: as above.
    let folders = unsafe { CStr::from_ptr(folders) }.to_bytes();
    for folder in folders.split(|byte| *byte == b':') {
        let mut path = [0_u8; PATH];
        let text = folder.iter().chain(b"/").chain(file.to_bytes());
        path.iter_mut().take(PATH - 1).zip(text).for_each(|(to, from)| *to = *from);
        if let Ok(path) = CStr::from_bytes_until_nul(&path)
            && let Some(found) = sys::open(path, 0, 0)
        {
            sys::close(found);
            return can_load(path);
        }
    }
    true
}

/// Passes on what becomes another program.
///
/// # Safety
/// As `execve`, with its arguments and its environment.
unsafe fn execute(function: &AtomicUsize, program: *const c_char, lists: [List; 2], can_load: bool) -> c_int {
    let [arguments, environment] = lists;
    let mut changed = Changed::EMPTY;
    end::tell();
    // SAFETY: what was asked for is passed on; the texts are the caller's.
    unsafe {
        let environment = changed.for_program(can_load, environment);
        match found(function) {
            0 => sys::missing(),
            place => core::mem::transmute::<usize, Execute>(place)(program, arguments, environment),
        }
    }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execve(path: *const c_char, arguments: List, environment: List) -> c_int {
    // SAFETY: what was asked for is passed on; the texts are the caller's.
    unsafe { execute(&EXECVE, path, [arguments, environment], can_load(CStr::from_ptr(path))) }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execv(path: *const c_char, arguments: List) -> c_int {
    // SAFETY: what was asked for is passed on.
    unsafe { execve(path, arguments, sys::environ) }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execvpe(file: *const c_char, arguments: List, environment: List) -> c_int {
    // SAFETY: what was asked for is passed on; the texts are the caller's.
    unsafe { execute(&EXECVPE, file, [arguments, environment], can_load_found(file)) }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn execvp(file: *const c_char, arguments: List) -> c_int {
    // SAFETY: what was asked for is passed on.
    unsafe { execvpe(file, arguments, sys::environ) }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn posix_spawn(
    process: *mut c_int,
    path: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: List,
    environment: List,
) -> c_int {
    let mut changed = Changed::EMPTY;
    // SAFETY: what was asked for is passed on; the texts are the caller's.
    unsafe {
        let environment = changed.for_program(can_load(CStr::from_ptr(path)), environment);
        match found(&SPAWN) {
            0 => sys::ENOSYS,
            place => {
                core::mem::transmute::<usize, Spawn>(place)(process, path, actions, attributes, arguments, environment)
            }
        }
    }
}

/// What C calls.
///
/// # Safety
/// As the function of this name of the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn posix_spawnp(
    process: *mut c_int,
    file: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: List,
    environment: List,
) -> c_int {
    let mut changed = Changed::EMPTY;
    // SAFETY: what was asked for is passed on; the texts are the caller's.
    unsafe {
        let environment = changed.for_program(can_load_found(file), environment);
        match found(&SPAWNP) {
            0 => sys::ENOSYS,
            place => {
                core::mem::transmute::<usize, Spawn>(place)(process, file, actions, attributes, arguments, environment)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_library_is_taken_out_of_a_list() {
        let check = |list: &str, expected: Option<(&str, usize)>| {
            let mut into = [1; LONGEST];
            let count = without(list.as_bytes(), b"/x.so", &mut into);
            let text = CStr::from_bytes_until_nul(&into).unwrap().to_str().unwrap().to_owned();
            assert_eq!(count.map(|count| (text.as_str(), count)), expected);
        };
        check("/x.so", Some(("LD_PRELOAD=", 0)));
        check("a.so:/x.so", Some(("LD_PRELOAD=a.so", 1)));
        check("/x.so b.so:/x.soo", Some(("LD_PRELOAD=b.so:/x.soo", 2)));
        check(&"y".repeat(LONGEST), None);
    }

    #[test]
    fn programs_for_others_are_told_by_their_head() {
        let mut head = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        head.truncate(HEAD);
        assert!(fits(&head) && fits(b"#!/bin/sh") && fits(b"") && fits(b"\x7FEL"));
        let place = head.windows(8).position(|part| part == b"ld-linux").unwrap();
        head[place..place + 8].copy_from_slice(b"ld-musl-");
        assert!(!fits(&head));
        head[4] = 1;
        assert!(!fits(&head));
        assert!(can_load(c"/bin/sh") && can_load(c"/no/such/program"));
    }

    #[test]
    fn an_environment_is_changed_for_those_alone() {
        static OWN_PATH: &CStr = c"/x.so";
        OWN.store(OWN_PATH.as_ptr().cast_mut(), Relaxed);
        let list = [c"A=1".as_ptr(), c"LD_PRELOAD=/x.so".as_ptr(), c"B=2".as_ptr(), core::ptr::null()];
        let mut changed = Changed::EMPTY;
        // SAFETY: the list ends with a null.
        let (same, other) =
            unsafe { (changed.for_program(true, list.as_ptr()), changed.for_program(false, list.as_ptr())) };
        assert_eq!(same, list.as_ptr());
        // SAFETY: it is a list of three.
        let [a, b, end] = unsafe { [*other, *other.add(1), *other.add(2)] };
        assert_eq!((a, b, end), (list[0], list[2], core::ptr::null()));
    }
}
