"""Queries as DuckDB runs them: what is not the live table becomes a named subquery in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engines.duck.words import buried, ident, idents, stored

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from penstock.model.relation import Query, Read


def sql_of(query: Query, with_graves: AbstractSet[str]) -> str:
    """Return the text of a query; users' tables are views, so only reads of versions need anything more."""
    named = [(name, read) for name, read in query.reads if read.mode != "live"]
    if not named:
        return query.text
    parts = [f"{ident(name)} as ({rows_of(read, read.relation.physical in with_graves)})" for name, read in named]
    return f"with {', '.join(parts)}\n{query.text}"


def rows_of(read: Read, graves: bool) -> str:
    """Return the select of the rows that a read asks for."""
    relation, low, high = read.relation, read.low, read.high
    columns = idents(relation.schema.names)
    live = f"select {columns} from {stored(relation.physical)}"
    gone = f"select {columns} from {buried(relation.physical)}"
    if read.mode == "live":
        return live
    if read.mode == "at":
        here, there = f"_seq <= {high}", f"_seq <= {high} and _gone > {high}"
    elif read.mode == "plus":
        here = f"_seq > {low} and _seq <= {high}"
        there = f"{here} and _gone > {high}"
    else:
        there = f"_seq <= {low} and _gone > {low} and _gone <= {high}"
        return f"{gone} where {there}" if graves else f"{live} where false"
    found = f"{live} where {here}"
    return f"{found} union all {gone} where {there}" if graves else found
