"""Rollback: a name shows again what it showed before, and the definition that it leaves is noted as refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.engines.duck import layout
from penstock.engines.duck.words import SYSTEM
from penstock.model.commit import Counts

if TYPE_CHECKING:
    from penstock.engines.duck.desk import Desk
    from penstock.model.relation import Relation


def restore(desk: Desk, relation: Relation) -> Relation:
    """Let a name show a relation that it showed before, and note that the present one's definition is refused.

    It counts as built now, so whoever reads it takes all of it as changed; and as having seen nothing of its own
    inputs, whose changes since may be vacuumed, so it is computed in full when its turn comes.
    """
    present = desk.catalog.relations[relation.name]
    desk.state.retired.append(present.physical)
    restored = replace(relation, built=desk.version, changed=desk.version, lost=desk.version, seen=0)
    desk.reveal(restored)
    desk.state.relations[relation.name] = restored
    desk.state.counts[relation.name] = Counts(restored.rows, present.rows)
    desk.con.execute(layout.LATER_TABLES)
    desk.con.execute(f"delete from {SYSTEM}.refused where name = ?", [relation.name])
    noted = [relation.name, present.fingerprint, desk.version]
    desk.con.execute(f"insert into {SYSTEM}.refused values (?, ?, ?)", noted)
    desk.state.refusals = True
    return restored


def accept(desk: Desk, name: str) -> None:
    """Forget that a definition of a table was refused: it was computed by the one that it has now."""
    if name in desk.catalog.refused:
        desk.con.execute(f"delete from {SYSTEM}.refused where name = ?", [name])
        desk.state.refusals = True
