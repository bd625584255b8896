//! Whether two answers are the same: texts equal, numbers equal but for the last rounding.

use std::path::Path;

/// Sums of floating-point numbers are not the same to the last bit when they are added in another order.
const TOLERANCE: f64 = 1e-9;

/// Compares two files of CSV; an error tells the first difference.
pub(super) fn compare(ours: &Path, theirs: &Path) -> Result<(), String> {
    let open = |path: &Path| {
        let reader = csv::ReaderBuilder::new().flexible(true).from_path(path);
        reader.map_err(|error| format!("{}: {error}", path.display()))
    };
    let (mut left, mut right) = (open(ours)?, open(theirs)?);
    let headers = |reader: &mut csv::Reader<_>| reader.headers().cloned().map_err(|error| error.to_string());
    let (names, other_names) = (headers(&mut left)?, headers(&mut right)?);
    if names != other_names {
        return Err(format!("columns {names:?} and {other_names:?}"));
    }
    let (mut left, mut right) = (left.records(), right.records());
    for row in 1_u64.. {
        match (left.next().transpose(), right.next().transpose()) {
            (Ok(None), Ok(None)) => break,
            (Ok(Some(left)), Ok(Some(right))) if same_row(&left, &right) => {}
            (Ok(left), Ok(right)) => return Err(format!("row {row}: {} and {}", shown(left), shown(right))),
            (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
        }
    }
    Ok(())
}

fn shown(row: Option<csv::StringRecord>) -> String {
    row.map_or_else(|| "nothing".to_owned(), |row| row.iter().collect::<Vec<_>>().join(","))
}

fn same_row(left: &csv::StringRecord, right: &csv::StringRecord) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
}

fn same(left: &str, right: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    left == right || matches!((number(left), number(right)), (Some(left), Some(right)) if near(left, right))
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_difference_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let check = |ours: &str, theirs: &str, expected: Result<(), &str>| {
            let (left, right) = (folder.path().join("a"), folder.path().join("b"));
            fs::write(&left, ours).unwrap();
            fs::write(&right, theirs).unwrap();
            assert_eq!(compare(&left, &right), expected.map_err(str::to_owned), "{ours} {theirs}");
        };
        check("a,b\nx,1\n", "a,b\nx,1.0\n", Ok(()));
        check("a,b\nx,0.30000000000000004\n", "a,b\n\"x\",0.3\n", Ok(()));
        check("a\n\"\"\n", "a\n\"\"\n", Ok(()));
        check("a\n1\n", "b\n1\n", Err("columns StringRecord([\"a\"]) and StringRecord([\"b\"])"));
        check("a\n1\n2\n", "a\n1\n2.1\n", Err("row 2: 2 and 2.1"));
        check("a\n1\n", "a\n1\n2\n", Err("row 2: nothing and 2"));
        check("a,b\n1,\n", "a,b\n1,0\n", Err("row 1: 1, and 1,0"));
    }
}
