//! DataFusion's messages without what is of use to its own developers only.

/// What goes before a message and names the part of the engine that it comes from.
const PREFIXES: [&str; 13] = [
    "Error during planning: ",
    "Internal error: ",
    "Execution error: ",
    "External error: ",
    "Schema error: ",
    "Arrow error: ",
    "Cast error: ",
    "Compute error: ",
    "Parser error: ",
    "Invalid argument error: ",
    "This feature is not implemented: ",
    "Not yet implemented: ",
    "NYI: ",
];

/// Returns a message as a fragment of one line.
pub(crate) fn plain(message: &str) -> String {
    let mut rest = message.lines().next().unwrap_or_default();
    while let Some(after) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = after;
    }
    let rest = rest.trim_end_matches('.');
    if let Some(text) = no_signature(rest) {
        return text;
    }
    // A part of the parser's tree, as its developers see it.
    let rest = match rest.split_once(" {") {
        Some((before, after)) if after.contains("Span(Location(") => before,
        _ => rest,
    };
    without_capital(rest)
}

/// `Cannot` becomes `cannot`; what is more than a capital, such as `CSV` or `EXCLUDE`, stays.
fn without_capital(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// Joins what each form of a function requires: DataFusion says it once for each of them, whole.
fn no_signature(message: &str) -> Option<String> {
    let (function, details) = message.split_once(" failed to match any signature, errors: ")?;
    let name = function.strip_prefix("Function ")?.trim_matches('\'');
    let start = format!("Error during planning: {function} ");
    let forms: Vec<&str> = details.split(&start).map(|form| form.trim_matches([',', '.', ' '])).collect();
    let mut forms = forms.into_iter().filter(|form| !form.is_empty());
    let (first, got) = split_form(forms.next()?)?;
    let mut needs = vec![first];
    for form in forms {
        let (need, other) = split_form(form)?;
        if other != got {
            return Some(format!("`{name}` {first}, but received {got}"));
        }
        // `requires` or `expects` is said once.
        needs.push(need.split_once(' ').map_or(need, |(_, need)| need));
    }
    Some(format!("`{name}` {}, but received {got}", needs.join(" or ")))
}

/// Takes `requires Int64, but received String (..)` apart.
fn split_form(form: &str) -> Option<(&str, &str)> {
    let (need, got) = form.split_once(" received ")?;
    let got = got.split_once(" (").map_or(got, |(got, _)| got);
    Some((need.trim_end_matches(" but").trim_end_matches(','), got))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn messages_are_fragments_without_prefixes() {
        let check = |message: &str, expected: &str| assert_eq!(plain(message), expected);
        check(
            "Arrow error: Cast error: Cannot cast string 'x' to value of Int32 type",
            "cannot cast string 'x' to value of Int32 type",
        );
        check("QUALIFY clause requires window functions", "QUALIFY clause requires window functions");
        check("Internal error: Something.\nThis issue was likely caused by a bug", "something");
        check("NYI: unsupported Pivot { a: Span(Location(1,2)) } in create_relation", "unsupported Pivot");
        check(
            "Internal error: Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' \
             requires Int64, but received String (DataType: Utf8).,Error during planning: Function 'sum' requires Float64, \
             but received String (DataType: Utf8)..",
            "`sum` requires Int64 or Float64, but received String",
        );
        check(
            "Internal error: Function 'substr' failed to match any signature, errors: Error during planning: Function \
             'substr' expects 2 arguments but received 4,Error during planning: Function 'substr' expects 3 arguments but \
             received 4.",
            "`substr` expects 2 arguments or 3 arguments, but received 4",
        );
    }
}
