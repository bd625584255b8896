//! The library that guarded programs load first: where it is put, and which programs can load it.

use rustix::fs::{StatVfsMountFlags, statvfs};
use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// It travels inside of the program; the build script compiled it.
static LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libtidegate_preload.so"));

/// The most of a program's beginning that is read.
const HEAD: u64 = 64 << 10;

/// Why a program cannot load the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is linked statically.
    Static,
    /// It uses another C library.
    Musl,
    /// It is for another processor.
    OtherProcessor,
}

impl Unfit {
    /// Returns what that means, for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Static => "the program is linked statically: its lines cannot be seen, its memory can",
            Self::Musl => "the program uses musl, not glibc: its lines cannot be seen, its memory can",
            Self::OtherProcessor => "the program is for another processor: its lines cannot be seen, its memory can",
        }
    }
}

/// Where the library is.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) path: PathBuf,
    /// A folder made for it alone, which goes with this.
    _folder: Option<TempDir>,
}

/// Writes the library where programs may be run from, under a path that has neither spaces nor colons, which the loader takes
/// for ends: into the person's cache, where it stays, else into a private folder. `None` where there is no such place.
pub(crate) fn put() -> Option<Placed> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let cache = cache.map(|cache| cache.join("tidegate"));
    if let Some(cache) = cache.filter(|cache| fs::create_dir_all(cache).is_ok())
        && let Some(path) = put_into(&cache)
    {
        return Some(Placed { path, _folder: None });
    }
    let places = [env::temp_dir(), "/var/tmp".into(), "/dev/shm".into()];
    places.iter().find_map(|place| {
        let folder = tempfile::Builder::new().prefix("tidegate-library-").tempdir_in(place).ok()?;
        let path = put_into(folder.path())?;
        Some(Placed { path, _folder: Some(folder) })
    })
}

/// Writes it into a folder, if programs may be run from there.
fn put_into(folder: &Path) -> Option<PathBuf> {
    is_fit(folder).then(|| written(folder).ok()).flatten()
}

fn written(folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("preload-{:016x}.so", hash(LIBRARY)));
    if fs::read(&path).is_ok_and(|there| there == LIBRARY) {
        return Ok(path);
    }
    // Under another name first: somebody may be about to load it.
    let file = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(file.path(), LIBRARY)?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

/// Returns whether programs may be run from a folder, and its path can be written into a list.
pub(crate) fn is_fit(folder: &Path) -> bool {
    let is_plain =
        !folder.as_os_str().as_encoded_bytes().iter().any(|byte| byte.is_ascii_whitespace() || *byte == b':');
    is_plain && statvfs(folder).is_ok_and(|facts| !facts.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

/// Returns the list of libraries to load first: what the person asked for goes before ours, as it may have reasons to be first.
pub(crate) fn preload(before: Option<OsString>, library: &Path) -> OsString {
    let mut list = before.filter(|list| !list.is_empty()).unwrap_or_default();
    if !list.is_empty() {
        list.push(":");
    }
    list.push(library);
    list
}

/// Returns why a program cannot load the library, if it cannot. A script is asked for its interpreter.
pub(crate) fn unfit(program: &OsStr) -> Option<Unfit> {
    let path = find(program)?;
    let head = head(&path)?;
    let head = match head.strip_prefix(b"#!") {
        Some(line) => {
            let line = line.split(|byte| *byte == b'\n').next()?;
            let words = String::from_utf8_lossy(line).into_owned();
            let mut words = words.split_ascii_whitespace();
            let interpreter = words.next()?;
            let is_env = Path::new(interpreter).file_name() == Some(OsStr::new("env"));
            let named = if is_env { words.find(|word| !word.starts_with('-') && !word.contains('=')) } else { None };
            self::head(&find(OsStr::new(named.unwrap_or(interpreter)))?)?
        }
        None => head,
    };
    unfit_elf(&head)
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}

/// Finds a program as a shell does.
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(program.into());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Reads the head of a program: the loader that it names tells its C library.
fn unfit_elf(head: &[u8]) -> Option<Unfit> {
    const X86_64: u64 = 62;
    const AARCH64: u64 = 183;
    const INTERPRETER: u64 = 3;
    let number = |at: u64, size: usize| {
        let at = usize::try_from(at).ok()?;
        let bytes = head.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    if !head.starts_with(b"\x7FELF") {
        return None;
    }
    let own = if cfg!(target_arch = "aarch64") { AARCH64 } else { X86_64 };
    if head.get(4) != Some(&2) || number(18, 2)? != own {
        return Some(Unfit::OtherProcessor);
    }
    let (first, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for nth in 0..count {
        let part = first.checked_add(nth * size)?;
        if number(part, 4)? == INTERPRETER {
            let (at, length) =
                (usize::try_from(number(part + 8, 8)?).ok()?, usize::try_from(number(part + 32, 8)?).ok()?);
            let name = head.get(at..at.checked_add(length)?)?;
            return name.windows(7).any(|part| part == b"ld-musl").then_some(Unfit::Musl);
        }
    }
    Some(Unfit::Static)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_person_preloads_goes_first() {
        let check = |before: Option<&str>, list: &str| {
            assert_eq!(preload(before.map(OsString::from), Path::new("/x.so")), OsString::from(list));
        };
        check(None, "/x.so");
        check(Some(""), "/x.so");
        check(Some("libjemalloc.so"), "libjemalloc.so:/x.so");
    }

    #[test]
    fn a_program_tells_by_its_head_whether_it_can_load_a_library() {
        assert_eq!(unfit(OsStr::new("sh")), None);
        assert_eq!(unfit(OsStr::new("/no/such/program")), None);
        let mut head = fs::read(env::current_exe().unwrap()).unwrap();
        head.truncate(64 << 10);
        assert_eq!(unfit_elf(&head), None);
        let place = head.windows(8).position(|part| part == b"ld-linux").unwrap();
        head[place..place + 8].copy_from_slice(b"ld-musl-");
        assert_eq!(unfit_elf(&head), Some(Unfit::Musl));
        head[18] = 8;
        assert_eq!(unfit_elf(&head), Some(Unfit::OtherProcessor));
        assert_eq!(unfit_elf(b"#!/bin/sh"), None);
        assert_eq!(unfit_elf(b"\x7FELF"), Some(Unfit::OtherProcessor));
    }

    #[test]
    fn a_path_that_the_loader_would_cut_is_none() {
        let folder = tempfile::Builder::new().prefix("a b").tempdir().unwrap();
        assert_eq!(put_into(folder.path()), None);
    }

    #[test]
    fn the_library_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = put_into(folder.path()).unwrap();
        let at = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(put_into(folder.path()).unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), at);
        assert!(fs::read(path).unwrap().starts_with(b"\x7FELF"));
    }
}
