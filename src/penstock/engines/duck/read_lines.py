"""Text lines: cut by a regular expression, each part cast, what does not fit set aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.engines.duck import lines
from penstock.engines.duck.cut import Cut, Field, said, typed
from penstock.engines.duck.words import ident, literal

if TYPE_CHECKING:
    import duckdb

    from penstock.protocols.source import Lines, Time

_GROUP = re.compile(r"\(\?P<(\w+)>")


def groups(pattern: str) -> tuple[str, ...]:
    """Return the names of a pattern's groups, in order.

    >>> groups(r"(?P<a>x)(?:y)(?P<b>z)")
    ('a', 'b')
    """
    return tuple(_GROUP.findall(pattern))


def careful(
    con: duckdb.DuckDBPyConnection, path: str, compression: str, wanted: Lines, where: tuple[str, int], table: str
) -> None:
    """Cut lines into the parts that the pattern names, in `table`; lines that do not match go to `{table}_bad`."""
    name, first = where
    names = groups(wanted.pattern)
    parts = f"regexp_extract(_raw, {literal(wanted.pattern)}, {literal(list(names))})"
    lines.read(con, path, compression, name, first, table)
    con.execute(
        f"create or replace temp table {table}_cut as select _n, _raw, {parts} as s, "
        f"regexp_matches(_raw, {literal(wanted.pattern)}) as _ok from {table} where trim(_raw) <> ''"
    )
    con.execute(
        f"insert into {table}_bad select {_place(name, first)}, _raw, 'the line does not match the format' "
        f"from {table}_cut where not _ok order by _n"
    )
    con.execute(f"create or replace temp table {table} as select _n, _raw, s from {table}_cut where _ok")
    con.execute(f"drop table {table}_cut")


def _place(name: str, first: int) -> str:
    return f"{literal(name + ':')} || (_n + {first - 1})"


def cut(wanted: Lines, name: str, first: int, table: str) -> tuple[Cut, dict[str, str]]:
    """Return the cut of the lines in `table`, and the SQL of each part's text."""
    fields, texts = [], {}
    for group in groups(wanted.pattern):
        part = f"s.{ident(group)}"
        words = ", ".join(literal(n) for n in dict.fromkeys((*wanted.nulls, "")))
        texts[group] = f"(case when {part} in ({words}) then null else {part} end)"
        if group in wanted.times:
            fields.append(_instant(group, wanted.times[group], texts[group]))
        else:
            fields.append(typed(group, wanted.types.get(group, "varchar"), texts[group], sniffed=False))
    return Cut(table, tuple(fields), _place(name, first)), texts


def _instant(name: str, how: Time, text: str) -> Field:
    full = f"{literal(how.prefix)} || {text}" if how.prefix else text
    value = f"try_strptime({full}, {literal(how.format)})"
    zoned = "%z" in how.format
    made = f"timezone({literal(how.zone)}, {value})" if how.zone and not zoned else value
    kind = "timestamptz" if zoned or how.zone else "timestamp"
    reason = said(name, text, f"is no time of the form {how.format}")
    return Field(name, kind, made, f"({text} is not null and {value} is null)", reason)
