//! The Python that would read the file.

/// The pandas that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pandas {
    /// 2.x: texts are Python objects, files are read by one thread.
    V2,
    /// 3.1 and later: texts are `str`, files of 5 MiB and more are read by several threads.
    V3,
}

/// The Python that would read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The version of pandas.
    pub pandas: Pandas,
    /// Whether pyarrow is installed: without it, texts of `str` are Python objects too.
    pub pyarrow: bool,
    /// The minor version of Python 3: strings have a smaller head from 12 on.
    pub python_minor: u32,
    /// Threads of `read_csv`: the cores this process may use, at most 6, or `mode.max_threads`.
    pub threads: u64,
}

impl Default for Environment {
    /// pandas 3 with pyarrow on Python 3.11, two threads.
    fn default() -> Self {
        Self { pandas: Pandas::V3, pyarrow: true, python_minor: 11, threads: 2 }
    }
}

impl Environment {
    /// The most threads that pandas uses by itself.
    pub const MOST_THREADS: u64 = 6;

    /// Returns whether texts are in Arrow arrays.
    pub(crate) fn has_arrow_texts(self) -> bool {
        self.pandas == Pandas::V3 && self.pyarrow
    }

    /// Returns what the process holds after `import pandas` and a first read: measured were 105 MB with pyarrow and 67 MB
    /// without.
    pub fn interpreter(self) -> u64 {
        if self.pyarrow { 105 << 20 } else { 67 << 20 }
    }
}
