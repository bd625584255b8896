//! The columns of a row group, encoded by several threads.
//!
//! Encoding takes longer than reading a log, and columns know nothing of each other. *Concurrency.* One mutex guards what waits
//! for each column; whoever has nothing else to do takes a column out that has something waiting, encodes the oldest of it, and
//! puts the column back. The thread that hands rows on helps, so that there are as many threads as there are helpers and one.
//! What waits is bounded: [`Encoders::write`] returns when no column has more than [`AHEAD`] batches before it.

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch},
        datatypes::{FieldRef, SchemaRef},
    },
    parquet::{
        arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves},
        errors::ParquetError,
    },
};
use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};
use tidegate_memory::ledger;

/// Batches that may wait for a column.
const AHEAD: usize = 2;

/// Threads that encode columns.
pub(super) struct Encoders {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    fields: Vec<FieldRef>,
    state: Mutex<State>,
    /// Told when something waits, was encoded, or all is over.
    changed: Condvar,
}

struct State {
    columns: Vec<Column>,
    failed: Option<ParquetError>,
    over: bool,
}

/// One field of the schema, which may be nested and so have several columns in the file.
#[derive(Default)]
struct Column {
    writers: Vec<ArrowColumnWriter>,
    /// Whether a thread has taken the writers out.
    taken: bool,
    waiting: VecDeque<Task>,
    /// Bytes that the writers held when they were put back.
    memory: usize,
    chunks: Vec<ArrowColumnChunk>,
}

enum Task {
    Write(ArrayRef),
    Close,
}

impl Encoders {
    /// Starts helpers, as far as the system lets it.
    pub(super) fn new(schema: &SchemaRef, helpers: usize) -> Self {
        let columns = schema.fields().iter().map(|_| Column::default()).collect();
        let state = Mutex::new(State { columns, failed: None, over: false });
        let shared = Arc::new(Shared { fields: schema.fields().to_vec(), state, changed: Condvar::new() });
        let account = ledger::current();
        let help = |_| {
            let shared = Arc::clone(&shared);
            let helper = move || {
                let _entered = account.enter();
                shared.help();
            };
            thread::Builder::new().name("encoder".into()).spawn(helper).ok()
        };
        let helpers = (0..helpers).map_while(help).collect();
        Self { shared, helpers }
    }

    /// Begins a row group with the writers of each field.
    pub(super) fn begin(&self, writers: Vec<Vec<ArrowColumnWriter>>) {
        let mut state = self.shared.lock();
        for (column, writers) in state.columns.iter_mut().zip(writers) {
            column.writers = writers;
        }
    }

    /// Hands the columns of a batch on. Returns the bytes that the row group holds by now.
    ///
    /// # Errors
    /// If a column could not be encoded, now or before.
    pub(super) fn write(&self, batch: &RecordBatch) -> Result<usize, ParquetError> {
        let mut state = self.shared.lock();
        for (column, array) in state.columns.iter_mut().zip(batch.columns()) {
            column.waiting.push_back(Task::Write(Arc::clone(array)));
        }
        self.shared.changed.notify_all();
        state = self.shared.until(state, |column| column.waiting.len() <= AHEAD)?;
        Ok(state.columns.iter().map(|column| column.memory).sum())
    }

    /// Ends the row group and returns its columns, in the order of the file.
    ///
    /// # Errors
    /// If a column could not be encoded.
    pub(super) fn close(&self) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let mut state = self.shared.lock();
        for column in &mut state.columns {
            column.waiting.push_back(Task::Close);
        }
        self.shared.changed.notify_all();
        state = self.shared.until(state, |column| column.waiting.is_empty() && !column.taken)?;
        Ok(state.columns.iter_mut().flat_map(|column| mem::take(&mut column.chunks)).collect())
    }
}

impl Drop for Encoders {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper that panicked has no more to tell.
            let _ = helper.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Helps until all is over.
    fn help(&self) {
        let mut state = self.lock();
        while !state.over {
            state = match state.next() {
                Some(at) => self.encode(state, at),
                None => self.wait(state),
            };
        }
    }

    /// Helps until all columns are as wanted.
    fn until<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wanted: impl Fn(&Column) -> bool,
    ) -> Result<MutexGuard<'a, State>, ParquetError> {
        loop {
            if let Some(error) = state.failed.take() {
                return Err(error);
            }
            if state.columns.iter().all(&wanted) {
                return Ok(state);
            }
            state = match state.next() {
                Some(at) => self.encode(state, at),
                None => self.wait(state),
            };
        }
    }

    /// Does the oldest task of a column, without the lock.
    fn encode<'a>(&'a self, mut state: MutexGuard<'a, State>, at: usize) -> MutexGuard<'a, State> {
        let Some((column, field)) = state.columns.get_mut(at).zip(self.fields.get(at)) else { return state };
        let Some(task) = column.waiting.pop_front() else { return state };
        column.taken = true;
        let mut taken = Taken { shared: self, at, writers: mem::take(&mut column.writers), done: None };
        drop(state);
        taken.done = Some(task.run(field, &mut taken.writers));
        drop(taken);
        self.lock()
    }
}

