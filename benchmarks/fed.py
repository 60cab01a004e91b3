"""A project whose raw tables are fed by hand, kept open: what is timed is the refresh and not its source."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet

from benchmarks.projects import write
from penstock.api import Project, RunResult
from penstock.app.opened import declared
from penstock.model.source import Connection, RawTable
from penstock.model.table import Table
from penstock.protocols.source import Arrow, Batch, File, Kind, Parquet, Scan
from penstock.refresh.cascade import Job, Outcome, cascade
from penstock.refresh.ingest import Portion, shape

# What `run` reads: the files of fed/TABLE that came after the last one, each named by its number and kind.
_READS = '''"""Hands over the files that lie ready."""

from pathlib import Path

from penstock.dev import Rows

FED = Path(__file__).parent / "fed"


def fed(table, after):
    from pyarrow.parquet import read_table

    for path in sorted((FED / table).glob("*.parquet")):
        number, kind = path.stem.split("-")
        if int(number) > (after or 0):
            yield Rows(read_table(path), position=int(number), kind=kind)
'''
_READ = """

def {function}(after):
    return fed("{name}", after)
"""


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows for a raw table, an Arrow table, and what they mean: `append`, `upsert`, or `delete` by key."""

    table: str
    kind: str
    rows: Any


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How long a refresh took, in seconds from the rows' arrival to the durable commit, and what it did."""

    seconds: float
    outcome: Outcome

    def took(self, table: str) -> float:
        """Return the seconds of one table, without its part of the commit."""
        return self.outcome.steps[table].seconds

    def strategy(self, table: str) -> str:
        """Return the strategy that was chosen for a table."""
        return self.outcome.steps[table].strategy


class Fed:
    """A project in a folder, open: `raw` maps the names of its raw tables to their keys, `tables` names to SQL."""

    def __init__(self, folder: Path, raw: Mapping[str, Sequence[str]], tables: Mapping[str, str]) -> None:
        functions = {name: name.replace(".", "_") for name in raw}
        reads = [_READ.format(name=name, function=function) for name, function in functions.items()]
        write(folder, {"feeds.py": "".join([_READS, *reads])})
        hand = Connection("hand", "python")
        said = {
            "raw": [
                RawTable(name, hand, options={"file": "feeds.py", "function": functions[name]}, key=tuple(key))
                for name, key in raw.items()
            ],
            "tables": [Table(name, sql=text) for name, text in tables.items()],
        }
        self.folder = folder
        self.app = declared("bench", folder, said)
        self.project = Project(self.app)
        self.warehouse = folder / ".penstock" / "warehouse.duckdb"
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the warehouse."""
        self.project.close()

    def load(self, files: Mapping[str, Path], tables: Iterable[str] | None = None) -> Refreshed:
        """Load Parquet files into raw tables, and build what depends on them or, of that, `tables`."""
        portions = {}
        for name, path in files.items():
            found = path.stat()
            scan = Scan((File(str(path), found.st_size, found.st_mtime_ns),), Parquet())
            portions[name] = [Batch(scan, {"position": next(self._numbers)}, Kind.APPEND)]
        return self._cascade(portions, tables)

    def refresh(self, *feeds: Feed, tables: Iterable[str] | None = None, full: bool = False) -> Refreshed:
        """Bring feeds in, and `tables` (by default all) up to date, in one transaction in this process.

        `full` computes every table anew, whatever its strategy would be. Raises the error of a table that failed.
        """
        batches: dict[str, list[Batch]] = {}
        for feed in feeds:
            made = Batch(Arrow(feed.rows), {"position": next(self._numbers)}, Kind(feed.kind))
            batches.setdefault(feed.table, []).append(made)
        return self._cascade(batches, tables, full=full)

    def run(self, *feeds: Feed) -> tuple[float, RunResult]:
        """Bring feeds in by `project.run()`, as users do; returns its seconds and what came of it."""
        for feed in feeds:
            number = next(self._numbers)
            path = self.folder / "fed" / feed.table / f"{number:06}-{feed.kind}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pyarrow.parquet.write_table(feed.rows, path)
        began = time.perf_counter()
        result = self.project.run()
        return time.perf_counter() - began, result.raise_for_failure()

    def _cascade(
        self, batches: Mapping[str, Sequence[Batch]], tables: Iterable[str] | None, *, full: bool = False
    ) -> Refreshed:
        app, project = self.app, self.app.project
        wanted = None if tables is None else {*batches, *tables}
        names = [name for name in project.order if wanted is None or name in wanted]
        began = time.perf_counter()
        portions = {
            name: [self._portion(name, batch) for batch in some] for name, some in batches.items()
        }  # fmt: skip
        outcome = cascade(app.engine, Job(project, names, portions, "bench", app.function, full), app.clock)
        took = time.perf_counter() - began
        for some in portions.values():
            for portion in some:
                if portion.reading is not None:
                    portion.reading.close()
        for error in outcome.failed.values():
            raise error
        return Refreshed(took, outcome)

    def _portion(self, name: str, batch: Batch) -> Portion:
        table = self.app.project.raw[name]
        return Portion(table, "", batch, self.app.engine.prepare(batch, shape(table), ""))
