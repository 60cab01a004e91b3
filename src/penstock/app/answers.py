"""What requests answer with: values that the terminal prints, Python users get, and later the web app shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from penstock.base.record import record
from penstock.model.proof import Verified
from penstock.model.unit import UnitResult
from penstock.plan.explain import Explained

__all__ = [
    "Explained", "Lineage", "Planned", "Replayed", "RolledBack", "TableStatus", "UnitResult", "Vacuumed", "Verified",
]  # fmt: skip


@record
class Planned:
    """What a run would do with a table or sink, and why.

    `action` is `read`, `build`, `rebuild`, `refresh`, `deliver` or `nothing`; `kind` is `raw`, `sql`, `python` or
    `sink`.
    """

    name: str
    kind: str
    action: str
    reason: str


@record
class TableStatus:
    """How a table stands: rows, the version that last changed it and its time, open rejects, its last failure.

    `state` is `ok`, `failed`, `warned`, `empty` (never built), `changed` (its definition is newer than what is built),
    `rolled back` (from the definition that it still has).
    """

    name: str
    kind: str
    state: str
    rows: int
    version: int
    changed_at: datetime | None
    fresh_seconds: float | None
    rejects: int
    error: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()


@record
class Replayed:
    """What became of a table's rejected rows when they were tried again."""

    table: str
    tried: int
    loaded: int
    rejected: int


@record
class RolledBack:
    """What a table shows after it was rolled back: the rows of `shown`, which it had until that version.

    `version` is that of the rollback itself; `downstream` are the tables that the next run computes because of it.
    """

    table: str
    version: int
    shown: int
    rows: int
    rows_before: int
    downstream: tuple[str, ...]
    run: str


@record
class Vacuumed:
    """What a vacuum removed: rows that had gone, relations of earlier definitions, commits, closed rejects.

    `version` is the one from which on every table can be read as it was; `bytes_before` and `bytes_after` are the
    size of the warehouse's file.
    """

    version: int
    rows: int
    relations: int
    commits: int
    rejects: int
    bytes_before: int
    bytes_after: int


@record
class Lineage:
    """What a table reads and what reads it: edges (from, to) of all that is up- and downstream, and each one's kind."""

    table: str
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    kinds: dict[str, str]
