//! Where `CPython` keeps what is read: from tables up to 3.12, from its own `_Py_DebugOffsets` from 3.13 on.
//!
//! The tables are `offsetof` over the headers of each version for 64-bit builds, which patch releases do not change. The
//! offsets of 3.13 on are a part of the interpreter's memory, of fixed form for each minor version, made for readers like this.
//! The guard compiles this file too, to read processes that it attaches to.

/// How a thread's state leads to its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Frames are objects: 3.9 and 3.10.
    Objects,
    /// Through a frame of the C stack: 3.11 and 3.12.
    CFrame,
    /// Directly: 3.13 on.
    Direct,
}

/// Offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// How frames are found.
    pub style: Style,
    /// In the thread state: the frame, or the C frame.
    pub thread_frame: usize,
    /// In the C frame: the frame.
    pub cframe_frame: usize,
    /// In a frame: what it executes.
    pub code: usize,
    /// The frame that called.
    pub previous: usize,
    /// The instruction: an address, or an index for [`Style::Objects`].
    pub instruction: usize,
    /// In code: its instructions.
    pub instructions: usize,
    /// The name of its file.
    pub file: usize,
    /// Its own name, with those of its classes where the version has that.
    pub name: usize,
    /// Its first line.
    pub first_line: usize,
    /// How much an index of [`Style::Objects`] counts.
    pub index_bytes: usize,
    /// The size of the header of a text of ASCII.
    pub ascii: usize,
    /// The size of the header of any other text.
    pub compact: usize,
    /// Where the bits are that tell the kind of a text.
    pub kind_shift: u32,
    /// In the runtime: the first interpreter.
    pub interpreters: usize,
    /// In an interpreter: its first thread.
    pub threads: usize,
    /// In a thread: the next one.
    pub next_thread: usize,
    /// In a thread: its number, as the kernel has it; 0 where there is none.
    pub native_id: usize,
    /// In code: the table of lines.
    pub lines: usize,
}

const OF_3_9: Offsets = Offsets {
    style: Style::Objects,
    thread_frame: 24,
    cframe_frame: 0,
    code: 32,
    previous: 24,
    instruction: 104,
    instructions: 0,
    file: 104,
    name: 112,
    first_line: 40,
    index_bytes: 1,
    ascii: 48,
    compact: 72,
    kind_shift: 2,
    interpreters: 32,
    threads: 8,
    next_thread: 8,
    native_id: 0,
    lines: 120,
};

const OF_3_10: Offsets = Offsets { instruction: 96, index_bytes: 2, ..OF_3_9 };

const OF_3_11: Offsets = Offsets {
    style: Style::CFrame,
    thread_frame: 56,
    cframe_frame: 8,
    code: 32,
    previous: 48,
    instruction: 56,
    instructions: 184,
    file: 112,
    name: 128,
    first_line: 72,
    index_bytes: 1,
    ascii: 48,
    compact: 72,
    kind_shift: 2,
    interpreters: 40,
    threads: 16,
    next_thread: 8,
    native_id: 160,
    lines: 136,
};

const OF_3_12: Offsets = Offsets {
    cframe_frame: 0,
    code: 0,
    previous: 8,
    instructions: 192,
    first_line: 68,
    ascii: 40,
    compact: 56,
    threads: 72,
    native_id: 144,
    ..OF_3_11
};

/// What begins `_PyRuntime` from 3.13 on.
pub const COOKIE: &[u8; 8] = b"xdebugpy";
/// How much of it is needed.
pub const DEBUG_BYTES: usize = 128 * 8;

/// Why there are no offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nobody has looked at this version.
    Version,
    /// There is no global lock, and threads have instructions of their own.
    FreeThreaded,
}

/// Returns the offsets of a version, given as in `sys.hexversion`; `runtime` is the beginning of `_PyRuntime`.
///
/// # Errors
/// If the version is not known.
pub fn of(version: u32, runtime: &[u8]) -> Result<Offsets, Unknown> {
    match version >> 16 {
        0x0309 => Ok(OF_3_9),
        0x030A => Ok(OF_3_10),
        0x030B => Ok(OF_3_11),
        0x030C => Ok(OF_3_12),
        0x030D | 0x030E if runtime.starts_with(COOKIE) => of_debug_offsets(version, runtime),
        _ => Err(Unknown::Version),
    }
}

