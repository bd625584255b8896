//! What is read is what Arrow's own writers wrote, however it is cut, compressed and stored.

use super::{
    provider::Source,
    rows::{Partition, batches},
};
use crate::{
    input::{Ahead, Head, InputFile, SampleSize, find},
    ipc::{Asking, Index, Known, Opened, PieceQueue, QueueOptions, Sampled},
    table::ArrowInput,
};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Int32Array, Int64Array,
            IntervalMonthDayNanoArray, LargeListArray, ListArray, MapArray, NullArray, RecordBatch, RunArray,
            StringArray, StringViewArray, StructArray, UInt32Array, UnionArray,
        },
        buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
        compute::{cast, take},
        datatypes::{
            DataType, Field, FieldRef, Fields, Int8Type, Int32Type, IntervalMonthDayNanoType, Schema, TimeUnit,
            UnionFields,
        },
        ipc::{
            CompressionType,
            writer::{FileWriter, IpcWriteOptions, StreamWriter},
        },
        util::display::{ArrayFormatter, FormatOptions},
    },
    execution::memory_pool::{MemoryPool, UnboundedMemoryPool},
};
use futures::{TryStreamExt, executor::block_on};
use std::{fs::File, path::Path, sync::Arc};

/// How a test file is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub is_file: bool,
    pub compression: Option<CompressionType>,
}

pub(super) const PLAIN: [Written; 2] =
    [Written { is_file: true, compression: None }, Written { is_file: false, compression: None }];

fn all_ways() -> impl Iterator<Item = Written> {
    let compressions = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];
    compressions.into_iter().flat_map(|compression| PLAIN.map(|way| Written { compression, ..way }))
}

pub(super) fn write(path: &Path, batches: &[RecordBatch], way: Written) {
    let options = IpcWriteOptions::default().try_with_compression(way.compression).unwrap();
    let (file, schema) = (File::create(path).unwrap(), batches[0].schema());
    if way.is_file {
        let mut writer = FileWriter::try_new_with_options(file, &schema, options).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
    } else {
        let mut writer = StreamWriter::try_new_with_options(file, &schema, options).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
    }
}

/// Reads some columns of files, or all.
pub(super) fn read(pattern: &Path, wanted: Option<&[&str]>, options: QueueOptions) -> Result<Vec<RecordBatch>, String> {
    let inputs: Arc<[InputFile]> = find(pattern.to_str().unwrap()).unwrap().into();
    let first = Head::read(&inputs[0], SampleSize::FIRST).map_err(|error| error.to_string())?;
    let input = ArrowInput::infer(Arc::clone(&inputs), first).map_err(|error| error.to_string())?;
    let columns: Vec<FieldRef> = match wanted {
        None => input.columns.clone(),
        Some(names) => names
            .iter()
            .map(|name| Arc::clone(input.columns.iter().find(|column| column.name() == name).unwrap()))
            .collect(),
    };
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let asking = Asking::new(&pool, 1 << 20);
    let queue = Arc::new(PieceQueue::new(inputs, columns.clone(), options, asking).with_head(input.head));
    let partition = Partition {
        progress: queue.progress(),
        queue,
        sources: (0..columns.len()).map(Source::Own).collect(),
        schema: Arc::new(Schema::new(columns)),
        bytes: options.bytes,
    };
    block_on(batches(partition).try_collect::<Vec<_>>()).map_err(|error| error.strip_backtrace())
}

/// Returns every value as text.
pub(super) fn shown(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("null");
    let columns = batches.first().map_or(0, RecordBatch::num_columns);
    let column = |at: usize| {
        let values = batches.iter().flat_map(|batch| {
            let formatter = ArrayFormatter::try_new(batch.column(at), &options).unwrap();
            (0..batch.num_rows()).map(|row| formatter.value(row).to_string()).collect::<Vec<_>>()
        });
        values.collect()
    };
    (0..columns).map(column).collect()
}

