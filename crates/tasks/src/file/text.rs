//! Placeholders in queries and commands: `{input}`, `{output}` and `{output:task}`. Any other brace is text, because both SQL
//! and programs such as awk have uses for braces.

/// A part of a query or of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// `{input}`: the file of the unit, or all files.
    Input,
    /// `{output}`: where the unit writes.
    Output,
    /// `{output:task}`: what another task wrote.
    OutputOf(&'a str),
}

/// Takes a text apart. What is put in for a placeholder is never looked at again.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut searched) = (text, 0);
    while let Some(open) = rest.get(searched..).and_then(|part| part.find('{')).map(|at| at + searched) {
        let Some((piece, end)) = rest.get(open..).and_then(placeholder).map(|(piece, length)| (piece, open + length))
        else {
            searched = open + 1;
            continue;
        };
        if let Some(before) = rest.get(..open).filter(|before| !before.is_empty()) {
            pieces.push(Piece::Text(before));
        }
        pieces.push(piece);
        rest = rest.get(end..).unwrap_or_default();
        searched = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Returns the placeholder that the text begins with, and its length.
fn placeholder(text: &str) -> Option<(Piece<'_>, usize)> {
    let (inner, _) = text.strip_prefix('{')?.split_once('}')?;
    let piece = match inner.split_once(':') {
        None if inner == "input" => Piece::Input,
        None if inner == "output" => Piece::Output,
        Some(("output", task)) if is_name(task) => Piece::OutputOf(task),
        _ => return None,
    };
    Some((piece, inner.len() + 2))
}

/// Returns whether a text can be the name of a task.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_other_braces_are_text() {
        let check = |text: &str, expect: &[Piece<'_>]| assert_eq!(pieces(text), expect, "{text}");
        check("", &[]);
        check("FROM {input}", &[Piece::Text("FROM "), Piece::Input]);
        check("{input}{output}", &[Piece::Input, Piece::Output]);
        check("a{output:up-1}b", &[Piece::Text("a"), Piece::OutputOf("up-1"), Piece::Text("b")]);
        check("{print $1} {inputs} {", &[Piece::Text("{print $1} {inputs} {")]);
        check("{{input}}", &[Piece::Text("{"), Piece::Input, Piece::Text("}")]);
        check("{'a': {output:}}", &[Piece::Text("{'a': {output:}}")]);
        check("ä{ö}{input}", &[Piece::Text("ä{ö}"), Piece::Input]);
    }
}
