//! The control flow graph of a scope.
//!
//! *Model.* A node is a part of a statement that runs as a whole: it reads its uses first and binds its names last. A **point**
//! is a node without anything, after each statement of a **suite** (a list of statements at one indentation): there a
//! statement could be added. Where a statement may raise, its node knows the node that goes on: the handlers of its `try`, or
//! what follows a `with` whose manager may swallow it. There are more edges than can be taken, never fewer: so what is
//! told to be dead is dead, and what is told to be bound is bound.

use ruff_python_ast::Stmt;
use ruff_text_size::TextSize;
use rustc_hash::FxHashMap;

/// The names that are followed, 64 at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracked<'a> {
    places: FxHashMap<&'a str, u32>,
}

/// A set of names that are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameSet(u64);

/// A node of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(super) usize);

/// A suite of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SuiteId(pub(super) usize);

/// A part of a statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Names that are read or deleted.
    pub uses: NameSet,
    /// Names that have a value after it.
    pub binds: NameSet,
    /// Names that have none after it.
    pub unbinds: NameSet,
    /// What may follow.
    pub next: Vec<NodeId>,
    /// What follows if it raises.
    pub raises: Option<NodeId>,
    /// Where its statement begins; `None` for points and joins.
    pub at: Option<TextSize>,
}

/// A list of statements at one indentation.
#[derive(Clone, Debug)]
pub(crate) struct Suite<'a> {
    pub statements: &'a [Stmt],
    /// The suite around it, and which statement of that it belongs to.
    pub parent: Option<(SuiteId, usize)>,
    /// The point after each statement.
    pub points: Vec<NodeId>,
}

/// The control flow graph of a scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph<'a> {
    pub nodes: Vec<Node>,
    pub suites: Vec<Suite<'a>>,
    /// The suite and place of each statement, by where it begins.
    pub places: FxHashMap<TextSize, (SuiteId, usize)>,
}

impl<'a> Tracked<'a> {
    /// The names that fit into a [`NameSet`].
    const MOST: u32 = 64;

    /// Adds a name, unless there are too many.
    pub(crate) fn add(&mut self, name: &'a str) {
        let place = u32::try_from(self.places.len()).unwrap_or(Self::MOST);
        if place < Self::MOST {
            self.places.entry(name).or_insert(place);
        }
    }

    /// Returns the set of one name; nothing of one that is not followed.
    pub(crate) fn set(&self, name: &str) -> NameSet {
        self.places.get(name).map_or(NameSet::EMPTY, |place| NameSet(1 << place))
    }

    /// Returns the set of all.
    pub(crate) fn all(&self) -> NameSet {
        self.places.keys().fold(NameSet::EMPTY, |all, name| all | self.set(name))
    }

    /// Returns whether a name is followed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Returns whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl NameSet {
    /// No name.
    pub(crate) const EMPTY: Self = Self(0);
    /// Every name that could be.
    pub(crate) const ALL: Self = Self(u64::MAX);

    /// Returns whether there is none in it.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether one is in both.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns those that are not in another.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl std::ops::BitOr for NameSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for NameSet {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl std::ops::BitAnd for NameSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl<'a> Graph<'a> {
    /// The node that a scope begins with.
    pub(crate) const START: NodeId = NodeId(0);

    /// Returns a node.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        const NOTHING: &Node = &Node {
            uses: NameSet::EMPTY,
            binds: NameSet::EMPTY,
            unbinds: NameSet::EMPTY,
            next: Vec::new(),
            raises: None,
            at: None,
        };
        self.nodes.get(id.0).unwrap_or(NOTHING)
    }

    /// Returns the first node of a statement, by where that begins.
    pub(crate) fn node_of(&self, statement: TextSize) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.at == Some(statement)).map(NodeId)
    }

    /// Returns a suite.
    pub(crate) fn suite(&self, id: SuiteId) -> Option<&Suite<'a>> {
        self.suites.get(id.0)
    }

    /// Puts a `del` of some names at a point.
    pub(crate) fn delete_at(&mut self, point: NodeId, names: NameSet) {
        if let Some(node) = self.nodes.get_mut(point.0) {
            node.uses |= names;
            node.unbinds |= names;
        }
    }

    /// Returns all nodes that may follow a node, by raising too.
    pub(crate) fn followers(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let node = self.node(id);
        node.next.iter().copied().chain(node.raises)
    }
}
