"""Cleaning functions made known to an instance when a text first uses them: making all of them takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_PREFIX = "clean_"


def make_known(con: duckdb.DuckDBPyConnection, text: str, known: set[str]) -> None:
    """Make the cleaning functions that a text of SQL uses; those in `known` are there already."""
    if _PREFIX not in text.lower():
        return
    from penstock.engines.duck.macros import needed

    for statement in needed(text):
        if statement not in known:
            con.execute(statement)
            known.add(statement)
