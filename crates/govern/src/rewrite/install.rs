//! Which plans are rewritten.

use super::planner::RewritePlanner;
use datafusion::execution::SessionStateBuilder;
use std::sync::Arc;

/// Which plans are rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewriteOptions {
    /// `DISTINCT` aggregates, where DataFusion's own rewrite does not apply.
    pub distinct_aggregates: bool,
}

impl Default for RewriteOptions {
    fn default() -> Self {
        Self { distinct_aggregates: true }
    }
}

impl RewriteOptions {
    /// Puts the rewrites into a session.
    pub fn install(self, builder: SessionStateBuilder) -> SessionStateBuilder {
        builder.with_query_planner(Arc::new(RewritePlanner { options: self }))
    }
}