/// A column that a thread has taken out. It is put back whatever happens to the thread, because others wait for it.
struct Taken<'a> {
    shared: &'a Shared,
    at: usize,
    writers: Vec<ArrowColumnWriter>,
    done: Option<Result<Vec<ArrowColumnChunk>, ParquetError>>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let unexpected = || Err(ParquetError::General("a column could not be encoded (panic)".into()));
        let done = self.done.take().unwrap_or_else(unexpected);
        let mut state = self.shared.lock();
        if let Some(column) = state.columns.get_mut(self.at) {
            column.taken = false;
            column.memory = self.writers.iter().map(ArrowColumnWriter::memory_size).sum();
            column.writers = mem::take(&mut self.writers);
            match done {
                Ok(chunks) => column.chunks.extend(chunks),
                Err(error) => state.failed = Some(error),
            }
        }
        self.shared.changed.notify_all();
    }
}

impl State {
    /// Returns the column that has most waiting and is not taken.
    fn next(&self) -> Option<usize> {
        let free = self.columns.iter().enumerate().filter(|(_, column)| !column.taken && !column.waiting.is_empty());
        free.max_by_key(|(_, column)| column.waiting.len()).map(|(at, _)| at)
    }
}

impl Task {
    /// Returns the finished chunks, if this ends them.
    fn run(
        self,
        field: &FieldRef,
        writers: &mut Vec<ArrowColumnWriter>,
    ) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        match self {
            Self::Close => mem::take(writers).into_iter().map(ArrowColumnWriter::close).collect(),
            Self::Write(array) => {
                for (writer, leaf) in writers.iter_mut().zip(compute_leaves(field, &array)?) {
                    writer.write(&leaf)?;
                }
                Ok(Vec::new())
            }
        }
    }
}

impl fmt::Debug for Encoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoders").field("helpers", &self.helpers.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{
        arrow::{
            array::{Int64Array, StringArray, StructArray},
            datatypes::{DataType, Field, Schema},
        },
        parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    };
    use std::io::Write;

    fn batch(first: i64) -> RecordBatch {
        let numbers = || Arc::new((first..first + 100).collect::<Int64Array>()) as ArrayRef;
        let text = Arc::new((first..first + 100).map(|n| (n % 3 > 0).then(|| n.to_string())).collect::<StringArray>())
            as ArrayRef;
        let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)];
        let nested = StructArray::new(fields.into(), vec![numbers(), Arc::clone(&text)], None);
        RecordBatch::try_from_iter([("number", numbers()), ("nested", Arc::new(nested) as ArrayRef), ("text", text)])
            .unwrap()
    }

    #[test]
    fn rows_come_back_in_their_order_by_any_number_of_threads() {
        let batches: Vec<_> = (0..40).map(|at| batch(at * 100)).collect();
        let schema = batches[0].schema();
        for helpers in 0..4 {
            let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
            let (mut file, factory) = writer.into_serialized_writer().unwrap();
            let encoders = Encoders::new(&schema, helpers);
            for (at, group) in batches.chunks(15).enumerate() {
                let mut leaves = factory.create_column_writers(at).unwrap().into_iter();
                encoders.begin([1, 2, 1].map(|count| leaves.by_ref().take(count).collect()).into());
                let sizes: Vec<_> = group.iter().map(|batch| encoders.write(batch).unwrap()).collect();
                assert!(sizes.last() > Some(&0));
                let mut row_group = file.next_row_group().unwrap();
                for chunk in encoders.close().unwrap() {
                    chunk.append_to_row_group(&mut row_group).unwrap();
                }
                row_group.close().unwrap();
            }
            let mut written = tempfile::tempfile().unwrap();
            written.write_all(&file.into_inner().unwrap()).unwrap();
            let reader =
                ParquetRecordBatchReaderBuilder::try_new(written).unwrap().with_batch_size(100).build().unwrap();
            let read: Vec<_> = reader.map(Result::unwrap).collect();
            assert_eq!(read, batches, "{helpers}");
        }
    }

    #[test]
    fn an_array_of_another_type_is_an_error() {
        let schema = Arc::new(Schema::new(vec![Field::new("number", DataType::Int64, true)]));
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
        let (_, factory) = writer.into_serialized_writer().unwrap();
        let encoders = Encoders::new(&schema, 2);
        encoders.begin(vec![factory.create_column_writers(0).unwrap()]);
        let wrong =
            RecordBatch::try_from_iter([("number", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]).unwrap();
        let written = encoders.write(&wrong).map(drop).and_then(|()| encoders.close().map(drop));
        assert!(written.is_err());
    }
}
