//! What is asked of each log.

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// A short name, which the pandas side knows as well.
    pub(super) name: &'static str,
    /// The query; `{}` stands for the path.
    sql: &'static str,
}

impl Question {
    /// Returns the query over a file.
    pub(super) fn sql(&self, path: &str) -> String {
        self.sql.replace("{}", &path.replace('\'', "''"))
    }
}

/// A group-by with an exact percentile, distinct counts, and a sort of everything: all rows come back.
pub(super) const QUESTIONS: [Question; 3] = [
    Question {
        name: "paths",
        sql: "SELECT path, count(*) AS requests, coalesce(sum(bytes), 0) AS bytes, \
              percentile_cont(request_time, 0.95) AS p95 FROM '{}' GROUP BY path ORDER BY requests DESC, path",
    },
    Question {
        name: "clients",
        sql: "SELECT status, count(*) AS requests, count(DISTINCT client) AS clients FROM '{}' \
              GROUP BY status ORDER BY status",
    },
    Question {
        name: "sorted",
        sql: "SELECT request_time, client, path, status, bytes FROM '{}' ORDER BY request_time DESC, _line",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_is_no_end_of_it() {
        assert!(QUESTIONS.iter().all(|question| question.sql("/it's").contains("FROM '/it''s' ")));
    }
}
