"""Joins by columns of one name, and joins that only decide, so that names in them are resolved as DuckDB does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.sql.text import sqlglot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MARK = "by names"
_APART = "_decides_"


def prepare(root: Any) -> None:
    """Make the joins of a query ready for its names to be resolved.

    What is joined only to decide is no source of columns, so that its name is taken for a column where there is one of
    that name: it gets another. What is joined by names is marked.
    """
    exp = sqlglot()
    for number, join in enumerate(root.find_all(exp.Join)):
        if join.kind in ("SEMI", "ANTI"):
            _name_apart(join, f"{_APART}{number}")
        if join.args.get("using") or (join.method or "").upper() == "NATURAL":
            join.meta[_MARK] = True


def _name_apart(join: Any, name: str) -> None:
    exp = sqlglot()
    alias = join.this.args.get("alias")
    if alias is None or not alias.this:
        return
    before = alias.this.name.lower()
    alias.set("this", exp.to_identifier(name, quoted=True))
    on = join.args.get("on")
    for column in on.find_all(exp.Column) if on is not None else ():
        if column.table.lower() == before and not column.args.get("db"):
            column.set("table", exp.to_identifier(name, quoted=True))


def mend(root: Any, columns: Callable[[Any], Sequence[str]]) -> None:
    """Put right the conditions of joins by names, once names are resolved; `columns` says what a source has.

    After a right or a full join the column of that name is the first of the sources before that is not null, and of an
    as-of join's columns the last is the one that may be later.
    """
    exp = sqlglot()
    for select in root.find_all(exp.Select):
        joins = select.args.get("joins") or []
        for at, join in enumerate(joins):
            on = join.args.get("on")
            if not join.meta.get(_MARK) or on is None:
                continue
            equal = list(on.find_all(exp.EQ))
            if any(one.side in ("RIGHT", "FULL") for one in joins[:at]):
                kept = [one.this for one in joins[:at] if one.kind not in ("SEMI", "ANTI")]
                for one in equal:
                    _meet_any(one, [select.args["from_"].this, *kept], columns)
            if (join.method or "").upper() == "ASOF" and equal:
                last = equal[-1]
                later = exp.GTE(this=last.this.copy(), expression=last.expression.copy())
                join.set("on", later) if last is on else last.replace(later)


def _meet_any(equal: Any, before: Sequence[Any], columns: Callable[[Any], Sequence[str]]) -> None:
    exp = sqlglot()
    name = equal.expression.name
    found = [exp.column(name, table=one.alias_or_name, quoted=True) for one in before if name in columns(one)]
    if len(found) > 1:
        equal.set("this", exp.Coalesce(this=found[0], expressions=found[1:]))
