"""A relation: what the warehouse holds of a table, and what of it a reader asks for."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.model.schema import Schema


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it stands in the warehouse.

    `physical` is the opaque name of its storage, `built` the version that made it, `changed` the last version
    that changed its rows, `seen` the version of its inputs that it shows.
    """

    name: str
    schema: Schema
    fingerprint: str
    physical: str
    key: tuple[str, ...] = ()
    partitioned: bool = False
    built: int = 0
    changed: int = 0
    seen: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A relation and the versions in which a table's name showed it: from `since` on, before `until` (None: still)."""

    relation: Relation
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """How a query reads a relation: its live rows, a version, or the rows that came or went between two versions.

    `mode` is `live`, `at`, `plus` or `minus`; `low` and `high` are versions, the lower one excluded. Two modes read
    all that a name showed one after another, the `spans`, the oldest first: `changes` has a row for each row that
    came or went between two versions, `history` each row with the times between which it was valid.
    """

    relation: Relation
    mode: str = "live"
    low: int = 0
    high: int = 0
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A computation in neutral form: its text, what each name in it reads, and where the text comes from.

    `file` and `line` say where the first line of `text` stands, so that an error can point at the user's own line.
    `shown` is the user's own text where `text` was made of it, each word in its place.
    """

    text: str
    reads: tuple[tuple[str, Read], ...] = ()
    schema: Schema | None = None
    file: str = ""
    line: int = 1
    shown: str = ""
