//! What an object is like: learned of one line, to be compared with others.

use super::super::{
    object::Object,
    scan::{FIRST_PRINTABLE, Scanner, Text},
    value::Value,
};
use crate::{ColumnType, find::Prefix, time::Recent};
use memchr::memchr_iter;
use std::mem;

/// Places of one value at most, beside those of keys. A line with more of them is begun anew when they are found.
const ENOUGH: usize = 2;

/// Objects with more keys are left to the rules.
const MOST_KEYS: usize = 256;

/// Where a column is: its place in the row, then in the structs that it is in. Nowhere, if a key is no column.
pub(super) type Path = Box<[usize]>;

/// What an object is like.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its members and those of the objects in it, in its order.
    pub members: Vec<Member>,
    /// What follows the last of their values.
    pub end: Prefix,
    /// How many places it has, mostly.
    pub marks: usize,
    /// Columns that it does not have.
    pub absent: Vec<Path>,
}

#[derive(Debug)]
pub(super) struct Member {
    /// What stands between the value before and its own: `,"key":` mostly.
    pub before: Prefix,
    /// Places in that.
    pub marks: usize,
    /// The structs that begin in it.
    pub opens: Vec<Path>,
    pub column: Path,
    /// Whether the query wants it.
    pub is_wanted: bool,
    pub form: Form,
}

/// How most values of a member look.
#[derive(Debug)]
pub(super) enum Form {
    Text,
    Time(Recent),
    Whole(ColumnType),
    Decimal,
    Any,
}

/// What is learned of a line.
struct Learning<'a> {
    input: Scanner<'a>,
    /// From the end of the last value on.
    since: &'a [u8],
    members: Vec<Member>,
    absent: Vec<Path>,
    /// The structs that began since then.
    opens: Vec<Path>,
}

impl Shape {
    /// Returns the shape of a line, unless it has a key twice, keys with escapes, or very many.
    pub(super) fn of(line: &[u8], object: &mut Object) -> Option<Self> {
        let mut learning = Learning {
            input: Scanner::new(line),
            since: line,
            members: Vec::new(),
            absent: Vec::new(),
            opens: Vec::new(),
        };
        learning.object(object, &[])?;
        let Learning { input, since, members, absent, .. } = learning;
        let marks = members.iter().map(|member| member.marks + ENOUGH).sum::<usize>() + 1;
        let shape = Self { members, end: Prefix::new(since.into()), marks, absent };
        (input.rest().is_empty() && is_plain(since)).then_some(shape)
    }
}

impl Learning<'_> {
    /// Passes over an object whose keys go to the struct at `place`, or to the row.
    fn object(&mut self, object: &mut Object, place: &[usize]) -> Option<()> {
        let mut found = vec![false; object.columns()];
        self.input.accept(b"{").then_some(())?;
        loop {
            self.input.peek();
            let Text::Plain(key) = self.input.string().ok()? else { return None };
            self.input.accept(b":").then_some(())?;
            let at = object.place(key);
            let path = at.map(|at| [place, &[at]].concat()).unwrap_or_default();
            if at.and_then(|at| found.get_mut(at)).is_some_and(|found| mem::replace(found, true)) {
                return None;
            }
            self.input.peek();
            let value = at.and_then(|at| object.value(&[at]));
            let form = value.as_ref().map_or(Form::Text, |value| Form::of(value.kind()));
            match value.and_then(Value::object) {
                Some(inner) if matches!(self.input.rest(), [b'{', next, ..] if *next != b'}') => {
                    self.opens.push(path.as_slice().into());
                    self.object(inner, &path)?;
                }
                _ => self.value(path, form)?,
            }
            if !self.input.goes_on(b'}').ok()? {
                break;
            }
        }
        let absent = found.iter().enumerate().filter(|(_, found)| !**found);
        self.absent.extend(absent.map(|(at, _)| Path::from([place, &[at]].concat())));
        Some(())
    }

    fn value(&mut self, path: Vec<usize>, form: Form) -> Option<()> {
        let before = self.since.get(..self.since.len() - self.input.rest().len())?;
        if !is_plain(before) || self.members.len() >= MOST_KEYS {
            return None;
        }
        self.members.push(Member {
            before: Prefix::new(before.into()),
            marks: memchr_iter(b'"', before).count(),
            opens: mem::take(&mut self.opens),
            column: path.into(),
            is_wanted: true,
            form,
        });
        self.input.skip().ok()?;
        self.since = self.input.rest();
        Some(())
    }
}

/// Returns whether a text holds no marks but quotes.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte >= FIRST_PRINTABLE && *byte != b'\\')
}

impl Form {
    fn of(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Text => Self::Text,
            ColumnType::Timestamp => Self::Time(Recent::default()),
            ColumnType::Float32 | ColumnType::Float64 => Self::Decimal,
            kind if kind.is_number() => Self::Whole(kind.clone()),
            _ => Self::Any,
        }
    }
}
