"""Rollback: a table shows what it showed before its definition changed, and stays so until it is asked otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import penstock
from penstock import ConfigError, FatalError, UnsupportedError
from penstock.refresh.rollback import HOW_ON

if TYPE_CHECKING:
    from pathlib import Path


class Folder:
    """A project of three tables, one after the other, whose middle one changes its definition."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("sources", "tables", "data", "sinks", "out"):
            (root / name).mkdir()
        (root / "penstock.toml").write_text('name = "back"')
        (root / "sources" / "a.toml").write_text('[raw.a]\nfrom = "files"\nread = "data/*.csv"\nkey = "k"\n')
        (root / "sinks" / "a.toml").write_text('[out]\ntable = "t"\nto = "files"\nwrite = "out/t.csv"\n')
        self.data([(1, 1), (2, 2)])
        self.define("t", "select k, v from raw.a")
        self.define("below", "select sum(v)::bigint as v from t")

    def data(self, rows: list[tuple[int, int]]) -> None:
        (self.root / "data" / "a.csv").write_text("k,v\n" + "".join(f"{k},{v}\n" for k, v in rows))

    def define(self, name: str, text: str) -> None:
        (self.root / "tables" / f"{name}.sql").write_text(text)

    def run(self, **how: Any) -> dict[str, str]:
        with penstock.open(self.root) as project:
            steps = project.run(**how).raise_for_failure().run.steps
            return {s.table: s.strategy if s.state == "unchanged" and s.strategy else s.state for s in steps}

    def rows(self, name: str) -> list[Any]:
        with penstock.open(self.root) as project:
            return sorted(project.table(name).fetchall())

    def rollback(self, name: str = "t") -> Any:
        with penstock.open(self.root) as project:
            return project.rollback(name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    found.run()
    found.define("t", "select k, v * 100 as v from raw.a")
    found.run()
    return found


def test_it_is_back_at_once_and_what_reads_it_follows(folder: Folder) -> None:
    back = folder.rollback()
    assert (back.version, back.shown, back.rows, back.downstream) == (3, 1, 2, ("below",))
    assert folder.rows("t") == [(1, 1), (2, 2)]
    assert folder.rows("below") == [(300,)]
    assert folder.run() == {"raw.a": "unchanged", "t": "rolled back", "below": "done", "out": "done"}
    assert folder.rows("below") == [(3,)]
    assert (folder.root / "out" / "t.csv").read_text().splitlines()[1:] == ["1,1", "2,2"]


def test_it_stays_so_though_its_input_changes_until_its_definition_does(folder: Folder) -> None:
    folder.rollback()
    folder.data([(1, 5), (3, 3)])
    assert folder.run()["t"] == "rolled back"
    assert folder.rows("t") == [(1, 1), (2, 2)]
    with penstock.open(folder.root) as project:
        planned = {p.name: (p.action, p.reason) for p in project.plan()}
        assert planned["t"] == ("nothing", HOW_ON)
        assert {s.name: s.state for s in project.status()}["t"] == "rolled back"
    folder.define("t", "select k, v * 7 as v from raw.a")
    assert folder.run()["t"] == "done"
    assert folder.rows("t") == [(1, 35), (3, 21)]


def test_a_full_run_builds_the_refused_definition_after_all(folder: Folder) -> None:
    folder.rollback()
    assert folder.run(full=True)["t"] == "done"
    assert folder.rows("t") == [(1, 100), (2, 200)]
    assert folder.run()["t"] == "unchanged"


def test_where_the_files_go_back_too_the_table_goes_on_from_there(folder: Folder) -> None:
    folder.rollback()
    folder.define("t", "select k, v from raw.a")
    folder.data([(1, 1), (2, 3)])
    folder.run()
    assert folder.rows("t") == [(1, 1), (2, 3)]
    folder.define("t", "select k, v * 100 as v from raw.a")
    assert folder.run()["t"] == "done"
    assert folder.rows("t") == [(1, 100), (2, 300)]


def test_a_second_rollback_takes_back_the_first(folder: Folder) -> None:
    folder.rollback()
    assert folder.rollback().shown == 2
    folder.data([(1, 2), (2, 2)])
    folder.run()
    assert folder.rows("t") == [(1, 200), (2, 200)]


def test_every_version_reads_as_it_was(folder: Folder) -> None:
    folder.rollback()
    with penstock.open(folder.root) as project:
        found = [sorted(project.table("t").at(version=v).fetchall()) for v in (1, 2, 3)]
        assert found == [[(1, 1), (2, 2)], [(1, 100), (2, 200)], [(1, 1), (2, 2)]]
        assert len(project.table("t").changes(2)) == 4
        assert project.runs(1)[0].steps[0].strategy == "rolled back"


def test_what_cannot_be_rolled_back_says_why_and_leaves_no_run(folder: Folder) -> None:
    with penstock.open(folder.root) as project:
        runs = len(project.runs())
        project.vacuum(keep=timedelta())
        with pytest.raises(FatalError, match="its definition has not changed since version 2"):
            project.rollback("t")
        with pytest.raises(UnsupportedError, match="a raw table"):
            project.rollback("raw.a")
        with pytest.raises(ConfigError, match="no table 'belo'"):
            project.rollback("belo")
        assert len(project.runs()) == runs
