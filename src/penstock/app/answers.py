"""What requests answer with: values that the terminal prints, Python users get, and later the web app shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from penstock.base.record import record
from penstock.model.proof import Verified
from penstock.model.unit import UnitResult
from penstock.plan.explain import Explained

__all__ = ["Explained", "Lineage", "Planned", "Replayed", "TableStatus", "UnitResult", "Verified"]


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

    `state` is `ok`, `failed`, `warned`, `empty` (never built), `changed` (its definition is newer than what is built).
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
class Lineage:
    """What a table reads and what reads it: edges (from, to) of all that is up- and downstream, and each one's kind."""

    table: str
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    kinds: dict[str, str]