/// A row of each kind of value; every third is null, and texts are of all lengths up to 40.
pub(super) fn of_all_types(first: usize, rows: usize) -> RecordBatch {
    let number = |row: usize| (row % 3 != 2).then_some(i64::try_from(row).unwrap() * 7 % 100);
    let numbers: Int64Array = (first..first + rows).map(number).collect();
    let texts: StringArray =
        (first..first + rows).map(|row| (row % 3 != 1).then(|| format!("{row} {}", "é".repeat(row % 20)))).collect();
    let as_type = |kind: DataType| cast(&numbers, &kind).unwrap();
    let text_as = |kind: DataType| cast(&texts, &kind).unwrap();
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut add = |array: ArrayRef| columns.push((format!("c{}", columns.len()), array));
    for kind in [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Boolean,
        DataType::Decimal32(9, 2),
        DataType::Decimal64(18, 2),
        DataType::Decimal128(38, 3),
        DataType::Decimal256(76, 4),
        DataType::Date64,
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
    ] {
        add(as_type(kind));
    }
    let days = cast(&numbers, &DataType::Int32).unwrap();
    for kind in [DataType::Date32, DataType::Time32(TimeUnit::Second)] {
        add(cast(&days, &kind).unwrap());
    }
    let months: IntervalMonthDayNanoArray = numbers
        .iter()
        .map(|n| n.map(|n| IntervalMonthDayNanoType::make_value(i32::try_from(n).unwrap(), 1, n)))
        .collect();
    add(Arc::new(months));
    for kind in [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8)),
        DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::LargeUtf8)),
    ] {
        add(text_as(kind));
    }
    let four: Vec<u8> = (first..first + rows).flat_map(|row| u32::try_from(row).unwrap().to_le_bytes()).collect();
    add(Arc::new(FixedSizeBinaryArray::new(4, Buffer::from_vec(four), None)));
    add(Arc::new(NullArray::new(rows)));
    nested(&numbers, &texts).into_iter().for_each(add);
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn nested(numbers: &Int64Array, texts: &StringArray) -> Vec<ArrayRef> {
    let rows = numbers.len();
    // Lists of 0, 1, 2, 3, 0, 1 .. values.
    let lengths: Vec<usize> = (0..rows).map(|row| row % 4).collect();
    let all: usize = lengths.iter().sum();
    let at: Vec<usize> = (0..all).map(|value| value % rows.max(1)).collect();
    let items: StringArray = at.iter().map(|row| texts.is_valid(*row).then(|| texts.value(*row))).collect();
    let views = cast(&items, &DataType::Utf8View).unwrap();
    let nulls = NullBuffer::from((0..rows).map(|row| row % 5 != 4).collect::<Vec<_>>());
    let field = |kind: &DataType| Arc::new(Field::new("item", kind.clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    let wide = OffsetBuffer::<i64>::from_lengths(lengths.iter().copied());
    let list = ListArray::new(field(views.data_type()), offsets.clone(), views, Some(nulls.clone()));
    let large = LargeListArray::new(field(&DataType::Utf8), wide, Arc::new(items.clone()), None);
    let pairs: Int32Array = (0..i32::try_from(rows * 2).unwrap()).collect();
    let fixed = FixedSizeListArray::new(field(&DataType::Int32), 2, Arc::new(pairs), Some(nulls.clone()));
    let dictionary = cast(texts, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap();
    let fields = Fields::from(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("d", dictionary.data_type().clone(), true),
    ]);
    let of_fields = StructArray::new(fields, vec![Arc::new(numbers.clone()), dictionary], Some(nulls));
    let keys: Int32Array = (0..i32::try_from(all).unwrap()).collect();
    let entry =
        Fields::from(vec![Field::new("key", DataType::Int32, false), Field::new("value", DataType::Utf8, true)]);
    let entries = StructArray::new(entry.clone(), vec![Arc::new(keys), Arc::new(items)], None);
    let map = Arc::new(Field::new("entries", DataType::Struct(entry), false));
    let map = MapArray::new(map, offsets, entries, None, false);
    vec![Arc::new(list), Arc::new(large), Arc::new(fixed), Arc::new(of_fields), Arc::new(map)]
}

const USUAL: QueueOptions = QueueOptions { rows: 8192, bytes: 1 << 20 };

#[test]
fn every_type_is_read_however_it_is_written_and_cut() {
    let folder = tempfile::tempdir().unwrap();
    let all = of_all_types(7, 100);
    let written = [all.slice(0, 61), all.slice(64, 30), all.slice(0, 0), all.slice(91, 9)];
    let expected = shown(&written);
    for way in all_ways() {
        let path = folder.path().join("t.arrow");
        write(&path, &written, way);
        for (rows, bytes) in [(8192, 1 << 20), (7, 1 << 20), (1, 1), (64, 300)] {
            let batches = read(&path, None, QueueOptions { rows, bytes }).unwrap();
            assert_eq!(shown(&batches), expected, "{way:?} {rows} {bytes}");
            assert!(batches.iter().all(|batch| batch.num_rows() <= rows));
        }
    }
}

#[test]
fn only_what_is_wanted_is_read_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("t.arrow"), of_all_types(0, 150));
    let written = [whole.slice(0, 100), whole.slice(100, 50)];
    for way in all_ways() {
        write(&path, &written, way);
        for wanted in [&["c38", "c2"][..], &["c26"], &["c30", "c37", "c35"], &[]] {
            let batches = read(&path, Some(wanted), USUAL).unwrap();
            let places: Vec<usize> = wanted.iter().map(|name| whole.schema().index_of(name).unwrap()).collect();
            assert_eq!(shown(&batches), shown(&[whole.project(&places).unwrap()]), "{way:?} {wanted:?}");
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 150);
        }
    }
}

#[test]
fn dictionaries_that_change_on_the_way_hold_for_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrows");
    let batch = |texts: Vec<&str>| {
        let array: DictionaryArray<Int8Type> = texts.into_iter().collect();
        RecordBatch::try_from_iter([("d", Arc::new(array) as ArrayRef)]).unwrap()
    };
    let written = [batch(vec!["a", "b", "a"]), batch(vec!["c", "a"]), batch(vec!["c", "c", "b"])];
    write(&path, &written, Written { is_file: false, compression: None });
    let batches = read(&path, None, USUAL).unwrap();
    assert_eq!(shown(&batches), [["a", "b", "a", "c", "a", "c", "c", "b"]]);
}

