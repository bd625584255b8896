//! A stream of batches that is read once: a query's, a table's, or what Python code makes.

use crate::{
    columns::{Column, columns},
    exchange,
    faults::{Fault, Slot, json},
    feed::Kept,
    matrix,
    pool::progress_object,
    rows::{Query, RowSource},
    table::{Table, fields},
};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::{
    Bound, Py, PyAny, PyResult, Python, pyclass, pymethods,
    types::{PyCapsule, PyIterator, PyTuple},
};
use std::{
    collections::VecDeque,
    fmt, mem,
    path::PathBuf,
    process,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
};

/// A stream of batches that is read once.
#[pyclass(frozen, module = "tidegate._native")]
pub(crate) struct Batches {
    state: Mutex<State>,
    slot: Arc<Slot>,
    query: Option<Arc<Query>>,
}

enum State {
    /// The schema was not asked for yet.
    Waiting(Box<RowSource>),
    Open(Open),
    /// Read, closed, or given away.
    Over(&'static str),
}

/// Batches whose schema is known.
pub(crate) struct Open {
    schema: SchemaRef,
    /// Read before their time.
    peeked: VecDeque<RecordBatch>,
    reader: Box<dyn RecordBatchReader + Send>,
}

/// The batches of a query, and after them how it ended.
struct QueryReader {
    reader: StreamReader<RowSource>,
    slot: Arc<Slot>,
}

/// The batches that a Python iterator gives.
struct PythonReader {
    schema: SchemaRef,
    iterator: Py<PyAny>,
    pending: VecDeque<RecordBatch>,
    slot: Arc<Slot>,
}

#[pymethods]
impl Batches {
    /// Reads any object's Arrow stream.
    #[staticmethod]
    fn of_capsule(py: Python<'_>, capsule: &Bound<'_, PyCapsule>) -> PyResult<Self> {
        let reader = exchange::import(capsule).map_err(|fault| fault.raised(py))?;
        Ok(Self::of_reader(reader, Arc::default()))
    }

    /// Reads the tables that an iterator gives; their columns are those of the first argument.
    #[staticmethod]
    fn of_iterator(like: &Table, iterator: &Bound<'_, PyIterator>) -> Self {
        let slot = Arc::<Slot>::default();
        let (schema, pending) = (like.schema().clone(), VecDeque::new());
        let iterator = iterator.clone().unbind().into_any();
        let reader = PythonReader { schema, iterator, pending, slot: Arc::clone(&slot) };
        Self::of_reader(Box::new(reader), slot)
    }

    /// Returns the columns: name, type, and whether there may be nulls. Waits until they are known.
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let schema: SchemaRef = self.open(py, |open| Ok(open.schema.clone()))?;
        fields(py, &schema)
    }

    /// Returns a table without rows that has the columns.
    fn empty(&self, py: Python<'_>) -> PyResult<Table> {
        self.open(py, |open| Ok(Table::new(open.schema.clone(), Vec::new())))
    }

