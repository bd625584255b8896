//! The queries of the matrix: every operator that holds memory, and every kind of data that is hard to hold.

/// A query of the matrix. `{log}` and the other names in braces stand for paths of [`super::data`].
pub struct Query {
    /// Its name in the report.
    pub name: &'static str,
    /// The query.
    pub sql: &'static str,
    /// Whether it is part of the small matrix that every test run passes.
    pub quick: bool,
}

/// Returns all queries.
pub fn all() -> Vec<Query> {
    let of = |&(name, sql): &(&'static str, &'static str), quick| Query { name, sql, quick };
    QUICK.iter().map(|query| of(query, true)).chain(MORE.iter().map(|query| of(query, false))).collect()
}

const QUICK: &[(&str, &str)] = &[
    ("group by status", "SELECT status, count(*), sum(bytes) FROM '{log}' GROUP BY status"),
    ("group by, 1.2 M string keys", "SELECT k, count(*) AS n FROM '{unique}' GROUP BY k ORDER BY n DESC, k LIMIT 10"),
    ("sort of everything", "SELECT * FROM '{log}' ORDER BY request_time, _offset"),
    ("sum() over ()", "SELECT path, bytes, sum(bytes) OVER () AS total FROM '{log}'"),
    (
        "two COUNT(DISTINCT) by group",
        "SELECT status, count(DISTINCT client) AS c, count(DISTINCT path) AS p FROM '{log}' GROUP BY status",
    ),
    (
        "inner join",
        "SELECT a.status, count(*) AS n FROM '{log}' a JOIN '{log}' b ON a.client = b.client AND a.ts = b.ts AND a.path = b.path GROUP BY a.status",
    ),
];

