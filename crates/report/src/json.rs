//! The record as JSON, for programs.

use crate::{ReportError, record::RunRecord};

/// Returns the record as JSON with line breaks.
///
/// # Errors
/// None that a record can cause; the encoder has them in its signature.
pub fn write(record: &RunRecord) -> Result<String, ReportError> {
    Ok(serde_json::to_string_pretty(record)?)
}

/// Reads a record, also one of an older or a newer version.
///
/// # Errors
/// If the text is no JSON, or a field holds something else than it should.
pub fn read(text: &str) -> Result<RunRecord, ReportError> {
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{EventKind, How, Kind, Mode, Pressure, Sample},
        testing,
    };
    use tidegate_memory::ByteCount;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for record in [testing::rich(), testing::failed(), RunRecord::default()] {
            assert_eq!(read(&write(&record).unwrap()).unwrap(), record);
        }
    }

    #[test]
    fn the_record_of_a_version_without_versions_is_read() {
        let text = r#"{ "sql": "SELECT 1", "limit": 67108864, "peak": 48000000, "seconds": 0.5, "rows_out": 1, "bytes_in": 7,
            "lines": { "rows": 1, "rejects": 0, "blank": 0, "passed_over": 3 }, "spilled": { "bytes": 5, "files": 1 },
            "replans": [{ "reason": "x", "partitions": 1, "batch_rows": 512, "hash_joins": false }],
            "memory": { "anonymous_peak": 9, "at_peak": { "output": 1, "owned": 2 }, "timeline": [[0, 10], [4, 20]],
                "operators": [{ "depth": 0, "name": "SortExec", "forecast": [5, null], "peak": 3, "rows": null }] } }"#;
        let record = read(text).unwrap();
        assert_eq!((record.version, record.text.as_str(), record.ended.how), (0, "SELECT 1", How::Unknown));
        assert_eq!((record.limit, record.lines.total()), (Some(ByteCount::mib(64)), 4));
        let sample = Sample { ms: 4, resident: ByteCount::new(20), ..Sample::default() };
        assert_eq!(record.memory.timeline.last(), Some(&sample));
        let operator = record.memory.operators.first().unwrap();
        assert_eq!((operator.forecast.least, operator.forecast.most), (ByteCount::new(5), None));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let text = r#"{ "kind": "dream", "ended": { "how": "bored", "why": 1 }, "forecast": { "mode": "psychic" },
            "events": [{ "ms": 5, "kind": "eclipse", "moon": {} }], "memory": { "timeline": [{ "pressure": "absurd" }] } }"#;
        let record = read(text).unwrap();
        assert_eq!((record.kind, record.ended.how), (Kind::Other, How::Unknown));
        assert_eq!(record.forecast.map(|forecast| forecast.mode), Some(Mode::Unknown));
        assert_eq!(record.events.first().map(|event| event.kind), Some(EventKind::Other));
        assert_eq!(record.memory.timeline.first().map(|sample| sample.pressure), Some(Pressure::Unknown));
    }

    #[test]
    fn numbers_that_are_none_do_no_harm() {
        let record = RunRecord { seconds: f64::NAN, ..RunRecord::default() };
        assert_eq!(read(&write(&record).unwrap()).unwrap(), RunRecord::default());
        for bad in ["", "[]]", r#"{"peak": "much"}"#, r#"{"peak": -1}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
