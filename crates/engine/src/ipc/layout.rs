//! Where the parts of a message are: its metadata, column by column.

use super::schema::{Column, Layout, Offsets};
use datafusion::arrow::{buffer::Buffer, ipc};
use std::ops::Range;

/// The bytes of one buffer.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    /// Between these bytes of the input.
    Placed(Range<u64>),
    /// In memory.
    Loaded(Buffer),
}

impl Bytes {
    pub fn length(&self) -> u64 {
        match self {
            Self::Placed(range) => range.end - range.start,
            Self::Loaded(buffer) => buffer.len() as u64,
        }
    }
}

/// A column of a message, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// How many values it has.
    pub length: usize,
    /// Whether some of them are said to be null.
    pub has_nulls: bool,
    /// Its buffers, in the order of its layout; the first are those that say which values are null, if it has one.
    pub buffers: Vec<Bytes>,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Part {
    /// Calls `each` for every buffer.
    pub fn each_buffer<'a>(&'a mut self, each: &mut dyn FnMut(&'a mut Bytes)) {
        self.buffers.iter_mut().for_each(&mut *each);
        self.parts.iter_mut().for_each(|part| part.each_buffer(each));
    }

    /// Returns the bytes of all of its buffers.
    pub fn bytes(&self) -> u64 {
        let own: u64 = self.buffers.iter().map(Bytes::length).sum();
        own + self.parts.iter().map(Self::bytes).sum::<u64>()
    }
}

/// How buffers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// LZ4, in frames.
    Lz4,
    /// zstd.
    Zstd,
}

/// What the metadata of a message say of its values.
#[derive(Debug)]
pub(super) struct Laid {
    /// How many rows, or values of a dictionary.
    pub rows: usize,
    /// How its buffers are compressed.
    pub codec: Option<Codec>,
    /// The columns.
    pub parts: Vec<Part>,
}

/// Returns where the columns of a message are whose body is between these bytes of the input.
///
/// # Errors
/// What is wrong with the metadata, in words.
pub(super) fn lay_out<'a>(
    columns: impl IntoIterator<Item = &'a Column>,
    batch: ipc::RecordBatch<'_>,
    body: &Range<u64>,
) -> Result<Laid, String> {
    let rows = usize::try_from(batch.length()).map_err(|_| "a negative number of rows")?;
    let codec = match batch.compression() {
        None => None,
        Some(compression) if compression.method() != ipc::BodyCompressionMethod::BUFFER => {
            return Err("a body that is compressed in an unknown way".to_owned());
        }
        Some(compression) => Some(match compression.codec() {
            ipc::CompressionType::LZ4_FRAME => Codec::Lz4,
            ipc::CompressionType::ZSTD => Codec::Zstd,
            _ => return Err("buffers that are compressed in an unknown way".to_owned()),
        }),
    };
    let mut walk = Walk {
        nodes: batch.nodes().into_iter().flatten(),
        buffers: batch.buffers().into_iter().flatten(),
        views: batch.variadicBufferCounts().into_iter().flatten(),
        body: body.clone(),
        is_compressed: codec.is_some(),
    };
    let parts = columns.into_iter().map(|column| walk.part(column)).collect::<Result<Vec<_>, _>>()?;
    if walk.nodes.next().is_some() || walk.buffers.next().is_some() {
        return Err("more columns than the schema has".to_owned());
    }
    if let Some(part) = parts.iter().find(|part| part.length != rows) {
        return Err(format!("a column of {} values among {rows} rows", part.length));
    }
    Ok(Laid { rows, codec, parts })
}

/// The metadata, as far as they are not taken.
struct Walk<N, B, V> {
    nodes: N,
    buffers: B,
    views: V,
    body: Range<u64>,
    is_compressed: bool,
}

impl<'a, N, B, V> Walk<N, B, V>
where
    N: Iterator<Item = &'a ipc::FieldNode>,
    B: Iterator<Item = &'a ipc::Buffer>,
    V: Iterator<Item = i64>,
{
    fn part(&mut self, column: &Column) -> Result<Part, String> {
        let node = self.nodes.next().ok_or("fewer columns than the schema has")?;
        let length = usize::try_from(node.length()).map_err(|_| "a negative number of values")?;
        let buffers = match &column.layout {
            Layout::Nothing => 0,
            Layout::Bits | Layout::Fixed(_) | Layout::List(..) | Layout::Dictionary { .. } => 2,
            Layout::Bytes(_) => 3,
            Layout::FixedList(..) | Layout::Struct(_) => 1,
            Layout::Views => {
                let count = self.views.next().ok_or("no number of buffers for views")?;
                usize::try_from(count).map_err(|_| "a negative number of buffers")?.saturating_add(2)
            }
            Layout::Foreign(buffers, _) => *buffers,
        };
        let mut part = Part { length, has_nulls: node.null_count() != 0, buffers: Vec::new(), parts: Vec::new() };
        for _ in 0..buffers {
            part.buffers.push(self.buffer()?);
        }
        if !self.is_compressed && part.buffers.get(1).is_some_and(|buffer| buffer.length() < least(column, length)) {
            return Err(format!("a buffer that is too short for {length} values"));
        }
        part.parts = match &column.layout {
            Layout::List(_, item) | Layout::FixedList(_, item) => vec![self.part(item)?],
            Layout::Struct(parts) | Layout::Foreign(_, parts) => {
                parts.iter().map(|part| self.part(part)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        Ok(part)
    }

    fn buffer(&mut self) -> Result<Bytes, String> {
        let buffer = self.buffers.next().ok_or("fewer buffers than its columns need")?;
        let range = u64::try_from(buffer.offset()).ok().zip(u64::try_from(buffer.length()).ok());
        let range = range.and_then(|(offset, length)| {
            let start = self.body.start.checked_add(offset)?;
            Some(start..start.checked_add(length)?)
        });
        match range {
            Some(range) if range.start == range.end => Ok(Bytes::Placed(self.body.start..self.body.start)),
            Some(range) if range.end <= self.body.end => Ok(Bytes::Placed(range)),
            _ => Err(format!(
                "a buffer of {} bytes at {} of a body of {}",
                buffer.length(),
                buffer.offset(),
                self.body.end - self.body.start
            )),
        }
    }
}

/// Returns how long the second buffer of a column must be, whatever its values are.
fn least(column: &Column, length: usize) -> u64 {
    let length = length as u64;
    let ends = |width: u64| if length == 0 { 0 } else { length.saturating_add(1).saturating_mul(width) };
    match &column.layout {
        Layout::Bits => length.div_ceil(8),
        Layout::Fixed(width) | Layout::Dictionary { width, .. } => length.saturating_mul(*width as u64),
        Layout::Bytes(Offsets::Narrow) | Layout::List(Offsets::Narrow, _) => ends(4),
        Layout::Bytes(Offsets::Wide) | Layout::List(Offsets::Wide, _) => ends(8),
        Layout::Views => length.saturating_mul(16),
        Layout::Nothing | Layout::FixedList(..) | Layout::Struct(_) | Layout::Foreign(..) => 0,
    }
}
