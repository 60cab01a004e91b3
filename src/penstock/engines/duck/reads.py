"""Queries as DuckDB runs them: what is not the live table becomes a named subquery in front."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.engines.duck.words import buried, ident, idents, stored
from penstock.plan.canonical import tokens

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from penstock.model.relation import Query, Read


def sql_of(query: Query, with_graves: AbstractSet[str]) -> str:
    """Return the text of a query; users' tables are views, so only reads of versions need anything more."""
    named = [(name, read) for name, read in query.reads if read.mode != "live"]
    if not named:
        return query.text
    # DuckDB would keep the rows of a name that is used twice, all of them, whatever is asked of them.
    parts = [f"{ident(name)} as not materialized ({_rows(read, with_graves)})" for name, read in named]
    return before(query.text, ", ".join(parts))


def _rows(read: Read, with_graves: AbstractSet[str]) -> str:
    if read.mode in ("changes", "history"):
        from penstock.engines.duck import history

        return history.rows_of(read, with_graves)
    return rows_of(read, read.relation.physical in with_graves)


def before(text: str, named: str) -> str:
    """Put named subqueries in a line before a select, which may have some of its own; its words keep their columns."""
    words = [token for token in tokens(text) if token.kind != "comment"]
    if words and words[0].name == "with":
        recursive = len(words) > 1 and words[1].name == "recursive"
        last = words[1 if recursive else 0]
        blank = re.sub(r"[^\s]", " ", text[words[0].start : last.start + len(last.text)])
        rest = text[: words[0].start] + blank + text[last.start + len(last.text) :]
        return f"with {'recursive ' if recursive else ''}{named},\n{rest}"
    if words and words[0].text == "(":
        # DuckDB does not find the names of a `with` in brackets that stands right behind another one.
        return f"with {named} from (\n{text[: words[-1].start + len(words[-1].text)]})"
    return f"with {named}\n{text}"


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
