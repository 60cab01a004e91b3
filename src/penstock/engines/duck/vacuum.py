"""Vacuum: rows that went, relations of earlier definitions and commits are removed where nobody needs them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

import duckdb

from penstock.base import faults
from penstock.engines.duck import layout
from penstock.engines.duck.errors import translated
from penstock.engines.duck.words import SYSTEM, buried, one, stored
from penstock.model.commit import Removed
from penstock.model.names import is_hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


@dataclass
class _Work:
    """A vacuum on its way: what may go, what went, and how far back each table can be read after it."""

    con: duckdb.DuckDBPyConnection
    floors: Mapping[str, int]
    with_graves: set[str]
    kept: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    relations: int = 0

    def note(self, name: str, version: int) -> None:
        """Note that a table can be read from a version on."""
        self.kept[name] = max(self.kept.get(name, 0), version)


def vacuum(
    con: duckdb.DuckDBPyConnection,
    with_graves: set[str],
    floors: Mapping[str, int],
    horizon: int,
    at: datetime,
    commit: Callable[[], None],
) -> Removed:
    """Remove in one transaction what of each table is older than its floor; returns what went.

    Readers at work see all of it to their end. A table stays readable at its floor and after it, and one from which
    nothing is removed as far back as ever. Commits from the `horizon` on stay, each; of those before, one an hour.
    """
    work = _Work(con, floors, set(with_graves))
    with translated(subject="vacuum"):
        con.execute("begin")
        try:
            con.execute(layout.LATER_TABLES)
            _relations(work)
            _graves(work)
            commits, rejects = _commits(con, horizon), _rejects(con, horizon)
            _note(work, horizon, at)
            faults.point("vacuum.commit.before")
            commit()
        except BaseException:
            con.execute("rollback")
            raise
        faults.point("vacuum.commit.after")
        if work.rows or work.relations or commits:
            _reclaim(con)
    return Removed(work.rows, work.relations, commits, rejects)


def _relations(work: _Work) -> None:
    """Drop the storages that no name shows any more, and none that may still be read did."""
    rows = work.con.execute(f"select name, physical, retired, rowid, parts from {SYSTEM}.relations").fetchall()
    gone = {row[3]: row for row in rows if row[2] is not None and row[2] <= work.floors.get(row[0], 0)}
    used = {part for row in rows if row[3] not in gone for part in json.loads(row[4])}
    # A hidden relation is known by what it computes, and shared: it goes with the last table that asks for it.
    gone |= {row[3]: row for row in rows if is_hidden(row[0]) and row[0] not in used}
    if not gone:
        return
    work.con.execute(f"delete from {SYSTEM}.relations where rowid in (select unnest(?::bigint[]))", [list(gone)])
    for name, _, retired, _, _ in gone.values():
        if retired is not None:
            work.note(name, retired)
    kept = {row[1] for row in rows if row[3] not in gone}
    for physical in {row[1] for row in gone.values()} - kept:
        work.relations += 1
        work.con.execute(f"drop table {stored(physical)}")
        if physical in work.with_graves:
            work.con.execute(f"drop table {buried(physical)}")
            work.with_graves.discard(physical)


def _graves(work: _Work) -> None:
    """Remove the rows that had gone by the floor of their table."""
    shown = work.con.execute(f"select distinct name, physical from {SYSTEM}.relations").fetchall()
    for name, physical in shown:
        floor = work.floors.get(name, 0)
        if physical not in work.with_graves or not floor:
            continue
        grave = buried(physical)
        found = one(work.con.execute(f"select count(*), max(_gone) from {grave} where _gone <= {floor}"))
        if found is None or not found[0]:
            continue
        work.rows += int(found[0])
        work.note(name, int(found[1]))
        if one(work.con.execute(f"select 1 from {grave} where _gone > {floor} limit 1")):
            work.con.execute(f"delete from {grave} where _gone <= {floor}")
        else:
            work.con.execute(f"drop table {grave}")


def _commits(con: duckdb.DuckDBPyConnection, horizon: int) -> int:
    """Thin the commits before the horizon, to one an hour and those by whose time something else is told."""
    found = one(
        con.execute(
            f"delete from {SYSTEM}.commits where version < {horizon} and version not in ("
            f"select min(version) from {SYSTEM}.commits where version < {horizon} "
            "group by date_trunc('hour', committed_at) "
            f"union all select unnest([built, changed, coalesce(retired, built)]) from {SYSTEM}.relations "
            f"union all select unnest([version, coalesce(replayed, version)]) from {SYSTEM}.rejected "
            f"union all select version from {SYSTEM}.schema_changes)"
        )
    )
    return int(found[0]) if found else 0


def _rejects(con: duckdb.DuckDBPyConnection, horizon: int) -> int:
    """Remove the rejects that were tried again, or whose rows were replaced, before the horizon."""
    found = one(con.execute(f"delete from {SYSTEM}.rejected where replayed < {horizon}"))
    return int(found[0]) if found else 0


def _note(work: _Work, horizon: int, at: datetime) -> None:
    for name, version in work.kept.items():
        work.con.execute(f"delete from {SYSTEM}.floors where name = ?", [name])
        work.con.execute(f"insert into {SYSTEM}.floors values (?, ?)", [name, version])
    work.con.execute(f"delete from {SYSTEM}.vacuums")
    work.con.execute(
        f"insert into {SYSTEM}.vacuums values (?::timestamp, ?)",
        [at.astimezone(UTC).replace(tzinfo=None).isoformat(), horizon],
    )


def _reclaim(con: duckdb.DuckDBPyConnection) -> None:
    """Let the file reuse what was removed; while others write or read old rows DuckDB does so later by itself."""
    try:
        con.execute("checkpoint")
    except duckdb.TransactionException:
        return