    /// Returns the next batch, or nothing after the last.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Table>> {
        self.open(py, |open| {
            let batch = open.next().transpose()?;
            Ok(batch.map(|batch| Table::new(open.schema.clone(), vec![batch])))
        })
    }

    /// Returns the first rows, which are read again by whoever reads the batches, and whether there may be more.
    fn peek(&self, py: Python<'_>, rows: usize) -> PyResult<(Table, bool)> {
        self.open(py, |open| open.peek(rows))
    }

    /// Returns all that is left.
    fn collect(&self, py: Python<'_>) -> PyResult<Table> {
        self.open(py, |open| {
            let batches = open.collect::<Result<Vec<_>, _>>()?;
            Ok(Table::new(open.schema.clone(), batches))
        })
    }

    /// Gives all that is left away, as an `arrow_array_stream`. With `foreign`, who reads it does not know our
    /// exceptions.
    #[pyo3(signature = (*, foreign))]
    fn capsule<'py>(&self, py: Python<'py>, foreign: bool) -> PyResult<Bound<'py, PyCapsule>> {
        self.open(py, |_| Ok(()))?;
        if let Some(query) = &self.query {
            query.foreign.store(foreign, Relaxed);
        }
        let state = py.detach(|| self.replace(State::Over("was given to another library")));
        match state {
            State::Open(open) => exchange::export(py, Box::new(open)),
            State::Waiting(_) | State::Over(_) => Err(Fault::Usage("the result was read already".into()).raised(py)),
        }
    }

    /// Writes all that is left into a file without a name, which a worker can read.
    #[expect(clippy::needless_pass_by_value, reason = "of Python, a path can only be taken as one's own")]
    fn keep(&self, py: Python<'_>, folder: PathBuf) -> PyResult<KeptTable> {
        self.open(py, |open| Kept::new(open, &folder).map(KeptTable))
    }

    /// Returns all that is left as columns. Without `texts`, texts are kept as they came.
    #[pyo3(signature = (*, texts))]
    fn columns(&self, py: Python<'_>, texts: bool) -> PyResult<Vec<Column>> {
        self.open(py, |open| columns(open, texts))
    }

    /// Returns all that is left as a matrix: its values, row by row, and its shape.
    fn matrix(&self, py: Python<'_>, dtype: &str) -> PyResult<(Column, (usize, usize))> {
        self.open(py, |open| matrix::in_memory(open, dtype))
    }

    /// Writes all that is left as a matrix in NumPy's format, and returns its shape.
    #[expect(clippy::needless_pass_by_value, reason = "of Python, a path can only be taken as one's own")]
    fn write_npy(&self, py: Python<'_>, path: PathBuf, dtype: &str) -> PyResult<(usize, usize)> {
        self.open(py, |open| matrix::in_file(open, dtype, &path))
    }

    /// Raises what ended the batches, if something did that another library only saw the text of.
    fn raise_fault(&self, py: Python<'_>) -> PyResult<()> {
        self.slot.take().map_or(Ok(()), |fault| Err(fault.raised(py)))
    }

    /// Ends the query; whoever reads it gets a `CancelledError`.
    fn cancel(&self) {
        if let Some(query) = &self.query {
            query.cancel();
        }
    }

    /// Gives up what is left.
    fn close(&self, py: Python<'_>) {
        if !self.is_inherited() {
            py.detach(|| drop(self.replace(State::Over("is closed"))));
        }
    }

    /// Returns how far the query was when it last said so.
    fn progress<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let progress = self.query.as_ref().and_then(|query| query.progress());
        progress.map(|progress| progress_object(py, &progress)).transpose()
    }

    /// Returns the record of the run, after its end.
    fn record<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let record = self.query.as_ref().and_then(|query| query.record());
        record.map(|record| json(py, &record)).transpose()
    }

    /// Returns the process that the query is in.
    fn pid(&self) -> Option<u32> {
        self.query.as_ref().map(|query| query.pid())
    }
}

/// A table that a worker can read again and again.
#[pyclass(frozen, module = "tidegate._native")]
pub(crate) struct KeptTable(Kept);

#[pymethods]
impl KeptTable {
    /// The path that a worker opens, as long as this object lives.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// The bytes of the file.
    #[getter]
    fn nbytes(&self) -> u64 {
        self.0.bytes()
    }
}

impl Batches {
    pub(crate) fn of_query(source: RowSource) -> Self {
        let query = Arc::clone(source.query());
        let (state, slot) = (Mutex::new(State::Waiting(Box::new(source))), Arc::clone(&query.slot));
        Self { state, slot, query: Some(query) }
    }

    pub(crate) fn of_table(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let reader = RecordBatchIterator::new(batches.into_iter().map(Ok), schema);
        Self::of_reader(Box::new(reader), Arc::default())
    }

    fn of_reader(reader: Box<dyn RecordBatchReader + Send>, slot: Arc<Slot>) -> Self {
        let open = Open { schema: reader.schema(), peeked: VecDeque::new(), reader };
        Self { state: Mutex::new(State::Open(open)), slot, query: None }
    }

