//! Which columns of a frame a script uses, and how.
//!
//! A frame is followed through names that get it as it is, or rows of it: masks, `sort_values`, `head`. Each use names its
//! columns, or it may use all of them: then nothing is said of the rest. That errs to the side of "all".

use crate::{
    module::{Module, Scope},
    names::{Mentioned, mentioned},
    values::{Binding, string, strings},
};
use ruff_python_ast::{
    Expr, ExprCall, ExprContext, InterpolatedStringElement, Operator, Stmt, UnaryOp,
    visitor::{Visitor, walk_expr, walk_interpolated_string_element, walk_stmt},
};

/// How a column is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// As the key of groups, or counted by value: its values repeat.
    Key,
    /// Compared with texts, for equality: a category answers the same.
    Text,
    /// Turned into times.
    Time,
    /// Otherwise.
    Other,
}

/// The columns of a frame that are used.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnUses<'a> {
    /// Each column and how, in the order of the source.
    pub uses: Vec<(&'a str, Use)>,
    /// Columns that the script adds to the frame.
    pub added: Vec<&'a str>,
    /// Whether there may be uses of other columns.
    pub may_use_all: bool,
    /// Whether a text names the frame: `other.query("age > @df.age.mean()")`.
    pub is_in_text: bool,
}

impl<'a> ColumnUses<'a> {
    /// Returns the columns that must be in the file, each once, in the order of the source.
    pub(crate) fn needed(&self) -> Vec<&'a str> {
        let mut needed: Vec<&str> = Vec::new();
        for (column, _) in &self.uses {
            if !needed.contains(column) && !self.added.contains(column) {
                needed.push(column);
            }
        }
        needed
    }

    /// Returns the columns that are used in a way.
    pub(crate) fn used_as(&self, how: Use) -> Vec<&'a str> {
        let mut found: Vec<&str> = Vec::new();
        for (column, _) in self.uses.iter().filter(|(_, other)| *other == how) {
            if !found.contains(column) && !self.added.contains(column) {
                found.push(column);
            }
        }
        found
    }

    /// Returns whether a column is used in one way only.
    pub(crate) fn is_only(&self, column: &str, how: Use) -> bool {
        self.uses.iter().filter(|(name, _)| *name == column).all(|(_, other)| *other == how)
    }
}

/// Functions whose texts name what they work with.
const RUN_TEXTS: [&str; 8] = ["eval", "query", "sql", "execute", "read_sql", "read_sql_query", "sqldf", "exec"];

/// Methods that give rows of the frame, with all of its columns.
const ROWS: [&str; 8] = ["head", "tail", "sort_values", "copy", "sample", "dropna", "drop_duplicates", "query"];

/// Returns which columns of the frame of a binding are used.
pub(crate) fn column_uses<'a>(module: &Module<'a>, scope: &Scope<'a>, binding: &Binding<'a>) -> ColumnUses<'a> {
    let mut search = Search { module, frames: vec![binding.name], found: ColumnUses::default() };
    // A name with other frames too, or one that others read, is not followed.
    let is_read = |other: &&Binding<'a>| {
        other.name == binding.name && other.value.made_by.is_some_and(|name| name.starts_with("read"))
    };
    let is_one = scope.facts.bindings.iter().filter(is_read).count() == 1;
    search.found.may_use_all = !is_one
        || !scope.reached.is_plain(binding.name)
        || module.is_watched(scope)
        || (scope.function.is_none() && module.is_library());
    search.visit_body(scope.body);
    search.found
}

struct Search<'m, 'a> {
    module: &'m Module<'a>,
    /// Names of the frame and of rows of it.
    frames: Vec<&'a str>,
    found: ColumnUses<'a>,
}

