//! The five questions of the demo.

/// A question.
pub struct Question {
    /// A short name, for the file of the answer.
    pub name: &'static str,
    /// The question in words.
    pub title: &'static str,
    /// The query; `{}` stands for the path.
    sql: &'static str,
    /// The extension of the answer's file, which decides its format.
    pub extension: &'static str,
    /// Rows of the answer that are shown.
    pub preview: usize,
}

impl Question {
    /// Returns the query over a file.
    pub fn sql(&self, path: &str) -> String {
        self.sql.replace("{}", &path.replace('\'', "''"))
    }
}

/// The five questions: a scan, a skewed top list, percentiles, a group-by with a million keys, a sort of everything.
pub const QUESTIONS: [Question; 5] = [
    Question {
        name: "status",
        title: "Requests and bytes by status",
        sql: "SELECT status, count(*) AS requests, sum(bytes) AS bytes FROM '{}' GROUP BY status ORDER BY status",
        extension: "csv",
        preview: 5,
    },
    Question {
        name: "paths",
        title: "Top 20 paths",
        sql: "SELECT path, count(*) AS requests FROM '{}' GROUP BY path ORDER BY requests DESC, path LIMIT 20",
        extension: "csv",
        preview: 5,
    },
    Question {
        name: "percentiles",
        title: "Request time by minute: p50, p95, p99",
        sql: "SELECT date_trunc('minute', ts) AS minute, count(*) AS requests, \
              approx_percentile_cont(request_time, 0.5) AS p50, approx_percentile_cont(request_time, 0.95) AS p95, \
              approx_percentile_cont(request_time, 0.99) AS p99 FROM '{}' GROUP BY minute ORDER BY minute",
        extension: "csv",
        preview: 3,
    },
    Question {
        name: "users",
        title: "Top users by bytes (about a million)",
        sql: "SELECT client, count(*) AS requests, sum(bytes) AS bytes FROM '{}' \
              GROUP BY client ORDER BY bytes DESC NULLS LAST, client LIMIT 20",
        extension: "csv",
        preview: 5,
    },
    Question {
        name: "sorted",
        title: "The whole log sorted by request time, into Parquet",
        sql: "SELECT * FROM '{}' ORDER BY request_time",
        extension: "parquet",
        preview: 0,
    },
];
