//! Values as Python objects.

use crate::faults::Fault;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, MapArray, OffsetSizeTrait, PrimitiveArray, StructArray,
    cast::AsArray,
    types::{
        Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
        DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use arrow_cast::{
    cast,
    display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use pyo3::{
    Bound, BoundObject, IntoPyObject, PyAny, PyErr, PyResult, Python,
    types::{PyAnyMethods, PyBytes, PyDict, PyDictMethods, PyList, PyModule},
};

const MICROS_OF_DAY: i64 = 86_400_000_000;
const DAYS_TO_1970: i64 = 719_163;

/// Makes objects of values; knows the classes that it needs.
pub(crate) struct Cells<'py> {
    py: Python<'py>,
    datetime: Bound<'py, PyModule>,
    timedelta: Bound<'py, PyAny>,
}

type Column<'py> = PyResult<Vec<Bound<'py, PyAny>>>;

impl<'py> Cells<'py> {
    pub(crate) fn new(py: Python<'py>) -> PyResult<Self> {
        let datetime = py.import("datetime")?;
        let timedelta = datetime.getattr("timedelta")?;
        Ok(Self { py, datetime, timedelta })
    }

    /// Returns an object for each value.
    pub(crate) fn of(&self, array: &ArrayRef) -> Column<'py> {
        match array.data_type() {
            DataType::Null => Ok(vec![self.none(); array.len()]),
            DataType::Boolean => self.each(array.as_boolean().iter()),
            DataType::Int8 => self.each(array.as_primitive::<Int8Type>().iter()),
            DataType::Int16 => self.each(array.as_primitive::<Int16Type>().iter()),
            DataType::Int32 => self.each(array.as_primitive::<Int32Type>().iter()),
            DataType::Int64 => self.each(array.as_primitive::<Int64Type>().iter()),
            DataType::UInt8 => self.each(array.as_primitive::<UInt8Type>().iter()),
            DataType::UInt16 => self.each(array.as_primitive::<UInt16Type>().iter()),
            DataType::UInt32 => self.each(array.as_primitive::<UInt32Type>().iter()),
            DataType::UInt64 => self.each(array.as_primitive::<UInt64Type>().iter()),
            DataType::Float16 => self.each(array.as_primitive::<Float16Type>().iter().map(|v| v.map(f32::from))),
            DataType::Float32 => self.each(array.as_primitive::<Float32Type>().iter()),
            DataType::Float64 => self.each(array.as_primitive::<Float64Type>().iter()),
            DataType::Utf8 => self.each(array.as_string::<i32>().iter()),
            DataType::LargeUtf8 => self.each(array.as_string::<i64>().iter()),
            DataType::Utf8View => self.each(array.as_string_view().iter()),
            DataType::Binary => self.bytes(array.as_binary::<i32>().iter()),
            DataType::LargeBinary => self.bytes(array.as_binary::<i64>().iter()),
            DataType::BinaryView => self.bytes(array.as_binary_view().iter()),
            DataType::FixedSizeBinary(_) => self.bytes(array.as_fixed_size_binary().iter()),
            DataType::List(_) => self.lists::<i32>(array),
            DataType::LargeList(_) => self.lists::<i64>(array),
            DataType::FixedSizeList(..) => {
                self.listed(array, (0..array.len()).map(|row| array.as_fixed_size_list().value(row)))
            }
            DataType::Struct(_) => self.structs(array.as_struct()),
            DataType::Map(..) => self.maps(array.as_map()),
            DataType::Dictionary(_, value) => self.of(&cast(array, value).map_err(|error| self.raised(error))?),
            DataType::RunEndEncoded(_, value) => {
                self.of(&cast(array, value.data_type()).map_err(|error| self.raised(error))?)
            }
            _ => self.of_time_or_text(array),
        }
    }

    fn of_time_or_text(&self, array: &ArrayRef) -> Column<'py> {
        match array.data_type() {
            DataType::Date32 => self.primitive::<Date32Type>(array, |days| self.date(i64::from(days))),
            DataType::Date64 => self.primitive::<Date64Type>(array, |ms| self.date(ms.div_euclid(86_400_000))),
            DataType::Timestamp(unit, zone) => self.timestamps(array, *unit, zone.as_deref()),
            DataType::Duration(unit) => self.durations(array, *unit),
            DataType::Time32(_) | DataType::Time64(_) => self.times(array),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                let decimal = self.py.import("decimal")?.getattr("Decimal")?;
                self.texts(array)?
                    .into_iter()
                    .map(|text| if text.is_none() { Ok(text) } else { decimal.call1((text,)) })
                    .collect()
            }
            _ => self.texts(array),
        }
    }

    fn none(&self) -> Bound<'py, PyAny> {
        self.py.None().into_bound(self.py)
    }

    fn raised(&self, error: ArrowError) -> PyErr {
        Fault::Arrow(error).raised(self.py)
    }

    fn each<T: IntoPyObject<'py>>(&self, values: impl Iterator<Item = Option<T>>) -> Column<'py> {
        let object = |value: Option<T>| match value {
            None => Ok(self.none()),
            Some(value) => match value.into_pyobject(self.py) {
                Ok(object) => Ok(object.into_bound().into_any()),
                Err(error) => Err(error.into()),
            },
        };
        values.map(object).collect()
    }

    fn bytes<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Column<'py> {
        self.each(values.map(|value| value.map(|bytes| PyBytes::new(self.py, bytes))))
    }

    fn primitive<T: ArrowPrimitiveType>(
        &self,
        array: &ArrayRef,
        object: impl Fn(T::Native) -> PyResult<Bound<'py, PyAny>>,
    ) -> Column<'py> {
        let values: &PrimitiveArray<T> = array.as_primitive();
        values.iter().map(|value| value.map_or_else(|| Ok(self.none()), &object)).collect()
    }

    fn date(&self, days: i64) -> PyResult<Bound<'py, PyAny>> {
        self.datetime.getattr("date")?.call_method1("fromordinal", (days + DAYS_TO_1970,))
    }

    fn delta(&self, micros: i64) -> PyResult<Bound<'py, PyAny>> {
        self.timedelta.call1((micros.div_euclid(MICROS_OF_DAY), 0, micros.rem_euclid(MICROS_OF_DAY)))
    }

    fn durations(&self, array: &ArrayRef, unit: TimeUnit) -> Column<'py> {
        match unit {
            TimeUnit::Second => {
                self.primitive::<DurationSecondType>(array, |n| self.delta(n.saturating_mul(1_000_000)))
            }
            TimeUnit::Millisecond => {
                self.primitive::<DurationMillisecondType>(array, |n| self.delta(n.saturating_mul(1000)))
            }
            TimeUnit::Microsecond => self.primitive::<DurationMicrosecondType>(array, |n| self.delta(n)),
            TimeUnit::Nanosecond => self.primitive::<DurationNanosecondType>(array, |n| self.delta(n.div_euclid(1000))),
        }
    }

    /// Times of finer units than Python's lose what is below a microsecond.
    fn timestamps(&self, array: &ArrayRef, unit: TimeUnit, zone: Option<&str>) -> Column<'py> {
        let epoch = self.epoch(zone)?;
        let local = match zone {
            None | Some("UTC" | "+00:00" | "Z") => None,
            Some(zone) => Some(self.zone(zone)?),
        };
        let time = |micros: i64| {
            let time = epoch.call_method1("__add__", (self.delta(micros)?,))?;
            match &local {
                Some(zone) => time.call_method1("astimezone", (zone,)),
                None => Ok(time),
            }
        };
        match unit {
            TimeUnit::Second => self.primitive::<TimestampSecondType>(array, |n| time(n.saturating_mul(1_000_000))),
            TimeUnit::Millisecond => {
                self.primitive::<TimestampMillisecondType>(array, |n| time(n.saturating_mul(1000)))
            }
            TimeUnit::Microsecond => self.primitive::<TimestampMicrosecondType>(array, time),
            TimeUnit::Nanosecond => self.primitive::<TimestampNanosecondType>(array, |n| time(n.div_euclid(1000))),
        }
    }

    fn epoch(&self, zone: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let epoch = self.datetime.getattr("datetime")?.call1((1970, 1, 1))?;
        if zone.is_none() {
            return Ok(epoch);
        }
        let fields = PyDict::new(self.py);
        fields.set_item("tzinfo", self.datetime.getattr("timezone")?.getattr("utc")?)?;
        epoch.call_method("replace", (), Some(&fields))
    }

    fn zone(&self, zone: &str) -> PyResult<Bound<'py, PyAny>> {
        if zone.starts_with(['+', '-']) {
            let text = format!("1970-01-01T00:00:00{zone}");
            return self.datetime.getattr("datetime")?.call_method1("fromisoformat", (text,))?.getattr("tzinfo");
        }
        self.py.import("zoneinfo")?.getattr("ZoneInfo")?.call1((zone,))
    }

    fn times(&self, array: &ArrayRef) -> Column<'py> {
        let epoch = self.epoch(None)?;
        let time = |micros: i64| epoch.call_method1("__add__", (self.delta(micros)?,))?.call_method0("time");
        match array.data_type() {
            DataType::Time32(TimeUnit::Second) => {
                self.primitive::<Time32SecondType>(array, |n| time(i64::from(n) * 1_000_000))
            }
            DataType::Time32(_) => self.primitive::<Time32MillisecondType>(array, |n| time(i64::from(n) * 1000)),
            DataType::Time64(TimeUnit::Microsecond) => self.primitive::<Time64MicrosecondType>(array, time),
            _ => self.primitive::<Time64NanosecondType>(array, |n| time(n / 1000)),
        }
    }

    fn lists<O: OffsetSizeTrait>(&self, array: &ArrayRef) -> Column<'py> {
        let list = array.as_list::<O>();
        self.listed(array, (0..list.len()).map(|row| list.value(row)))
    }

    fn listed(&self, array: &ArrayRef, rows: impl Iterator<Item = ArrayRef>) -> Column<'py> {
        let row = |(at, values): (usize, ArrayRef)| {
            if array.is_null(at) { Ok(self.none()) } else { Ok(PyList::new(self.py, self.of(&values)?)?.into_any()) }
        };
        rows.enumerate().map(row).collect()
    }

    fn structs(&self, array: &StructArray) -> Column<'py> {
        let dicts: Vec<_> = (0..array.len()).map(|_| PyDict::new(self.py)).collect();
        for (name, column) in array.column_names().into_iter().zip(array.columns()) {
            for (dict, value) in dicts.iter().zip(self.of(column)?) {
                dict.set_item(name, value)?;
            }
        }
        let object =
            |(at, dict): (usize, Bound<'py, PyDict>)| if array.is_null(at) { self.none() } else { dict.into_any() };
        Ok(dicts.into_iter().enumerate().map(object).collect())
    }

    fn maps(&self, array: &MapArray) -> Column<'py> {
        let map = |row: usize| {
            if array.is_null(row) {
                return Ok(self.none());
            }
            let entries = array.value(row);
            let dict = PyDict::new(self.py);
            for (key, value) in self.of(entries.column(0))?.into_iter().zip(self.of(entries.column(1))?) {
                dict.set_item(key, value)?;
            }
            Ok(dict.into_any())
        };
        (0..array.len()).map(map).collect()
    }

    fn texts(&self, array: &ArrayRef) -> Column<'py> {
        let options = FormatOptions::new();
        let formatter = ArrayFormatter::try_new(array, &options).map_err(|error| self.raised(error))?;
        let text = |row: usize| if array.is_null(row) { None } else { Some(formatter.value(row).to_string()) };
        self.each((0..array.len()).map(text))
    }
}