impl<'a> Search<'_, 'a> {
    fn add(&mut self, column: &'a str, how: Use) {
        self.found.uses.push((column, how));
    }

    fn add_all(&mut self, columns: &[&'a str], how: Use) {
        for column in columns {
            self.add(column, how);
        }
    }

    /// Returns whether an expression is the frame or rows of it, and visits the masks in it.
    fn frame(&mut self, expression: &'a Expr) -> bool {
        if !self.is_frame(expression) {
            return false;
        }
        self.masks(expression);
        true
    }

    fn is_frame(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Name(name) => self.frames.contains(&name.id.as_str()),
            Expr::Subscript(subscript) => is_mask(&subscript.slice) && self.is_frame(&subscript.value),
            Expr::Call(call) => Self::rows_of(call).is_some_and(|base| self.is_frame(base)),
            _ => false,
        }
    }

    /// The frame of which a call gives rows, if all columns that it looks at are named.
    fn rows_of(call: &ExprCall) -> Option<&Expr> {
        let Expr::Attribute(attribute) = &*call.func else { return None };
        let name = attribute.attr.as_str();
        let keyword = |name: &str| call.arguments.find_keyword(name).map(|keyword| &keyword.value);
        let first = call.arguments.find_positional(0);
        let is_named = match name {
            "sort_values" => keyword("by").or(first).and_then(strings).is_some(),
            "dropna" | "drop_duplicates" => keyword("subset").and_then(strings).is_some(),
            "query" => first.and_then(string).is_some(),
            _ => true,
        };
        let is_in_place = keyword("inplace").is_some();
        (ROWS.contains(&name) && is_named && !is_in_place).then_some(&*attribute.value)
    }

    /// Visits what chooses the rows of a frame.
    fn masks(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Subscript(subscript) => {
                self.masks(&subscript.value);
                self.visit_expr(&subscript.slice);
            }
            Expr::Call(call) => {
                if let Expr::Attribute(attribute) = &*call.func {
                    self.masks(&attribute.value);
                }
                let keywords = call.arguments.keywords.iter().map(|keyword| &keyword.value);
                for argument in call.arguments.args.iter().chain(keywords) {
                    if let Some(columns) = strings(argument) {
                        for text in columns {
                            self.words(text);
                        }
                    } else {
                        self.visit_expr(argument);
                    }
                }
            }
            _ => {}
        }
    }

    /// A text in which the frame may be named, of which somebody takes whatever the text says.
    fn text(&mut self, text: &str, how: Mentioned) {
        let is_named = mentioned(text, how).any(|word| self.frames.contains(&word));
        self.found.is_in_text |= is_named;
        self.found.may_use_all |= is_named;
    }

    /// A column, or the columns of a condition: its words outside of quotes, and not those of names: `@least.mean()`.
    fn words(&mut self, text: &'a str) {
        self.text(text, Mentioned::Marked);
        // Every second part stands between quotes.
        let parts = text.split(['\'', '"']).step_by(2);
        let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let parts = parts.flat_map(|part| {
            let mut pieces = part.split('@');
            pieces.next().into_iter().chain(pieces.map(move |piece| piece.trim_start_matches(is_of_name)))
        });
        for word in parts.flat_map(|part| mentioned(part, Mentioned::Words)) {
            let is_name = word.chars().next().is_some_and(|first| !first.is_numeric());
            if is_name && !["and", "or", "not", "in", "True", "False", "None"].contains(&word) {
                self.add(word, Use::Other);
            }
        }
    }

    /// Columns of a frame by their names: `df["a"]`, `df[["a", "b"]]`, `df.a`, `df.loc[mask, "a"]`.
    fn column(&mut self, expression: &'a Expr, how: Use) -> bool {
        match expression {
            Expr::Subscript(subscript) => {
                if let Expr::Attribute(locator) = &*subscript.value {
                    let is_locator = locator.attr.as_str() == "loc";
                    if let (true, Expr::Tuple(tuple)) = (is_locator, &*subscript.slice)
                        && let [rows, columns] = tuple.elts.as_slice()
                        && let Some(columns) = strings(columns)
                        && self.frame(&locator.value)
                    {
                        self.visit_expr(rows);
                        self.add_all(&columns, how);
                        return true;
                    }
                }
                match strings(&subscript.slice) {
                    Some(columns) if self.frame(&subscript.value) => {
                        self.add_all(&columns, how);
                        true
                    }
                    _ => false,
                }
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                let is_column = !IS_NO_COLUMN.contains(&name);
                if is_column && self.frame(&attribute.value) {
                    self.add(name, how);
                    return true;
                }
                false
            }
            _ => false,
        }
    }

    /// `df.groupby("a")["b"].sum()`: what is grouped, and by what.
    fn groups(&mut self, call: &'a ExprCall) -> bool {
        let Expr::Attribute(attribute) = &*call.func else { return false };
        let keys = call.arguments.find_keyword("by").map(|keyword| &keyword.value);
        let Some(keys) = keys.or_else(|| call.arguments.find_positional(0)).and_then(strings) else { return false };
        if attribute.attr.as_str() != "groupby" || !self.frame(&attribute.value) {
            return false;
        }
        self.add_all(&keys, Use::Key);
        true
    }

    /// A call that uses certain columns.
    fn call(&mut self, call: &'a ExprCall) -> bool {
        let called = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => "",
        };
        if RUN_TEXTS.contains(&called) {
            for text in call.arguments.args.iter().filter_map(string) {
                self.text(text, Mentioned::Words);
            }
        }
        match &*call.func {
            Expr::Name(name) if name.id == "len" => {
                call.arguments.find_positional(0).is_some_and(|argument| self.frame(argument))
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                if let Expr::Call(groups) = &*attribute.value {
                    // Of whole groups, only their sizes need no other column.
                    if matches!(name, "size" | "ngroup" | "cumcount") && self.groups(groups) {
                        return true;
                    }
                    if matches!(name, "agg" | "aggregate") && self.aggregates(call, groups) {
                        return true;
                    }
                }
                let path = self.module.imports.path(&call.func);
                if path.as_deref() == Some("pandas.to_datetime") {
                    return call.arguments.find_positional(0).is_some_and(|argument| self.column(argument, Use::Time));
                }
                let is_texts = name == "isin" && call.arguments.find_positional(0).and_then(strings).is_some();
                match name {
                    "value_counts" => self.column(&attribute.value, Use::Key),
                    "isin" if is_texts => self.column(&attribute.value, Use::Text),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// `.agg({"a": "sum"})` and `.agg(total=("a", "sum"))`.
    fn aggregates(&mut self, call: &'a ExprCall, groups: &'a ExprCall) -> bool {
        let mut columns: Vec<&str> = Vec::new();
        if let Some(Expr::Dict(dict)) = call.arguments.find_positional(0) {
            for item in &dict.items {
                let Some(column) = item.key.as_ref().and_then(string) else { return false };
                columns.push(column);
            }
        } else if !call.arguments.args.is_empty() {
            return false;
        }
        for keyword in &call.arguments.keywords {
            let Expr::Tuple(pair) = &keyword.value else { return false };
            let Some(column) = pair.elts.first().and_then(string) else { return false };
            columns.push(column);
        }
        if columns.is_empty() || !self.groups(groups) {
            return false;
        }
        self.add_all(&columns, Use::Other);
        true
    }

    /// A method of the frame that may look at every column.
    fn is_of_all(&mut self, call: &'a ExprCall) -> bool {
        let is_method = matches!(&*call.func, Expr::Attribute(attribute) if self.is_frame(&attribute.value));
        self.found.may_use_all |= is_method;
        is_method
    }

    fn compare(&mut self, compare: &'a ruff_python_ast::ExprCompare) -> bool {
        use ruff_python_ast::CmpOp::{Eq, NotEq};
        let is_equal = compare.ops.iter().all(|operator| matches!(operator, Eq | NotEq));
        let is_text = compare.comparators.iter().all(|other| string(other).is_some());
        is_equal && is_text && self.column(&compare.left, Use::Text)
    }
}

impl<'a> Visitor<'a> for Search<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => {
                if let [Expr::Name(name)] = assign.targets.as_slice()
                    && self.frame(&assign.value)
                {
                    if !self.frames.contains(&name.id.as_str()) {
                        self.frames.push(name.id.as_str());
                    }
                    return;
                }
                self.visit_expr(&assign.value);
                for target in &assign.targets {
                    match target {
                        // A new column, or another value of one that was used before.
                        Expr::Subscript(subscript) if self.is_frame(&subscript.value) => {
                            match string(&subscript.slice) {
                                Some(column) if !self.found.uses.iter().any(|(used, _)| *used == column) => {
                                    self.found.added.push(column);
                                }
                                Some(_) => {}
                                None => self.found.may_use_all = true,
                            }
                        }
                        _ => self.visit_expr(target),
                    }
                }
            }
            Stmt::Delete(delete) if delete.targets.iter().all(|target| matches!(target, Expr::Name(_))) => {}
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        let is_known = match expression {
            Expr::Name(name) => {
                let is_read = matches!(name.ctx, ExprContext::Load) && self.frames.contains(&name.id.as_str());
                self.found.may_use_all |= is_read;
                true
            }
            Expr::StringLiteral(text) => {
                self.text(text.value.to_str(), Mentioned::Marked);
                true
            }
            Expr::Compare(compare) => self.compare(compare),
            Expr::Call(call) => self.call(call) || self.is_of_all(call),
            // Rows of it, of which somebody takes all columns.
            Expr::Subscript(_) if self.is_frame(expression) => {
                self.found.may_use_all = true;
                true
            }
            Expr::Subscript(subscript) => {
                // `df.groupby("a")["b"]`, and `df.shape[0]`.
                let of_groups = match (&*subscript.value, strings(&subscript.slice)) {
                    (Expr::Call(groups), Some(columns)) if self.groups(groups) => {
                        self.add_all(&columns, Use::Other);
                        true
                    }
                    (Expr::Attribute(shape), _) if shape.attr.as_str() == "shape" => {
                        let is_rows = crate::values::integer(&subscript.slice) == Some(0);
                        is_rows && self.frame(&shape.value)
                    }
                    _ => false,
                };
                of_groups || self.column(expression, Use::Other)
            }
            Expr::Attribute(attribute) if matches!(attribute.attr.as_str(), "empty" | "index") => {
                self.frame(&attribute.value)
            }
            Expr::Attribute(_) => self.column(expression, Use::Other),
            _ => false,
        };
        if !is_known {
            walk_expr(self, expression);
        }
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        if let InterpolatedStringElement::Literal(text) = element {
            self.text(&text.value, Mentioned::Marked);
        }
        walk_interpolated_string_element(self, element);
    }
}

