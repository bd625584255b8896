//! What functions of pandas, NumPy and their kin make.

use super::kind::{Cost, Kind, Size};

/// What a function makes of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Makes {
    /// Something new that grows with the data.
    Large(Kind),
    /// Something new, as large as what it is given.
    Like(Kind),
    /// Something new and small.
    Small(Kind),
    /// Something that shares memory with what it is given, or holds it.
    Shares(Kind),
    /// An array whose shape is the first argument.
    Shaped,
    /// Several new ones, as large as what it is given.
    Parts,
    /// A number or a text.
    Plain,
}

/// Returns what a function makes, by its dotted name.
pub(super) fn makes(path: &str) -> Option<Makes> {
    let (package, name) = path.rsplit_once('.')?;
    match package {
        "pandas" | "cudf" | "modin.pandas" | "fireducks.pandas" => pandas(name),
        "numpy" => numpy(name),
        "polars" => polars(name),
        "numpy.random" => random(name),
        "pyarrow.parquet" | "pyarrow.csv" | "pyarrow.feather" | "pyarrow.json" if name.starts_with("read_") => {
            Some(Makes::Large(Kind::Frame))
        }
        "geopandas" if name.starts_with("read_") => Some(Makes::Large(Kind::Frame)),
        "sklearn.model_selection" if name == "train_test_split" => Some(Makes::Parts),
        _ => None,
    }
}

fn random(name: &str) -> Option<Makes> {
    let is_shaped = matches!(
        name,
        "rand"
            | "randn"
            | "random"
            | "random_sample"
            | "ranf"
            | "randint"
            | "random_integers"
            | "normal"
            | "uniform"
            | "standard_normal"
            | "exponential"
            | "poisson"
            | "choice"
            | "permutation"
            | "lognormal"
            | "gamma"
            | "beta"
            | "binomial"
    );
    // Where the shape is not the first argument, it is named.
    is_shaped.then_some(Makes::Shaped)
}

fn pandas(name: &str) -> Option<Makes> {
    Some(match name {
        // What is chosen by hand, and the tables of a page.
        "read_clipboard" | "read_html" => Makes::Small(Kind::Frame),
        _ if name.starts_with("read_") => Makes::Large(Kind::Frame),
        "concat" | "merge" | "merge_asof" | "merge_ordered" | "get_dummies" | "melt" | "pivot" | "pivot_table"
        | "wide_to_long" | "json_normalize" | "from_dummies" => Makes::Like(Kind::Frame),
        "crosstab" => Makes::Small(Kind::Frame),
        "to_datetime" | "to_numeric" | "to_timedelta" | "cut" | "qcut" => Makes::Like(Kind::Series),
        // A byte for each row.
        "isna" | "isnull" | "notna" | "notnull" => Makes::Small(Kind::Series),
        "DataFrame" => Makes::Shares(Kind::Frame),
        "Series" => Makes::Shares(Kind::Series),
        "factorize" => Makes::Like(Kind::Array),
        // Mostly far fewer than rows.
        "unique" => Makes::Small(Kind::Array),
        "date_range" | "Timestamp" | "Timedelta" | "option_context" | "set_option" => Makes::Plain,
        _ => return None,
    })
}

fn polars(name: &str) -> Option<Makes> {
    Some(match name {
        _ if name.starts_with("read_") => Makes::Large(Kind::Frame),
        "concat" | "DataFrame" => Makes::Shares(Kind::Frame),
        "Series" => Makes::Shares(Kind::Series),
        _ => return None,
    })
}

