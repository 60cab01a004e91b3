"""Replay: rejected rows tried once more, as a run of its own."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.errors import FatalError
from penstock.base.graph import reach, turned
from penstock.base.text import plural
from penstock.model.commit import Commit
from penstock.model.run import Run, Step
from penstock.protocols.engine import Replay
from penstock.protocols.source import Kind
from penstock.refresh import absorb, checks, ingest
from penstock.refresh.ingest import Portion
from penstock.run.runner import Order, World, repair
from penstock.run.runner import run as run_order

if TYPE_CHECKING:
    from penstock.model.source import RawTable
    from penstock.protocols.engine import Txn


def replay(world: World, table: RawTable, run_id: str, command: str) -> tuple[int, int, int]:
    """Try the open rejects of a raw table again; returns how many were tried, loaded, and rejected once more.

    The rows that load and the note that they did are one commit; tables that depend on them follow in the same run.
    """
    with world.engine.turn():
        return _replay(world, table, run_id, command)


def _replay(world: World, table: RawTable, run_id: str, command: str) -> tuple[int, int, int]:
    repair(world)
    relation = world.engine.relations().get(table.name)
    if relation is not None and relation.fingerprint != table.fingerprint:
        raise FatalError(
            f"the declaration of {table.name} changed, so its source has to be read again, rejected rows and all",
            where=table.where,
            hint=f"penstock run {table.name}",
        )
    started = Run(run_id, world.clock.now(), pid=os.getpid(), command=command)
    world.journal.start(started)
    state = "failed"
    try:
        tried, loaded, rejected, version = _again(world, table, run_id)
        step = Step(
            table.name,
            "intake",
            "done" if loaded else "unchanged",
            "replay",
            added=loaded,
            rejected=rejected,
            rows_in=tried,
        )
        world.journal.step(run_id, step)
        state = "done"
    finally:
        world.journal.end(run_id, state, version if state == "done" else None)
    below = reach([table.name], turned(world.project.parents()))
    if loaded and below:
        run_order(world, Order(below, f"{run_id}-after", command=command))
    return tried, loaded, rejected


def _again(world: World, table: RawTable, run_id: str) -> tuple[int, int, int, int | None]:
    readings: dict[str, Portion] = {}
    try:
        while True:
            txn = world.engine.begin()
            try:
                rows: dict[str, list[tuple[int, str]]] = defaultdict(list)
                for number, partition, row in txn.open_rejects(table.name):
                    rows[partition].append((number, row))
                if not rows:
                    txn.rollback()
                    return 0, 0, 0, None
                _prepare(world, table, rows, readings)
                loaded = _load(world, txn, table, rows, readings)
                rejected = txn.rejected()
                txn.commit(Commit(txn.version, world.clock.now(), run_id))
            except Replay:
                txn.rollback()
            except BaseException:
                txn.rollback()
                raise
            else:
                return sum(len(found) for found in rows.values()), loaded, rejected, world.engine.version
    finally:
        for portion in readings.values():
            if portion.reading is not None:
                portion.reading.close()


def _prepare(
    world: World, table: RawTable, rows: dict[str, list[tuple[int, str]]], readings: dict[str, Portion]
) -> None:
    """Let the source make batches of the raw rows, once."""
    if readings:
        return
    source = world.source(table)
    try:
        for partition, found in rows.items():
            batch = source.again([row for _, row in found], partition)
            kind = Kind.UPSERT if table.key else Kind.APPEND
            reading = world.engine.prepare(batch, ingest.shape(table), partition)
            readings[partition] = Portion(table, partition, replace(batch, kind=kind), reading)
    finally:
        source.close()


def _load(
    world: World,
    txn: Txn,
    table: RawTable,
    rows: dict[str, list[tuple[int, str]]],
    readings: dict[str, Portion],
) -> int:
    relation = world.engine.relations().get(table.name)
    loaded = 0
    for partition, portion in readings.items():
        change, _ = absorb.absorb(txn, portion, relation)
        txn.replayed([number for number, _ in rows[partition]])
        if change is None:
            continue
        bad = next((v for v in checks.verify(table.checks, change, txn) if v.state == "failed"), None)
        if bad is not None:
            raise FatalError(f"the check '{bad.check.label}' failed for {plural(bad.failed, 'row')}")
        loaded += change.added
        relation = txn.apply(checks.passed(table.checks, change))
    return loaded
