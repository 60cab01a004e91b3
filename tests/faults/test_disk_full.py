"""A disk that fills: one clear error, nothing half done, and a rerun with room is right.

The disk is filled in two ways: a small file system of its own, where one can be mounted, and a limit on the size of
files that the process may write, which every machine has.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.app import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SMALL, LARGE = 3, 400  # megabytes
ROWS = 100_000


class Tmpfs:
    """A file system of its own in memory, at first a small one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._mount(f"size={SMALL}m", "tmpfs")

    def _mount(self, options: str, *what: str) -> None:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, *what, str(self.path)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")

    def limits(self) -> None:
        """Set nothing: the file system itself is the limit."""

    def grow(self) -> None:
        self._mount(f"remount,size={LARGE}m", "tmpfs")

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)


class Limit:
    """Processes that may write no large files; they see an error as from a full disk, after what still fitted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._bytes = SMALL * 1024 * 1024

    def limits(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._bytes, self._bytes))

    def grow(self) -> None:
        self._bytes = LARGE * 1024 * 1024

    def close(self) -> None:
        """Leave it to the test's folder."""


@pytest.fixture(params=[Tmpfs, Limit])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tmpfs | Limit]:
    """A disk that is small until it grows."""
    if request.param is Tmpfs and (os.name != "posix" or shutil.which("mount") is None):
        pytest.skip("no file system can be mounted here: there is no mount")
    made = request.param(tmp_path / "disk")
    yield made
    made.close()


