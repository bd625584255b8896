//! The columns of Arrow IPC data: from the schema that stands in them to the types that a query sees, and how values are stored.
//!
//! What a query sees does not depend on how it was written: text is text, whether it has offsets of 32 or 64 bits, is made of
//! views, or stands in a dictionary. Any column may be null, whatever the schema promises.

use super::types::{fixed, integer, known};
use datafusion::arrow::{
    datatypes::{DataType, Field, FieldRef, Fields},
    ipc,
};
use std::{collections::HashMap, sync::Arc};

/// The columns of Arrow IPC data.
#[derive(Debug)]
pub(crate) struct IpcSchema {
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// What dictionaries hold, by their ids.
    pub dictionaries: HashMap<i64, Column>,
}

/// A column, or a part of one.
#[derive(Debug, PartialEq)]
pub(crate) struct Column {
    /// The name.
    pub name: String,
    /// The type that a query sees.
    pub data_type: DataType,
    /// How its values are stored.
    pub layout: Layout,
}

/// How wide offsets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offsets {
    /// 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

/// How the values of a column are stored.
#[derive(Debug, PartialEq)]
pub(crate) enum Layout {
    /// Not at all: all are null.
    Nothing,
    /// One bit for each.
    Bits,
    /// So many bytes for each.
    Fixed(usize),
    /// Bytes, and where each value ends.
    Bytes(Offsets),
    /// Views: short values themselves, of others where they are.
    Views,
    /// Where each list ends, and the values of all.
    List(Offsets, Box<Column>),
    /// So many values for each.
    FixedList(usize, Box<Column>),
    /// Each field by itself.
    Struct(Vec<Column>),
    /// Places of values in a dictionary, as integers of a type.
    Dictionary {
        /// The dictionary.
        id: i64,
        /// The type of the places.
        places: DataType,
        /// Its bytes.
        width: usize,
    },
    /// In a way that is not read; so many buffers, and parts.
    Foreign(usize, Vec<Column>),
}

impl IpcSchema {
    /// Returns the columns of a schema.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(schema: ipc::Schema<'_>, version: ipc::MetadataVersion) -> Result<Self, String> {
        if !schema.endianness().equals_to_target_endianness() {
            return Err("numbers whose bytes are in the other order".to_owned());
        }
        let mut reader = Reader { version, dictionaries: HashMap::new() };
        let columns =
            schema.fields().into_iter().flatten().map(|field| reader.column(field)).collect::<Result<Vec<_>, _>>();
        Ok(Self { columns: columns?, dictionaries: reader.dictionaries })
    }

    /// Returns whether a column can be read.
    pub fn is_readable(&self, column: &Column) -> bool {
        match &column.layout {
            Layout::Foreign(..) => false,
            Layout::List(_, item) | Layout::FixedList(_, item) => self.is_readable(item),
            Layout::Struct(parts) => parts.iter().all(|part| self.is_readable(part)),
            Layout::Dictionary { id, .. } => self.dictionaries.get(id).is_some_and(|values| self.is_readable(values)),
            _ => true,
        }
    }

    /// Adds the dictionaries that a column needs.
    pub fn needed(&self, column: &Column, needed: &mut Vec<i64>) {
        match &column.layout {
            Layout::List(_, item) | Layout::FixedList(_, item) => self.needed(item, needed),
            Layout::Struct(parts) => parts.iter().for_each(|part| self.needed(part, needed)),
            Layout::Dictionary { id, .. } if !needed.contains(id) => {
                needed.push(*id);
                if let Some(values) = self.dictionaries.get(id) {
                    self.needed(values, needed);
                }
            }
            _ => {}
        }
    }
}

impl Column {
    /// Returns the Arrow field of the column.
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.data_type.clone(), true)
    }

    fn new(name: &str, layout: Layout, data_type: DataType) -> Self {
        Self { name: name.to_owned(), data_type, layout }
    }
}

struct Reader {
    version: ipc::MetadataVersion,
    dictionaries: HashMap<i64, Column>,
}

impl Reader {
    /// Fields are nested as deep as the check of the metadata allows.
    fn column(&mut self, field: ipc::Field<'_>) -> Result<Column, String> {
        let name = field.name().unwrap_or_default();
        let (layout, data_type) = self.values(field)?;
        let values = Column::new(name, layout, data_type);
        let Some(dictionary) = field.dictionary() else { return Ok(values) };
        let places = dictionary.indexType().map_or(Ok(DataType::Int32), integer)?;
        let (id, width) = (dictionary.id(), places.primitive_width().unwrap_or_default());
        let data_type = values.data_type.clone();
        match self.dictionaries.get(&id) {
            Some(before) if (&before.layout, &before.data_type) != (&values.layout, &values.data_type) => {
                return Err(format!("two types of values in the dictionary {id}"));
            }
            _ => self.dictionaries.insert(id, values),
        };
        Ok(Column::new(name, Layout::Dictionary { id, places, width }, data_type))
    }

