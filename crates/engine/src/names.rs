//! "Did you mean": the known names nearest to a mistyped one.

/// Returns up to three of `known` that are near to `wrong`, nearest first. Case counts only among those that are as near without it.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let lower = wrong.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    let as_written = |name: &str| strsim::jaro_winkler(wrong, name);
    scored.sort_by(|a, b| {
        let by_case = || as_written(b.1).total_cmp(&as_written(a.1));
        b.0.total_cmp(&a.0).then_with(by_case).then_with(|| a.1.cmp(b.1))
    });
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_best_match_comes_first() {
        let columns = ["client", "status", "bytes", "path", "request_time"];
        assert_eq!(nearest("statsu", columns), ["status"]);
        assert_eq!(nearest("Request_Tme", columns), ["request_time"]);
        assert!(nearest("zebra", columns).is_empty());
        assert_eq!(nearest("wrds", ["Words", "words"]), ["words", "Words"]);
        assert_eq!(nearest("Wrds", ["words", "Words"]), ["Words", "words"]);
    }
}
