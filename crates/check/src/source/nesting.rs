//! How deep the tree of a source is, told from its tokens.
//!
//! The parser grows its stack, but whoever walks over the tree recurses, and so does dropping it. A long chain of operators is as
//! deep as its length: `1 + 1 + 1 ..` nests to the left. So each token that can make the tree deeper counts, until a comma or
//! the end of the line takes back what its part of the line counted. That is never too little.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer::lex};

/// The deepest tree that is walked over. Python itself gives up at 200 brackets and some thousand operators.
const DEEPEST: usize = 2_000;

/// Returns whether the tree of a text may be deeper than what can be walked over.
pub(crate) fn is_too_deep(text: &str, mode: Mode) -> bool {
    let mut lexer = lex(text, mode);
    // What each open bracket has counted since its last comma, the line outside of all brackets first.
    let mut open: Vec<usize> = vec![0];
    let (mut depth, mut indents) = (0_usize, 0_usize);
    loop {
        let kind = lexer.next_token();
        match kind {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::Newline => {
                open.clear();
                open.push(0);
                depth = 0;
            }
            TokenKind::Comma => depth -= open.last_mut().map_or(0, std::mem::take),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if open.len() > 1 => {
                depth -= open.pop().unwrap_or(0);
            }
            _ if is_nesting(kind) => {
                depth += 1;
                if let Some(counted) = open.last_mut() {
                    *counted += 1;
                }
                if matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace) {
                    open.push(0);
                }
            }
            _ => {}
        }
        if depth + indents > DEEPEST {
            return true;
        }
    }
}

/// Names, numbers and plain strings are leaves; all else may be a node with others below it.
fn is_nesting(kind: TokenKind) -> bool {
    !matches!(
        kind,
        TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::True
            | TokenKind::False
            | TokenKind::None
            | TokenKind::Ellipsis
            | TokenKind::FStringMiddle
            | TokenKind::FStringEnd
            | TokenKind::And
            | TokenKind::Or
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_told_before_anything_recurses() {
        let check = |text: &str| is_too_deep(text, Mode::Module);
        assert!(check(&format!("x = {}1{}\n", "(".repeat(5_000), ")".repeat(5_000))));
        assert!(check(&format!("x = 1{}\n", " + 1".repeat(5_000))));
        assert!(check(&format!("x = a{}\n", ".b".repeat(5_000))));
        assert!(check(&format!("x = {}1\n", "lambda: ".repeat(5_000))));
        assert!(check(&format!("x = {}1\n", "not ".repeat(5_000))));
        assert!(check(&format!("x = {}1\n", "-".repeat(5_000))));
        assert!(check(&"[".repeat(100_000)));
    }

    #[test]
    fn long_is_not_deep() {
        let check = |text: &str| is_too_deep(text, Mode::Module);
        assert!(!check(&format!("x = [{}]\n", "a.b(-1) + 1, ".repeat(100_000))));
        assert!(!check(&format!("x = {{{}}}\n", "'a': [1, 2], ".repeat(100_000))));
        assert!(!check(&"x = f(1)(2)\n".repeat(100_000)));
        assert!(!check(&format!("x = ({})\n", "'a' ".repeat(10_000))));
        assert!(!check(")))]]}}"));
    }
}
