//! "Did you mean": the known names nearest to a mistyped one.

/// Returns the known name nearest to `wrong`, if one is near.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name));
    let near = scored.filter(|(score, _)| *score >= 0.75);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Returns names in backticks, separated by commas.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let known = ["input", "output", "format"];
        assert_eq!(nearest("ouput", known), Some("output"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(quoted(["a", "b"]), "`a`, `b`");
    }
}
