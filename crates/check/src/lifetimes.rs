//! How long large values live after their last use, and where they can be deleted without changing anything.
//!
//! A name can be deleted at a point if a way leads there, it has a value there on every way, nobody reads it afterwards, and
//! the point is not reached again while it has none ([`Graph::can_delete`]); and if nobody reaches it in a hidden way
//! ([`crate::names::Reached`]). Then no `NameError` can come of it, and nothing else can: data have no end that anybody notices.
//! That is enough to be right. To be of use, the memory must go too: so the names that share it are deleted with it, or the
//! advice waits until they are gone.
//!
//! Each piece of advice is put into the graph before the next is looked for, so that all of them together are as safe as one.

use crate::{
    flow::{Graph, NameSet, Point, Solution, Tracked, build, solve},
    module::{Module, Scope},
    names::Imports,
    source::SourceKind,
    values::{Binding, CostlyCall, Kind},
};
use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_expr},
};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::FxHashSet;

/// A large value that lives longer than it is used.
pub(crate) struct Lifetime<'m, 'a> {
    /// The name, and where it got the value.
    pub binding: &'m Binding<'a>,
    /// All names that must go for the memory to go, the name itself first.
    pub names: Vec<&'a str>,
    /// Where they can be deleted.
    pub point: Point<'a>,
    /// The last place where one of them is read.
    pub last_use: TextRange,
    /// It is the left side of a merge in the last statement that uses it: where each row finds one partner, the result shares its columns.
    pub is_merged: bool,
    /// The costly calls that run while the value is of no use any more, in the order of the source.
    pub during: Vec<CostlyCall<'a>>,
}

/// Returns the large values of a scope that live longer than they are used, in the order of where they can be deleted.
pub(crate) fn lifetimes<'m, 'a>(module: &'m Module<'a>, scope: &'m Scope<'a>) -> Vec<Lifetime<'m, 'a>> {
    let is_importable = scope.function.is_none() && module.is_library();
    if scope.facts.costly.is_empty() || is_importable || module.is_test() || module.is_watched(scope) {
        return Vec::new();
    }
    let candidates = candidates(scope, &shown(module, scope));
    let mut tracked = Tracked::default();
    for candidate in &candidates {
        tracked.add(candidate.binding.name);
        candidate.holders.iter().chain(&candidate.held).for_each(|name| tracked.add(name));
    }
    if tracked.is_empty() {
        return Vec::new();
    }
    let graph = build(scope.body, &tracked);
    let solution = solve(&graph);
    let mut search = Search { module, scope, tracked, graph, solution };
    let mut found: Vec<Lifetime<'_, '_>> = candidates.iter().filter_map(|candidate| search.next(candidate)).collect();
    found.sort_by_key(|lifetime| lifetime.point.after());
    found
}

/// A large value whose name nobody reaches in a hidden way.
struct Candidate<'m, 'a> {
    binding: &'m Binding<'a>,
    /// Who may keep it alive.
    holders: Vec<&'a str>,
    /// Whose memory it may share.
    held: Vec<&'a str>,
}

fn candidates<'m, 'a>(scope: &'m Scope<'a>, shown: &FxHashSet<&'a str>) -> Vec<Candidate<'m, 'a>> {
    let is_plain =
        |name: &str| scope.reached.is_plain(name) && !scope.facts.escaped.contains(name) && !shown.contains(name);
    let is_own = |name: &&'a str| is_plain(name) && !scope.parameters.contains(name);
    let mut found: Vec<Candidate<'m, 'a>> = Vec::new();
    for binding in &scope.facts.bindings {
        // A list that large values are put into becomes large; what the loop's own name still holds is one of them.
        let is_grown = binding.value.kind == Some(Kind::List) && scope.facts.grown.contains(binding.name);
        if !(binding.value.is_large() || is_grown) {
            continue;
        }
        let (Some(holders), Some(held)) = (scope.holders(binding.name), scope.held(binding.name)) else { continue };
        if is_plain(binding.name) && holders.iter().all(is_own) {
            found.push(Candidate { binding, holders, held: if is_grown { Vec::new() } else { held } });
        }
        if found.len() >= MOST_CANDIDATES {
            break;
        }
    }
    found
}

