//! What an aggregate keeps for its groups, and the two forms in which DataFusion wants it.

use super::{exact::Change, rows::Rows};
use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray},
        buffer::NullBuffer,
    },
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, EmitTo, GroupsAccumulator},
};
use std::fmt::Debug;

/// The states of an aggregate's groups. The same code serves group-by, aggregates without groups and windows.
pub trait GroupStates: Debug + Send + Sync + 'static {
    /// Whether rows can go as well as come, which sliding windows need.
    const CAN_LEAVE: bool;

    /// Returns how many groups there are.
    fn len(&self) -> usize;

    /// Makes place for more groups.
    fn grow(&mut self, groups: usize);

    /// Takes rows in, or away.
    ///
    /// # Errors
    /// If a value cannot be taken.
    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()>;

    /// Returns the rows of arguments that count.
    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer>;

    /// Takes in states that were returned by [`GroupStates::states`] or [`GroupStates::converted`].
    ///
    /// # Errors
    /// If they are not such states.
    fn merge(&mut self, states: &[ArrayRef], groups: Option<&[usize]>) -> Result<()>;

    /// Returns the states of the first groups, which are forgotten or not asked for again.
    ///
    /// # Errors
    /// If they are more than a column can hold.
    fn states(&mut self, groups: usize) -> Result<Vec<ArrayRef>>;

    /// Returns the answers of the first groups.
    ///
    /// # Errors
    /// If an answer cannot be computed.
    fn answers(&mut self, groups: usize) -> Result<ArrayRef>;

    /// Forgets the first groups.
    fn forget(&mut self, groups: usize);

    /// Returns each row as the state of a group of its own.
    ///
    /// # Errors
    /// If a value cannot be taken.
    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>>;

    /// Returns the bytes held on the heap. It is called for every batch, so it must not look at every group.
    fn heap_bytes(&self) -> usize;

    /// Looks at the arguments and takes the rows that count, in or away.
    ///
    /// # Errors
    /// If a value cannot be taken.
    fn take(&mut self, values: &[ArrayRef], rows: Rows<'_>, filter: Option<&BooleanArray>) -> Result<()> {
        let valid = self.valid(values, filter);
        self.change(values, &Rows { valid, ..rows })
    }
}

/// Forgets the first states of a list; all of them with their memory.
pub fn forget_first<T>(states: &mut Vec<T>, count: usize) {
    if count >= states.len() {
        *states = Vec::new();
    } else {
        states.drain(..count);
    }
}

/// Many groups.
#[derive(Debug)]
pub struct Many<S>(pub S);

impl<S: GroupStates> Many<S> {
    fn groups(&self, emit: EmitTo) -> usize {
        match emit {
            EmitTo::All => self.0.len(),
            EmitTo::First(groups) => groups.min(self.0.len()),
        }
    }
}

impl<S: GroupStates> GroupsAccumulator for Many<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.0.grow(total);
        self.0.take(values, Rows::of(Some(groups), groups.len(), Change::Enter), filter)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let groups = self.groups(emit);
        let answers = self.0.answers(groups)?;
        self.0.forget(groups);
        Ok(answers)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.groups(emit);
        let states = self.0.states(groups)?;
        self.0.forget(groups);
        Ok(states)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.grow(total);
        self.0.merge(states, Some(groups))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.converted(values, filter)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.heap_bytes()
    }
}

/// One group, which may be asked many times while a window moves.
#[derive(Debug)]
pub struct One<S>(S);

impl<S: GroupStates> One<S> {
    /// Takes the states of one group that has no rows yet.
    pub fn new(mut states: S) -> Self {
        states.grow(1);
        Self(states)
    }

    fn change(&mut self, values: &[ArrayRef], change: Change) -> Result<()> {
        let count = values.first().map_or(0, |array| array.len());
        self.0.take(values, Rows::of(None, count, change), None)
    }
}

impl<S: GroupStates> Accumulator for One<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.change(values, Change::Enter)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.answers(1)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.heap_bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.states(1)?.iter().map(|array| ScalarValue::try_from_array(array, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(states, None)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.change(values, Change::Leave)
    }

    fn supports_retract_batch(&self) -> bool {
        S::CAN_LEAVE
    }
}
