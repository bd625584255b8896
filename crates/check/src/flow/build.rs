//! From statements to a graph.

use super::{
    graph::{Graph, NameSet, Node, NodeId, Suite, SuiteId, Tracked},
    uses::uses,
};
use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtFor, StmtIf, StmtMatch, StmtTry, StmtWhile, StmtWith};
use ruff_text_size::{Ranged, TextSize};

/// Managers that let every exception pass: whoever follows them knows that their body ran to its end.
const LET_PASS: [&str; 26] = [
    "open",
    "ZipFile",
    "TarFile",
    "GzipFile",
    "BZ2File",
    "LZMAFile",
    "fdopen",
    "closing",
    "Pool",
    "ThreadPool",
    "ThreadPoolExecutor",
    "ProcessPoolExecutor",
    "ExcelWriter",
    "HDFStore",
    "ExcelFile",
    "catch_warnings",
    "errstate",
    "option_context",
    "NamedTemporaryFile",
    "TemporaryDirectory",
    "no_grad",
    "Lock",
    "tqdm",
    "read_csv",
    "read_json",
    "printoptions",
];

/// Returns the graph of a scope's statements.
pub(crate) fn build<'a>(body: &'a [Stmt], tracked: &Tracked<'_>) -> Graph<'a> {
    let mut builder = Builder { graph: Graph::default(), tracked, raises: None, loops: Vec::new(), finals: Vec::new() };
    let start = builder.join();
    builder.suite(body, None, start);
    builder.graph
}

/// Where `break` and `continue` go, and how many `finally` were around the loop.
#[derive(Clone, Copy)]
struct Loop {
    head: NodeId,
    end: NodeId,
    finals: usize,
}

struct Builder<'a, 't, 'n> {
    graph: Graph<'a>,
    tracked: &'t Tracked<'n>,
    /// Where an exception goes.
    raises: Option<NodeId>,
    loops: Vec<Loop>,
    /// The beginnings of the `finally` suites around, and where their ends go besides.
    finals: Vec<Final>,
}

struct Final {
    entry: NodeId,
    exits: Vec<NodeId>,
}

