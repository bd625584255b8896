//! Access logs as pandas reads them: fields between spaces, some of them quoted.

use crate::{delimited::Dialect, sizes::FileKind};

/// The fields of a combined log; the time is two of them, because of the space in it.
const NAMES: [&str; 10] =
    ["client", "ident", "user", "time", "zone", "request", "status", "bytes", "referer", "user_agent"];

/// Returns how pandas reads an access log whose lines have as many fields as the first one.
pub(crate) fn dialect(head: &[u8]) -> Dialect {
    let first = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let fields = fields(first).max(NAMES.len() - 2);
    let name = |place: usize| match NAMES.get(place) {
        Some(name) => (*name).to_owned(),
        None if place == NAMES.len() => "request_time".to_owned(),
        None => format!("field_{place}"),
    };
    Dialect {
        kind: FileKind::Access,
        delimiter: b' ',
        escape: Some(b'\\'),
        missing: Some(b"-"),
        names: Some((0..fields).map(name).collect()),
    }
}

/// Counts the fields of a line: spaces outside of quotes divide them.
fn fields(line: &[u8]) -> usize {
    let (mut fields, mut is_quoted, mut is_escaped) = (1, false, false);
    for byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b' ' if !is_quoted => fields += 1,
            _ => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_fields_of_their_format() {
        let common = r#"h - - [10/Oct/2000:13:55:36 -0700] "GET /a\"b HTTP/1.1" 200 5"#;
        let names = |line: &str| dialect(line.as_bytes()).names.unwrap();
        assert_eq!(names(common).last().unwrap(), "bytes");
        let combined = format!("\n{common} \"-\" \"a b\" 0.25 x\nnext");
        assert_eq!(names(&combined)[9..], ["user_agent", "request_time", "field_11"]);
    }
}
