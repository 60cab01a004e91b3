"""Retention: how far back each table must be kept, for those who look back and for those who have yet to catch up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from penstock.model.commit import Removed

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.base.clock import Clock
    from penstock.model.project import Project
    from penstock.protocols.engine import Engine

# A vacuum goes through all tables, so it waits until there is a part of the retention to remove, or a day.
_PART = 4
_LONGEST_WAIT = timedelta(days=1)


def floors(engine: Engine, project: Project, horizon: int) -> dict[str, int]:
    """Return for each table the version at which it must stay readable: the horizon, or an older one.

    Older where a table that reads it shows an earlier version and takes only the changes since, and where a sink may
    show an earlier one, be it that its last delivery failed. What will be computed or delivered whole needs none; a
    sink that is only added to is never given the whole again.
    """
    relations = engine.relations()
    found = dict.fromkeys(relations, horizon)
    needs: list[tuple[str, int]] = []
    for sink in project.sinks.values():
        shown = engine.shown(sink.name)
        if shown is not None and (sink.mode == "append" or _follows(engine, sink.table, shown)):
            needs.append((sink.table, shown))
    for table in project.tables.values():
        relation = relations.get(table.name)
        if relation is not None and relation.fingerprint == table.fingerprint:
            # Which of its hidden relations reads which, its plan knows alone.
            above, behind = (*table.parents, *relation.parts), (table.name, *relation.parts)
            seen = {relations[name].seen for name in behind if name in relations}
            needs += [(name, version) for name in above for version in seen if _follows(engine, name, version)]
    for name, version in needs:
        if name in found and relations[name].changed > version:
            found[name] = min(found[name], version)
    return found


def _follows(engine: Engine, parent: str, seen: int) -> bool:
    """Tell whether the changes of a table since a version are to be had: it was not built since, nor vacuumed."""
    relation = engine.relations().get(parent)
    return relation is not None and relation.built <= seen and engine.kept_since(parent) <= seen


def vacuum(engine: Engine, project: Project, keep: timedelta, clock: Clock) -> Removed:
    """Remove what went longer ago than `keep` and is needed by none."""
    now = clock.now()
    horizon = _horizon(engine, now, keep)
    return engine.vacuum(floors(engine, project, horizon), horizon, now)


def tend(engine: Engine, project: Project, clock: Clock) -> Removed | None:
    """Vacuum where there is enough to remove; costs next to nothing where there is not."""
    keep = project.history
    if keep is None:
        return None
    now, last = clock.now(), engine.vacuumed()
    if last is not None and now - last[0] < min(keep / _PART, _LONGEST_WAIT):
        return None
    if _horizon(engine, now, keep) <= (last[1] if last is not None else 1):
        return None
    return vacuum(engine, project, keep, clock)


def _horizon(engine: Engine, now: datetime, keep: timedelta) -> int:
    """Return the version that was the last one at the beginning of what is kept; 0 where all is younger."""
    try:
        return engine.version_at(now - keep) or 0
    except OverflowError:
        return 0
