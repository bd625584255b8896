//! What methods and attributes of frames, columns, arrays and groups give.

use super::kind::{Cost, Kind};

/// What a method gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// A number, a small aggregate, nothing.
    Small,
    /// A small table that shares nothing.
    SmallFrame,
    /// Something new of the same kind, as large.
    Fresh,
    /// Something new of another kind, as large.
    FreshAs(Kind),
    /// Something new that has a byte for each row, and so is small beside what it was made of.
    Mask,
    /// Something new of another kind that may be as large, or an aggregate.
    PerhapsAs(Kind),
    /// Something of the same kind that shares memory.
    Shares,
    /// Something of another kind that shares memory or holds the object.
    SharesAs(Kind),
}

/// Returns what a method of a value of a kind gives; of a value of no known kind, what every kind would.
pub(super) fn method(kind: Option<Kind>, name: &str) -> Option<Gives> {
    if let Some(gives) = of_everything(name) {
        return Some(gives);
    }
    match kind? {
        Kind::Frame | Kind::Series => of_frames(name),
        Kind::Array => of_arrays(name),
        Kind::Grouped => of_groups(name),
        Kind::List => of_lists(name),
        Kind::Reader => (name == "read" || name == "get_chunk").then_some(Gives::FreshAs(Kind::Frame)),
        Kind::Plain => Some(Gives::Small),
    }
}

/// Methods that mean the same wherever they are: they give aggregates, write, or show.
fn of_everything(name: &str) -> Option<Gives> {
    let writes =
        ["to_csv", "to_parquet", "to_json", "to_sql", "to_excel", "to_pickle", "to_feather", "to_hdf", "to_gbq"];
    let small = [
        "mean",
        "median",
        "std",
        "var",
        "sem",
        "skew",
        "kurt",
        "kurtosis",
        "nunique",
        "describe",
        "info",
        "value_counts",
        "idxmin",
        "idxmax",
        "corr",
        "corrwith",
        "cov",
        "memory_usage",
        "to_string",
        "to_markdown",
        "to_html",
        "to_latex",
        "write_csv",
        "write_parquet",
        "write_ndjson",
        "write_ipc",
        "savefig",
        "is_monotonic_increasing",
        "n_unique",
        "estimated_size",
        "null_count",
        "equals",
    ];
    (writes.contains(&name) || small.contains(&name)).then_some(Gives::Small)
}

fn of_frames(name: &str) -> Option<Gives> {
    Some(match name {
        "sum" | "min" | "max" | "count" | "any" | "all" | "prod" | "quantile" | "mode" | "agg" | "aggregate"
        | "item" | "first_valid_index" | "last_valid_index" | "hist" | "boxplot" | "keys" | "update" | "autocorr"
        | "argmax" | "argmin" | "dot" | "to_clipboard" | "plot"
        // Mostly far fewer than rows.
        | "unique" => Gives::Small,
        "nlargest" | "nsmallest" => Gives::SmallFrame,
        // A few rows of it, but a view: all of it stays.
        "head" | "tail" | "limit" | "slice" => Gives::SharesAs(Kind::Grouped),
        "copy" | "clone" | "sort_values" | "sort_index" | "sort" | "dropna" | "drop_nulls" | "drop_duplicates"
        | "fillna" | "fill_null" | "replace" | "clip" | "round" | "abs" | "where" | "mask" | "shift" | "diff"
        | "cumsum" | "cumprod" | "cummax" | "cummin" | "rank" | "apply" | "applymap" | "map" | "merge" | "join"
        | "join_asof" | "reindex" | "sample" | "explode" | "interpolate" | "ffill" | "bfill" | "pct_change"
        | "query" | "filter" | "stack" | "unstack" | "pivot" | "pivot_table" | "melt" | "transform" | "astype"
        | "cast" | "combine_first" | "combine" | "append" | "add" | "sub" | "mul" | "div" | "get_dummies"
        | "repeat" | "eval" | "factorize" => Gives::Fresh,
        "isin" | "isna" | "isnull" | "notna" | "notnull" | "between" | "duplicated" | "eq" | "ne" | "lt" | "gt"
        | "le" | "ge" | "is_in" | "is_null" | "is_not_null" | "is_duplicated" | "is_unique" => Gives::Mask,
        "tolist" | "to_list" | "to_dict" | "to_records" | "to_dicts" | "rows" | "to_pylist" => {
            Gives::FreshAs(Kind::List)
        }
        "rename" | "assign" | "drop" | "set_index" | "reset_index" | "rename_axis" | "set_axis" | "infer_objects"
        | "convert_dtypes" | "transpose" | "squeeze" | "add_prefix" | "add_suffix" | "swaplevel" | "droplevel"
        | "reorder_levels" | "with_columns" | "with_column" | "select" | "select_dtypes" | "tz_localize"
        | "tz_convert" | "set_flags" | "rechunk" | "collect" | "lazy" | "truncate" | "xs" | "get" | "pop"
        | "get_column" | "to_series" | "view" | "loc" | "to_period" | "to_timestamp" | "partition_by" | "hstack"
        | "vstack" | "extend" => Gives::Shares,
        "to_frame" | "to_pandas" | "to_arrow" | "to_polars" => Gives::SharesAs(Kind::Frame),
        "to_numpy" | "ravel" | "array" => Gives::SharesAs(Kind::Array),
        "groupby" | "group_by" | "rolling" | "expanding" | "ewm" | "resample" | "iterrows" | "itertuples" | "items"
        | "iteritems" | "iter_rows" | "iter_slices" | "group_by_dynamic" | "groupby_dynamic" => {
            Gives::SharesAs(Kind::Grouped)
        }
        _ => return None,
    })
}