/// The places of the words differ between 3.13 and 3.14, which puts new ones between.
fn of_debug_offsets(version: u32, runtime: &[u8]) -> Result<Offsets, Unknown> {
    let word = |at: usize| {
        let bytes = runtime.get(at * 8..at * 8 + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u64::from_ne_bytes).and_then(|word| usize::try_from(word).ok()).filter(|word| *word < 1 << 20)
    };
    let hex = runtime.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
    if hex >> 16 != version >> 16 {
        return Err(Unknown::Version);
    }
    if word(2) != Some(0) {
        return Err(Unknown::FreeThreaded);
    }
    let is_3_13 = version >> 16 == 0x030D;
    // Words before each part: cookie, version, free-threaded, runtime (3), then the interpreter.
    let thread = if is_3_13 { 19 } else { 22 };
    let frame = thread + 9;
    let code = frame + if is_3_13 { 6 } else { 8 };
    let text = code + if is_3_13 { 10 + 2 + 4 + 3 + 3 + 3 + 2 + 3 + 3 } else { 11 + 2 + 4 + 3 + 3 + 4 + 3 + 2 + 3 + 3 };
    let get = || {
        let ascii = word(text + 3)?;
        Some(Offsets {
            style: Style::Direct,
            thread_frame: word(thread + 4)?,
            cframe_frame: 0,
            code: word(frame + 2)?,
            previous: word(frame + 1)?,
            instruction: word(frame + 3)?,
            instructions: word(code + 9)?,
            file: word(code + 1)?,
            name: word(code + 3)?,
            first_line: word(code + 5)?,
            index_bytes: 1,
            ascii,
            compact: ascii + 16,
            kind_shift: if is_3_13 { 2 } else { 16 },
            interpreters: word(5)?,
            threads: word(9)?,
            next_thread: word(thread + 2)?,
            native_id: word(thread + 6)?,
            lines: word(code + 4)?,
        })
    };
    let offsets = get().ok_or(Unknown::Version)?;
    // A layout that moved would not have these by chance.
    let is_plausible = [24, 32, 40, 48].contains(&offsets.ascii) && offsets.previous == 8 && offsets.file > 0;
    if is_plausible { Ok(offsets) } else { Err(Unknown::Version) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that `CPython` 3.13.0 has, up to the sizes of texts.
    fn runtime(version: u64) -> Vec<u8> {
        let mut words = vec![0_u64; 128];
        words[0] = u64::from_ne_bytes(*COOKIE);
        words[1] = version;
        let known = [(5, 632), (9, 7344), (21, 8), (23, 72), (25, 160), (29, 8), (30, 0), (31, 56)];
        let more = [(35, 112), (36, 120), (37, 128), (38, 136), (39, 68), (43, 200), (70, 40)];
        for (at, word) in known.into_iter().chain(more) {
            words[at] = word;
        }
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn the_interpreters_own_table_is_read() {
        let version = 0x030D_00F0;
        let offsets = of(version, &runtime(version.into())).unwrap();
        let expected = Offsets {
            style: Style::Direct,
            thread_frame: 72,
            cframe_frame: 0,
            code: 0,
            previous: 8,
            instruction: 56,
            instructions: 200,
            ascii: 40,
            compact: 56,
            first_line: 68,
            interpreters: 632,
            threads: 7344,
            native_id: 160,
            ..OF_3_12
        };
        assert_eq!(offsets, expected);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let version = 0x030D_00F0;
        assert_eq!(of(0x0308_0000, &[]), Err(Unknown::Version));
        assert_eq!(of(0x030F_0000, &runtime(0x030F_0000)), Err(Unknown::Version));
        assert_eq!(of(version, &[]), Err(Unknown::Version));
        assert_eq!(of(version, &runtime(0x030E_00F0)), Err(Unknown::Version));
        let mut free_threaded = runtime(version.into());
        free_threaded[16] = 1;
        assert_eq!(of(version, &free_threaded), Err(Unknown::FreeThreaded));
        let mut moved = runtime(version.into());
        moved[29 * 8] = 99;
        assert_eq!(of(version, &moved), Err(Unknown::Version));
    }
}
