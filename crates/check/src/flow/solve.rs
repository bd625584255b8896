//! What the graph says of names: which are read later, which are bound for sure, which may be.

use super::graph::{Graph, NameSet, NodeId};

/// What is known of each node.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// Names that may be read after the node began, before they get another value.
    live: Vec<NameSet>,
    /// Names that have a value when the node begins, whatever way led there.
    bound: Vec<NameSet>,
    /// Names that have one on some way.
    maybe: Vec<NameSet>,
    /// Whether some way leads there.
    reached: Vec<bool>,
}

impl Solution {
    /// Returns the names that may still be read when a node begins.
    pub(crate) fn live(&self, id: NodeId) -> NameSet {
        self.live.get(id.0).copied().unwrap_or(NameSet::ALL)
    }

    /// Returns the names that have a value for sure when a node begins.
    pub(crate) fn bound(&self, id: NodeId) -> NameSet {
        self.bound.get(id.0).copied().unwrap_or(NameSet::EMPTY)
    }

    /// Returns the names that may have a value when a node begins.
    pub(crate) fn maybe(&self, id: NodeId) -> NameSet {
        self.maybe.get(id.0).copied().unwrap_or(NameSet::ALL)
    }

    /// Returns whether a node can be reached.
    pub(crate) fn is_reached(&self, id: NodeId) -> bool {
        self.reached.get(id.0).copied().unwrap_or(false)
    }
}

/// Solves a graph: each set to its fixed point, by a list of nodes whose neighbours changed.
pub(crate) fn solve(graph: &Graph<'_>) -> Solution {
    let (bound, maybe, reached) = forward(graph);
    Solution { live: backward(graph), bound, maybe, reached }
}

fn backward(graph: &Graph<'_>) -> Vec<NameSet> {
    let count = graph.nodes.len();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
    for id in 0..count {
        for next in graph.followers(NodeId(id)) {
            if let Some(list) = before.get_mut(next.0) {
                list.push(id);
            }
        }
    }
    let mut live = vec![NameSet::EMPTY; count];
    // The last nodes first: most is known after one round.
    let mut open: Vec<usize> = (0..count).collect();
    let at = |live: &[NameSet], id: NodeId| live.get(id.0).copied().unwrap_or_default();
    while let Some(id) = open.pop() {
        let node = graph.node(NodeId(id));
        let after = node.next.iter().fold(NameSet::EMPTY, |after, next| after | at(&live, *next));
        let raised = node.raises.map(|next| at(&live, next)).unwrap_or_default();
        let now = node.uses | after.without(node.binds | node.unbinds) | raised;
        if let Some(old) = live.get_mut(id)
            && *old != now
        {
            *old = now;
            open.extend(before.get(id).into_iter().flatten());
        }
    }
    live
}

fn forward(graph: &Graph<'_>) -> (Vec<NameSet>, Vec<NameSet>, Vec<bool>) {
    let count = graph.nodes.len();
    // What no way leads to is bound, as far as anybody can say.
    let mut bound = vec![NameSet::ALL; count];
    let mut maybe = vec![NameSet::EMPTY; count];
    let mut reached = vec![false; count];
    if let (Some(first_bound), Some(first_reached)) = (bound.first_mut(), reached.first_mut()) {
        *first_bound = NameSet::EMPTY;
        *first_reached = true;
    }
    let mut open = vec![Graph::START.0];
    while let Some(id) = open.pop() {
        let node = graph.node(NodeId(id));
        let (bound_in, maybe_in) = (get(&bound, id), get(&maybe, id));
        let bound_out = bound_in.without(node.unbinds) | node.binds;
        let maybe_out = maybe_in.without(node.unbinds) | node.binds;
        let normal = node.next.iter().map(|next| (*next, bound_out, maybe_out));
        // It may have raised before or after it did what it does.
        let raised = node.raises.map(|next| (next, bound_in & bound_out, maybe_in | maybe_out));
        for (next, bound_now, maybe_now) in normal.chain(raised) {
            let (Some(b), Some(m), Some(r)) = (bound.get_mut(next.0), maybe.get_mut(next.0), reached.get_mut(next.0))
            else {
                continue;
            };
            let (new_bound, new_maybe) = (*b & bound_now, *m | maybe_now);
            if !*r || new_bound != *b || new_maybe != *m {
                (*b, *m, *r) = (new_bound, new_maybe, true);
                open.push(next.0);
            }
        }
    }
    (bound, maybe, reached)
}

fn get(sets: &[NameSet], id: usize) -> NameSet {
    sets.get(id).copied().unwrap_or_default()
}
