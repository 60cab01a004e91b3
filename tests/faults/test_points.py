"""Killed at every fault point, then run again: no row lost, none doubled, no zombie run."""

from __future__ import annotations

import ast
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import penstock

SOURCE = Path(penstock.__file__).parent
# what the points of connectors that exist for tests are killed by: their own suites
ELSEWHERE = {"memory.sink.staged", "memory.sink.committed", "python.sink.staged", "python.sink.committed"}
# no run passes these: test_rollback.py
ROLLBACK = {"rollback.commit.before", "rollback.commit.after"}


def points() -> list[str]:
    """Return every fault point that the code names, found by reading it."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and ast.unparse(node.func) == "faults.point"
            if called and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return sorted(found - ELSEWHERE - ROLLBACK)


SETTINGS = """
name = "kill"
history = "0 days"
[connections]
store = "sqlite:data/store.db"
mart = "sqlite:out/mart.db"
copy = "duckdb:out/copy.duckdb"
"""
SOURCES = """
[raw.events]
from = "files"
read = "data/events-*.csv"

[raw.people]
from = "store"
read = "people"
key = "id"
cursor = "updated"
"""
PAGES = '''
"""Two sources that come in many batches: one that grows, one that is a snapshot."""
import json
from pathlib import Path

from penstock import source
from penstock.dev import Rows

PAD = "x" * 50_000  # so that the rows come in more than one batch
N = json.loads((Path(__file__).parent.parent / "data" / "n.json").read_text())


@source
def grown(after=None):
    for at in range(after or 0, N, 100):
        end = min(at + 100, N)
        yield Rows([{"n": n, "pad": PAD} for n in range(at, end)], position=end, kind="append")


@source(key="n")
def whole(after=None):
    at = after["at"] if isinstance(after, dict) and not after["done"] else 0
    while at < N:
        end = min(at + 100, N)
        rows = [{"n": n, "v": N, "pad": PAD} for n in range(at, end)]
        yield Rows(rows, position={"at": end, "done": end == N}, kind="snapshot")
        at = end
'''
TABLES = {
    "by_kind.sql": '/* ---\nkey = "kind"\nchecks = ["unique(kind)"]\n--- */\n'
    "select kind, count(*) as n, sum(v) as v from raw.events group by kind",
    "ages.sql": "select p.age, count(*) as n from raw.people p group by p.age",
    "totals.sql": "select (select count(*) from raw.grown) as grown, (select sum(n) from raw.whole) as whole",
    "doubled.py": "from penstock import table\n\n\n@table(key='kind')\ndef doubled(by_kind):\n"
    "    return [{'kind': k, 'n': 2 * n} for k, n in zip(by_kind['kind'].to_pylist(), by_kind['n'].to_pylist())]\n",
}
SINKS = """
[mart]
table = "by_kind"
to = "mart"
write = "by_kind"
key = "kind"

[copy]
table = "ages"
to = "copy"
write = "ages"

[folder]
table = "raw.events"
to = "files"
write = "out/events/"
mode = "append"
format = "parquet"

[single]
table = "doubled"
to = "files"
write = "out/doubled.csv"
"""


def write_data(root: Path, day: int) -> None:
    """Write what the sources have on a day; later days add rows, change some and take one file's place."""
    data = root / "data"
    data.mkdir(exist_ok=True)
    for number in range(day + 1):
        rows = "".join(f"{'ab'[i % 2]},{i * (number + 1)}\n" for i in range(100))
        (data / f"events-{number}.csv").write_text(f"kind,v\n{rows}")
    with sqlite3.connect(data / "store.db") as store:
        store.execute("create table if not exists people (id integer primary key, age integer, updated integer)")
        for i in range(50 + 10 * day):
            age = 20 + i % 7 + (day if i % 3 == 0 else 0)
            store.execute(
                "insert into people values (?, ?, ?) on conflict (id) do update set age = excluded.age, "
                "updated = excluded.updated where age <> excluded.age", (i, age, day),
            )  # fmt: skip
    store.close()
    (data / "n.json").write_text(json.dumps(450 + 400 * day))


