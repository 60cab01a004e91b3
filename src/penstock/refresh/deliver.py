"""Deliveries: what changed in a table since a sink last saw it, brought to that sink once."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from penstock.base import faults
from penstock.base.errors import FatalError, UnsupportedError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.relation import Query, Read, Relation
from penstock.model.run import Step
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.refresh.row import only

if TYPE_CHECKING:
    from penstock.protocols.engine import Engine
    from penstock.protocols.sink import Sink

_NTH = "_penstock_nth"


@record
class _Delivery:
    """What is to be delivered and why: queries for the rows that came and went, and whether they are the whole."""

    plus: Query
    minus: Query | None
    whole: bool
    strategy: str
    reason: str


def deliver(sink_def: SinkTable, sink: Sink, engine: Engine, relation: Relation) -> Step:
    """Bring a sink to the warehouse's present version; returns the step, `unchanged` where there is nothing to do.

    A mirror gets the whole table when it has none, when the table was rebuilt since, or when it takes no changes;
    otherwise the rows that came and went since its epoch. In mode `append` only rows that came are delivered, never
    the whole again: after a rebuild those that the table did not have before, each as often as it is new. Rows that
    went are not taken back from an append target, and a row that changed arrives there as it now is.

    Raises `FatalError` when another warehouse wrote there, and when the sink is ahead of this one, which was then
    restored from an older copy.
    """
    since, now = sink.epoch(), engine.version
    if since is not None and since > now:
        raise FatalError(
            f"the target of the sink '{sink_def.name}' shows version {since}, which this warehouse has not reached",
            expected=f"version {now} or older",
            got=f"version {since}",
            where=sink_def.where,
            hint="another warehouse delivers there, or this one is an older copy: empty the target, or name another",
        )
    if since is not None and engine.delivered(sink_def.name) is None:
        raise FatalError(
            f"the target of the sink '{sink_def.name}' was written by another warehouse",
            got=f"its version {since}",
            where=sink_def.where,
            hint="nothing tells which of its rows are ours: remove the target, or name another",
        )
    if since is not None and relation.changed <= since:
        return Step(sink_def.name, "deliver", "unchanged", reason=f"{relation.name} has not changed")
    if sink_def.mode not in sink.can.modes:
        raise UnsupportedError(
            f"the sink '{sink_def.name}' cannot be written in the mode '{sink_def.mode}'",
            expected=" or ".join(sorted(sink.can.modes)),
            where=sink_def.where,
        )
    _has_key(sink_def, relation)
    find = _appended if sink_def.mode == "append" else _mirrored
    delivery = find(sink_def, sink, engine, relation, since)
    note = DeliveryNote(
        sink_def.name, relation.name, relation.schema, sink_def.key or relation.key, sink_def.mode, delivery.whole,
        since or 0, now,
    )  # fmt: skip
    engine.deliver(sink_def.name, now, since or 0)
    return _carry_out(delivery, note, sink, engine)


def _has_key(sink_def: SinkTable, relation: Relation) -> None:
    for column in sink_def.key:
        if relation.schema.find(column) is None:
            raise FatalError(
                f"the key names the column '{column}', which {relation.name} has not", where=sink_def.where,
                hint=did_you_mean(column, relation.schema.names),
            )  # fmt: skip


def _carry_out(delivery: _Delivery, note: DeliveryNote, sink: Sink, engine: Engine) -> Step:
    added = _count(engine, delivery.plus)
    removed = _count(engine, delivery.minus) if delivery.minus else 0
    with ExitStack() as opened:
        # A sink may read the rows as late as in its commit.
        plus = engine.read(delivery.plus)
        opened.callback(plus.close)
        minus = engine.read(delivery.minus) if delivery.minus else None
        if minus is not None:
            opened.callback(minus.close)
        sink.stage(note, plus, minus)
        faults.point("deliver.staged")
        sink.commit(note.epoch)
        faults.point("deliver.committed")
    return Step(note.sink, "deliver", "done", delivery.strategy, delivery.reason, added, removed)


def _mirrored(sink_def: SinkTable, sink: Sink, engine: Engine, relation: Relation, since: int | None) -> _Delivery:
    del sink_def
    now = engine.version
    why = ""
    if since is None:
        why = "the first delivery"
    elif relation.built > since:
        why = f"{relation.name} was rebuilt at version {relation.built}"
    elif engine.kept_since(relation.name) > since:
        why = f"its changes since version {since} are no longer kept"
    elif not sink.can.changes:
        why = "the sink takes no changes"
    if why or since is None:
        return _Delivery(_all(relation, now), None, whole=True, strategy="whole", reason=why)
    return _Delivery(
        _delta(relation, "plus", since, now),
        _delta(relation, "minus", since, now),
        whole=False,
        strategy="changes",
        reason=f"changed since version {since}",
    )


def _appended(sink_def: SinkTable, sink: Sink, engine: Engine, relation: Relation, since: int | None) -> _Delivery:
    del sink
    now = engine.version
    if since is None:
        return _Delivery(_all(relation, now), None, whole=False, strategy="append", reason="the first delivery")
    if relation.built <= since:
        plus, reason = _delta(relation, "plus", since, now), f"changed since version {since}"
        return _Delivery(plus, None, whole=False, strategy="append", reason=reason)
    before = engine.relation_at(relation.name, since)
    if before is None:
        raise FatalError(
            f"{relation.name} was rebuilt since the sink '{sink_def.name}' was last delivered, "
            f"and how it was at version {since} is no longer kept",
            where=sink_def.where,
            hint="what is new cannot be told: empty the target to have all rows delivered again",
        )
    reason = f"{relation.name} was rebuilt at version {relation.built}"
    return _Delivery(_new(before, since, relation, now), None, whole=False, strategy="append, compared", reason=reason)


def _all(relation: Relation, now: int) -> Query:
    return Query("select * from delivered", reads=(("delivered", Read(relation, "at", high=now)),))


def _delta(relation: Relation, mode: str, since: int, now: int) -> Query:
    return Query("select * from delivered", reads=(("delivered", Read(relation, mode, since, now)),))


def _new(before: Relation, since: int, relation: Relation, now: int) -> Query:
    """Return the rows that a rebuilt table has more often than before, going by the columns that it had then, too."""
    common = [_quoted(c.name) for c in relation.schema if before.schema.find(c.name) is not None]
    if not common:
        return _all(relation, now)
    nth = f"row_number() over (partition by {', '.join(common)}) as {_NTH}"
    same = " and ".join(f"b.{name} is not distinct from a.{name}" for name in (*common, _NTH))
    listed = ", ".join(f"a.{_quoted(c.name)}" for c in relation.schema)
    text = (
        f"select {listed} from (select *, {nth} from present) as a "
        f"where not exists (select 1 from (select *, {nth} from earlier) as b where {same})"
    )
    reads = (("present", Read(relation, "at", high=now)), ("earlier", Read(before, "at", high=since)))
    return Query(text, reads=reads)


def _count(engine: Engine, query: Query) -> int:
    return int(only(engine, Query(f"select count(*) from ({query.text})", reads=query.reads))[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
