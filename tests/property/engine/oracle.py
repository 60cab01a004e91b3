"""What is right, by plain DuckDB: the rows that were given, and each table computed from all of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.model.schema import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.property.engine.case import Case, Feed, Row, Step

NEAR, SMALL = 1e-9, 1e-6  # numbers are of the order of a thousand at most, so this is a part of what went in


class InvalidCaseError(Exception):
    """DuckDB itself cannot compute a table: the case says nothing about Penstock."""


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """Return the one connection of this process; it knows nothing of Penstock."""
    con = duckdb.connect(config={"threads": 1})
    con.execute("set TimeZone = 'UTC'")
    con.execute("create schema raw")
    return con


class Oracle:
    """The raw rows as they should be, and the tables as DuckDB computes them from these."""

    def __init__(self, case: Case) -> None:
        self.con = connection()
        self.columns = {raw.name: list(raw.columns) for raw in case.raws}
        self.keys = {raw.name: raw.key for raw in case.raws}
        self.rows: dict[str, list[Row]] = {raw.name: [] for raw in case.raws}
        self.texts = dict(case.tables)
        for (name,) in self.con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not temporary"
        ).fetchall():
            self.con.execute(f"drop table {name}")

    def take(self, step: Step, tables: Sequence[str]) -> None:
        """Take in what a step brings, and compute tables, each after what it reads."""
        self.texts.update(step.redefine)
        for raw, column, kind in step.wider:
            if not any(feed.raw == raw and feed.kind != "delete" and feed.rows for feed in step.feeds):
                raise InvalidCaseError(f"{raw} has a new column and no row to bring it")
            self.columns[raw].append((column, kind))
            self.rows[raw] = [(*row, "null") for row in self.rows[raw]]
        touched = {feed.raw for feed in step.feeds} | {raw for raw, *_ in step.wider}
        for feed in step.feeds:
            self._feed(feed)
        for name in touched:
            self._store(name)
        for name in tables:
            try:
                self.con.execute(f"create or replace table {name} as {self.texts[name]}")
                self._settle(name)
            except duckdb.Error as error:
                raise InvalidCaseError(f"{error}\n{self.texts[name]}") from error

    def _settle(self, name: str) -> None:
        """Let the columns of a table that are always null be text, as they are in a table of ours."""
        for column, kind, *_ in self.con.execute(f"describe {name}").fetchall():
            if '"NULL"' in kind:
                self.con.execute(f'alter table {name} alter "{column}" type {_kind(kind)}')

    def _feed(self, feed: Feed) -> None:
        key = [at for at, (name, _) in enumerate(self.columns[feed.raw]) if name in self.keys[feed.raw]]
        have = self.rows[feed.raw]
        if feed.kind == "append":
            have.extend(feed.rows)
            return
        if feed.kind == "snapshot" and not key:
            self.rows[feed.raw] = list(feed.rows)
            return
        kept = {} if feed.kind == "snapshot" else {tuple(row[at] for at in key): row for row in have}
        if feed.kind == "delete":
            for gone in feed.rows:
                kept.pop(gone, None)
        else:
            kept.update({tuple(row[at] for at in key): row for row in feed.rows})
        self.rows[feed.raw] = list(kept.values())

    def _store(self, name: str) -> None:
        listed = ", ".join(f"{column} {kind}" for column, kind in self.columns[name])
        self.con.execute(f"create or replace table {name} ({listed})")
        if self.rows[name]:
            self.con.execute(f"insert into {name} values {values(self.rows[name], self.columns[name])}")

    def types(self, name: str) -> list[tuple[str, str]]:
        """Return the columns of a table and their types."""
        found = self.con.execute(f"select * from {name} limit 0").description or []
        return [(column[0], _kind(str(column[1]))) for column in found]


def values(rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> str:
    """Return rows as SQL has them behind `values`, each value of its column's type."""
    kinds = [kind for _, kind in columns]
    return ", ".join(
        f"({', '.join(f'cast({value} as {kind})' for value, kind in zip(row, kinds, strict=True))})" for row in rows
    )


# -- comparing -----------------------------------------------------------------------------------------------------


def shown(name: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return the select that shows a table for comparing: texts, but for what has floats in it."""
    parts = [
        f'"{column}"' if _is_float(kind) else f'cast("{column}" as varchar) as "{column}"' for column, kind in columns
    ]
    return f"select {', '.join(parts)} from {name}"


def _is_float(kind: str) -> bool:
    return "double" in kind or "float" in kind


def difference(have: Sequence[tuple[Any, ...]], want: Sequence[tuple[Any, ...]]) -> tuple[list[Any], list[Any]]:
    """Return what is too much and what is missing, as multisets; floats are equal when they are near enough."""
    one, two = Counter(map(_frozen, have)), Counter(map(_frozen, want))
    if one == two:
        return [], []
    extra, missing = list((one - two).elements()), list((two - one).elements())
    for row in list(extra):
        partner = next((other for other in missing if _near(row, other)), None)
        if partner is not None:
            extra.remove(row)
            missing.remove(partner)
    return extra, missing


def _frozen(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_frozen(part) for part in value)
    if isinstance(value, dict):
        return tuple((_frozen(k), _frozen(v)) for k, v in value.items())
    return "not a number" if isinstance(value, float) and math.isnan(value) else value


def _near(one: Any, two: Any) -> bool:
    if isinstance(one, tuple) and isinstance(two, tuple):
        return len(one) == len(two) and all(_near(a, b) for a, b in zip(one, two, strict=True))
    if isinstance(one, float) and isinstance(two, float):
        return one == two or abs(one - two) <= max(NEAR * max(abs(one), abs(two)), SMALL)
    return bool(one == two)


def _kind(text: str) -> str:
    """Return our word for a type; what is always null is text."""
    return re.sub(r"\bnull\b", "varchar", canonical(text))
