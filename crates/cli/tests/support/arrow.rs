//! A large file of Arrow IPC data, of one message.

use std::{path::Path, sync::Arc};
use tidegate_engine::{
    RecordBatch,
    arrow::{ArrayRef, DataType, Field, Schema, StringArray},
    sink::{self, OutputFile, OutputFormat, Target, Verdict},
};
use tidegate_govern::Profile;

/// Writes so many rows, all in one message, and returns how many they are.
pub fn write(path: &Path, rows: usize) -> usize {
    let key: StringArray = (0..rows).map(|row| Some(format!("k{}", row * 7_919 % 1_009))).collect();
    let text: StringArray =
        (0..rows).map(|row| Some(format!("{:08} a text of some fifty letters in all", row * 7_919 % rows))).collect();
    let field = |name: &str| Field::new(name, DataType::Utf8, true);
    let schema = Arc::new(Schema::new(vec![field("key"), field("text")]));
    let columns: Vec<ArrayRef> = vec![Arc::new(key), Arc::new(text)];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let target = Target::File(OutputFile::create(path).unwrap());
    let mut sink = sink::open(OutputFormat::Arrow, target, &schema, Profile::of(None, 1)).unwrap();
    sink.write(&batch).unwrap();
    sink.finish(Verdict::Keep).unwrap();
    rows
}
