//! Reads one object, key by key, into the columns of its layout.

use super::{
    scan::{Scanned, Scanner, malformed},
    value::{Value, decoded},
};
use crate::{Column, ColumnSpec, batch::Columns, find::Prefix};
use std::collections::HashMap;

/// The columns that the keys of one object go to.
pub(super) enum Targets<'a> {
    /// The columns of the row.
    Row(&'a mut Columns),
    /// The columns of a struct.
    Fields(&'a mut [Column]),
    /// The object is checked and not kept.
    Nowhere,
}

impl Targets<'_> {
    fn get(&mut self, at: usize) -> Option<&mut Column> {
        match self {
            Self::Row(columns) => columns.get(at),
            Self::Fields(columns) => columns.get_mut(at),
            Self::Nowhere => None,
        }
    }
}

/// The keys of an object that are columns.
#[derive(Debug)]
pub(super) struct Object {
    members: Vec<Member>,
    places: HashMap<Box<[u8]>, usize>,
    /// The key that came first in the last object.
    first: usize,
    /// Counts the objects read, to tell the keys of this one from those of the last.
    generation: u64,
}

#[derive(Debug)]
struct Member {
    key: Box<[u8]>,
    /// `"key":` as most writers write it, unless the key needs escapes.
    written: Option<Prefix>,
    value: Value,
    /// The key that came after this one in the last object: most lines of a log have the same order.
    following: usize,
    /// The last object that had this key.
    seen: u64,
}

impl Object {
    /// Returns a reader for an object of these columns; `prefix` goes before their names in reasons.
    pub(super) fn new(columns: &[ColumnSpec], prefix: &str) -> Self {
        let member = |(at, column): (usize, &ColumnSpec)| Member {
            key: column.name.as_bytes().into(),
            written: written(&column.name),
            value: Value::new(format!("{prefix}{}", column.name), &column.kind),
            following: at + 1,
            seen: 0,
        };
        let members: Vec<_> = columns.iter().enumerate().map(member).collect();
        let places = members.iter().enumerate().map(|(at, member)| (member.key.clone(), at)).collect();
        Self { members, places, first: 0, generation: 0 }
    }

    /// Returns the column of a key, if it is one.
    pub(super) fn place(&self, name: &[u8]) -> Option<usize> {
        self.places.get(name).copied().or_else(|| self.repaired(name))
    }

    /// Returns how many columns there are.
    pub(super) fn columns(&self) -> usize {
        self.members.len()
    }

    /// Returns the reader of the values of a column, or of one inside of structs.
    pub(super) fn value(&mut self, path: &[usize]) -> Option<&mut Value> {
        let (at, inside) = path.split_first()?;
        let mut value = &mut self.members.get_mut(*at)?.value;
        for at in inside {
            value = &mut value.object()?.members.get_mut(*at)?.value;
        }
        Some(value)
    }

    /// Reads the object that `input` stands before. Every column gets one value, or the record is a reject.
    pub(super) fn read(
        &mut self,
        input: &mut Scanner<'_>,
        targets: &mut Targets<'_>,
        scratch: &mut Vec<u8>,
    ) -> Scanned<()> {
        if !input.accept(b"{") {
            return malformed("no JSON object");
        }
        self.generation += 1;
        let mut found = 0;
        let mut previous = None;
        let mut goes_on = !input.accept(b"}");
        while goes_on {
            let place = match self.expected_key(input, previous) {
                Some(place) => Some(place),
                None => self.any_key(input, previous, scratch)?,
            };
            match place.and_then(|at| Some((at, self.members.get_mut(at)?))) {
                // The first value of a key counts: columns only grow, so that a second one could not replace it.
                Some((at, member)) if member.seen != self.generation => {
                    member.seen = self.generation;
                    found += 1;
                    previous = Some(at);
                    member.value.read(input, targets.get(at), scratch)?;
                }
                _ => input.skip()?,
            }
            goes_on = input.goes_on(b'}')?;
        }
        if found < self.members.len() {
            self.fill(targets);
        }
        Ok(())
    }

    /// Appends a null to every column whose key the object lacks. Of a row, only those that the query wants are looked at.
    fn fill(&self, targets: &mut Targets<'_>) {
        let is_missing = |member: &Member| member.seen != self.generation;
        match targets {
            Targets::Row(columns) => columns.each_wanted(|at, column| {
                if self.members.get(at).is_some_and(is_missing) {
                    column.push_null();
                }
            }),
            Targets::Fields(columns) => {
                let missing = self.members.iter().zip(columns.iter_mut()).filter(|(member, _)| is_missing(member));
                missing.for_each(|(_, column)| column.push_null());
            }
            Targets::Nowhere => {}
        }
    }

    #[inline(never)]
    pub(super) fn read_struct(
        &mut self,
        input: &mut Scanner<'_>,
        column: Option<&mut Column>,
        scratch: &mut Vec<u8>,
    ) -> Scanned<()> {
        let fields = column.and_then(Column::push_struct);
        self.read(input, &mut fields.map_or(Targets::Nowhere, Targets::Fields), scratch)
    }

    /// Passes over the next key if it is the one that came next the last time, and returns its column.
    #[inline]
    fn expected_key(&self, input: &mut Scanner<'_>, previous: Option<usize>) -> Option<usize> {
        let expected = previous.and_then(|at| self.members.get(at)).map_or(self.first, |member| member.following);
        let written = self.members.get(expected)?.written.as_ref()?;
        input.accept_prefix(written).then_some(expected)
    }

    /// Passes over the next key and returns its column, if it is one.
    #[inline(never)]
    fn any_key(
        &mut self,
        input: &mut Scanner<'_>,
        previous: Option<usize>,
        scratch: &mut Vec<u8>,
    ) -> Scanned<Option<usize>> {
        // `json.dumps` of Python puts a space before every key but the first.
        input.peek();
        let name = decoded(input.string()?, scratch);
        if !input.accept(b":") {
            return malformed("no colon after a JSON key");
        }
        let Some(place) = self.place(name) else { return Ok(None) };
        match previous.and_then(|at| self.members.get_mut(at)) {
            Some(member) => member.following = place,
            None => self.first = place,
        }
        Ok(Some(place))
    }

    /// Returns the column of a key that is not UTF-8; the columns' names are.
    fn repaired(&self, name: &[u8]) -> Option<usize> {
        let repaired = String::from_utf8_lossy(name);
        if repaired.as_bytes() == name { None } else { self.places.get(repaired.as_bytes()).copied() }
    }
}

/// Returns `"key":` if that is how the key is written in JSON.
fn written(key: &str) -> Option<Prefix> {
    let needs_escapes = key.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'));
    (!needs_escapes).then(|| Prefix::new(format!("\"{key}\":").into_bytes().into()))
}
