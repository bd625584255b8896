"""``frame.describe()``: a row of figures for each column, of one pass over the rows."""

from __future__ import annotations

from tidegate._sql_text import identifier, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS = ("int", "uint", "float", "double", "decimal")

# Types that `approx_distinct` knows.
_COUNTED = ("int", "uint", "utf8", "date", "timestamp")

# What is computed of every column, and what of numbers alone.
_OF_ALL = {"count": "count({0})", "null_count": "count(*) - count({0})", "approx_n_unique": "approx_distinct({0})"}
_OF_NUMBERS = {
    "mean": "avg({0})",
    "std": "stddev_samp({0})",
    "min": "CAST(min({0}) AS DOUBLE)",
    "25%": "approx_percentile_cont(CAST({0} AS DOUBLE), 0.25)",
    "50%": "approx_percentile_cont(CAST({0} AS DOUBLE), 0.5)",
    "75%": "approx_percentile_cont(CAST({0} AS DOUBLE), 0.75)",
    "max": "CAST(max({0}) AS DOUBLE)",
}


def describe_sql(schema: Mapping[str, str]) -> str:
    """Return the query, over ``self``, that describes columns of these types.

    Examples
    --------
    >>> print(describe_sql({"a": "Utf8"}).split(chr(10))[1].strip())
    CASE at WHEN 0 THEN "0 count" END AS count,

    """
    aggregates: list[str] = []
    cases: dict[str, list[str]] = {figure: [] for figure in (*_OF_ALL, *_OF_NUMBERS)}
    for at, (name, dtype) in enumerate(schema.items()):
        is_direct = dtype.lower().startswith(_COUNTED)
        different = "approx_distinct({0})" if is_direct else "approx_distinct(CAST({0} AS VARCHAR))"
        figures = {
            **_OF_ALL,
            "approx_n_unique": different,
            **(_OF_NUMBERS if dtype.lower().startswith(_NUMBERS) else {}),
        }
        for figure, template in figures.items():
            aggregates.append(f"{template.format(identifier(name))} AS {identifier(f'{at} {figure}')}")
            cases[figure].append(f"WHEN {at} THEN {identifier(f'{at} {figure}')}")
    columns = ['name AS "column"']
    for figure, branches in cases.items():
        value = f"CASE at {' '.join(branches)} END" if branches else "CAST(NULL AS DOUBLE)"
        columns.append(f"{value} AS {identifier(figure)}")
    names = ", ".join(f"({at}, {text(name)})" for at, name in enumerate(schema))
    figures_sql, columns_sql = ",\n    ".join(aggregates), ",\n  ".join(columns)
    return (
        f"SELECT {columns_sql}\nFROM (\n  SELECT {figures_sql}\n  FROM self\n) AS figures\n"
        f"CROSS JOIN (VALUES {names}) AS columns(at, name)\nORDER BY at"
    )
