//! Holds the fast ways to the slow and obvious ones, on generated files: usual records, wrong ones and anything between.

use super::{
    CsvLayout, CsvOptions,
    decoder::blank_line,
    header::value,
    split::{Field, Fields, whole_records_by_last},
    usual::Usual,
};
use crate::{
    Batch, BatchLimits, BlockReader, Column, ColumnSpec, ColumnType, Columns, Decoder, FileStart, Format, Outcome,
    Reason, Record, Sample,
    testing::{all_columns, read_with},
};
use proptest::prelude::*;
use std::sync::Arc;

const DELIMITERS: [u8; 5] = [b',', b'\t', b'|', 0, 0xff];

/// Values of all types, right and wrong ones, as they stand between delimiters. `,` is any delimiter.
const VALUES: [&[u8]; 44] = [
    b"",
    b"1",
    b"0",
    b"-7",
    b"+7",
    b"200",
    b"65535",
    b"65536",
    b"-32768",
    b"12345678",
    b"123456789",
    b"99999999999999999999",
    b"1x",
    b"\"1\"",
    b"\"1\"2",
    b"\"\"",
    b"0.5",
    b".5",
    b"5.",
    b"1.2.3",
    b"0.000001",
    b"1e3",
    b"nan",
    b"true",
    b"NO",
    b"2026-03-01",
    b"2026-03-01T12:30:59Z",
    b"2026-03-01T12:30:60Z",
    b"2026-03-01T12:30:61Z",
    b"2026-03-01T25:30:00Z",
    b"2026-03-01 23:59:59.25+01:00",
    b"\"2026-03-01T12:31:00Z\"",
    b"2026-02-29T00:00:00Z",
    b"GET",
    b"a\"b",
    b"\"a,b\"",
    b"\"a\nb\"",
    b"\"say \"\"hi\"\"\"",
    b"\"\"\"\"",
    b"\"a\"b",
    b"\"a\"\"",
    b"\"open",
    b"caf\xC3\xA9",
    b"\0\xFF\r",
];

/// Text of the lengths at which a stretch ends, and of a window.
fn long() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![56..=66_usize, 120..=130_usize, 500..=520_usize];
    (length, any::<bool>()).prop_map(|(length, quoted)| {
        let text = vec![b'x'; length];
        if quoted { [b"\"", text.as_slice(), b"\""].concat() } else { text }
    })
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    let value = || prop::sample::select(VALUES.to_vec()).prop_map(<[u8]>::to_vec);
    let plain = prop::sample::select(VALUES[..12].to_vec()).prop_map(<[u8]>::to_vec);
    prop_oneof![12 => plain, 12 => value(), 2 => long(), 1 => prop::collection::vec(any::<u8>(), 1..5)]
}

/// Files of records that mostly have `fields` fields, with the delimiter.
fn files(fields: usize) -> impl Strategy<Value = (Vec<u8>, u8)> {
    let count = prop_oneof![12 => Just(fields), 1 => 0..=fields + 1];
    let end = prop::sample::select(vec![&b"\n"[..], b"\n", b"\r\n", b"\n\n", b"\n\r\n"]);
    let record = (prop::collection::vec(values(), fields + 1), count, end).prop_map(|(mut values, count, end)| {
        values.truncate(count);
        [values.join(&b','), end.to_vec()].concat()
    });
    let file = (prop::collection::vec(record, 0..12), 0..8_usize, prop::option::of((0..2_000_usize, any::<u8>())));
    (file, prop::sample::select(DELIMITERS.to_vec())).prop_map(|((records, cut, change), delimiter)| {
        let mut bytes = records.concat();
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(4)));
        for byte in bytes.iter_mut().filter(|byte| **byte == b',') {
            *byte = delimiter;
        }
        if let Some((at, to)) = change
            && let Some(byte) = bytes.get_mut(at)
        {
            *byte = to;
        }
        (bytes, delimiter)
    })
}

/// Reads every field of every record by [`Fields`], and every value by its column.
struct ByTheRules {
    layout: CsvLayout,
}

impl Decoder for ByTheRules {
    fn start(&mut self, file: &FileStart) {
        assert!(file.fields.is_none());
    }

    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        if let Some(length) = blank_line(bytes) {
            return Record { length, content: 0, lines: 1, outcome: Outcome::Blank };
        }
        let mut record = Fields::new(bytes, self.layout.delimiter());
        let fields: Vec<_> = record.by_ref().collect();
        let extent = record.finish();
        let specs = self.layout.columns();
        let misfit = specs.iter().zip(&fields).enumerate().find(|(at, (spec, field))| {
            // A column of its own, so that what nobody reads is read all the same.
            let mut unread = Column::new(&spec.kind);
            push(columns.get(*at).unwrap_or(&mut unread), spec, **field).is_err()
        });
        let outcome = if !extent.closed {
            Outcome::Reject(Reason::Malformed("no closing quote"))
        } else if fields.len() != specs.len() {
            Outcome::Reject(Reason::FieldCount { expected: specs.len(), found: fields.len() })
        } else if let Some((_, (spec, _))) = misfit {
            Outcome::Reject(Reason::Value { column: Arc::clone(&spec.name), expected: spec.kind.expected() })
        } else {
            Outcome::Row
        };
        Record { length: extent.length, content: extent.content, lines: extent.lines, outcome }
    }
}