/// Attributes of frames that are no columns, and methods that are handed on without a call.
const IS_NO_COLUMN: &[&str] = &[
    "shape",
    "columns",
    "dtypes",
    "values",
    "T",
    "loc",
    "iloc",
    "at",
    "iat",
    "size",
    "ndim",
    "axes",
    "attrs",
    "style",
    "plot",
    "groupby",
    "merge",
    "join",
    "to_csv",
    "to_parquet",
    "to_json",
    "to_sql",
    "to_excel",
    "to_pickle",
    "to_feather",
    "to_dict",
    "to_numpy",
    "to_records",
    "to_string",
    "to_html",
    "to_markdown",
    "to_latex",
    "to_hdf",
    "describe",
    "info",
    "apply",
    "applymap",
    "map",
    "agg",
    "aggregate",
    "transform",
    "pipe",
    "assign",
    "drop",
    "rename",
    "set_index",
    "reset_index",
    "fillna",
    "astype",
    "replace",
    "isna",
    "isnull",
    "notna",
    "notnull",
    "pivot",
    "pivot_table",
    "melt",
    "stack",
    "unstack",
    "explode",
    "iterrows",
    "itertuples",
    "items",
    "keys",
    "pop",
    "insert",
    "update",
    "sum",
    "mean",
    "median",
    "std",
    "var",
    "min",
    "max",
    "count",
    "nunique",
    "corr",
    "cov",
    "quantile",
    "rank",
    "nlargest",
    "nsmallest",
    "value_counts",
    "duplicated",
    "memory_usage",
    "select_dtypes",
    "filter",
    "eval",
    "rolling",
    "resample",
    "shift",
    "diff",
    "cumsum",
    "equals",
    "append",
    "get",
    "sort_index",
];

fn is_mask(expression: &Expr) -> bool {
    match expression {
        Expr::Compare(_) => true,
        Expr::UnaryOp(unary) => unary.op == UnaryOp::Invert,
        Expr::BinOp(binary) => matches!(binary.op, Operator::BitAnd | Operator::BitOr),
        Expr::Call(call) => matches!(&*call.func, Expr::Attribute(attribute)
            if matches!(attribute.attr.as_str(), "isin" | "between" | "notna" | "isna" | "notnull" | "isnull" | "contains"
                | "startswith" | "endswith")),
        _ => false,
    }
}