#[test]
fn views_that_lie_far_apart_are_read_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let texts: Vec<String> = (0..3_000).map(|at| format!("{at:05} {}", "x".repeat(80))).collect();
    let views = StringViewArray::from_iter_values(&texts);
    // The order of another column.
    let places: UInt32Array = (0..3_000_u32).map(|at| at * 7_919 % 3_000).collect();
    let views = take(&views, &places, None).unwrap();
    let batch = RecordBatch::try_from_iter([("v", views)]).unwrap();
    write(&path, std::slice::from_ref(&batch), PLAIN[0]);
    let batches = read(&path, None, QueueOptions { rows: 5, bytes: 4_096 }).unwrap();
    assert_eq!(shown(&batches), shown(&[batch]));
}

#[test]
fn columns_of_kinds_that_are_not_read_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let numbers = Int32Array::from(vec![1, 2, 3]);
    let fields: UnionFields = [(0, Arc::new(Field::new("a", DataType::Int32, false)))].into_iter().collect();
    let kinds = ScalarBuffer::from(vec![0_i8, 0, 0]);
    let sparse = UnionArray::try_new(fields.clone(), kinds.clone(), None, vec![Arc::new(numbers.clone())]).unwrap();
    let offsets = ScalarBuffer::from(vec![0_i32, 1, 2]);
    let dense = UnionArray::try_new(fields, kinds, Some(offsets), vec![Arc::new(numbers.clone())]).unwrap();
    let runs =
        RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1, 3]), &StringArray::from(vec!["a", "b"])).unwrap();
    let columns: [(&str, ArrayRef); 5] = [
        ("first", Arc::new(numbers.clone())),
        ("sparse", Arc::new(sparse)),
        ("dense", Arc::new(dense)),
        ("runs", Arc::new(runs)),
        ("last", Arc::new(numbers)),
    ];
    for way in all_ways() {
        write(&path, &[RecordBatch::try_from_iter(columns.clone()).unwrap()], way);
        let batches = read(&path, None, USUAL).unwrap();
        assert_eq!(shown(&batches), [["1", "2", "3"], ["1", "2", "3"]], "{way:?}");
    }
}

#[test]
fn several_files_have_the_same_columns_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let batch = of_all_types(0, 10);
    write(&folder.path().join("a.arrow"), &[batch.project(&[3, 24]).unwrap()], PLAIN[0]);
    write(&folder.path().join("b.arrow"), &[batch.project(&[24, 3]).unwrap()], PLAIN[1]);
    let batches = read(&folder.path().join("*.arrow"), None, USUAL).unwrap();
    let all = shown(&[batch.project(&[3, 24]).unwrap(), batch.project(&[3, 24]).unwrap()]);
    assert_eq!(shown(&batches), all);
    write(&folder.path().join("c.arrow"), &[batch.project(&[3]).unwrap()], PLAIN[0]);
    let error = read(&folder.path().join("*.arrow"), None, USUAL).unwrap_err();
    assert!(error.contains("c.arrow") && error.contains("no column `c24`"), "{error}");
    write(&folder.path().join("c.arrow"), &[batch.project(&[3, 24, 5]).unwrap()], PLAIN[0]);
    let error = read(&folder.path().join("*.arrow"), None, USUAL).unwrap_err();
    assert!(error.contains("c.arrow") && error.contains("no column `c5`"), "{error}");
}

#[test]
fn an_index_knows_rows_and_bytes_and_samples_are_spread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let batch = |first: i64| {
        let numbers: Int64Array = (first..first + 50_000).collect();
        RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap()
    };
    for way in PLAIN {
        write(&path, &[batch(0), batch(50_000), batch(100_000)], way);
        let input = find(path.to_str().unwrap()).unwrap().remove(0);
        let index = Index::read(&mut Opened::open(&input, Ahead::NONE).unwrap()).unwrap();
        assert_eq!((index.rows(), index.batches.len(), index.bytes_of(&["n"])), (150_000, 3, 1_200_000));
        let known = [Known { index: &index, bytes: index.bytes_of(&["n"]) }];
        assert!(Sampled::of(&known, 2_000_000).is_none());
        let sampled = Sampled::of(&known, 256 << 10).unwrap();
        assert!(sampled.planned.abs_diff(256 << 10) < 30_000, "{}", sampled.planned);
    }
    // Places that go on from message to message.
    let small: Vec<_> = (0..150).map(|at| batch(at * 1_000).slice(0, 1_000)).collect();
    write(&path, &small, PLAIN[0]);
    let input = find(path.to_str().unwrap()).unwrap().remove(0);
    let index = Index::read(&mut Opened::open(&input, Ahead::NONE).unwrap()).unwrap();
    let sampled = Sampled::of(&[Known { index: &index, bytes: index.bytes_of(&["n"]) }], 256 << 10).unwrap();
    assert!(sampled.planned.abs_diff(256 << 10) < 30_000, "{}", sampled.planned);
}