fn push(column: &mut Column, spec: &ColumnSpec, field: Field<'_>) -> Result<(), crate::Mismatch> {
    let text = value(field);
    let is_null = text.is_empty() && (spec.kind != ColumnType::Text || matches!(field, Field::Plain(_)));
    if is_null {
        column.push_null();
        return Ok(());
    }
    column.push_parsed(&text)
}

const TYPES: [ColumnType; 12] = [
    ColumnType::Text,
    ColumnType::Int16,
    ColumnType::UInt16,
    ColumnType::Int32,
    ColumnType::UInt32,
    ColumnType::Int64,
    ColumnType::UInt64,
    ColumnType::Float32,
    ColumnType::Float64,
    ColumnType::Boolean,
    ColumnType::Date,
    ColumnType::Timestamp,
];

fn layout(kinds: &[ColumnType], delimiter: u8) -> CsvLayout {
    let types =
        (1..).zip(kinds).map(|(place, kind)| ColumnSpec::new(format!("column_{place}"), kind.clone())).collect();
    let sample = [vec![delimiter; kinds.len() - 1], b"\n".to_vec()].concat();
    let options = CsvOptions { delimiter: Some(delimiter), header: Some(false), types };
    CsvLayout::infer(&[Sample { bytes: &sample, at_start: true }], &options).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn usual_records_are_taken_apart_by_the_rules(
        (bytes, delimiter) in files(3),
        jumps in prop::collection::vec(0..3_usize, 0..12),
    ) {
        let mut usual = Usual::new(delimiter);
        usual.start(3);
        usual.start_block();
        let mut jumps = jumps.into_iter().cycle();
        let mut origin = 0;
        while origin < bytes.len() {
            let rest = &bytes[origin..];
            let mut record = Fields::new(rest, delimiter);
            let fields: Vec<_> = record.by_ref().collect();
            let extent = record.finish();
            // A reader with a filter passes over records.
            let passes = jumps.next() == Some(1);
            let taken = if passes { None } else { usual.split(rest, origin) };
            if let Some(taken) = taken {
                prop_assert_eq!(taken, extent);
                prop_assert_eq!(usual.spans().iter().map(|span| span.field(rest)).collect::<Vec<_>>(), fields);
            } else if !passes {
                let is_clean = |field: &Field<'_>| match field {
                    Field::Plain(text) => !text.contains(&b'"'),
                    Field::Quoted(_) => true,
                    Field::Escaped(_) => false,
                };
                let is_usual = fields.len() == 3 && extent.closed && fields.iter().all(is_clean);
                prop_assert!(!is_usual || rest[extent.length - 1] != b'\n', "left: {:?}", fields);
            }
            origin += extent.length;
        }
    }

    #[test]
    fn files_are_read_by_the_rules(
        (bytes, delimiter) in files(4),
        kinds in prop::collection::vec(prop::sample::select(TYPES.to_vec()), 4),
        projection in prop::sample::subsequence((0..7).collect::<Vec<_>>(), 0..5),
        sizes in prop::collection::vec(0..300_usize, 0..6),
    ) {
        let layout = layout(&kinds, delimiter);
        let format = Format::Csv(Arc::new(layout.clone()));
        let all = all_columns(&format);
        let projection: Vec<_> = projection.into_iter().map(|at| all[at]).collect();
        let read = |decoder: Box<dyn Decoder>| {
            let batch = Batch::new(&format, &projection, BatchLimits { rows: 3, bytes: 1 << 20 });
            read_with(BlockReader::new(decoder, batch), &format, &bytes, &sizes)
        };
        prop_assert_eq!(read(Box::new(layout.decoder())), read(Box::new(ByTheRules { layout })));
    }

    #[test]
    fn the_last_bytes_tell_where_the_last_record_ends(
        (bytes, delimiter) in files(3),
        quotes in prop::collection::vec(prop::sample::select(vec![&b"\""[..], b"\"\"", b"\"a\"", b",", b"\n", b"x"]), 0..60),
        last in 0..600_usize,
    ) {
        let quotes: Vec<u8> = quotes.concat().iter().map(|byte| if *byte == b',' { delimiter } else { *byte }).collect();
        for bytes in [&bytes, &quotes, &[bytes.as_slice(), &quotes].concat(), &[quotes.as_slice(), &bytes].concat()] {
            let whole = whole_records_by_last(bytes, delimiter, usize::MAX);
            prop_assert_eq!(whole_records_by_last(bytes, delimiter, last), whole);
            prop_assert_eq!(whole_records_by_last(bytes, delimiter, last % 40), whole);
        }
    }
}