class Project:
    """A project that has been run once with a little in it; its warehouse is on the disk, or its sinks' targets are."""

    def __init__(self, root: Path, disk: Tmpfs | Limit, *, warehouse: bool = True) -> None:
        self.root, self.disk = root, disk
        for folder in ("sources", "tables", "sinks", "data"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        place = disk.path if warehouse else root
        self.settings = f'name = "full"\nwarehouse = "duckdb:{place}/w.duckdb"\n[connections]\n'
        (root / "penstock.toml").write_text(self.settings)
        (root / "data" / "a.csv").write_text(rows("a", 10))
        (root / "data" / "s.csv").write_text("id\n1\n")
        (root / "sources" / "all.toml").write_text(
            '[raw.big]\nfrom = "files"\nread = "data/[ab].csv"\n[raw.small]\nfrom = "files"\nread = "data/s.csv"\n'
        )
        (root / "tables" / "counted.sql").write_text(
            "select left(id, 1) as kind, count(*) as n from raw.big group by 1\n"
        )

    def run(self, *, limited: bool = True) -> tuple[int, dict[str, Any], str]:
        """Run it in a process of its own; returns exit code, answer and all that was said."""
        done = subprocess.run(
            [sys.executable, "-m", "penstock", "run", "--json", "--project", str(self.root)],
            capture_output=True, text=True, check=False, preexec_fn=self.disk.limits if limited else None,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert "a mistake in Penstock itself" not in done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout), done.stdout + done.stderr

    def fine(self) -> None:
        code, _, said = self.run()
        assert code == 0, said

    def full(self) -> list[dict[str, Any]]:
        """Run it, expect that the disk fills; returns the errors, of which each says so."""
        code, answer, said = self.run()
        assert code == 1, said
        steps = answer.get("run", {}).get("steps", ())
        errors = [answer["error"]] if "error" in answer else [step["error"] for step in steps if step["error"]]
        assert len(errors) == 1
        assert "disk is full" in json.dumps(errors[0]) or "no room" in json.dumps(errors[0])
        assert "hint" in errors[0] or "got" in errors[0]
        return errors

    def all(self) -> dict[str, Any]:
        """Return what is in the warehouse: counts and sums of the rows, positions, what is left over."""
        with requests.open_project(self.root) as app:
            found: dict[str, Any] = {
                name: requests.sql(app, f"select count(*), count(distinct id), min(id), max(id) from {name}").fetch()
                for name in ("raw.big", "raw.small")
            }
            found["counted"] = sorted(requests.sql(app, "from counted").fetch())
            found["positions"] = {name: dict(app.engine.positions(name)) for name in ("raw.big", "raw.small")}
            found["pages"] = requests.sql(app, "select count(*) from _penstock.pages").fetch()
            found["relations"] = sorted(app.engine.relations())
            assert "running" not in [past.state for past in requests.runs(app)]
            scratch = app.root / f"{app.project.warehouse.partition(':')[2]}.tmp"
        assert not scratch.exists() or not list(scratch.iterdir()), "temporary files were left"
        return found


def rows(kind: str, count: int) -> str:
    """Return a CSV of rows that do not compress away."""
    chance = random.Random(kind)
    return "id,v\n" + "".join(f"{kind}{n},{chance.getrandbits(256):x}\n" for n in range(count))


BEFORE = [("a", 10)]
AFTER = [("a", 10), ("b", ROWS)]


def test_a_warehouse_whose_disk_fills_in_a_load_is_as_before_and_complete_once_there_is_room(
    tmp_path: Path, disk: Tmpfs | Limit
) -> None:
    project = Project(tmp_path / "project", disk)
    project.fine()
    before = project.all()
    assert before["counted"] == BEFORE
    (project.root / "data" / "b.csv").write_text(rows("b", ROWS))
    for _ in range(2):
        project.full()
        assert project.all() == before
    disk.grow()
    project.fine()
    after = project.all()
    assert after["counted"] == AFTER
    assert after["raw.big"][0][:2] == (ROWS + 10, ROWS + 10)
    assert sorted(after["positions"]["raw.big"]) == ["data/a.csv", "data/b.csv"]
    project.fine()
    assert project.all() == after


def test_a_warehouse_whose_disk_fills_in_a_cascade_has_no_table_of_it_and_all_once_there_is_room(
    tmp_path: Path, disk: Tmpfs | Limit
) -> None:
    project = Project(tmp_path / "project", disk)
    project.fine()
    before = project.all()
    wide = "select b.id, r.k, sha256(b.v || r.k::varchar) as s from raw.big b, range(6000) r(k)\n"
    (project.root / "tables" / "wide.sql").write_text(wide)
    (project.root / "data" / "s.csv").write_text("id\n1\n2\n")
    project.full()
    assert project.all() == before
    disk.grow()
    project.fine()
    after = project.all()
    assert after["relations"] == sorted([*before["relations"], "wide"])
    assert after["raw.small"] == [(2, 2, 1, 2)]
    with requests.open_project(project.root) as app:
        assert requests.sql(app, "select count(*), count(distinct s) from wide").fetch() == [(60_000, 60_000)]


def test_what_is_read_has_no_room_beside_the_warehouse_and_the_other_tables_are_loaded(
    tmp_path: Path, disk: Tmpfs | Limit
) -> None:
    """A log's lines are laid aside before they are parsed."""
    project = Project(tmp_path / "project", disk)
    project.fine()
    (project.root / "sources" / "log.toml").write_text(
        '[raw.log]\nfrom = "logs"\nread = "data/a.log"\npattern = \'^(?P<n>[0-9]+) (?P<w>.*)$\'\n'
    )
    chance = random.Random("log")
    lines = "".join(f"{n} {chance.getrandbits(256):x}\n" for n in range(60_000))
    (project.root / "data" / "a.log").write_text(lines)
    (project.root / "data" / "s.csv").write_text("id\n1\n2\n")
    (error,) = project.full()
    assert error["error"] == "FatalError"
    found = project.all()
    assert found["raw.small"] == [(2, 2, 1, 2)]
    assert "raw.log" not in found["relations"]
    disk.grow()
    project.fine()
    with requests.open_project(project.root) as app:
        assert requests.sql(app, "select count(*), count(distinct n) from raw.log").fetch() == [(60_000, 60_000)]


def delivered(kind: str, path: Path) -> list[tuple[Any, ...]]:
    """Return what a sink's target holds, counted by the first letter of the ids; nothing where there is none."""
    text = "select {} as kind, count(*) as n from {} group by 1 order by 1"
    if kind == "sqlite":
        with closing(sqlite3.connect(path)) as target:
            there = target.execute("select 1 from sqlite_master where name = 'big'").fetchone()
            return target.execute(text.format("substr(id, 1, 1)", "big")).fetchall() if there else []
    if kind == "duckdb":
        with duckdb.connect(str(path)) as con:
            there = con.execute("select 1 from duckdb_tables() where table_name = 'big'").fetchone()
            return con.execute(text.format("left(id, 1)", "big")).fetchall() if there else []
    return duckdb.connect().sql(text.format("left(id, 1)", f"'{path}'")).fetchall() if path.exists() else []


@pytest.mark.parametrize("kind", ["csv", "parquet", "sqlite", "duckdb"])
def test_a_sink_whose_disk_fills_holds_what_it_held_and_all_once_there_is_room(
    tmp_path: Path, disk: Tmpfs | Limit, kind: str
) -> None:
    project = Project(tmp_path / "project", disk, warehouse=False)
    path = disk.path / f"out.{kind}"
    if kind in ("sqlite", "duckdb"):
        (project.root / "penstock.toml").write_text(f'{project.settings}target = "{kind}:{path}"\n')
    to, write = ("target", "big") if kind in ("sqlite", "duckdb") else ("files", str(path))
    (project.root / "sinks" / "out.toml").write_text(f'[out]\ntable = "raw.big"\nto = "{to}"\nwrite = "{write}"\n')
    project.fine()
    assert delivered(kind, path) == BEFORE
    (project.root / "data" / "b.csv").write_text(rows("b", ROWS))
    sink = project.root / "sinks" / "out.toml"
    aside = sink.rename(project.root / "out.aside")
    project.run(limited=False)  # the warehouse has room: only what is delivered has none
    aside.rename(sink)
    code, answer, said = project.run()
    assert code == 1, said
    (error,) = [step["error"] for step in answer["run"]["steps"] if step["error"]]
    # SQLite has no word of its own for a file that may not grow
    limited_sqlite = isinstance(disk, Limit) and kind == "sqlite"
    assert ("disk I/O error" if limited_sqlite else "disk is full") in json.dumps(error)
    assert project.all()["counted"] == AFTER
    assert delivered(kind, path) == BEFORE
    disk.grow()
    project.fine()
    assert delivered(kind, path) == AFTER
    assert sorted(p.name for p in disk.path.iterdir() if ".tmp" in p.name or ".wal" in p.name) == []
