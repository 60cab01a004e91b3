"""Changes applied in a transaction, and where what they brought lies staged for the tables that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.change import Change, Staged
from penstock.model.schema import Schema

if TYPE_CHECKING:
    from penstock.model.relation import Relation
    from penstock.protocols.engine import Txn


@record
class Delta:
    """What happened to a relation since a version: the stages of the rows that came and went."""

    plus: Staged
    minus: Staged | None

    @property
    def rows(self) -> int:
        """How many rows came and went."""
        return self.plus.rows + (self.minus.rows if self.minus else 0)


@dataclass
class Applied:
    """What a transaction has applied; `relations` are the tables as it has them."""

    relations: dict[str, Relation]
    _last: dict[str, Change] = field(default_factory=dict)

    def apply(self, txn: Txn, change: Change) -> Relation:
        """Apply a change, and return the relation as it is with it."""
        relation = txn.apply(change)
        self.relations[relation.name] = relation
        if not change.empty:
            self._last[relation.name] = change
        return relation

    def since(self, name: str, version: int) -> Delta | None:
        """Return what came and went of a relation since a version, where one change is all of it and lies staged."""
        change = self._sole(name, version)
        if change is None or (change.plus and not change.ids):
            return None
        minus = Staged(change.minus, Schema(), change.removed) if change.minus else None
        return Delta(Staged(change.plus or "", Schema(), change.added), minus)

    def count(self, name: str, version: int) -> int | None:
        """Return how many rows came and went of a relation since a version, where one change is all of it."""
        change = self._sole(name, version)
        return change.added + change.removed if change is not None else None

    def _sole(self, name: str, version: int) -> Change | None:
        change = self._last.get(name)
        if change is None or change.built or change.relation.changed > version:
            return None  # where two changes are applied, the second is of a relation that changed now
        return change
