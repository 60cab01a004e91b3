"""A commit: one version of the warehouse, what it absorbed, and what is removed of the old ones."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from penstock.base.record import record
from penstock.model.position import Position


@record
class Counts:
    """Rows that a table gained and lost in a version."""

    added: int = 0
    removed: int = 0


@record
class Commit:
    """One committed transaction: its run, its instant (UTC), the tables it touched, the source positions it absorbed.

    `positions` maps (raw table, partition) to the position after the last row that is in.
    """

    version: int
    at: datetime
    run: str
    tables: dict[str, Counts] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)


@record
class Removed:
    """What a vacuum removed: rows that had gone, relations that no name shows, commits, closed rejects."""

    rows: int = 0
    relations: int = 0
    commits: int = 0
    rejects: int = 0
