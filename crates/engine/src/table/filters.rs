//! Filters of a query, as demands on the bytes of a record.
//!
//! DataFusion applies every filter itself, exactly; here it is only found out which lines cannot pass, so that the scan need
//! not read them. A filter of which nothing is known is left alone.

use datafusion::{
    arrow::datatypes::{DataType, SchemaRef, TimeUnit},
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Like, Operator, expr::InList},
};
use std::cmp::Reverse;
use tidegate_formats::{Demand, Format, Prefilter};

/// The columns of a table, and where they are in the format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    pub format: &'a Format,
    pub schema: &'a SchemaRef,
    /// For each column of the table, its place in the schema of the format.
    pub places: &'a [usize],
}

/// Bytes of which a record must hold at least one.
type Needles = Vec<Vec<u8>>;

impl Fields<'_> {
    /// Returns whether anything is known of records that pass a filter.
    pub fn knows(self, filter: &Expr) -> bool {
        self.needles(filter).and_then(Prefilter::new).is_some() || self.bounds(filter).is_some()
    }

    /// Returns the search that passes over most lines, for filters all of which must hold.
    pub fn prefilter(self, filters: &[Expr]) -> Option<Prefilter> {
        let together = self.bounds_of_each(filters).into_iter().filter_map(|bounds| self.within(bounds));
        let alone = filters.iter().filter_map(|filter| self.needles(filter));
        together.chain(alone).filter_map(Prefilter::new).max_by_key(|prefilter| weight(prefilter.needles()))
    }

    fn needles(self, filter: &Expr) -> Option<Needles> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Some([self.needles(left)?, self.needles(right)?].concat())
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                let both = [left, right].map(|side| self.needles(side));
                both.into_iter().flatten().max_by_key(|needles| weight(needles))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (&**left, &**right) {
                (column, Expr::Literal(value, _)) | (Expr::Literal(value, _), column) => self.equal(column, value),
                _ => None,
            },
            Expr::BinaryExpr(_) => self.within(self.bounds(filter)?),
            Expr::InList(InList { expr, list, negated: false }) => {
                let each = list.iter().map(|value| match value {
                    Expr::Literal(value, _) => self.equal(expr, value),
                    _ => None,
                });
                each.collect::<Option<Vec<_>>>().map(|needles| needles.concat())
            }
            Expr::Like(Like { negated: false, expr, pattern, escape_char, case_insensitive: false }) => {
                let Expr::Literal(pattern, _) = &**pattern else { return None };
                let part = longest_part(pattern.try_as_str()??, escape_char.unwrap_or('\\'));
                self.demand(expr, Demand::Holds(part.as_bytes()))
            }
            Expr::ScalarFunction(function) if matches!(function.name(), "starts_with" | "ends_with" | "contains") => {
                match function.args.as_slice() {
                    [column, Expr::Literal(text, _)] => {
                        self.demand(column, Demand::Holds(text.try_as_str()??.as_bytes()))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn equal(self, column: &Expr, value: &ScalarValue) -> Option<Needles> {
        if let Some(text) = value.try_as_str() {
            return self.demand(column, Demand::Holds(text?.as_bytes()));
        }
        let value = whole_number(value)?;
        self.demand(column, Demand::Between(value, value))
    }

    fn demand(self, column: &Expr, demand: Demand<'_>) -> Option<Needles> {
        self.format.needles(*self.places.get(self.column(column)?)?, demand)
    }

    fn within(self, (column, low, high): (usize, i64, i64)) -> Option<Needles> {
        self.format.needles(*self.places.get(column)?, Demand::Between(low, high))
    }

    /// Returns the place of a column in the table.
    fn column(self, column: &Expr) -> Option<usize> {
        match column {
            Expr::Column(column) => self.schema.index_of(&column.name).ok(),
            _ => None,
        }
    }

    /// Returns a column of whole numbers and between which of them a comparison wants it.
    fn bounds(self, filter: &Expr) -> Option<(usize, i64, i64)> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
        let (column, op, value) = match (&**left, &**right) {
            (column @ Expr::Column(_), Expr::Literal(value, _)) => (column, *op, value),
            (Expr::Literal(value, _), column @ Expr::Column(_)) => (column, op.swap()?, value),
            _ => return None,
        };
        let column = self.column(column)?;
        let value = whole_number(value)?;
        match op {
            Operator::Eq => Some((column, value, value)),
            Operator::Lt => Some((column, i64::MIN, value.checked_sub(1)?)),
            Operator::LtEq => Some((column, i64::MIN, value)),
            Operator::Gt => Some((column, value.checked_add(1)?, i64::MAX)),
            Operator::GtEq => Some((column, value, i64::MAX)),
            _ => None,
        }
    }

    /// Returns a time that filters compare, by its place in the schema of the format, and between which microseconds they want
    /// it, both included.
    pub fn time_wanted(self, filters: &[Expr]) -> Option<(usize, i64, i64)> {
        let mut each = self.bounds_of_each(filters).into_iter();
        let (column, low, high) = each.find(|(column, ..)| is_time(self.schema.field(*column).data_type()))?;
        Some((*self.places.get(column)?, low, high))
    }

    /// Returns between which numbers all filters together want each column that some compare.
    fn bounds_of_each(self, filters: &[Expr]) -> Vec<(usize, i64, i64)> {
        let mut each: Vec<(usize, i64, i64)> = Vec::new();
        for (column, low, high) in filters.iter().filter_map(|filter| self.bounds(filter)) {
            match each.iter_mut().find(|(known, ..)| *known == column) {
                Some(known) => *known = (column, low.max(known.1), high.min(known.2)),
                None => each.push((column, low, high)),
            }
        }
        each
    }
}

/// Returns how rarely one of some needles is found, as far as can be told: long ones seldom, and few of them.
pub(super) fn weight(needles: &[Vec<u8>]) -> (Option<usize>, Reverse<usize>) {
    (needles.iter().map(Vec::len).min(), Reverse(needles.len()))
}

fn is_time(of: &DataType) -> bool {
    matches!(of, DataType::Timestamp(TimeUnit::Microsecond, _))
}

/// Returns a whole number, the microseconds of a time, or the days of a date.
fn whole_number(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampMicrosecond(value, _) => return *value,
        ScalarValue::Date32(value) => return value.map(i64::from),
        _ if value.is_null() || !value.data_type().is_integer() => return None,
        _ => {}
    }
    match value.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(value)) => value,
        _ => None,
    }
}

