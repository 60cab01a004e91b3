"""TPC-H's 22 queries as tables, refreshed by RF1 and RF2 together, beside all of them computed anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.fed import Fed, Feed
from benchmarks.figures import Figure, Target
from benchmarks.race import made, scratch
from benchmarks.refresh.setting import clocked, figure
from benchmarks.tpch import data
from benchmarks.tpch.same import difference

# Of these nothing changes: they read neither orders nor lines.
_STILL = ("q02", "q11", "q16")
_RUNS = 3


@dataclass
class _Times:
    """Seconds, stream by stream: of whole refreshes, of each table's part, and of plain DuckDB's full queries."""

    whole: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    ran: list[float] = field(default_factory=list)
    tables: dict[str, list[float]] = field(default_factory=dict)
    full: dict[str, list[float]] = field(default_factory=dict)
    strategies: dict[str, str] = field(default_factory=dict)

    def table(self) -> str:
        """Return a line a query, the dearest first."""
        middle = {name: (1000 * median(some), 1000 * median(self.full[name])) for name, some in self.tables.items()}
        lines = ["query      ours      full  ratio  strategy  (ms)"]
        for name, (ours, full) in sorted(middle.items(), key=lambda pair: -pair[1][0]):
            lines.append(f"{name}   {ours:>9.1f} {full:>9.1f}  {ours / full:>5.2f}  {self.strategies[name]}")
        tables = sum(ours for ours, _ in middle.values())
        rest = 1000 * (median(self.whole) - median(self.raw)) - tables
        lines.append(
            f"the tables {tables:.1f}, the commit and what is between {rest:.1f}; "
            f"beside them orders and lines taken in {1000 * median(self.raw):.1f}"
        )
        return "\n".join(lines)


def figures(size: str) -> Iterator[Figure]:
    """Give the sum over all queries beside the full sum, and what those take whose inputs did not change."""
    scale, times = (0.05, 2) if size == "small" else (1.0, 7)
    yield from _scale(scale, times, Target(times=1 / 4), None)
    if size == "large":
        yield from _scale(10.0, 5, Target(times=1 / 12), 1_500)


def _scale(scale: float, times: int, target: Target, orders: int | None) -> Iterator[Figure]:
    folder = made(f"tpch-{scale:g}", lambda folder: data.make(folder, scale))
    found = _measured(folder, data.streams(folder, scale, times + 1 + _RUNS, orders=orders))
    share = f"{100 * (orders or 1_500 * scale) / (1_500_000 * scale):g} %"
    ours = [whole - raw for whole, raw in zip(found.whole, found.raw, strict=True)]
    full = [sum(some) for some in zip(*found.full.values(), strict=True)]
    yield figure(f"TPC-H, scale {scale:g}, {share} by RF1 and RF2: 22 tables", ours, full, target, found.table())
    still = [sum(some) for some in zip(*(found.tables[name] for name in _STILL), strict=True)]
    name = f"TPC-H, scale {scale:g}: {', '.join(_STILL)}, whose inputs did not change"
    yield figure(name, still, [], Target(most=1))
    said = "the limit is the 22 full queries; ours takes in orders and lines as well, and keeps the journal"
    yield figure(f"TPC-H, scale {scale:g}, the same by project.run()", found.ran[1:], full[: _RUNS - 1], Target(), said)


def _measured(folder: Path, streams: list[data.Refresh]) -> _Times:
    """Apply the streams, the last few by `project.run()`, and compare all tables then.

    The first of each way is not counted.
    """
    found = _Times()
    queries = data.queries()
    with scratch() as work, Fed(work / "ours", data.KEYS, queries) as fed, _plain(work, folder) as plain:
        fed.load({name: folder / f"{name}.parquet" for name in data.TABLES})
        for number, stream in enumerate(streams):
            feeds = (
                Feed("orders", "append", stream.orders), Feed("lineitem", "append", stream.lines),
                Feed("orders", "delete", stream.old_orders), Feed("lineitem", "delete", stream.old_lines),
            )  # fmt: skip
            _apply(plain, feeds)
            if number >= len(streams) - _RUNS:
                found.ran.append(fed.run(*feeds)[0])
                continue
            refreshed = fed.refresh(*feeds)
            full = {name: _full(plain, text) for name, text in queries.items()}
            if number == 0:
                continue
            found.whole.append(refreshed.seconds)
            found.raw.append(refreshed.took("orders") + refreshed.took("lineitem"))
            for name, seconds in full.items():
                found.full.setdefault(name, []).append(seconds)
                found.tables.setdefault(name, []).append(refreshed.took(name))
                found.strategies[name] = refreshed.strategy(name) or refreshed.outcome.steps[name].state
        for name, text in queries.items():
            wrong = difference(fed.project.table(name).fetchall(), plain.execute(text).fetchall())
            assert not wrong, f"{name}: {wrong}"
    return found


def _full(plain: duckdb.DuckDBPyConnection, text: str) -> float:
    return clocked(lambda: plain.execute(f"create or replace temp table full_query as {text}"))


def _plain(work: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(work / "plain.duckdb"))
    for name in data.TABLES:
        con.execute(f"create table {name} as from read_parquet('{folder}/{name}.parquet')")
    return con


def _apply(plain: duckdb.DuckDBPyConnection, feeds: tuple[Feed, ...]) -> None:
    for feed in feeds:
        plain.register("feed", feed.rows)
        if feed.kind == "append":
            plain.execute(f"insert into {feed.table} from feed")
        else:
            keys = ", ".join(data.KEYS[feed.table])
            plain.execute(f"delete from {feed.table} where ({keys}) in (select ({keys}) from feed)")
