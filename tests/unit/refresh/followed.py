"""Cases of the engine in a few words: tables over standard raw tables, and steps as short texts.

A step is `a 1 x 1 10, 2 y . 20; b- 3; n= x 1`: rows of raw tables (a dot is null), `-` for keys that go, `=` for all
that there is. Rows of a table with a key replace others, those of `n`, which has none, are appended.
"""

from __future__ import annotations

import re

from tests.property.engine.case import Case, Feed, Raw, Row, Step

_COLUMNS = {
    "a": "id bigint, k varchar, g integer, v integer",
    "b": "id bigint, k varchar, g integer, w integer",
    "c": "id bigint, k varchar, x integer",
    "f": "id bigint, k varchar, r double",
    "n": "k varchar, v integer",
}
_RAW = re.compile(r"\braw\.([a-z])\b")


def _raw(letter: str) -> Raw:
    columns = tuple((name, kind) for name, kind in (one.split() for one in _COLUMNS[letter].split(", ")))
    return Raw(f"raw.{letter}", columns, () if letter == "n" else ("id",))


def _row(text: str) -> Row:
    return tuple("null" if word == "." else f"'{word}'" for word in text.split())


def _feed(text: str) -> Feed:
    name, _, rows = text.strip().partition(" ")
    kind = {"-": "delete", "=": "snapshot"}.get(name[1:], "append" if name == "n" else "upsert")
    return Feed(f"raw.{name[0]}", kind, tuple(_row(row) for row in rows.split(",") if row.strip()))


def step(text: str = "", *, only: tuple[str, ...] = (), wider: str = "", **redefine: str) -> Step:
    """Return a step; `wider` says which table has a further column of which type, `redefine` gives tables new texts."""
    feeds = tuple(_feed(one) for one in text.split(";") if one.strip())
    name, column, kind = wider.split() if wider else ("", "", "")
    return Step(feeds, tuple(redefine.items()), ((f"raw.{name}", column, kind),) if wider else (), only)


def case(*steps: str | Step, **tables: str) -> Case:
    """Return a case of these tables, each after what it reads, over the raw tables that their texts name."""
    letters = sorted({letter for text in tables.values() for letter in _RAW.findall(text)})
    told = [one if isinstance(one, Step) else step(one) for one in steps]
    fed = {feed.raw for feed in told[0].feeds}
    empty = tuple(Feed(f"raw.{one}", "snapshot") for one in letters if f"raw.{one}" not in fed)
    first = Step((*told[0].feeds, *empty))
    return Case(tuple(_raw(one) for one in letters), tuple(tables.items()), (first, *told[1:]))