impl<'a> Builder<'a, '_, '_> {
    fn add(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.graph.nodes.len());
        self.graph.nodes.push(node);
        id
    }

    /// A node without anything.
    fn join(&mut self) -> NodeId {
        self.add(Node::default())
    }

    fn edge(&mut self, from: NodeId, to: NodeId) {
        if let Some(node) = self.graph.nodes.get_mut(from.0)
            && !node.next.contains(&to)
        {
            node.next.push(to);
        }
    }

    /// A part of a statement that follows a node.
    fn part(&mut self, at: TextSize, expressions: &[&'a Expr], after: NodeId) -> NodeId {
        let used = expressions.iter().fold(NameSet::EMPTY, |used, expression| used | uses(expression, self.tracked));
        let node = Node { uses: used, at: Some(at), raises: self.raises, ..Node::default() };
        let id = self.add(node);
        self.edge(after, id);
        id
    }

    fn bind(&mut self, id: NodeId, target: &Expr) {
        match target {
            Expr::Name(name) => {
                let set = self.tracked.set(name.id.as_str());
                if let Some(node) = self.graph.nodes.get_mut(id.0) {
                    node.binds |= set;
                }
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.bind(id, target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.bind(id, target)),
            Expr::Starred(starred) => self.bind(id, &starred.value),
            _ => {}
        }
    }

    fn unbind(&mut self, id: NodeId, target: &Expr) {
        match target {
            Expr::Name(name) => {
                let set = self.tracked.set(name.id.as_str());
                if let Some(node) = self.graph.nodes.get_mut(id.0) {
                    node.unbinds |= set;
                }
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.unbind(id, target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.unbind(id, target)),
            _ => {}
        }
    }

    /// Adds the statements of a suite after a node, and returns what runs at its end.
    fn suite(&mut self, statements: &'a [Stmt], parent: Option<(SuiteId, usize)>, after: NodeId) -> NodeId {
        let id = SuiteId(self.graph.suites.len());
        self.graph.suites.push(Suite { statements, parent, points: Vec::new() });
        let mut last = after;
        for (place, statement) in statements.iter().enumerate() {
            self.graph.places.insert(statement.start(), (id, place));
            let end = self.statement(statement, (id, place), last);
            let point = self.join();
            self.edge(end, point);
            if let Some(suite) = self.graph.suites.get_mut(id.0) {
                suite.points.push(point);
            }
            last = point;
        }
        last
    }

    /// Adds a statement after a node, and returns the node after which the next one runs. After a statement that never ends
    /// there, that is a node nothing leads to.
    fn statement(&mut self, statement: &'a Stmt, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = statement.start();
        match statement {
            Stmt::Assign(assign) => {
                let mut parts = vec![&*assign.value];
                parts.extend(assign.targets.iter());
                let id = self.part(at, &parts, after);
                assign.targets.iter().for_each(|target| self.bind(id, target));
                id
            }
            Stmt::AnnAssign(assign) => {
                let mut parts = vec![&*assign.annotation, &*assign.target];
                parts.extend(assign.value.as_deref());
                let id = self.part(at, &parts, after);
                if assign.value.is_some() {
                    self.bind(id, &assign.target);
                }
                id
            }
            Stmt::AugAssign(assign) => {
                let id = self.part(at, &[&assign.target, &assign.value], after);
                // It reads what it binds.
                if let Expr::Name(name) = &*assign.target
                    && let Some(node) = self.graph.nodes.get_mut(id.0)
                {
                    node.uses |= self.tracked.set(name.id.as_str());
                }
                self.bind(id, &assign.target);
                id
            }
            Stmt::Delete(delete) => {
                let parts: Vec<_> = delete.targets.iter().collect();
                let id = self.part(at, &parts, after);
                delete.targets.iter().for_each(|target| self.unbind(id, target));
                id
            }
            Stmt::Expr(expression) => self.part(at, &[&expression.value], after),
            Stmt::Assert(claim) => {
                let parts: Vec<_> = [Some(&*claim.test), claim.msg.as_deref()].into_iter().flatten().collect();
                self.part(at, &parts, after)
            }
            Stmt::Return(returned) => {
                let parts: Vec<_> = returned.value.as_deref().into_iter().collect();
                let id = self.part(at, &parts, after);
                self.leave(id, None, 0);
                self.join()
            }
            Stmt::Raise(raised) => {
                let parts: Vec<_> = [raised.exc.as_deref(), raised.cause.as_deref()].into_iter().flatten().collect();
                self.part(at, &parts, after);
                self.join()
            }
            Stmt::Break(_) | Stmt::Continue(_) => {
                let id = self.part(at, &[], after);
                if let Some(around) = self.loops.last().copied() {
                    let to = if matches!(statement, Stmt::Break(_)) { around.end } else { around.head };
                    self.leave(id, Some(to), around.finals);
                }
                self.join()
            }
            Stmt::If(choice) => self.choice(choice, place, after),
            Stmt::For(each) => self.each(each, place, after),
            Stmt::While(repeated) => self.repeated(repeated, place, after),
            Stmt::With(with) => self.with(with, place, after),
            Stmt::Match(choice) => self.cases(choice, place, after),
            Stmt::Try(attempt) => self.attempt(attempt, place, after),
            // What definitions read and bind is never followed: whoever builds this has left such names out.
            _ => self.part(at, &[], after),
        }
    }

    /// Leaves for a node, or for the end of the scope, by way of the `finally` suites that are around.
    fn leave(&mut self, from: NodeId, to: Option<NodeId>, outer: usize) {
        let entries: Vec<NodeId> = self.finals.iter().skip(outer).map(|last| last.entry).collect();
        let Some(innermost) = entries.last().copied() else {
            if let Some(to) = to {
                self.edge(from, to);
            }
            return;
        };
        self.edge(from, innermost);
        // From each to the next one outside, and from the last to where it was going.
        let count = self.finals.len();
        for index in outer..count {
            let next = if index == outer { to } else { entries.get(index - outer - 1).copied() };
            if let (Some(last), Some(next)) = (self.finals.get_mut(index), next) {
                last.exits.push(next);
            }
        }
    }

    fn choice(&mut self, choice: &'a StmtIf, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = choice.start();
        let end = self.join();
        let mut test = self.part(at, &[&choice.test], after);
        let last = self.suite(&choice.body, Some(place), test);
        self.edge(last, end);
        let mut has_else = false;
        for clause in &choice.elif_else_clauses {
            let before = test;
            match &clause.test {
                Some(expression) => test = self.part(at, &[expression], before),
                None => has_else = true,
            }
            let last = self.suite(&clause.body, Some(place), test);
            self.edge(last, end);
        }
        if !has_else {
            self.edge(test, end);
        }
        end
    }

    fn each(&mut self, each: &'a StmtFor, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = each.start();
        let source = self.part(at, &[&each.iter], after);
        let head = self.part(at, &[], source);
        let end = self.join();
        let target = self.part(at, &[&each.target], head);
        self.bind(target, &each.target);
        self.loops.push(Loop { head, end, finals: self.finals.len() });
        let last = self.suite(&each.body, Some(place), target);
        self.loops.pop();
        self.edge(last, head);
        let last = self.suite(&each.orelse, Some(place), head);
        self.edge(last, end);
        end
    }

    fn repeated(&mut self, repeated: &'a StmtWhile, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = repeated.start();
        let head = self.part(at, &[&repeated.test], after);
        let end = self.join();
        self.loops.push(Loop { head, end, finals: self.finals.len() });
        let last = self.suite(&repeated.body, Some(place), head);
        self.loops.pop();
        self.edge(last, head);
        let is_endless = matches!(&*repeated.test, Expr::BooleanLiteral(literal) if literal.value);
        if !is_endless {
            let last = self.suite(&repeated.orelse, Some(place), head);
            self.edge(last, end);
        }
        end
    }

    fn with(&mut self, with: &'a StmtWith, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = with.start();
        let mut last = after;
        for item in &with.items {
            let mut parts = vec![&item.context_expr];
            parts.extend(item.optional_vars.as_deref());
            last = self.part(at, &parts, last);
            if let Some(target) = &item.optional_vars {
                self.bind(last, target);
            }
        }
        if with.items.iter().all(|item| lets_pass(&item.context_expr)) {
            return self.suite(&with.body, Some(place), last);
        }
        // The manager may swallow what is raised: what follows comes after any part of the body.
        let end = self.join();
        if let Some(outer) = self.raises {
            self.edge(end, outer);
        }
        let outer = self.raises.replace(end);
        last = self.suite(&with.body, Some(place), last);
        self.raises = outer;
        self.edge(last, end);
        end
    }

    fn cases(&mut self, choice: &'a StmtMatch, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = choice.start();
        let mut test = self.part(at, &[&choice.subject], after);
        let end = self.join();
        let mut is_whole = false;
        for case in &choice.cases {
            // Names in patterns are never followed.
            let guard: Vec<_> = case.guard.as_deref().into_iter().collect();
            test = self.part(at, &guard, test);
            let last = self.suite(&case.body, Some(place), test);
            self.edge(last, end);
            is_whole |= case.guard.is_none() && case.pattern.is_irrefutable();
        }
        if !is_whole {
            self.edge(test, end);
        }
        end
    }

    fn attempt(&mut self, attempt: &'a StmtTry, place: (SuiteId, usize), after: NodeId) -> NodeId {
        let at = attempt.start();
        let end = self.join();
        let has_final = !attempt.finalbody.is_empty();
        let outer = self.raises;
        let entry = self.join();
        if has_final {
            self.finals.push(Final { entry, exits: Vec::new() });
            self.raises = Some(entry);
        }
        // Where handlers begin, and where an exception goes that none of them takes.
        let unhandled = self.raises;
        let dispatch = self.join();
        self.raises = Some(dispatch);
        let mut last = self.suite(&attempt.body, Some(place), after);
        self.raises = unhandled;
        if let Some(unhandled) = unhandled {
            self.edge(dispatch, unhandled);
        }
        last = self.suite(&attempt.orelse, Some(place), last);
        let mut ends = vec![last];
        for handler in &attempt.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            let types: Vec<_> = handler.type_.as_deref().into_iter().collect();
            let head = self.part(at, &types, dispatch);
            ends.push(self.suite(&handler.body, Some(place), head));
        }
        self.raises = outer;
        if !has_final {
            for last in ends {
                self.edge(last, end);
            }
            return end;
        }
        let exits = self.finals.pop().map(|last| last.exits).unwrap_or_default();
        for last in ends {
            self.edge(last, entry);
        }
        let last = self.suite(&attempt.finalbody, Some(place), entry);
        exits.into_iter().chain(outer).for_each(|exit| self.edge(last, exit));
        self.edge(last, end);
        end
    }
}

/// Returns whether a context manager lets every exception pass.
fn lets_pass(manager: &Expr) -> bool {
    let Expr::Call(call) = manager else { return false };
    let name = match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return false,
    };
    LET_PASS.contains(&name)
}
