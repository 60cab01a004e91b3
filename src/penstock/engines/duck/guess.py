"""Types guessed from texts that were all looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engines.duck.words import ident, literal, one

if TYPE_CHECKING:
    import duckdb

_WHOLE = r"^[+-]?(0|[1-9][0-9]*)$"
_OUTGROWN = {"tinyint": "double", "smallint": "double", "integer": "double", "bigint": "double", "date": "timestamp"}
_CANDIDATES = ("bigint", "double", "date", "timestamp", "boolean")


def better(con: duckdb.DuckDBPyConnection, table: str, name: str, kind: str, *, sniffed: bool) -> str:
    """Return the type of a column of texts: a guess from all of them, or a wider type where later ones outgrew `kind`.

    What would lose a digit is not guessed: a column with a leading zero or more than 15 digits is no `double`.
    """
    if not sniffed:
        return next((c for c in _CANDIDATES if _fits(con, table, name, c)), "varchar")
    wide = _OUTGROWN.get(kind, "")
    return wide if wide and not _fits(con, table, name, kind) and _fits(con, table, name, wide) else kind


def _fits(con: duckdb.DuckDBPyConnection, table: str, name: str, kind: str) -> bool:
    column = ident(name)
    lost = f"try_cast({column} as {kind}) is null"
    if kind == "bigint":
        lost += f" or not regexp_matches({column}, {literal(_WHOLE)})"
    elif kind == "double":
        digits = f"length(regexp_replace({column}, '[^0-9]', '', 'g'))"
        lost += f" or {digits} > 15 or regexp_matches({column}, '^[+-]?0[0-9]')"
    elif kind == "date":
        lost += f" or length({column}) > 10"
    elif kind == "boolean":
        lost += f" or lower({column}) not in ('true', 'false')"
    row = one(con.execute(f"select count(*) filter ({lost}), count({column}) from {table} where {column} is not null"))
    return row is not None and row[0] == 0 and row[1] > 0
