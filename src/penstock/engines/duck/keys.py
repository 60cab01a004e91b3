"""Declared keys held to their word: never null, and in no two rows, in a whole table or in what comes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import FatalError, PlanError
from penstock.base.text import did_you_mean, plural
from penstock.engines.duck.words import ident, idents, one, stored

if TYPE_CHECKING:
    from penstock.engines.duck.desk import Desk
    from penstock.model.change import Change
    from penstock.model.schema import Schema


def has_key(name: str, key: tuple[str, ...], schema: Schema) -> None:
    """Raise where a table has not the columns of its key."""
    for column in key:
        if schema.find(column) is None:
            raise PlanError(
                f"the key names the column '{column}', which the table has not", where=name,
                hint=did_you_mean(column, schema.names),
            )  # fmt: skip


def unique(desk: Desk, name: str, rows: str, key: tuple[str, ...], schema: Schema) -> None:
    """Raise where a key is missing, null or not unique in `rows`, all that a table is to hold."""
    if not key:
        return
    has_key(name, key, schema)
    _judge(desk, name, rows, key)


def still_unique(desk: Desk, change: Change, by: tuple[str, ...] = (), told_apart: bool = False) -> Change:
    """Return a change of a table whose key holds before it; raise where it would not hold after.

    Only the keys that come are looked at, and of the rows that stay those that have one of them. `told_apart` says
    that no two rows agree in the columns `by`: where these are of the key, no key but null can be wrong.
    """
    relation, came = change.relation, change.plus
    key = relation.key
    if not key or came is None:
        return change
    sure = told_apart and {name.lower() for name in by} <= {name.lower() for name in key}
    rows = f"select {idents(key)} from {came}"
    if not sure:
        equal = " and ".join(f"l.{ident(k)} = s.{ident(k)}" for k in key)
        stays = f" where l._rid not in (select _rid from {change.minus})" if change.minus else ""
        rows += (
            f" union all select {idents(key, 'l.')} from {stored(relation.physical)} l semi join {came} s on {equal}"
        )
        rows += stays
    _judge(desk, relation.name, f"({rows})", key, sure=sure)
    return change


def _judge(desk: Desk, name: str, rows: str, key: tuple[str, ...], *, sure: bool = False) -> None:
    columns = idents(key)
    null = " or ".join(f"{ident(k)} is null" for k in key)
    different = "count(*)" if sure else f"count(distinct ({columns}))"
    found = one(desk.con.execute(f"select count(*), count(*) filter ({null}), {different} from {rows}")) or (0, 0, 0)
    if found[1]:
        raise FatalError(f"the key ({', '.join(key)}) is null in {plural(found[1], 'row')}", where=name)
    if found[2] < found[0]:
        twice = one(desk.con.execute(f"select {columns} from {rows} group by all having count(*) > 1 limit 1"))
        raise FatalError(
            f"the key ({', '.join(key)}) is not unique: {found[0] - found[2]:,} rows too many", where=name,
            got=f"more than once: {', '.join(str(v) for v in twice or ())}",
        )  # fmt: skip
