//! Which names an expression reads.

use super::graph::{NameSet, Tracked};
use crate::names::{Mentioned, mentioned};
use ruff_python_ast::{
    Expr, ExprCall, ExprContext,
    visitor::{Visitor, walk_expr},
};

/// Returns the followed names that an expression reads, those among them that a text in it mentions.
pub(super) fn uses(expression: &Expr, tracked: &Tracked<'_>) -> NameSet {
    let mut search = Search { tracked, found: NameSet::EMPTY };
    search.visit_expr(expression);
    search.found
}

struct Search<'a, 't> {
    tracked: &'t Tracked<'a>,
    found: NameSet,
}

impl Search<'_, '_> {
    /// `df.query("a > @least")` and `pd.eval("x + y")` read names of the scope they are called in.
    fn mentions(&mut self, call: &ExprCall) {
        let name = match &*call.func {
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            Expr::Name(name) => name.id.as_str(),
            _ => return,
        };
        let how = match name {
            "query" => Mentioned::Marked,
            "eval" | "evaluate" | "re_evaluate" => Mentioned::Words,
            _ => return,
        };
        let keywords = call.arguments.keywords.iter().map(|keyword| &keyword.value);
        let mut texts = call.arguments.args.iter().chain(keywords).peekable();
        if texts.peek().is_none() {
            // What is evaluated again was given before.
            self.found |= self.tracked.all();
        }
        for text in texts {
            match text {
                Expr::StringLiteral(text) => {
                    for word in mentioned(text.value.to_str(), how) {
                        self.found |= self.tracked.set(word);
                    }
                }
                Expr::BooleanLiteral(_) | Expr::NumberLiteral(_) | Expr::NoneLiteral(_) => {}
                // Nobody knows what it will say.
                _ => self.found |= self.tracked.all(),
            }
        }
    }
}

impl<'e> Visitor<'e> for Search<'_, '_> {
    fn visit_expr(&mut self, expression: &'e Expr) {
        match expression {
            Expr::Name(name) if !matches!(name.ctx, ExprContext::Store) => {
                self.found |= self.tracked.set(name.id.as_str());
            }
            Expr::Call(call) => {
                self.mentions(call);
                walk_expr(self, expression);
            }
            _ => walk_expr(self, expression),
        }
    }
}
