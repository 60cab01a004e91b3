"""Cleaning functions made known to an instance when a text first uses them: making all of them takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_PREFIX = "clean_"


def make_known(con: duckdb.DuckDBPyConnection, text: str, known: set[str]) -> None:
    """Make the cleaning functions that a text of SQL uses; those in `known` are there already."""
    for statement in _needed(text):
        if statement not in known:
            con.execute(statement)
            known.add(statement)


def make_known_here(con: duckdb.DuckDBPyConnection, text: str) -> None:
    """Make the cleaning functions that a text of SQL uses for one connection alone: no transaction is in its way."""
    for statement in _needed(text):
        con.execute(statement.replace("replace macro", "replace temp macro", 1))


def _needed(text: str) -> tuple[str, ...]:
    if _PREFIX not in text.lower():
        return ()
    from penstock.engines.duck.macros import needed

    return needed(text)