def make(root: Path) -> None:
    """Write the project and its first day."""
    for folder in ("sources", "tables", "sinks", "out"):
        (root / folder).mkdir(parents=True)
    (root / "penstock.toml").write_text(SETTINGS)
    (root / "sources" / "store.toml").write_text(SOURCES)
    (root / "sources" / "pages.py").write_text(PAGES)
    for name, text in TABLES.items():
        (root / "tables" / name).write_text(text)
    (root / "sinks" / "all.toml").write_text(SINKS)
    write_data(root, 0)


def run(root: Path, fault: str = "") -> int:
    """Run the project in a process of its own; returns its exit code."""
    env = {**os.environ, "PENSTOCK_FAULT": fault}
    command = [sys.executable, "-m", "penstock", "run", "--project", str(root), "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if not fault:
        assert done.returncode == 0, done.stdout + done.stderr
    return done.returncode


def columns(table: str) -> str:
    """Return what is compared of a table: all but the padding."""
    return "* exclude (pad)" if table in ("raw.grown", "raw.whole") else "*"


def everything(root: Path) -> dict[str, Any]:
    """Return all that a user can see: tables, positions, rejects, sinks, runs."""
    from penstock.app import requests

    with requests.open_project(root) as app:
        found: dict[str, Any] = {
            name: sorted(requests.sql(app, f"select {columns(name)} from {name}").fetch(), key=str)
            for name in app.project.order
        }
        found["position"] = dict(app.engine.positions("raw.grown"))
        found["rejected"] = requests.sql(app, "from penstock.rejected").fetch()
        found["left over"] = requests.sql(app, "select count(*) from _penstock.pages").fetch()
        states = [past.state for past in requests.runs(app)]
    assert "running" not in states
    with sqlite3.connect(root / "out" / "mart.db") as mart:
        found["mart"] = sorted(mart.execute("select kind, n, v from by_kind").fetchall())
    mart.close()
    found["copy"] = _duck(root, "attach", "select * from ages order by all")
    found["single"] = (root / "out" / "doubled.csv").read_text()
    manifest = json.loads((root / "out" / "events" / "manifest.json").read_text())
    files = [str(root / "out" / "events" / f["file"]) for f in manifest["files"]]
    found["folder"] = _duck(root, "", f"select kind, v from read_parquet({files!r}) order by all")
    return found


def _duck(root: Path, how: str, text: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(str(root / "out" / "copy.duckdb") if how else ":memory:", read_only=bool(how)) as con:
        return con.execute(text).fetchall()


@pytest.fixture(scope="module")
def untroubled(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the project holds after each of two days when nothing goes wrong."""
    root = tmp_path_factory.mktemp("untroubled")
    make(root)
    run(root)
    first = everything(root)
    write_data(root, 1)
    run(root)
    return [first, everything(root)]


def test_the_project_of_this_test_is_right(untroubled: list[dict[str, Any]]) -> None:
    """Its numbers, computed by hand."""
    first, second = untroubled
    assert [row[:2] for row in first["by_kind"]] == [("a", 50), ("b", 50)]
    assert [row[:2] for row in second["by_kind"]] == [("a", 100), ("b", 100)]
    assert first["totals"] == [(450, sum(range(450)))]
    assert second["totals"] == [(850, sum(range(850)))]
    assert sum(n for _, n in second["ages"]) == 60
    assert len(second["folder"]) == 200
    assert second["left over"] == [(0,)]


@pytest.mark.slow
@pytest.mark.parametrize("point", points())
@pytest.mark.parametrize("day", [0, 1])
def test_killed_there_and_run_again_all_is_as_if_nothing_had_happened(
    point: str, day: int, tmp_path: Path, untroubled: list[dict[str, Any]]
) -> None:
    """On the first run, and on one that changes what stands."""
    root = tmp_path / "project"
    make(root)
    if day:
        run(root)
        write_data(root, 1)
    assert run(root, point) == -signal.SIGKILL, f"{point} was not passed"
    run(root)
    assert everything(root) == untroubled[day]