fn of_arrays(name: &str) -> Option<Gives> {
    Some(match name {
        "sum" | "min" | "max" | "any" | "all" | "prod" | "argmin" | "argmax" | "ptp" | "trace" | "item" | "tofile"
        | "dump" | "fill" | "sort" | "put" | "resize" | "setflags" => Gives::Small,
        "copy" | "astype" | "flatten" | "round" | "clip" | "cumsum" | "cumprod" | "dot" | "argsort" | "repeat"
        | "take" | "compress" | "choose" | "conj" | "nonzero" | "searchsorted" | "argpartition" => Gives::Fresh,
        "tolist" | "tobytes" | "tostring" => Gives::FreshAs(Kind::List),
        "reshape" | "ravel" | "transpose" | "view" | "squeeze" | "swapaxes" | "diagonal" => Gives::Shares,
        _ => return None,
    })
}

/// Of groups, windows, `.loc` and `.str`.
fn of_groups(name: &str) -> Option<Gives> {
    Some(match name {
        "sum" | "min" | "max" | "count" | "size" | "any" | "all" | "first" | "last" | "prod" | "quantile" | "agg"
        | "aggregate" | "nth" | "ohlc" | "len" => Gives::SmallFrame,
        "apply" => Gives::PerhapsAs(Kind::Frame),
        "contains" | "startswith" | "endswith" | "match" | "fullmatch" => Gives::Mask,
        "transform" | "rank" | "cumsum" | "cumcount" | "cumprod" | "cummax" | "cummin" | "ngroup" | "shift"
        | "diff" | "ffill" | "bfill" | "fillna" | "pct_change" | "filter" | "get_group" | "sample" | "split"
        | "extract" | "replace" | "lower" | "upper" | "strip" | "slice" | "len_chars" | "cat" | "get" | "zfill"
        | "findall" | "rsplit" | "extractall" | "title" | "strftime" | "floor" | "ceil" | "round" | "normalize"
        | "total_seconds" | "day_name" | "month_name" | "isocalendar" | "tz_localize" | "tz_convert" | "to_period"
        | "interpolate" | "asfreq" | "get_dummies" => Gives::FreshAs(Kind::Frame),
        // Windows and groups of a group, and rows one after another.
        "rolling" | "resample" | "expanding" | "ewm" | "groupby" | "head" | "tail" | "pipe" => {
            Gives::SharesAs(Kind::Grouped)
        }
        _ => return None,
    })
}

fn of_lists(name: &str) -> Option<Gives> {
    Some(match name {
        "count" | "index" | "sort" | "reverse" | "clear" | "remove" | "discard" | "append" | "extend" | "insert"
        | "add" | "update" | "isdisjoint" | "issubset" | "issuperset" | "join" => Gives::Small,
        "copy" | "union" | "intersection" | "difference" | "pop" | "get" | "items" | "values" | "keys"
        | "setdefault" => Gives::Shares,
        _ => return None,
    })
}