const MORE: &[(&str, &str)] = &[
    (
        "top 20 paths",
        "SELECT path, count(*) AS n, sum(bytes) AS b FROM '{log}' GROUP BY path ORDER BY n DESC, path LIMIT 20",
    ),
    (
        "percentiles by minute",
        "SELECT date_trunc('minute', ts) AS minute, count(*) AS n, approx_percentile_cont(request_time, 0.5) AS p50, approx_percentile_cont(request_time, 0.99) AS p99 FROM '{log}' GROUP BY minute",
    ),
    (
        "top users by bytes",
        "SELECT client, count(*) AS n, sum(bytes) AS b FROM '{log}' GROUP BY client ORDER BY b DESC NULLS LAST, client LIMIT 20",
    ),
    ("filter, wide rows out", "SELECT * FROM '{log}' WHERE status = 500"),
    ("sort by several narrow keys", "SELECT status, bytes FROM '{log}' ORDER BY status, bytes"),
    ("sort by long strings", "SELECT user_agent, path FROM '{log}' ORDER BY user_agent, path"),
    ("sort of a generated series", "SELECT value FROM generate_series(1, 3000000) ORDER BY value % 7, value"),
    ("top-k", "SELECT * FROM '{log}' ORDER BY request_time DESC, _offset LIMIT 1000"),
    (
        "top-k, large k",
        "SELECT client, path, request_time FROM '{log}' ORDER BY request_time DESC, _offset LIMIT 100000",
    ),
    ("DISTINCT", "SELECT count(*) AS n FROM (SELECT DISTINCT client, path FROM '{log}')"),
    ("one COUNT(DISTINCT)", "SELECT count(DISTINCT client) AS n FROM '{log}'"),
    (
        "COUNT(DISTINCT) beside others",
        "SELECT count(*) AS n, count(DISTINCT client) AS c, avg(request_time) AS a FROM '{log}'",
    ),
    ("exact median by group", "SELECT status, median(request_time) AS m FROM '{log}' GROUP BY status"),
    ("float sums by group", "SELECT path, sum(request_time) AS s, avg(request_time) AS a FROM '{log}' GROUP BY path"),
    (
        "float statistics",
        "SELECT stddev(request_time) AS s, var_pop(request_time) AS v, corr(request_time, bytes) AS c FROM '{log}'",
    ),
    ("approximate distinct", "SELECT status, approx_distinct(client) AS n FROM '{log}' GROUP BY status"),
    (
        "percentiles of many groups",
        "SELECT date_trunc('minute', ts) AS minute, status, approx_percentile_cont(bytes, 0.5) AS p50, approx_percentile_cont(bytes, 0.9) AS p90, approx_percentile_cont(request_time, 0.99) AS p99 FROM '{log}' GROUP BY minute, status",
    ),
    (
        "approximate distinct of many groups",
        "SELECT date_trunc('minute', ts) AS minute, approx_distinct(client) AS clients, approx_distinct(path) AS paths FROM '{log}' GROUP BY minute",
    ),
    (
        "string_agg in order",
        "SELECT status, length(string_agg(path, ',' ORDER BY ts, _offset)) AS n FROM '{log}' WHERE status >= 400 GROUP BY status",
    ),
    ("array_agg of everything", "SELECT array_length(array_agg(_raw)) AS n FROM '{log}'"),
    (
        "left join",
        "SELECT count(*) AS n, sum(b.bytes) AS s FROM '{log}' a LEFT JOIN '{log}' b ON a.client = b.client AND a.path = b.path AND b.status = 404",
    ),
    (
        "right join",
        "SELECT count(*) AS n, sum(a.bytes) AS s FROM '{log}' a RIGHT JOIN '{log}' b ON a.client = b.client AND a.ts = b.ts AND a.status = 200",
    ),
    (
        "full join",
        "SELECT count(*) AS n, count(a.status) AS l, count(b.status) AS r FROM (SELECT *, _offset FROM '{log}' WHERE bytes > 1000) a FULL JOIN (SELECT *, _offset FROM '{log}' WHERE bytes < 9000) b ON a._offset = b._offset",
    ),
    (
        "semi join",
        "SELECT count(*) AS n FROM '{log}' a WHERE EXISTS (SELECT 1 FROM '{log}' b WHERE a.client = b.client AND b.status = 500)",
    ),
    (
        "anti join",
        "SELECT count(*) AS n FROM '{log}' a WHERE NOT EXISTS (SELECT 1 FROM '{log}' b WHERE a.client = b.client AND b.status = 200)",
    ),
    (
        "semi join on timestamps",
        "SELECT count(*) AS n FROM '{log}' a LEFT SEMI JOIN '{log}' b ON a.ts = b.ts AND a.client = b.client",
    ),
    (
        "mark join",
        "SELECT count(*) AS n FROM '{log}' a WHERE a.status = 404 OR a.client IN (SELECT client FROM '{log}' WHERE status = 500)",
    ),
    (
        "NOT IN, null-aware",
        "SELECT count(*) AS n FROM '{log}' WHERE client NOT IN (SELECT client FROM '{log}' WHERE status = 200)",
    ),
    ("NOT IN with a NULL", "SELECT count(*) AS n FROM '{log}' WHERE user NOT IN (SELECT user FROM '{log}')"),
    (
        "join by a range",
        "SELECT count(*) AS n FROM '{log}' a JOIN (SELECT DISTINCT status FROM '{log}') b ON a.status < b.status AND a.bytes > b.status",
    ),
    (
        "cross join",
        "SELECT count(*) AS n, sum(a.bytes + b.status) AS s FROM '{log}' a CROSS JOIN (SELECT DISTINCT status FROM '{log}') b",
    ),
    (
        "skewed join",
        "SELECT count(*) AS n, sum(b.v) AS s FROM '{skewed}' a JOIN (SELECT k, max(v) AS v FROM '{skewed}' GROUP BY k) b ON a.k = b.k",
    ),
    (
        "row_number by client",
        "SELECT client, path, row_number() OVER (PARTITION BY client ORDER BY ts, _offset) AS n FROM '{log}'",
    ),
    ("ntile over everything", "SELECT request_time, ntile(4) OVER (ORDER BY request_time, _offset) AS q FROM '{log}'"),
    ("sum over a skewed partition", "SELECT k, v, sum(v) OVER (PARTITION BY k) AS s FROM '{skewed}'"),
    (
        "lead and lag",
        "SELECT ts, lag(ts) OVER (ORDER BY _offset) AS before, lead(bytes) OVER (ORDER BY _offset) AS after FROM '{log}'",
    ),
    (
        "running sum",
        "SELECT _offset, sum(bytes) OVER (ORDER BY _offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s FROM '{log}'",
    ),
    (
        "sum to the end",
        "SELECT _offset, sum(bytes) OVER (ORDER BY ts, _offset ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS s FROM '{log}'",
    ),
    (
        "values that are not null",
        "SELECT _offset, last_value(referer) IGNORE NULLS OVER w AS before, lead(referer) IGNORE NULLS OVER w AS after FROM '{log}' WINDOW w AS (ORDER BY _offset)",
    ),
    ("running sum over equal rows", "SELECT bytes, sum(bytes) OVER (ORDER BY status) AS s FROM '{log}'"),
    (
        "GROUPING SETS",
        "SELECT status, method, count(*) AS n, sum(bytes) AS b FROM '{log}' GROUP BY GROUPING SETS ((status, method), (status), ())",
    ),
    (
        "DISTINCT under GROUPING SETS",
        "SELECT path, status, count(DISTINCT client) AS c, count(DISTINCT bytes) AS b, count(*) AS n FROM '{log}' GROUP BY ROLLUP (path, status)",
    ),
    (
        "full join without an equality",
        "SELECT count(*) AS n, max(a.path) AS l, max(a.user_agent) AS u, count(b.status) AS r FROM (SELECT path, user_agent, _offset FROM '{log}' WHERE bytes > 1000) a FULL JOIN (SELECT status, _offset FROM '{log}' WHERE _line < 300) b ON a._offset < b._offset AND a._offset % 7 = b._offset % 11",
    ),
    (
        "ROLLUP with many groups",
        "SELECT path, client, count(*) AS n FROM '{log}' GROUP BY ROLLUP (path, client) ORDER BY n DESC, path, client LIMIT 10",
    ),
    ("UNION ALL", "SELECT count(*) AS n, sum(bytes) AS b FROM (SELECT * FROM '{log}' UNION ALL SELECT * FROM '{log}')"),
    ("UNION", "SELECT count(*) AS n FROM (SELECT client FROM '{log}' UNION SELECT client FROM '{log}')"),
    (
        "EXCEPT",
        "SELECT count(*) AS n FROM (SELECT client FROM '{log}' EXCEPT SELECT client FROM '{log}' WHERE status = 200)",
    ),
    (
        "recursive",
        "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 1000) SELECT sum(i) AS s FROM r",
    ),
    ("wide rows, sorted", "SELECT id, length(body) AS n FROM (SELECT * FROM '{wide}' ORDER BY body, id)"),
    ("wide rows, out", "SELECT * FROM '{wide}'"),
    ("100 columns, sorted", "SELECT * FROM '{columns}' ORDER BY c50, c1"),
    ("100 columns, grouped", "SELECT c2, count(*) AS n, max(c99) AS m FROM '{columns}' GROUP BY c2"),
    ("long strings by group", "SELECT s, count(*) AS n FROM '{long}' GROUP BY s ORDER BY n DESC, length(s), s LIMIT 3"),
    ("nested objects, sorted", "SELECT request, user FROM '{nested}' ORDER BY id"),
    (
        "nested objects, grouped",
        "SELECT request.path AS p, count(*) AS n, max(user) AS u FROM '{nested}' GROUP BY request.path",
    ),
    (
        "2,000 small files",
        "SELECT _file, count(*) AS n, sum(bytes) AS b FROM '{many}/*.log' GROUP BY _file ORDER BY n DESC, _file LIMIT 5",
    ),
    (
        "2,000 small files, joined",
        "SELECT count(*) AS n FROM '{many}/*.log' a JOIN '{many}/*.log' b ON a._file = b._file AND a._line = b._line",
    ),
    ("repeat() of lines", "SELECT sum(length(repeat(_raw, 200))) AS n FROM '{log}' WHERE status >= 400"),
    (
        "correlated subquery",
        "SELECT count(*) AS n FROM '{log}' a WHERE bytes > (SELECT avg(bytes) FROM '{log}' b WHERE b.path = a.path)",
    ),
    (
        "CTE used twice",
        "WITH t AS (SELECT path, count(*) AS n FROM '{log}' GROUP BY path) SELECT count(*) AS n FROM t a JOIN t b ON a.n = b.n AND a.path < b.path WHERE a.n > 100",
    ),
];