/// Returns the names whose values a notebook shows at the end of a cell: it keeps them, as `Out[7]`.
fn shown<'a>(module: &Module<'a>, scope: &Scope<'a>) -> FxHashSet<&'a str> {
    let mut names = FxHashSet::default();
    if module.source.kind != SourceKind::Notebook || scope.function.is_some() {
        return names;
    }
    let cell = |statement: &Stmt| module.source.place(statement.start()).cell;
    for (place, statement) in scope.body.iter().enumerate() {
        let is_last = scope.body.get(place + 1).is_none_or(|next| cell(next) != cell(statement));
        if let (true, Stmt::Expr(expression)) = (is_last, statement) {
            let parts = match &*expression.value {
                Expr::Tuple(tuple) => tuple.elts.as_slice(),
                one => std::slice::from_ref(one),
            };
            names.extend(parts.iter().filter_map(root));
        }
    }
    names
}

/// The name of which an expression is a part. What calls return is something else, mostly.
fn root(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        Expr::Subscript(subscript) => root(&subscript.value),
        _ => None,
    }
}

/// How many values of a scope are followed.
const MOST_CANDIDATES: usize = 256;

/// How many points are tried for each, after its last use.
const MOST_TRIES: usize = 32;

struct Search<'m, 'a> {
    module: &'m Module<'a>,
    scope: &'m Scope<'a>,
    tracked: Tracked<'a>,
    graph: Graph<'a>,
    solution: Solution,
}

impl<'m, 'a> Search<'m, 'a> {
    /// Looks for the first point at which a candidate can go, and puts the deletion into the graph.
    fn next(&mut self, candidate: &Candidate<'m, 'a>) -> Option<Lifetime<'m, 'a>> {
        let binding = candidate.binding;
        let name = self.tracked.set(binding.name);
        if name.is_empty() {
            return None;
        }
        let mut tries = 0;
        for point in self.graph.points_after(binding.at) {
            if self.solution.live(point.node).meets(name) {
                continue;
            }
            tries += 1;
            if tries > MOST_TRIES {
                return None;
            }
            // A value that is never used is another matter.
            if point.statement.start() == binding.at {
                return None;
            }
            let Some(names) = self.deletable(candidate, &point) else { continue };
            let during = self.costly_after(&point, name);
            if during.is_empty() {
                return None;
            }
            let set = names.iter().fold(NameSet::EMPTY, |set, name| set | self.tracked.set(name));
            self.graph.delete_at(point.node, set);
            self.solution = solve(&self.graph);
            let in_statement = last_use(std::slice::from_ref(point.statement), &names, point.after());
            // Of statements that share a line, it may be an earlier one.
            let last_use = in_statement.or_else(|| last_use(self.scope.body, &names, point.after()));
            let last_use = last_use.unwrap_or_else(|| point.statement.range());
            let is_merged = is_merged(self.module, point.statement, binding.name);
            return Some(Lifetime { binding, names, point, last_use, is_merged, during });
        }
        None
    }