fn numpy(name: &str) -> Option<Makes> {
    Some(match name {
        "load" | "loadtxt" | "genfromtxt" | "fromfile" | "fromstring" => Makes::Large(Kind::Array),
        "zeros" | "ones" | "empty" | "full" | "arange" | "eye" | "identity" | "indices" => Makes::Shaped,
        "linspace" | "logspace" => Makes::Small(Kind::Array),
        "array" | "copy" | "concatenate" | "vstack" | "hstack" | "stack" | "column_stack" | "dstack" | "where"
        | "sort" | "argsort" | "dot" | "matmul" | "outer" | "einsum" | "tensordot" | "kron" | "log" | "log2"
        | "log10" | "log1p" | "exp" | "expm1" | "sqrt" | "square" | "abs" | "absolute" | "sin" | "cos" | "tan"
        | "tanh" | "power" | "add" | "subtract" | "multiply" | "divide" | "floor" | "ceil" | "round" | "sign"
        | "clip" | "maximum" | "minimum" | "mod" | "cumsum" | "cumprod" | "diff" | "gradient" | "nan_to_num"
        | "digitize" | "searchsorted" | "tile" | "repeat" | "roll" | "flip" | "select" | "choose" | "argwhere"
        | "nonzero" | "delete" | "append" | "insert" | "interp" | "convolve" | "argpartition" | "partition"
        | "zeros_like" | "ones_like" | "empty_like" | "full_like" | "take" | "compress" | "vander" | "pad"
        | "union1d" | "intersect1d" | "setdiff1d" => Makes::Like(Kind::Array),
        "asarray" | "asanyarray" | "ascontiguousarray" | "atleast_1d" | "atleast_2d" | "ravel" | "reshape"
        | "transpose" | "squeeze" | "expand_dims" | "broadcast_to" | "split" | "array_split" | "hsplit" | "vsplit"
        | "diagonal" | "moveaxis" | "swapaxes" | "rollaxis" | "real" | "imag" | "frombuffer" => {
            Makes::Shares(Kind::Array)
        }
        "unique" | "isnan" | "isfinite" | "isinf" | "logical_and" | "logical_or" | "logical_not" | "isin" | "in1d"
        | "sum" | "mean" | "median" | "std" | "var" | "min" | "max" | "amin" | "amax" | "argmin" | "argmax" | "any"
        | "all" | "percentile" | "quantile" | "nansum" | "nanmean" | "nanmedian" | "nanstd" | "nanmin" | "nanmax"
        | "prod" | "average" | "ptp" | "count_nonzero" | "corrcoef" | "cov" | "histogram" | "bincount" | "allclose"
        | "array_equal" | "isclose" | "shape" | "size" | "ndim" | "trace" | "nanpercentile" | "nanquantile" => {
            Makes::Small(Kind::Array)
        }
        "save" | "savez" | "savez_compressed" | "savetxt" | "float32" | "float64" | "int32" | "int64" | "dtype" => {
            Makes::Plain
        }
        _ => return None,
    })
}

/// Returns what a function costs memory, by its dotted name.
pub(crate) fn cost_of_function(path: &str) -> Option<Cost> {
    let (package, name) = path.rsplit_once('.')?;
    let is_frames = matches!(package, "pandas" | "polars" | "cudf" | "modin.pandas" | "geopandas");
    let is_arrow = package.starts_with("pyarrow");
    match name {
        _ if name.starts_with("read_") && (is_frames || is_arrow) && name != "read_clipboard" => Some(Cost::Read),
        "concat" | "merge" | "merge_asof" | "merge_ordered" if is_frames => Some(Cost::Combine),
        "get_dummies" | "pivot" | "pivot_table" | "melt" | "crosstab" | "json_normalize" if is_frames => {
            Some(Cost::Reshape)
        }
        "load" | "loadtxt" | "genfromtxt" | "fromfile" if package == "numpy" => Some(Cost::Read),
        "concatenate" | "vstack" | "hstack" | "stack" | "column_stack" | "dstack" if package == "numpy" => {
            Some(Cost::Combine)
        }
        "dot" | "matmul" | "outer" | "einsum" | "kron" | "tile" | "repeat" if package == "numpy" => Some(Cost::Copy),
        "sort" | "argsort" | "unique" if package == "numpy" => Some(Cost::Sort),
        "svd" | "eig" | "eigh" | "inv" | "qr" | "solve" | "lstsq" if package == "numpy.linalg" => Some(Cost::Copy),
        "train_test_split" => Some(Cost::Copy),
        "cross_val_score" | "cross_validate" | "cross_val_predict" => Some(Cost::Fit),
        _ => None,
    }
}

/// Functions of Python whose result holds nothing of what they are given.
pub(super) fn is_reducing_builtin(name: &str) -> bool {
    matches!(
        name,
        "print"
            | "len"
            | "str"
            | "repr"
            | "int"
            | "float"
            | "bool"
            | "type"
            | "isinstance"
            | "issubclass"
            | "sum"
            | "any"
            | "all"
            | "round"
            | "abs"
            | "id"
            | "hash"
            | "hasattr"
            | "callable"
            | "format"
            | "range"
            | "input"
            | "ord"
            | "chr"
            | "hex"
            | "bin"
            | "divmod"
            | "pow"
            | "display"
    )
}

/// Functions of Python whose result holds what they are given, as a container.
pub(super) fn is_container_builtin(name: &str) -> bool {
    matches!(name, "list" | "tuple" | "set" | "frozenset" | "dict" | "sorted" | "bytearray")
}

/// Returns the size of an array that is made with a shape: large from about a million values on.
pub(super) fn size_of_shape(lengths: &[Option<i64>]) -> Size {
    const LARGE: i64 = 1_000_000;
    let mut product = Some(1_i64);
    for length in lengths {
        product = match (product, length) {
            (Some(product), Some(length)) => Some(product.saturating_mul(*length)),
            _ => None,
        };
    }
    match product {
        Some(values) if values >= LARGE => Size::Large,
        Some(_) => Size::Small,
        None => Size::Unknown,
    }
}