    /// Reads without the interpreter's lock, and raises what goes wrong.
    pub(crate) fn open<T: Send>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&mut Open) -> Result<T, Fault> + Send,
    ) -> PyResult<T> {
        py.detach(|| self.read(read)).map_err(|fault| fault.raised(py))
    }

    /// Reads; the interpreter's lock must not be held.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut Open) -> Result<T, Fault>) -> Result<T, Fault> {
        // Before the lock, which a thread of the parent may have held when this process was forked.
        if self.is_inherited() {
            return Err(Fault::Usage("a result cannot be read in a process that was forked from its own".into()));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = state.opened(&self.slot).and_then(read);
        done.map_err(|fault| {
            let over = matches!(&*state, State::Over(_));
            if !over {
                *state = State::Over("failed before");
            }
            self.slot.take().filter(|_| !over).unwrap_or(fault)
        })
    }

    /// Returns whether the query belongs to the process that this one was forked from.
    fn is_inherited(&self) -> bool {
        self.query.as_ref().is_some_and(|query| query.owner != process::id())
    }

    fn replace(&self, state: State) -> State {
        mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }
}

impl State {
    /// Waits for the schema.
    fn opened(&mut self, slot: &Arc<Slot>) -> Result<&mut Open, Fault> {
        if let Self::Waiting(_) = self
            && let Self::Waiting(source) = mem::replace(self, Self::Over("failed before"))
        {
            let slot = Arc::clone(slot);
            let reader = QueryReader::open(*source, Arc::clone(&slot)).map_err(|fault| slot.take().unwrap_or(fault))?;
            *self = Self::Open(Open { schema: reader.schema(), peeked: VecDeque::new(), reader });
        }
        match self {
            Self::Open(open) => Ok(open),
            Self::Waiting(_) => Err(Fault::Usage("the result is being read".into())),
            Self::Over(why) => Err(Fault::Usage(format!("the result {why}; a result is read once"))),
        }
    }
}

impl Open {
    fn peek(&mut self, rows: usize) -> Result<(Table, bool), Fault> {
        let mut seen: usize = self.peeked.iter().map(RecordBatch::num_rows).sum();
        let mut over = false;
        while seen <= rows && !over {
            match self.reader.next().transpose()? {
                Some(batch) => {
                    seen += batch.num_rows();
                    self.peeked.push_back(batch);
                }
                None => over = true,
            }
        }
        let mut left = rows;
        let mut first = Vec::new();
        for batch in &self.peeked {
            let taken = batch.num_rows().min(left);
            left -= taken;
            first.push(batch.slice(0, taken));
        }
        Ok((Table::new(self.schema.clone(), first), seen > rows))
    }
}

impl Iterator for Open {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.peeked.pop_front().map(Ok).or_else(|| self.reader.next())
    }
}

impl RecordBatchReader for Open {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl QueryReader {
    fn open(mut source: RowSource, slot: Arc<Slot>) -> Result<Box<dyn RecordBatchReader + Send>, Fault> {
        if !source.fill()? {
            // The rows went to a file.
            return Ok(Box::new(RecordBatchIterator::new([], SchemaRef::new(arrow_schema::Schema::empty()))));
        }
        Ok(Box::new(Self { reader: StreamReader::try_new(source, None)?, slot }))
    }
}

impl Iterator for QueryReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.reader.next();
        if next.is_none()
            && let Err(fault) = self.reader.get_mut().finish()
        {
            let said = fault.said();
            self.slot.put(fault);
            return Some(Err(said));
        }
        next
    }
}

impl RecordBatchReader for QueryReader {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }
}

impl PythonReader {
    fn read(&mut self, py: Python<'_>) -> PyResult<bool> {
        let next = self.iterator.bind(py).cast::<PyIterator>()?.clone().next();
        let Some(table) = next.transpose()? else { return Ok(false) };
        self.pending.extend(table.cast::<Table>()?.get().batches().iter().cloned());
        Ok(true)
    }
}

impl Iterator for PythonReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.pending.pop_front() {
                return Some(Ok(batch));
            }
            let read = Python::try_attach(|py| self.read(py));
            let fault = match read {
                Some(Ok(true)) => continue,
                Some(Ok(false)) => return None,
                Some(Err(error)) => Fault::Python(error),
                None => Fault::Usage("the interpreter is shutting down".into()),
            };
            let said = fault.said();
            self.slot.put(fault);
            return Some(Err(said));
        }
    }
}

impl RecordBatchReader for PythonReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("query", &self.query).finish_non_exhaustive()
    }
}
