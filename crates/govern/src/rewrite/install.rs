//! Which plans are rewritten, and how that gets into a session.

use super::{
    distinct_on::FirstOfDistinctOn,
    joins::{GuardNestedLoops, ReplaceJoins},
    not_in_rule::SayNotIn,
    planner::RewritePlanner,
    semi_joins::DropRepeatedRows,
};
use datafusion::{
    execution::SessionStateBuilder,
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
};
use std::sync::Arc;

/// Which plans are rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewriteOptions {
    /// `DISTINCT` aggregates are taken apart, where DataFusion's own rewrite does not apply.
    pub distinct_aggregates: bool,
    /// Nested loop joins may run out of memory, and what DataFusion does wrong then is avoided.
    pub guard_nested_loops: bool,
    /// What becomes of joins that cannot spill.
    pub joins: Joins,
}

/// What becomes of joins that cannot spill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// They stay, which is fastest where everything fits.
    Kept,
    /// Joins that can take their place: for a task that was refused memory. `NOT IN (subquery)` becomes a sort-merge join in
    /// place of a hash join on the outer table, a cross join becomes a nested loop join, and nested loop joins that must know
    /// the partners of their right side are turned around.
    Replaced,
}

impl RewriteOptions {
    /// Returns what costs nothing where everything fits.
    pub fn first() -> Self {
        Self { distinct_aggregates: true, guard_nested_loops: true, joins: Joins::Kept }
    }

    /// Returns all rewrites, for a task that was refused memory without them.
    pub fn all() -> Self {
        Self { joins: Joins::Replaced, ..Self::first() }
    }

    /// Puts the rewrites into a session, among DataFusion's own rules, and with them what makes `NOT IN` right.
    pub fn install(self, builder: SessionStateBuilder) -> SessionStateBuilder {
        let mut rules = PhysicalOptimizer::new().rules;
        insert_before(&mut rules, "EnsureRequirements", Arc::new(DropRepeatedRows));
        if self.joins == Joins::Replaced {
            insert_before(&mut rules, "EnsureRequirements", Arc::new(ReplaceJoins));
        }
        if self.guard_nested_loops {
            insert_before(&mut rules, "SanityCheckPlan", Arc::new(GuardNestedLoops));
        }
        builder
            .with_analyzer_rule(Arc::new(SayNotIn))
            .with_analyzer_rule(Arc::new(FirstOfDistinctOn))
            .with_physical_optimizer_rules(rules)
            .with_query_planner(Arc::new(RewritePlanner { options: self }))
    }
}

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

fn insert_before(rules: &mut Vec<Rule>, name: &str, rule: Rule) {
    let place = rules.iter().position(|known| known.name() == name).unwrap_or(rules.len());
    rules.insert(place, rule);
}
