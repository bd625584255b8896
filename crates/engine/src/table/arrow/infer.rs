//! From files of Arrow IPC data to their columns, and how many rows they have.

use crate::{
    EngineError,
    input::{Ahead, Head as First, InputFile},
    ipc::{Head, Index, IpcError, IpcSchema, Opened, places},
};
use datafusion::arrow::datatypes::FieldRef;
use std::{collections::HashSet, io, sync::Arc};

/// Files of Arrow IPC data, or one stream.
#[derive(Debug)]
pub struct ArrowInput {
    pub(super) inputs: Arc<[InputFile]>,
    /// The columns of all of them.
    pub(super) columns: Vec<FieldRef>,
    /// Columns that cannot be read, and their types.
    pub(super) left_out: Vec<String>,
    /// What each file says of itself; `None` if one of them can only be read from front to back.
    pub(super) indexes: Option<Arc<[Index]>>,
    /// A stream of which the columns were read.
    pub(super) head: Option<Head>,
}

impl ArrowInput {
    /// Reads the columns of all inputs, which must be the same; `first` are the first bytes of the first one.
    ///
    /// # Errors
    /// If one cannot be read, is damaged, or has other columns.
    pub(in crate::table) fn infer(inputs: Arc<[InputFile]>, first: First) -> Result<Self, EngineError> {
        let mut found: Option<(Vec<FieldRef>, Vec<String>)> = None;
        let (mut indexes, mut head) = (Vec::with_capacity(inputs.len()), None);
        let mut stream = first.stream.map(|stream| (first.bytes, stream));
        for input in inputs.iter() {
            let failed = |error: IpcError| error.into_engine(&input.name);
            let opened = match stream.take_if(|_| input.size.is_none()) {
                Some((bytes, stream)) => Opened::stream(bytes, stream),
                None => Opened::open(input, Ahead::NONE),
            };
            let mut opened = opened.map_err(failed)?;
            match &found {
                None => found = Some(columns(&opened.schema).map_err(|what| wrong(input, what))?),
                Some((columns, _)) => same(&opened.schema, columns).map_err(|what| wrong(input, what))?,
            }
            if input.size.is_none() {
                head = Some(Head(opened));
            } else if input.compression.is_none() {
                indexes.push(Index::read(&mut opened).map_err(failed)?);
            }
        }
        let indexes = (indexes.len() == inputs.len()).then(|| indexes.into());
        let (columns, left_out) = found.unwrap_or_default();
        Ok(Self { inputs, columns, left_out, indexes, head })
    }

    /// Returns the files.
    pub fn inputs(&self) -> &[InputFile] {
        &self.inputs
    }
}

fn wrong(input: &InputFile, what: String) -> EngineError {
    EngineError::file("read", input.name.as_ref(), io::Error::new(io::ErrorKind::InvalidData, what))
}

/// Returns the columns that can be read, and the names of the others.
fn columns(schema: &IpcSchema) -> Result<(Vec<FieldRef>, Vec<String>), String> {
    let mut names = HashSet::new();
    if let Some(twice) = schema.columns.iter().find(|column| !names.insert(&column.name)) {
        return Err(format!("two columns have the name `{}`", twice.name));
    }
    let (readable, others): (Vec<_>, Vec<_>) = schema.columns.iter().partition(|column| schema.is_readable(column));
    let columns = readable.into_iter().map(|column| Arc::new(column.field())).collect();
    Ok((columns, others.into_iter().map(|column| column.name.clone()).collect()))
}

fn same(schema: &IpcSchema, expected: &[FieldRef]) -> Result<(), String> {
    places(schema, expected)?;
    let (here, _) = columns(schema)?;
    let new = here.iter().find(|column| expected.iter().all(|known| known.name() != column.name()));
    new.map_or(Ok(()), |new| Err(format!("the files before have no column `{}`", new.name())))
}
