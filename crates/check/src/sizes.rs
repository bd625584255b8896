//! The files that a script reads, as far as they are there: rows, columns and bytes from samples of them.

use crate::{
    module::{Module, Scope},
    values::{Binding, bytes_of_array, integer, string},
};
use ruff_python_ast::Expr;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};
use tidegate_memory::ByteCount;
use tidegate_sizing::{Options, SampleOptions, Setting, Sizes, read_blocks, size};

/// What is looked at of a file: enough to tell types and lengths, little enough not to be waited for.
const SAMPLE_BYTES: u64 = 2_000_000;

/// The files behind names and paths.
pub(crate) struct Data {
    /// Files that were named: `raw=big.csv`.
    named: BTreeMap<String, PathBuf>,
    /// Where paths in the script begin: its folder, and where it is run.
    folders: Vec<PathBuf>,
    known: RefCell<BTreeMap<PathBuf, Option<Rc<Sizes>>>>,
}

impl Data {
    /// Takes files that were named, and the folders in which paths of the script are looked for.
    pub(crate) fn new(named: BTreeMap<String, PathBuf>, folders: Vec<PathBuf>) -> Self {
        Self { named, folders, known: RefCell::default() }
    }

    /// Returns the sizes of the file that a call reads: by the name that it is bound to, else by the path that it names.
    pub(crate) fn of_read(&self, module: &Module<'_>, name: Option<&str>, expression: &Expr) -> Option<Rc<Sizes>> {
        self.sizes(&self.path_of(module, name, expression)?)
    }

    fn path_of(&self, module: &Module<'_>, name: Option<&str>, expression: &Expr) -> Option<PathBuf> {
        if let Some(path) = name.and_then(|name| self.named.get(name)) {
            return Some(path.clone());
        }
        let Expr::Call(call) = expression else { return None };
        let path = module.imports.path(&call.func)?;
        if !matches!(path.as_str(), "pandas.read_csv" | "pandas.read_table" | "pandas.read_json") {
            return None;
        }
        let given = call.arguments.find_positional(0).and_then(string)?;
        // An address of the network is none of a file.
        if given.contains("://") {
            return None;
        }
        self.folders.iter().map(|folder| folder.join(given)).find(|path| path.is_file())
    }

    /// Returns the sizes of the file that a call reads, of which certain columns are used.
    pub(crate) fn of_columns(
        &self,
        module: &Module<'_>,
        name: &str,
        expression: &Expr,
        used: &[&str],
    ) -> Option<Sizes> {
        let path = self.path_of(module, Some(name), expression)?;
        let used = Some(used.iter().map(|column| (*column).to_owned()).collect());
        let blocks = read_blocks(&path, &sample()).ok()?;
        size(&blocks, &path.to_string_lossy(), &Options { used, ..Options::default() }).ok()
    }

    /// Returns the bytes that a value holds, if it or what it is made of was read from a file that is there.
    pub(crate) fn held_of(&self, module: &Module<'_>, binding: &Binding<'_>) -> Option<u64> {
        let source = binding.source?;
        if let Some(bytes) = array(module, binding) {
            return Some(bytes);
        }
        if let Some(sizes) = self.of_read(module, Some(binding.name), source) {
            return held(&sizes, Setting::Default);
        }
        // What is made of it is as large at most: a filter, a sort, a copy.
        let base = root(source)?;
        let scope = scope_of(module, binding)?;
        let mut earlier = scope.facts.bindings.iter().filter(|other| other.name == base && other.at < binding.at);
        let read = earlier.next_back()?;
        let sizes = self.of_read(module, Some(read.name), read.source?)?;
        held(&sizes, Setting::Default)
    }

    fn sizes(&self, path: &Path) -> Option<Rc<Sizes>> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let blocks = read_blocks(path, &sample()).ok();
        let sizes =
            blocks.and_then(|blocks| size(&blocks, &path.to_string_lossy(), &Options::default()).ok()).map(Rc::new);
        self.known.borrow_mut().insert(path.to_path_buf(), sizes.clone());
        sizes
    }
}

fn sample() -> SampleOptions {
    SampleOptions { bytes: ByteCount::new(SAMPLE_BYTES), blocks: 8 }
}

/// Returns a share of a number of bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate; the cast saturates"
)]
pub(crate) fn share(bytes: u64, share: f64) -> u64 {
    (bytes as f64 * share).round() as u64
}

/// Returns a number of bytes for a row, rounded; nothing if it is negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate; the cast saturates")]
pub(crate) fn rounded(bytes: f64) -> u64 {
    bytes.round() as u64
}

/// Returns the bytes that are held of a file with a setting.
pub(crate) fn held(sizes: &Sizes, setting: Setting) -> Option<u64> {
    sizes.settings.iter().find(|found| found.setting == setting).map(|found| found.held.expected)
}

fn scope_of<'m, 'a>(module: &'m Module<'a>, binding: &Binding<'_>) -> Option<&'m Scope<'a>> {
    module.scopes.iter().find(|scope| scope.facts.bindings.iter().any(|other| std::ptr::eq(other, binding)))
}

/// Returns the bytes of an array whose shape stands in the script, also by names that are given one number each in the same scope.
fn array(module: &Module<'_>, binding: &Binding<'_>) -> Option<u64> {
    let scope = scope_of(module, binding)?;
    let named = |name: &str| {
        let mut bindings = scope.facts.bindings.iter().filter(|other| other.name == name);
        let number = integer(bindings.next()?.source?)?;
        bindings.next().is_none().then_some(number)
    };
    bytes_of_array(&module.imports, binding.source?, &named)
}

/// Returns whether a value is as large as what is said of it, and not at most: a file that is read whole, an array that is made.
pub(crate) fn is_exact(module: &Module<'_>, binding: &Binding<'_>) -> bool {
    binding.source.is_some_and(|source| reads(module, source)) || array(module, binding).is_some()
}

/// Returns whether an expression reads a file whole.
fn reads(module: &Module<'_>, expression: &Expr) -> bool {
    let Expr::Call(call) = expression else { return false };
    module
        .imports
        .path(&call.func)
        .is_some_and(|path| path.rsplit('.').next().is_some_and(|name| name.starts_with("read_")))
}

/// The name of the frame that an expression is made of by methods and subscripts.
fn root(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        Expr::Subscript(subscript) => root(&subscript.value),
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(attribute) if !MAKE_MORE.contains(&attribute.attr.as_str()) => root(&attribute.value),
            _ => None,
        },
        _ => None,
    }
}

/// Methods whose results may be larger than what they are called on.
const MAKE_MORE: [&str; 16] = [
    "merge",
    "join",
    "merge_asof",
    "explode",
    "stack",
    "unstack",
    "melt",
    "pivot",
    "pivot_table",
    "get_dummies",
    "reindex",
    "asfreq",
    "repeat",
    "assign",
    "append",
    "concat",
];
