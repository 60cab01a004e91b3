"""A Python table computed aside: it reads the warehouse, and what it gives goes into one that is thrown away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from penstock.base.errors import FatalError
from penstock.model.change import Staged
from penstock.model.names import split
from penstock.model.relation import Query
from penstock.model.step import Receive
from penstock.refresh import python
from penstock.refresh.compare import Difference, comparing, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.model.relation import Read, Relation
    from penstock.model.schema import Schema
    from penstock.model.table import Function, Table
    from penstock.protocols.engine import Engine, Rows, Txn


class _Aside:
    """What a Python table needs of a transaction: reads go to the warehouse, everything else to the scratch one."""

    def __init__(self, engine: Engine, reads: Mapping[str, Read], txn: Txn) -> None:
        self._engine, self._reads, self._txn = engine, reads, txn

    def read(self, query: Query) -> Rows:
        """Read the warehouse, each table as of the version that the Python table has seen."""
        text = query.text
        reads: list[tuple[str, Read]] = []
        for name, read in query.reads:
            past = self._reads.get(name)
            if past is None or past.mode == "live":
                continue
            at = f"@past{len(reads) + 1}"
            text = text.replace(".".join(f'"{part}"' for part in split(name)), f'"{at}"')
            reads.append((at, replace(past, ids=read.ids)))
        return self._engine.read(Query(text, tuple(reads)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._txn, name)


def recomputed(
    table: Table,
    relation: Relation,
    reads: Mapping[str, Read],
    engine: Engine,
    scratch: Engine,
    load: Callable[[Function], Callable[..., Any]],
    stored: Rows,
    limit: int,
) -> tuple[Schema | None, Difference]:
    """Call a table's function again and compare; gives the columns that it gave instead where they are others."""
    txn = scratch.begin()
    try:
        aside = cast("Txn", _Aside(engine, reads, txn))
        known = {**{name: read.relation for name, read in reads.items()}, table.name: relation}
        made = python.compute(table, known, aside, load)
        if made.schema != relation.schema:
            return made.schema, Difference()
        own = txn.run(Receive(stored))
        if not isinstance(own, Staged):
            raise FatalError("a step Receive gave no stage")
        shown = ", ".join('"' + name.replace('"', '""') + '"' for name in relation.schema.names)
        wanted, present = (Query(f"select {shown} from {one.name}") for one in (made, own))
        rows = txn.read(comparing(wanted, present, relation.schema, limit))
        return None, difference(rows, relation.schema.names, limit)
    finally:
        txn.rollback()
