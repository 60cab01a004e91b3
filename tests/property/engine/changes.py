"""What happens to the raw tables: rows that come, change and go, late ones, none at all, and runs that are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.property.engine import schemas
from tests.property.engine.case import Feed, Raw, Row, Step

if TYPE_CHECKING:
    from tests.property.engine.choose import Choose

# where a transaction can be lost so that nothing of it stays
POINTS = ("cascade.table.computed", "cascade.raw.absorbed", "cascade.commit.before", "engine.commit.before")
KINDS_WITH_KEY = ("upsert", "upsert", "upsert", "delete", "delete", "snapshot")
KINDS_WITHOUT = ("append", "append", "append", "snapshot")


@dataclass
class Habits:
    """How the sources of a case behave: whether snapshots come, how many rows at once, and columns so far."""

    kinds: dict[str, tuple[str, ...]]
    columns: dict[str, list[tuple[str, str]]]
    key: dict[str, tuple[str, ...]]


def habits(choose: Choose, raws: tuple[Raw, ...]) -> Habits:
    """Choose how each raw table is fed."""
    kinds = {}
    for raw in raws:
        if raw.key:
            kinds[raw.name] = choose.of((KINDS_WITH_KEY[:5], KINDS_WITH_KEY, ("snapshot",), ("upsert",)))
        else:
            kinds[raw.name] = choose.of((("append",), ("append",), ("snapshot",), KINDS_WITHOUT))
    return Habits(kinds, {r.name: list(r.columns) for r in raws}, {r.name: r.key for r in raws})


def first(choose: Choose, raws: tuple[Raw, ...], how: Habits) -> Step:
    """Give every raw table its first rows, or none."""
    feeds = []
    for raw in raws:
        kind = next(k for k in how.kinds[raw.name] if k != "delete")
        feeds.append(Feed(raw.name, kind, _rows(choose, how, raw.name, choose.of((2, 5, 8, 0)))))
    return Step(tuple(feeds))


def later(choose: Choose, raws: tuple[Raw, ...], how: Habits, tables: list[str], *, reopens: bool) -> Step:
    """Make one step of those that follow."""
    wider = _wider(choose, raws, how) if choose.chance(4) else ()
    feeds = [_first_row(choose, how, name) for name, *_ in wider]
    for raw in choose.some(raws, 0, len(raws)):
        feeds += [feed(choose, how, raw.name) for _ in range(choose.of((1, 1, 1, 2)))]
    kill = (choose.of(POINTS), choose.of((1, 2))) if choose.chance(8) else None
    only = tuple(choose.some(tables, 1, len(tables))) if choose.chance(8) else ()
    return Step(tuple(feeds), wider=wider, only=only, kill=kill, reopen=reopens and choose.chance(30))


def feed(choose: Choose, how: Habits, name: str) -> Feed:
    """Make rows of one kind for a raw table."""
    kind = choose.of(how.kinds[name])
    most = 6 if kind == "snapshot" else 3
    count = choose.number(0, most)
    if kind == "delete":
        at = [at for at, (column, _) in enumerate(how.columns[name]) if column in how.key[name]]
        keys = [tuple(row[n] for n in at) for row in _rows(choose, how, name, max(1, count))]
        return Feed(name, kind, tuple(dict.fromkeys(keys)))
    return Feed(name, kind, _rows(choose, how, name, count))


def _first_row(choose: Choose, how: Habits, name: str) -> Feed:
    """Return rows by which a raw table comes to have the new column."""
    kind = next(k for k in how.kinds[name] if k != "delete")
    return Feed(name, kind, _rows(choose, how, name, choose.of((1, 2))))


def _rows(choose: Choose, how: Habits, name: str, count: int) -> tuple[Row, ...]:
    found: list[Row] = []
    for _ in range(count):
        if found and choose.chance(10):
            found.append(choose.of(found))
        else:
            found.append(tuple(choose.of(schemas.values(c, kind)) for c, kind in how.columns[name]))
    return tuple(found)


def _wider(choose: Choose, raws: tuple[Raw, ...], how: Habits) -> tuple[tuple[str, str, str], ...]:
    raw = choose.of(raws)
    column = (f"y{len(how.columns[raw.name])}", choose.of(("integer", "varchar", "double")))
    how.columns[raw.name].append(column)
    return ((raw.name, *column),)
