//! `date_trunc` of times in UTC, which are what logs have.
//!
//! DataFusion 55.2 looks hours and days of times with a zone up in the zone's rules, for each value, and writes the offset down
//! and reads it again in doing so: a fourth of the time of a query that groups by hour. In UTC, hours and days are as long as
//! any other. So times in UTC are handed to it as times without a zone, for which it calculates.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, make_array},
        datatypes::{DataType, FieldRef},
    },
    common::Result,
    functions::datetime::date_trunc,
    logical_expr::{
        ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        sort_properties::{ExprProperties, SortProperties},
    },
};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
struct UtcTrunc {
    stock: Arc<ScalarUDF>,
}

/// Returns the function that replaces DataFusion's of the same name. Its answers are the same.
pub fn utc_trunc() -> ScalarUDF {
    UtcTrunc { stock: date_trunc() }.into()
}

/// Returns the type without its zone, if that is UTC.
fn without_utc(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(unit, Some(zone)) if matches!(zone.as_ref(), "UTC" | "+00:00" | "Z") => {
            Some(DataType::Timestamp(*unit, None))
        }
        _ => None,
    }
}

/// Returns the same values as another type of the same form.
fn retyped(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    Ok(make_array(array.to_data().into_builder().data_type(data_type).build()?))
}

impl ScalarUDFImpl for UtcTrunc {
    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ColumnarValue::Array(times)) = args.args.get_mut(1) else { return self.stock.invoke_with_args(args) };
        let data_type = times.data_type().clone();
        let Some(plain) = without_utc(&data_type) else { return self.stock.invoke_with_args(args) };
        *times = retyped(times, plain)?;
        match self.stock.invoke_with_args(args)? {
            ColumnarValue::Array(truncated) => Ok(ColumnarValue::Array(retyped(&truncated, data_type)?)),
            scalar @ ColumnarValue::Scalar(_) => Ok(scalar),
        }
    }

    fn name(&self) -> &str {
        self.stock.name()
    }

    fn aliases(&self) -> &[String] {
        self.stock.aliases()
    }

    fn signature(&self) -> &Signature {
        self.stock.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.stock.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.stock.return_field_from_args(args)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.stock.output_ordering(input)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.stock.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{
        arrow::{array::TimestampMicrosecondArray, record_batch::RecordBatch, util::display::array_value_to_string},
        prelude::SessionContext,
    };

    #[tokio::test]
    async fn answers_are_those_of_datafusion() {
        // Years from 1700 to 2200, and none.
        let micros = (0..2000_i64).map(|at| (at % 7 > 0).then(|| at * 7_919_000_123_457 - 8_520_000_000_000_000));
        for zone in [None, Some("UTC"), Some("+00:00"), Some("Europe/Berlin")] {
            let times = micros.clone().collect::<TimestampMicrosecondArray>().with_timezone_opt(zone);
            let rows = RecordBatch::try_from_iter([("ts", Arc::new(times) as ArrayRef)]).unwrap();
            let (stock, ours) = (SessionContext::new(), SessionContext::new());
            ours.register_udf(utc_trunc());
            for part in ["second", "minute", "hour", "DAY", "week", "month", "quarter", "year"] {
                let sql = format!("SELECT date_trunc('{part}', ts) AS t FROM rows");
                let mut answers = Vec::new();
                for context in [&stock, &ours] {
                    context.deregister_table("rows").unwrap();
                    context.register_batch("rows", rows.clone()).unwrap();
                    let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
                    let column = batches[0].column(0);
                    let values = (0..column.len()).map(|row| array_value_to_string(column, row).unwrap());
                    answers.push((column.data_type().clone(), values.collect::<Vec<_>>()));
                }
                assert_eq!(answers[0], answers[1], "{part} {zone:?}");
            }
        }
    }
}
