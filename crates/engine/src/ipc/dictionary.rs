//! Dictionaries: values that columns name by their places.

use super::{
    batch::Batch,
    decode::Decoder,
    error::{IpcError, damaged, refused_by_arrow},
    layout::lay_out,
    memory::Asking,
    message::{Message, StreamMessages},
    schema::IpcSchema,
};
use datafusion::arrow::{
    array::{Array, ArrayRef},
    compute::concat,
};
use std::{collections::HashMap, fs::File, sync::Arc};

/// The dictionaries that a message goes by, by their ids. Others may follow for later messages.
pub(super) type Dictionaries = Arc<HashMap<i64, Arc<Dictionary>>>;

/// Values that columns name by their places.
#[derive(Debug)]
pub(super) struct Dictionary {
    pub values: ArrayRef,
    /// The bytes of a value, about.
    pub usual: u64,
    /// The memory of values that were there before is that of others.
    _granted: super::memory::Granted,
}

/// Where the body of a message is.
pub(super) enum Body<'a> {
    File(&'a Arc<File>),
    Stream(&'a mut StreamMessages),
}

/// Reads a dictionary, if it is one of those that are needed.
///
/// # Errors
/// If it is damaged, or memory for it is refused.
pub(super) fn add(
    dictionaries: &mut Dictionaries,
    schema: &Arc<IpcSchema>,
    message: &Message,
    body: Body<'_>,
    asking: &Asking,
) -> Result<(), IpcError> {
    let wrong = |what: &str| damaged(message.offset, what);
    let read = message.read()?;
    let header = read.header_as_dictionary_batch().ok_or_else(|| wrong("a dictionary without its values"))?;
    let id = header.id();
    let column = schema.dictionaries.get(&id).ok_or_else(|| wrong("a dictionary that no column has"))?;
    if !schema.is_readable(column) {
        return Ok(());
    }
    let data = header.data().ok_or_else(|| wrong("a dictionary without its values"))?;
    let laid = lay_out([column], data, &message.body).map_err(|what| wrong(&what))?;
    let mut batch = Batch {
        schema: Arc::clone(schema),
        number: 0,
        rows: laid.rows,
        offset: message.offset,
        first_row: 1,
        parts: laid.parts.into_iter().enumerate().collect(),
        codec: laid.codec,
        file: None,
        dictionaries: Arc::clone(dictionaries),
        granted: vec![asking.ask(message.body.end - message.body.start)?],
    };
    match body {
        Body::File(file) => batch.file = Some(Arc::clone(file)),
        Body::Stream(stream) => batch.load(stream)?,
    }
    let batch = batch.decompress(asking)?;
    let Some((_, part)) = batch.parts.first() else { return Err(wrong("a dictionary without its values")) };
    let mut values = Decoder::unbounded(&batch).array(column, part, 0..batch.rows)?;
    if header.isDelta() {
        let before = dictionaries.get(&id).ok_or_else(|| wrong("more of a dictionary that is not there"))?;
        values = concat(&[before.values.as_ref(), values.as_ref()])
            .map_err(|error| refused_by_arrow(message.offset, &error))?;
    }
    let bytes = values.get_array_memory_size() as u64;
    let granted = asking.ask(bytes)?;
    let usual = bytes / (values.len() as u64).max(1);
    let known = Arc::make_mut(dictionaries);
    known.insert(id, Arc::new(Dictionary { values, usual, _granted: granted }));
    Ok(())
}