    /// Returns the names to delete at a point, if that can be done and lets the memory go.
    fn deletable(&self, candidate: &Candidate<'m, 'a>, point: &Point<'a>) -> Option<Vec<&'a str>> {
        let binding = candidate.binding;
        if !self.is_line_of_its_own(point) {
            return None;
        }
        // A parameter that got a value sharing the memory of what it was: the caller has that.
        let shares = |name: &str| self.scope.facts.held.get(name).is_some_and(|held| held.contains(&binding.name));
        let is_parameter = self.scope.parameters.contains(&binding.name);
        if is_parameter && candidate.held.iter().chain([&binding.name]).any(|name| shares(name)) {
            return None;
        }
        // What shares the memory of something that stays frees nothing.
        let maybe = self.solution.maybe(point.node);
        let stays = |held: &&str| self.scope.parameters.contains(held) || maybe.meets(self.tracked.set(held));
        if candidate.held.iter().any(|held| !self.tracked.has(held) || stays(held)) {
            return None;
        }
        let mut names = vec![binding.name];
        for holder in &candidate.holders {
            if !self.tracked.has(holder) {
                return None;
            }
            if maybe.meets(self.tracked.set(holder)) {
                names.push(holder);
            }
        }
        let set = names.iter().fold(NameSet::EMPTY, |set, name| set | self.tracked.set(name));
        if !self.graph.can_delete(&self.solution, point.node, set) {
            return None;
        }
        let is_data = names.iter().all(|name| self.is_data_at(name, point));
        let is_this = self.graph.bindings_reaching(point.node, self.tracked.set(binding.name)).contains(&binding.at);
        (is_data && is_this).then_some(names)
    }

    /// Returns whether whatever a name may be at a point is data, whose end nobody notices.
    fn is_data_at(&self, name: &str, point: &Point<'a>) -> bool {
        let reaching = self.graph.bindings_reaching(point.node, self.tracked.set(name));
        let mut of_name = self.scope.facts.bindings.iter().filter(|binding| binding.name == name);
        let known = of_name.clone().filter(|binding| reaching.contains(&binding.at)).count();
        let is_known = |binding: &Binding<'_>| binding.value.is_known();
        known > 0
            && !self.scope.facts.mixed.contains(name)
            && of_name.all(|binding| !reaching.contains(&binding.at) || is_known(binding))
    }

    fn costly_after(&self, point: &Point<'a>, name: NameSet) -> Vec<CostlyCall<'a>> {
        let statements = self.graph.statements_while_bound(point.node, name);
        let costly = self.scope.facts.costly.iter().filter(|(at, _)| statements.contains(at));
        let mut during: Vec<CostlyCall<'a>> = costly.map(|(_, call)| *call).collect();
        // Those that follow in the source first; what comes again in a loop last.
        during.sort_by_key(|call| (call.range.start() < point.after(), call.range.start()));
        during
    }

    /// Returns whether a line can be added at a point: the statement before ends its line, and the next begins another.
    fn is_line_of_its_own(&self, point: &Point<'a>) -> bool {
        let source = self.module.source;
        let line = source.line_at(point.after());
        let rest = source.line(line).get(point.after().to_usize() - source.line_start(line)..).unwrap_or_default();
        let is_end = {
            let rest = rest.trim_start_matches([';', ' ', '\t']);
            rest.is_empty() || rest.starts_with('#')
        };
        let is_apart = point.next.is_none_or(|next| source.line_at(next.start()) > line);
        let first = source.line_at(point.first.start());
        let indentation = source
            .text
            .get(source.line_start(first)..point.first.start().to_usize())
            .is_some_and(|text| text.chars().all(|c| c == ' ' || c == '\t'));
        is_end && is_apart && indentation
    }
}

/// Returns whether a frame is the left side of a merge in a statement.
fn is_merged(module: &Module<'_>, statement: &Stmt, name: &str) -> bool {
    struct Merges<'n> {
        imports: &'n Imports<'n>,
        name: &'n str,
        found: bool,
    }
    impl<'e> Visitor<'e> for Merges<'_> {
        fn visit_expr(&mut self, expression: &'e Expr) {
            if let Expr::Call(call) = expression {
                let left = match &*call.func {
                    function if self.imports.path(function).as_deref() == Some("pandas.merge") => {
                        call.arguments.find_positional(0)
                    }
                    Expr::Attribute(method) if matches!(method.attr.as_str(), "merge" | "join") => Some(&*method.value),
                    _ => None,
                };
                self.found |= matches!(left, Some(Expr::Name(name)) if name.id == self.name);
            }
            walk_expr(self, expression);
        }
    }
    let mut search = Merges { imports: &module.imports, name, found: false };
    search.visit_stmt(statement);
    search.found
}

/// Returns the last place in some statements, before an end, where one of some names is read.
fn last_use(statements: &[Stmt], names: &[&str], before: TextSize) -> Option<TextRange> {
    let mut search = LastUse { names, before, found: None };
    search.visit_body(statements);
    search.found
}

struct LastUse<'n> {
    names: &'n [&'n str],
    before: TextSize,
    found: Option<TextRange>,
}

impl<'e> Visitor<'e> for LastUse<'_> {
    fn visit_expr(&mut self, expression: &'e Expr) {
        if let Expr::Name(name) = expression
            && self.names.contains(&name.id.as_str())
            && name.range.start() < self.before
        {
            let is_later = self.found.is_none_or(|found| found.start() < name.range.start());
            self.found = if is_later { Some(name.range) } else { self.found };
        }
        walk_expr(self, expression);
    }
}

/// Returns the line to add for some names, and where.
pub(crate) fn deletion(module: &Module<'_>, lifetime: &Lifetime<'_, '_>) -> (TextSize, String) {
    let source = module.source;
    let first = lifetime.point.first;
    let start = source.line_start(source.line_at(first.start()));
    let indentation = source.text.get(start..first.start().to_usize()).unwrap_or_default();
    let line = source.line_at(lifetime.point.after());
    let end = source.line_start(line + 1);
    let statement = format!("{indentation}del {}\n", lifetime.names.join(", "));
    // A last line without an end gets one.
    let has_end = source.text.get(..end).is_none_or(|text| text.ends_with(['\n', '\r']));
    let text = if has_end { statement } else { format!("\n{}", statement.trim_end_matches('\n')) };
    (TextSize::new(u32::try_from(end).unwrap_or(u32::MAX)), text)
}
