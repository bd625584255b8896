//! Where a name could be deleted.

use super::{
    graph::{Graph, NameSet, NodeId},
    solve::Solution,
};
use ruff_python_ast::Stmt;
use ruff_text_size::{Ranged, TextSize};
use rustc_hash::FxHashSet;

/// A place after a statement, where another could be added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<'a> {
    pub node: NodeId,
    /// The statement before it.
    pub statement: &'a Stmt,
    /// The first statement of its suite, which has the indentation.
    pub first: &'a Stmt,
    /// The statement after it in its suite.
    pub next: Option<&'a Stmt>,
}

impl<'a> Graph<'a> {
    /// Returns the points that follow a statement: those of its suite from its own on, then those of the suites around.
    pub(crate) fn points_after(&self, statement: TextSize) -> Vec<Point<'a>> {
        let mut points = Vec::new();
        let mut place = self.places.get(&statement).copied();
        while let Some((id, from)) = place {
            let Some(suite) = self.suite(id) else { break };
            let found = suite.statements.iter().zip(&suite.points).enumerate().skip(from);
            points.extend(found.filter_map(|(index, (statement, node))| {
                let first = suite.statements.first()?;
                Some(Point { node: *node, statement, first, next: suite.statements.get(index + 1) })
            }));
            place = suite.parent;
        }
        points
    }

    /// Returns whether some names can be deleted at a point without anybody noticing: a way leads there, each has a value
    /// there on every way, none is read afterwards, and none can come there again without a value.
    pub(crate) fn can_delete(&self, solution: &Solution, point: NodeId, names: NameSet) -> bool {
        solution.is_reached(point)
            && names.without(solution.bound(point)).is_empty()
            && !solution.live(point).meets(names)
            && !self.comes_again(point, names)
    }

    /// Returns whether a way leads from a point to itself on which one of the names gets no value.
    fn comes_again(&self, point: NodeId, names: NameSet) -> bool {
        // The names that are still without a value; each is followed by itself, as they are few.
        let mut open: Vec<(NodeId, NameSet)> = self.followers(point).map(|next| (next, names)).collect();
        let mut seen: rustc_hash::FxHashMap<NodeId, NameSet> = rustc_hash::FxHashMap::default();
        while let Some((id, without)) = open.pop() {
            if id == point && !without.is_empty() {
                return true;
            }
            let known = seen.entry(id).or_default();
            let new = without.without(*known);
            if new.is_empty() {
                continue;
            }
            *known |= new;
            let node = self.node(id);
            open.extend(node.next.iter().map(|next| (*next, new.without(node.binds))));
            open.extend(node.raises.map(|next| (next, new)));
        }
        false
    }

    /// Returns whether a way leads from a point to a node.
    pub(crate) fn leads_to(&self, point: NodeId, node: NodeId) -> bool {
        let (mut open, mut seen) = (vec![point], FxHashSet::default());
        while let Some(id) = open.pop() {
            if id == node {
                return true;
            }
            open.extend(self.followers(id).filter(|next| seen.insert(*next)));
        }
        false
    }

    /// Returns the beginnings of the statements that may run after a point while a name keeps its value: up to those that
    /// give it another one, which run while the old value is there.
    pub(crate) fn statements_while_bound(&self, point: NodeId, name: NameSet) -> FxHashSet<TextSize> {
        let mut open: Vec<NodeId> = self.followers(point).collect();
        let (mut seen, mut found) = (FxHashSet::default(), FxHashSet::default());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let node = self.node(id);
            found.extend(node.at);
            if node.binds.meets(name) || node.unbinds.meets(name) {
                continue;
            }
            open.extend(self.followers(id));
        }
        found
    }

    /// Returns the beginnings of the statements that may have given a name the value it has at a point.
    pub(crate) fn bindings_reaching(&self, point: NodeId, name: NameSet) -> FxHashSet<TextSize> {
        let mut before: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        for id in 0..self.nodes.len() {
            for next in self.followers(NodeId(id)) {
                if let Some(list) = before.get_mut(next.0) {
                    list.push(NodeId(id));
                }
            }
        }
        let mut open = vec![point];
        let (mut seen, mut found) = (FxHashSet::default(), FxHashSet::default());
        while let Some(id) = open.pop() {
            for earlier in before.get(id.0).into_iter().flatten() {
                if !seen.insert(*earlier) {
                    continue;
                }
                let node = self.node(*earlier);
                if node.binds.meets(name) {
                    found.extend(node.at);
                    // Where it may have raised, the value before may have stayed.
                    if node.raises != Some(id) {
                        continue;
                    }
                }
                open.push(*earlier);
            }
        }
        found
    }
}

impl Point<'_> {
    /// Returns where the statement ends that the point follows.
    pub(crate) fn after(&self) -> TextSize {
        self.statement.end()
    }
}
