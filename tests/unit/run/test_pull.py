"""Pulling: what one partition has wrong keeps none of the others out."""

from __future__ import annotations

import gzip
import threading
from random import Random
from typing import TYPE_CHECKING, Any

from penstock.app import requests
from penstock.app.serving.runs import page
from penstock.base.clock import SystemClock
from penstock.base.errors import RetryableError
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Arrow, Batch
from penstock.run.pull import Pulls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Endless:
    """A source without an end, and the engine that makes its batches ready; counts what is open."""

    def __init__(self) -> None:
        self.open = 0
        self.closed = False

    def relations(self) -> dict[str, Any]:
        return {}

    def positions(self, _table: str) -> dict[str, Any]:
        return {}

    held = positions

    def prepare(self, *_: Any) -> Endless:
        self.open += 1
        return Reading(self)  # type: ignore[return-value]

    def partitions(self, _known: Any) -> list[str]:
        return [""]

    def read(self, *_: Any) -> Iterator[Batch]:
        while True:
            yield Batch(Arrow(None), None)

    def close(self) -> None:
        self.closed = True


class Reading:
    """A batch that is ready until it is let go."""

    def __init__(self, source: Endless) -> None:
        self.source = source

    def close(self) -> None:
        self.source.open -= 1


def test_a_damaged_file_among_others_is_named_and_the_others_are_loaded(tmp_path: Path) -> None:
    """Once it is mended, the next run loads it, and nothing twice."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "p"\n')
    (tmp_path / "sources" / "a.toml").write_text('[raw.a]\nfrom = "files"\nread = "data/*.csv.gz"\n')
    (tmp_path / "data").mkdir()
    for number in range(4):
        whole = gzip.compress(b"n\n" + b"".join(b"%d\n" % (1000 * number + i) for i in range(500)))
        damaged = number in (1, 2)
        (tmp_path / "data" / f"{number}.csv.gz").write_bytes(whole[: len(whole) // 2] if damaged else whole)
    with requests.open_project(tmp_path) as app:
        first = requests.run(app)
        assert first.state == "failed"
        error = first.failed[0].error or {}
        assert "1.csv.gz" in str(error)
        assert error["hint"].startswith("1 more could not be read")
        assert requests.sql(app, "select count(*), count(distinct n) from raw.a").fetch() == [(1000, 1000)]
        for number in (1, 2):
            rows = b"".join(b"%d\n" % (1000 * number + i) for i in range(500))
            (tmp_path / "data" / f"{number}.csv.gz").write_bytes(gzip.compress(b"n\n" + rows))
        assert requests.run(app).state == "done"
        assert requests.sql(app, "select count(*), count(distinct n) from raw.a").fetch() == [(2000, 2000)]


def test_a_source_that_is_tried_again_says_so_in_the_journal_and_to_who_listens(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "p"\n')
    (tmp_path / "sources" / "a.toml").write_text('[raw.a]\nfrom = "files"\nread = "a.csv"\nretries = 3\n')
    (tmp_path / "a.csv").write_text("n\n1\n2\n")

    class Hasty(SystemClock):
        def sleep(self, seconds: float) -> None:
            assert seconds > 0

    with requests.open_project(tmp_path) as app:
        app.clock, heard, failures = Hasty(), [], [2]
        opened = app.source

        def flaky(table: RawTable) -> Any:
            if failures[0]:
                failures[0] -= 1
                raise RetryableError("the disk is away")
            return opened(table)

        app.source = flaky  # type: ignore[method-assign]
        made = requests.run(app, listener=heard.append)
        assert made.state == "done"
        first, second = requests.notes(app, made.id)
        assert first.text.startswith("the disk is away: tried again (1 of 3, in ")
        assert second.text.startswith("the disk is away: tried again (2 of 3, in ")
        assert (first.table, first.level) == ("raw.a", "warning")
        assert [event.text for event in heard if event.kind == "note"] == [first.text, second.text]
        logs = [(line.level, line.text) for line in page(app, made.id).logs]
        assert ("warning", f"raw.a: {first.text}") in logs
        assert logs[0][1].startswith("the run began")


def test_a_run_that_ends_early_leaves_no_source_reading_behind_it() -> None:
    """Nor a batch that was ready for it."""
    source = Endless()
    table = RawTable("raw.endless", Connection("", "memory"))
    pulls = Pulls([table], lambda _: source, source, SystemClock(), Random(1))  # type: ignore[arg-type, return-value]
    next(iter(pulls)).release()
    pulls.stop()
    assert [thread.name for thread in threading.enumerate() if thread.name == "pull raw.endless"] == []
    assert (source.closed, source.open) == (True, 0)


def test_a_source_function_that_exits_fails_its_table_and_the_run_does_not_hang() -> None:
    """The runner waits for every source's last word."""

    class Exiting(Endless):
        def read(self, *_: Any) -> Iterator[Batch]:
            raise SystemExit(3)

    source = Exiting()
    table = RawTable("raw.exiting", Connection("", "memory"))
    pulls = Pulls([table], lambda _: source, source, SystemClock(), Random(1))  # type: ignore[arg-type, return-value]
    (last,) = pulls
    assert last.done
    assert "SystemExit: 3" in str(last.error)
