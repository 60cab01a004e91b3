"""Change: the one currency of every strategy."""

from __future__ import annotations

from penstock.base.record import record
from penstock.model.relation import Relation
from penstock.model.schema import Schema


@record
class Staged:
    """Rows that wait in a transaction under a name, not yet part of any table."""

    name: str
    schema: Schema
    rows: int
    partition: str = ""


@record
class Change:
    """What a table is to gain and lose; checking, applying, counting and delivering know nothing else.

    `plus` names the staged rows to insert and `minus` the staged rows to bury, with their ids, each None where there
    are none. `after` is a query of the table as it would be, without hidden columns. `built` is a relation made beside
    the present one, which applying swaps in; `in_place` says that the rows stand already in the table, unseen until
    commit. `shown` has the rows that come as users see them, fit for a `from`. `keeps` says that staged rows have a
    column `_rid`, not null where they are another state of a row that goes; `ids` that it is never null: each has the
    id there that it will have in the table.
    """

    relation: Relation
    added: int
    removed: int
    plus: str | None = None
    minus: str | None = None
    after: str = ""
    partition: str = ""
    built: bool = False
    in_place: bool = False
    keeps: bool = False
    ids: bool = False
    shown: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.added or self.removed or self.built)