/// Returns the longest run of characters that a pattern of LIKE demands.
fn longest_part(pattern: &str, escape: char) -> String {
    let mut parts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '%' | '_' => None,
            _ if character == escape => characters.next(),
            _ => Some(character),
        };
        match (literal, parts.last_mut()) {
            (Some(literal), Some(part)) => part.push(literal),
            _ => parts.push(String::new()),
        }
    }
    parts.into_iter().max_by_key(String::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{
        logical_expr::{col, lit},
        prelude::starts_with,
    };
    use tidegate_formats::Batch;

    fn needles(filters: &[Expr]) -> Option<Vec<String>> {
        let format = Format::Access;
        let schema = Batch::schema(&format);
        let places: Vec<usize> = (0..schema.fields().len()).collect();
        let fields = Fields { format: &format, schema: &schema, places: &places };
        let prefilter = fields.prefilter(filters)?;
        assert!(filters.iter().any(|filter| fields.knows(filter)));
        Some(prefilter.needles().iter().map(|needle| String::from_utf8(needle.clone()).unwrap()).collect())
    }

    fn time(seconds: i64) -> Expr {
        lit(ScalarValue::TimestampMicrosecond(Some(seconds * 1_000_000), Some("UTC".into())))
    }

    #[test]
    fn what_filters_demand() {
        let cases: [(Vec<Expr>, Option<&[&str]>); 24] = [
            (vec![col("status").eq(lit(404_u16))], Some(&["\" 404 "])),
            (vec![lit(404_i64).eq(col("status"))], Some(&["\" 404 "])),
            (vec![col("status").gt_eq(lit(500_u16))], Some(&["\" 5", "\" 6", "\" 7", "\" 8", "\" 9"])),
            (vec![col("status").gt(lit(399_u16)), col("status").lt(lit(600_u16))], Some(&["\" 4", "\" 5"])),
            (vec![col("status").in_list(vec![lit(301_u16), lit(302_u16)], false)], Some(&["\" 301 ", "\" 302 "])),
            (vec![col("path").eq(lit("/a")).or(col("status").eq(lit(500_u16)))], Some(&["/a", "\" 500 "])),
            (vec![col("path").eq(lit("/abc")).and(col("method").eq(lit("GET")))], Some(&["/abc"])),
            (vec![col("path").like(lit("/api/%"))], Some(&["/api/"])),
            (vec![col("user_agent").like(lit(r"%ab\_c%d%"))], Some(&["ab_c"])),
            (vec![starts_with(col("path"), lit("/static"))], Some(&["/static"])),
            (vec![col("_raw").like(lit("%curl%"))], Some(&["curl"])),
            (vec![col("path").eq(lit("/a")), col("referer").eq(lit("https://a.b/"))], Some(&["https://a.b/"])),
            (vec![col("ts").gt_eq(time(0)), col("ts").lt(time(3600))], Some(&["[31/", "[01/"])),
            (vec![col("ts").gt_eq(time(0)), col("ts").lt(time(86_400 * 31))], None),
            (vec![col("ts").gt_eq(time(0))], None),
            (vec![col("status").not_eq(lit(200_u16))], None),
            (vec![col("status").lt(lit(400_u16))], None),
            (vec![col("path").eq(lit("/a")).or(col("status").is_null())], None),
            (vec![col("path").not_like(lit("%a%"))], None),
            (vec![col("path").ilike(lit("%a%"))], None),
            (vec![col("path").like(lit("%%"))], None),
            (vec![col("request_time").gt(lit(0.5))], None),
            (vec![col("status").in_list(vec![lit(404_u16)], true)], None),
            (vec![], None),
        ];
        for (filters, expected) in cases {
            let expected =
                expected.map(|needles| needles.iter().map(|needle| (*needle).to_owned()).collect::<Vec<_>>());
            assert_eq!(needles(&filters), expected, "{filters:?}");
        }
    }
}
