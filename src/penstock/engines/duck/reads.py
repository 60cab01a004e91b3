"""Queries as DuckDB runs them: what is not the live table becomes a named subquery in front."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.engines.duck.words import buried, ident, idents, stored
from penstock.plan.canonical import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from penstock.model.relation import Query, Read, Within

    HasNulls = Callable[[str, Sequence[str]], bool]

_AS = "as not materialized"  # else DuckDB computes what is named twice as a whole, and looks nothing up in it


def sql_of(query: Query, with_graves: AbstractSet[str], has_nulls: HasNulls | None = None) -> str:
    """Return the text of a query; users' tables are views, so only reads of versions need anything more.

    `has_nulls` tells whether one of some columns of a stage is null somewhere: it is asked for reads within stages.
    """
    named = [(name, read) for name, read in query.reads if read.mode != "live" or read.ids]
    if not named and not query.made:
        return query.text
    parts = [f"{ident(name)} {_AS} ({_rows(read, with_graves, has_nulls)})" for name, read in named]
    parts += [f"{ident(name)} as (\n{text}\n)" for name, text in query.made]
    return before(query.text, ", ".join(parts))


def _rows(read: Read, with_graves: AbstractSet[str], has_nulls: HasNulls | None) -> str:
    if read.mode in ("changes", "history"):
        from penstock.engines.duck import history

        return history.rows_of(read, with_graves)
    return rows_of(read, read.relation.physical in with_graves, has_nulls)


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


def rows_of(read: Read, graves: bool, has_nulls: HasNulls | None = None) -> str:
    """Return the select of the rows that a read asks for."""
    relation = read.relation
    names = (*(read.columns or relation.schema.names), *(["_rid"] if read.ids else []))
    here, there = _conditions(read)
    parts = []
    if here is not None:
        parts.append(_select(names, stored(relation.physical), here, read.within, has_nulls))
    if there is not None and graves:
        parts.append(_select(names, buried(relation.physical), there, read.within, has_nulls))
    return " union all ".join(parts) or f"select {idents(names)} from {stored(relation.physical)} where false"


def _select(
    names: tuple[str, ...], storage: str, condition: str, within: tuple[Within, ...], has_nulls: HasNulls | None
) -> str:
    found = f"select {idents(names, 'l.')} from {storage} l {matching(within, has_nulls)}"
    return f"{found} {'and' if ' where ' in found else 'where'} {condition}" if condition else found


def _conditions(read: Read) -> tuple[str | None, str | None]:
    """Return what the live rows and the gone ones must meet, None where none are read."""
    low, high = read.low, read.high
    if read.mode == "live":
        return "", None
    if read.mode == "kept":
        return f"_seq <= {low}", None
    if read.mode == "at":
        return f"_seq <= {high}", f"_seq <= {high} and _gone > {high}"
    if read.mode == "plus":
        return f"_seq > {low} and _seq <= {high}", f"_seq > {low} and _seq <= {high} and _gone > {high}"
    return None, f"_seq <= {low} and _gone > {low} and _gone <= {high}"


def _are_ids(names: Sequence[str]) -> bool:
    return all(name == "_rid" or name.startswith(("@h", "@arm")) for name in names)


def matching(within: tuple[Within, ...], has_nulls: HasNulls | None) -> str:
    """Return what keeps of the rows `l` those that are within one of some stages: a join, or a condition.

    DuckDB looks up equal values by the ranges of a table's row groups, but not what `is not distinct from` them.
    """
    if not within:
        return ""
    if len(within) == 1:
        one = within[0]
        nulls = has_nulls is not None and not _are_ids(one.keys) and has_nulls(one.stage, one.keys)
        if not nulls:
            equal = " and ".join(f"l.{ident(a)} = m.{ident(b)}" for a, b in zip(one.columns, one.keys, strict=True))
            return f"{'' if one.once else 'semi '}join {one.stage} m on {equal}"
        if len(one.columns) > 1:
            pairs = zip(one.columns, one.keys, strict=True)
            same = " and ".join(f"l.{ident(a)} is not distinct from m.{ident(b)}" for a, b in pairs)
            return f"semi join {one.stage} m on {same}"
        own = f"l.{ident(one.columns[0])}"
        return f" where ({own} in (select {ident(one.keys[0])} from {one.stage}) or {own} is null)"
    parts = [
        f"({idents(one.columns, 'l.')}) in (select {'(' * (len(one.keys) > 1)}{idents(one.keys)}"
        f"{')' * (len(one.keys) > 1)} from {one.stage})"
        for one in within
    ]
    return f" where ({' or '.join(parts)})"