/// Returns what an attribute of data gives.
pub(super) fn attribute(kind: Kind, name: &str) -> Gives {
    match (kind, name) {
        (
            _,
            "shape" | "size" | "ndim" | "dtype" | "dtypes" | "empty" | "nbytes" | "columns" | "itemsize" | "schema"
            | "width" | "height" | "num_rows" | "name" | "index" | "plot" | "attrs" | "is_unique" | "hasnans"
            | "strides" | "names",
        ) => Gives::Small,
        (Kind::Frame | Kind::Series, "values" | "array") => Gives::SharesAs(Kind::Array),
        (
            Kind::Frame | Kind::Series,
            "loc" | "iloc" | "at" | "iat" | "str" | "dt" | "cat" | "list" | "struct" | "sparse",
        ) => Gives::SharesAs(Kind::Grouped),
        (Kind::Frame | Kind::Series | Kind::Array, "T" | "real" | "imag" | "flat" | "base") => Gives::Shares,
        // A column by its name.
        (Kind::Frame, _) => Gives::SharesAs(Kind::Series),
        // `.dt.hour` is new; a column of a group is a group.
        (
            Kind::Grouped,
            "hour" | "day" | "month" | "year" | "date" | "weekday" | "dayofweek" | "minute" | "second" | "time"
            | "codes" | "quarter" | "week" | "microsecond" | "day_of_week" | "dayofyear",
        ) => Gives::FreshAs(Kind::Series),
        _ => Gives::SharesAs(Kind::Grouped),
    }
}

/// Returns what a method costs memory. The name is enough: what is not a frame has no such methods, mostly.
pub(crate) fn cost_of_method(name: &str) -> Option<Cost> {
    Some(match name {
        "merge" | "join" | "merge_asof" | "combine_first" | "join_asof" => Cost::Combine,
        "sort_values" | "sort_index" | "argsort" | "nlargest" | "drop_duplicates" => Cost::Sort,
        "groupby" | "group_by" | "resample" | "value_counts" | "rolling" => Cost::Group,
        "pivot" | "pivot_table" | "unstack" | "stack" | "melt" | "get_dummies" | "explode" | "to_dict" => Cost::Reshape,
        "apply" | "applymap" | "transform" | "iterrows" | "itertuples" => Cost::Apply,
        "fit" | "fit_transform" | "fit_predict" | "partial_fit" | "predict" | "predict_proba" | "cross_val_score" => {
            Cost::Fit
        }
        "copy" | "astype" | "to_numpy" | "to_pandas" | "query" | "dropna" | "fillna" | "reindex" | "corr"
        | "toarray" | "todense" | "tolist" => Cost::Copy,
        "to_csv" | "to_parquet" | "to_excel" | "to_sql" | "to_json" | "to_feather" | "to_hdf" | "to_pickle" => {
            Cost::Write
        }
        _ => return None,
    })
}

/// Returns whether a method of this name costs memory only if it is one of a frame: others have it too.
pub(super) fn is_ambiguous(name: &str) -> bool {
    matches!(
        name,
        "join"
            | "copy"
            | "apply"
            | "transform"
            | "stack"
            | "query"
            | "argsort"
            | "resample"
            | "predict"
            | "to_dict"
            | "corr"
            | "to_json"
            | "explode"
            | "rolling"
            | "transpose"
            | "nlargest"
            | "merge"
    )
}

/// Methods by which an object keeps nothing of what it is given, whatever the object.
pub(super) fn keeps_nothing(name: &str) -> bool {
    let families = ["to_", "write", "print", "plot", "show", "save", "execute", "log"];
    families.iter().any(|family| name.starts_with(family))
        || matches!(
            name,
            "predict"
                | "predict_proba"
                | "transform"
                | "fit_transform"
                | "score"
                | "info"
                | "debug"
                | "warning"
                | "error"
                | "exception"
                | "critical"
                | "dump"
                | "dumps"
                | "send"
                | "sendall"
                | "commit"
                | "assertEqual"
                | "hist"
                | "scatter"
                | "bar"
                | "barh"
                | "imshow"
                | "boxplot"
                | "fill_between"
                | "set_title"
                | "set_xlabel"
                | "set_ylabel"
                | "set_data"
                | "dataframe"
                | "table"
                | "merge"
                | "join"
                | "isin"
                | "equals"
        )
}

/// Classes of models that keep their parameters and not the data they were trained with.
pub(super) fn model_keeps_nothing(made_by: &str) -> bool {
    let keeps = [
        "Neighbors",
        "KDTree",
        "BallTree",
        "GaussianProcess",
        "KernelRidge",
        "LocalOutlier",
        "LabelPropagation",
        "LabelSpreading",
        "DBSCAN",
        "SVC",
        "SVR",
        "OneClassSVM",
        "KernelDensity",
        "ALS",
        "GridSearch",
    ];
    let is_model = [
        "Regressor",
        "Classifier",
        "Regression",
        "Scaler",
        "Encoder",
        "PCA",
        "KMeans",
        "SVD",
        "Forest",
        "Imputer",
        "Ridge",
        "Lasso",
        "ElasticNet",
        "Transformer",
        "Vectorizer",
        "Binarizer",
        "NB",
        "Boost",
        "Pipeline",
        "LDA",
    ];
    is_model.iter().any(|part| made_by.contains(part)) && !keeps.iter().any(|part| made_by.contains(part))
}
