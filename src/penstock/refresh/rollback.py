"""Rollback: a table shows what it showed under its definition of before, at once, and is not built anew until asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base import faults
from penstock.base.errors import FatalError
from penstock.model.commit import Commit

if TYPE_CHECKING:
    from penstock.base.clock import Clock
    from penstock.model.relation import Relation, Span
    from penstock.model.table import Table
    from penstock.protocols.engine import Engine

ROLLED_BACK = "rolled back"
HOW_ON = "rolled back; change the definition or run with --full to build it again"


def is_refused(table: Table, relation: Relation | None, refused: str) -> bool:
    """Tell whether a table was rolled back from the definition that it has now."""
    return bool(refused) and refused == table.fingerprint and relation is not None and relation.fingerprint != refused


def earlier(engine: Engine, name: str) -> Span:
    """Return what a table showed before its definition last changed; raises `FatalError` where none is kept."""
    spans = engine.spans(name)
    present = engine.relations()[name]
    for span in reversed(spans[:-1]):
        if span.relation.fingerprint != present.fingerprint:
            return span
    kept = engine.kept_since(name)
    since = f" since version {kept}, from which on it is kept" if kept else ""
    raise FatalError(
        f"there is nothing to roll {name} back to: its definition has not changed{since}",
        hint=f"its rows as they were: select * from {name} at (version => …)",
    )


def roll_back(engine: Engine, name: str, run: str, clock: Clock) -> tuple[Span, Relation]:
    """Let a table show what it showed before its definition changed, in a version of its own.

    Returns what it showed then, and the relation that it shows now.
    """
    target = earlier(engine, name)
    txn = engine.begin()
    try:
        restored = txn.restore(target.relation)
        faults.point("rollback.commit.before")
        txn.commit(Commit(txn.version, clock.now(), run))
    except BaseException:
        txn.rollback()
        raise
    faults.point("rollback.commit.after")
    return target, restored
