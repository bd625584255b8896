//! What several rules need.

use crate::{
    calls::CallSite,
    columns::{ColumnUses, column_uses},
    module::{Module, Scope},
    sizes::Data,
    values::{Binding, Cost},
};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};
use std::rc::Rc;
use tidegate_sizing::Sizes;

/// A `read_csv` whose frame has a name.
pub(crate) struct NamedRead<'m, 'a> {
    pub scope: &'m Scope<'a>,
    pub binding: &'m Binding<'a>,
    pub call: &'a ExprCall,
    /// The file, if it is there.
    pub sizes: Option<Rc<Sizes>>,
    /// What is done with its columns.
    pub uses: ColumnUses<'a>,
}

impl NamedRead<'_, '_> {
    /// Returns whether the call has a keyword.
    pub(super) fn has(&self, keyword: &str) -> bool {
        self.call.arguments.find_keyword(keyword).is_some()
    }

    /// Returns whether only the columns that are needed make the same frame of them: nothing else in the call counts columns.
    pub(super) fn is_plain(&self) -> bool {
        const COUNT_COLUMNS: [&str; 12] = [
            "usecols",
            "index_col",
            "names",
            "header",
            "nrows",
            "chunksize",
            "iterator",
            "parse_dates",
            "converters",
            "skiprows",
            "date_format",
            "engine",
        ];
        let has_more = self.call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none());
        !has_more && self.call.arguments.args.len() == 1 && !COUNT_COLUMNS.iter().any(|keyword| self.has(keyword))
    }
}

/// How many of them are looked at: for each, all statements of its scope are.
const MOST_READS: usize = 100;

/// Returns the `read_csv` calls whose frame has a name.
pub(super) fn named_reads<'m, 'a>(module: &'m Module<'a>, data: &Data) -> Vec<NamedRead<'m, 'a>> {
    let mut found = Vec::new();
    for scope in &module.scopes {
        for binding in &scope.facts.bindings {
            let Some(Expr::Call(call)) = binding.source else { continue };
            let path = module.imports.path(&call.func);
            if !matches!(path.as_deref(), Some("pandas.read_csv" | "pandas.read_table")) {
                continue;
            }
            let sizes = binding.source.and_then(|source| data.of_read(module, Some(binding.name), source));
            if found.len() >= MOST_READS {
                return found;
            }
            // One read may have two names: `a = b = pd.read_csv(..)`.
            if found.iter().any(|read: &NamedRead<'_, '_>| std::ptr::eq(read.call, call)) {
                continue;
            }
            let uses = column_uses(module, scope, binding);
            found.push(NamedRead { scope, binding, call, sizes, uses });
        }
    }
    found
}

/// Returns whether a call reads delimited text into a frame.
pub(super) fn is_read_csv(site: &CallSite<'_>) -> bool {
    site.is("pandas.read_csv") || site.is("pandas.read_table")
}

/// Says when types that a sample has shown may be named.
pub(super) fn condition(types: &str) -> &'static str {
    if types.contains("float32") {
        "if the whole file fits and seven digits are enough"
    } else {
        "if the whole file fits"
    }
}

/// Writes a list of names as Python does.
pub(super) fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", names.join(", "))
}

/// Returns where an argument can be added to a call, and what stands before it.
pub(super) fn added_argument(module: &Module<'_>, call: &ExprCall) -> (TextSize, &'static str) {
    let keywords = call.arguments.keywords.iter().map(Ranged::end);
    let last = call.arguments.args.iter().map(Ranged::end).chain(keywords).max();
    let open = call.arguments.range.start() + TextSize::new(1);
    let at = last.unwrap_or(open);
    // Parentheses around the last argument end after it.
    let rest = module.source.slice(TextRange::new(at, call.arguments.range.end()));
    let closing =
        rest.find([',', '#']).map_or(rest.len().saturating_sub(1), |end| end.min(rest.len().saturating_sub(1)));
    let inner = rest.get(..closing).unwrap_or_default().trim_end().len();
    (at + TextSize::new(u32::try_from(inner).unwrap_or(0)), if last.is_some() { ", " } else { "" })
}

/// Returns the first call of a script that reads data; nothing of a module that others use.
pub(super) fn first_read(module: &Module<'_>) -> Option<TextRange> {
    let is_main = |statement: &Stmt| match statement {
        Stmt::If(choice) => module.source.slice(choice.test.range()).contains("__name__"),
        _ => false,
    };
    let is_run = module.top().is_some_and(|top| !top.facts.costly.is_empty()) || module.body.iter().any(is_main);
    let costly = module.scopes.iter().flat_map(|scope| &scope.facts.costly);
    let reads = costly.filter(|(_, call)| call.cost == Cost::Read).map(|(_, call)| call.range);
    reads.min_by_key(Ranged::start).filter(|_| is_run && !module.is_library())
}
