"""Python tables brought up to date: a function is called with all of its inputs, or with what changed of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError
from penstock.model.change import Change, Staged
from penstock.model.step import Compare, Conform, Found
from penstock.refresh import bykeys, byrows
from penstock.refresh.call import Call, found_at
from penstock.refresh.work import Asked, Work

if TYPE_CHECKING:
    from penstock.model.relation import Relation
    from penstock.model.table import Function, Table
    from penstock.protocols.engine import Txn

MOST = 1_000_000


def compute(
    table: Table,
    relations: Mapping[str, Relation],
    txn: Txn,
    load: Callable[[Function], Callable[..., Any]],
) -> Staged:
    """Run the function of a Python table inside a transaction, once, and stage all the rows that it returns.

    `relations` are the tables as the transaction has them, the table itself among them where it was built
    before. Columns that hold only nulls, and all columns of an empty list of dicts, have the types that they
    had before. Raises `RunError` with the user's own file and line for an exception in the function or a
    value that is no table, `UnsupportedError` for a form whose library is missing, `PlanError` for a column
    name that is reserved.
    """
    work = _work(table, relations, txn, load, MOST)
    function = work.call.function
    asked = byrows.at_once(work) if function.rows else bykeys.at_once(work) if function.by else Asked()
    staged = work.ask_all([asked])
    return _as_before(work, staged)


def change(
    table: Table,
    relations: Mapping[str, Relation],
    txn: Txn,
    load: Callable[[Function], Callable[..., Any]],
    *,
    full: bool = False,
    most: int = MOST,
) -> tuple[Change, str]:
    """Return the change of a Python table and how it was found; raises as `compute` does.

    With `full` everything is computed, whatever the function says of itself. About `most` rows of those that come in
    parts, with `rows=` and `by=`, go into one call.
    """
    work = _work(table, relations, txn, load, most)
    relation = relations.get(table.name)
    new = relation is None or relation.fingerprint != table.fingerprint or bool(relation.layout)
    if relation is not None and not new and not full:
        followed = _followed(work, relation)
        if followed is not None:
            return followed
    staged = _all(work)
    if relation is None or new or staged.schema != relation.schema:
        found = Found(table.name, staged.name, staged.schema, table.fingerprint, table.key)
        return work.change_by(found), "build"
    conformed = work.staged(Conform(relation, staged.name))
    return work.change_by(Compare(relation, conformed.name, table.key)), "full, compared"


def _work(
    table: Table,
    relations: Mapping[str, Relation],
    txn: Txn,
    load: Callable[[Function], Callable[..., Any]],
    most: int,
) -> Work:
    function = table.function
    if function is None:
        raise FatalError(f"{table.name} is not a Python table", where=table.where)
    called = load(function)
    before = relations.get(table.name)
    known = before.schema if before is not None and before.fingerprint == table.fingerprint else None
    return Work(Call(table, function, txn, known, *found_at(called, function)), called, relations, txn, most)


def _all(work: Work) -> Staged:
    """Stage what the function gives for all of its inputs."""
    if work.call.function.rows:
        return _as_before(work, byrows.compute(work))
    if work.call.function.by:
        return _as_before(work, bykeys.compute(work))
    return work.ask_all([Asked()])


def _as_before(work: Work, staged: Staged) -> Staged:
    """Return rows that may come in parts with the types that the table has: some rows need not show all of a type."""
    known, function = work.call.known, work.call.function
    if known is None or not (function.rows or function.by):
        return staged
    return work.fitted(staged, known) or staged


def _followed(work: Work, relation: Relation) -> tuple[Change, str] | None:
    """Return the change by what changed in the inputs; None where that does not say it."""
    if work.call.function.rows:
        found, word = byrows.follow(work, relation), "rows"
    elif work.call.function.by:
        found, word = bykeys.follow(work, relation), "by keys"
    else:
        return None
    return (found, word) if found is not None else None
