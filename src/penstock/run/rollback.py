"""Rollback as a run of its own, so that the journal says who did it and when."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.model.run import Run, Step
from penstock.refresh.rollback import ROLLED_BACK, earlier, roll_back
from penstock.run.runner import repair

if TYPE_CHECKING:
    from penstock.model.relation import Relation, Span
    from penstock.run.runner import World


def rollback(world: World, table: str, run_id: str, command: str) -> tuple[Span, Relation, Relation]:
    """Let a table show what it showed before its definition changed.

    Returns what it showed then, the relation that it shows now, and the one that it showed until now.
    """
    with world.engine.turn():
        return _rollback(world, table, run_id, command)


def _rollback(world: World, table: str, run_id: str, command: str) -> tuple[Span, Relation, Relation]:
    repair(world)
    earlier(world.engine, table)  # what cannot be is no run
    before = world.engine.relations()[table]
    world.journal.start(Run(run_id, world.clock.now(), pid=os.getpid(), command=command))
    version: int | None = None
    began = world.clock.monotonic()
    try:
        target, restored = roll_back(world.engine, table, run_id, world.clock)
        version = restored.built
        reason = f"as it was at version {(target.until or version) - 1}"
        took = world.clock.monotonic() - began
        step = Step(table, "table", "done", ROLLED_BACK, reason, restored.rows, before.rows, seconds=took)
        world.journal.step(run_id, step)
    finally:
        world.journal.end(run_id, "done" if version else "failed", version)
    return target, restored, before
