//! Types of values that have a fixed width, from the schema as it stands in Arrow IPC data.

use datafusion::arrow::{
    datatypes::{
        DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, IntervalUnit, TimeUnit,
        validate_decimal_precision_and_scale,
    },
    ipc,
};

/// Returns the type of a field of fixed width; `None` if it is of another kind.
pub(super) fn fixed(field: ipc::Field<'_>) -> Result<Option<DataType>, String> {
    Ok(Some(match field.type_type() {
        ipc::Type::Int => integer(known(field.type_as_int())?)?,
        ipc::Type::FloatingPoint => float(known(field.type_as_floating_point())?)?,
        ipc::Type::Decimal => decimal(known(field.type_as_decimal())?)?,
        ipc::Type::Date => date(known(field.type_as_date())?)?,
        ipc::Type::Time => time(known(field.type_as_time())?)?,
        ipc::Type::Timestamp => {
            let timestamp = known(field.type_as_timestamp())?;
            DataType::Timestamp(unit(timestamp.unit())?, timestamp.timezone().map(Into::into))
        }
        ipc::Type::Duration => DataType::Duration(unit(known(field.type_as_duration())?.unit())?),
        ipc::Type::Interval => DataType::Interval(interval(known(field.type_as_interval())?.unit())?),
        ipc::Type::FixedSizeBinary => match known(field.type_as_fixed_size_binary())?.byteWidth() {
            width @ 1.. => DataType::FixedSizeBinary(width),
            width => return Err(format!("values of {width} bytes each")),
        },
        _ => return Ok(None),
    }))
}

/// Returns the details of a type, which must be there.
pub(super) fn known<T>(details: Option<T>) -> Result<T, String> {
    details.ok_or_else(|| "a type without its details".to_owned())
}

pub(super) fn integer(integer: ipc::Int<'_>) -> Result<DataType, String> {
    Ok(match (integer.bitWidth(), integer.is_signed()) {
        (8, true) => DataType::Int8,
        (16, true) => DataType::Int16,
        (32, true) => DataType::Int32,
        (64, true) => DataType::Int64,
        (8, false) => DataType::UInt8,
        (16, false) => DataType::UInt16,
        (32, false) => DataType::UInt32,
        (64, false) => DataType::UInt64,
        (bits, _) => return Err(format!("whole numbers of {bits} bits")),
    })
}

fn float(float: ipc::FloatingPoint<'_>) -> Result<DataType, String> {
    Ok(match float.precision() {
        ipc::Precision::HALF => DataType::Float16,
        ipc::Precision::SINGLE => DataType::Float32,
        ipc::Precision::DOUBLE => DataType::Float64,
        _ => return Err("numbers of an unknown precision".to_owned()),
    })
}

fn decimal(decimal: ipc::Decimal<'_>) -> Result<DataType, String> {
    let (precision, scale) = (decimal.precision(), decimal.scale());
    let unknown = || format!("decimals of {precision} digits with {scale} behind the point");
    let digits = (u8::try_from(precision).map_err(|_| unknown())?, i8::try_from(scale).map_err(|_| unknown())?);
    Ok(match decimal.bitWidth() {
        32 => checked::<Decimal32Type>(digits)?,
        64 => checked::<Decimal64Type>(digits)?,
        128 => checked::<Decimal128Type>(digits)?,
        256 => checked::<Decimal256Type>(digits)?,
        bits => return Err(format!("decimals of {bits} bits")),
    })
}

fn checked<T: DecimalType>((precision, scale): (u8, i8)) -> Result<DataType, String> {
    validate_decimal_precision_and_scale::<T>(precision, scale).map_err(|error| error.to_string())?;
    if i16::from(scale).unsigned_abs() > u16::from(T::MAX_PRECISION) {
        return Err(format!("decimals with {scale} digits behind the point"));
    }
    Ok(T::TYPE_CONSTRUCTOR(precision, scale))
}

fn date(date: ipc::Date<'_>) -> Result<DataType, String> {
    Ok(match date.unit() {
        ipc::DateUnit::DAY => DataType::Date32,
        ipc::DateUnit::MILLISECOND => DataType::Date64,
        _ => return Err("dates of an unknown unit".to_owned()),
    })
}

fn time(time: ipc::Time<'_>) -> Result<DataType, String> {
    Ok(match (time.bitWidth(), unit(time.unit())?) {
        (32, unit @ (TimeUnit::Second | TimeUnit::Millisecond)) => DataType::Time32(unit),
        (64, unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond)) => DataType::Time64(unit),
        (bits, _) => return Err(format!("times of {bits} bits in a unit that does not fit")),
    })
}

fn unit(unit: ipc::TimeUnit) -> Result<TimeUnit, String> {
    Ok(match unit {
        ipc::TimeUnit::SECOND => TimeUnit::Second,
        ipc::TimeUnit::MILLISECOND => TimeUnit::Millisecond,
        ipc::TimeUnit::MICROSECOND => TimeUnit::Microsecond,
        ipc::TimeUnit::NANOSECOND => TimeUnit::Nanosecond,
        _ => return Err("times of an unknown unit".to_owned()),
    })
}

fn interval(unit: ipc::IntervalUnit) -> Result<IntervalUnit, String> {
    Ok(match unit {
        ipc::IntervalUnit::YEAR_MONTH => IntervalUnit::YearMonth,
        ipc::IntervalUnit::DAY_TIME => IntervalUnit::DayTime,
        ipc::IntervalUnit::MONTH_DAY_NANO => IntervalUnit::MonthDayNano,
        _ => return Err("intervals of an unknown unit".to_owned()),
    })
}