    fn values(&mut self, field: ipc::Field<'_>) -> Result<(Layout, DataType), String> {
        if let Some(data_type) = fixed(field)? {
            let width = match data_type {
                DataType::FixedSizeBinary(width) => usize::try_from(width).ok(),
                _ => data_type.primitive_width(),
            };
            return Ok((Layout::Fixed(known(width)?), data_type));
        }
        Ok(match field.type_type() {
            ipc::Type::Null => (Layout::Nothing, DataType::Null),
            ipc::Type::Bool => (Layout::Bits, DataType::Boolean),
            ipc::Type::Utf8 => (Layout::Bytes(Offsets::Narrow), DataType::Utf8),
            ipc::Type::LargeUtf8 => (Layout::Bytes(Offsets::Wide), DataType::Utf8),
            ipc::Type::Utf8View => (Layout::Views, DataType::Utf8),
            ipc::Type::Binary => (Layout::Bytes(Offsets::Narrow), DataType::Binary),
            ipc::Type::LargeBinary => (Layout::Bytes(Offsets::Wide), DataType::Binary),
            ipc::Type::BinaryView => (Layout::Views, DataType::Binary),
            ipc::Type::List => self.list(field, Offsets::Narrow)?,
            ipc::Type::LargeList => self.list(field, Offsets::Wide)?,
            ipc::Type::FixedSizeList => {
                let size = known(field.type_as_fixed_size_list())?.listSize();
                let width = usize::try_from(size).ok().filter(|width| *width > 0);
                let width = width.ok_or_else(|| format!("lists of {size} values each"))?;
                let item = self.only_part(field)?;
                let data_type = DataType::FixedSizeList(list_field(&item), size);
                (Layout::FixedList(width, Box::new(item)), data_type)
            }
            ipc::Type::Map => self.map(field)?,
            ipc::Type::Struct_ => {
                let parts = self.parts(field)?;
                let fields: Fields = parts.iter().map(Column::field).collect();
                (Layout::Struct(parts), DataType::Struct(fields))
            }
            other => self.foreign(field, other)?,
        })
    }

    fn list(&mut self, field: ipc::Field<'_>, offsets: Offsets) -> Result<(Layout, DataType), String> {
        let item = self.only_part(field)?;
        let data_type = DataType::List(list_field(&item));
        Ok((Layout::List(offsets, Box::new(item)), data_type))
    }

    /// A map is a list of structs, whose keys are not null.
    fn map(&mut self, field: ipc::Field<'_>) -> Result<(Layout, DataType), String> {
        let sorted = known(field.type_as_map())?.keysSorted();
        let mut entries = self.only_part(field)?;
        let Layout::Struct(parts) = &entries.layout else { return Err("a map of no entries".to_owned()) };
        let [key, value] = parts.as_slice() else { return Err("a map of no pairs".to_owned()) };
        entries.data_type = DataType::Struct(Fields::from(vec![key.field().with_nullable(false), value.field()]));
        let of_entries = Arc::new(entries.field().with_nullable(false));
        Ok((Layout::List(Offsets::Narrow, Box::new(entries)), DataType::Map(of_entries, sorted)))
    }

    fn foreign(&mut self, field: ipc::Field<'_>, kind: ipc::Type) -> Result<(Layout, DataType), String> {
        let buffers = match kind {
            ipc::Type::Union => {
                let dense = known(field.type_as_union())?.mode() == ipc::UnionMode::Dense;
                1 + usize::from(dense) + usize::from(self.version < ipc::MetadataVersion::V5)
            }
            ipc::Type::ListView | ipc::Type::LargeListView => 3,
            ipc::Type::RunEndEncoded => 0,
            other => return Err(format!("columns of an unknown type, {}", other.0)),
        };
        Ok((Layout::Foreign(buffers, self.parts(field)?), DataType::Null))
    }

    fn parts(&mut self, field: ipc::Field<'_>) -> Result<Vec<Column>, String> {
        field.children().into_iter().flatten().map(|child| self.column(child)).collect()
    }

    fn only_part(&mut self, field: ipc::Field<'_>) -> Result<Column, String> {
        let mut parts = self.parts(field)?;
        match (parts.pop(), parts.is_empty()) {
            (Some(part), true) => Ok(part),
            _ => Err("a list without a type of its values".to_owned()),
        }
    }
}

fn list_field(item: &Column) -> FieldRef {
    Arc::new(item.field())
}
