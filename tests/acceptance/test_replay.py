"""Rejected rows: tried again as they are, or read again with a declaration that was mended; never lost or doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.app import requests
from penstock.base.errors import FatalError

if TYPE_CHECKING:
    from pathlib import Path

OPEN = 'select "row" from penstock.rejected where replayed is null order by id'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A file with a row that does not fit, and a table that counts the others."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "tables").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "p"\n')
    declare(tmp_path, 'columns = { n = "integer" }')
    (tmp_path / "tables" / "counted.sql").write_text("select count(*) as rows_in, sum(n) as total from raw.a\n")
    (tmp_path / "a.csv").write_text("n,t\n1,x\nten,y\n3,z\n")
    return tmp_path


def declare(root: Path, more: str) -> None:
    """Write the source's declaration."""
    (root / "sources" / "a.toml").write_text(f'[raw.a]\nfrom = "files"\nread = "a.csv"\n{more}\n')


def rows(app: requests.App, text: str) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    return requests.sql(app, text).fetch()


def test_a_row_that_still_does_not_fit_is_rejected_again_once(project: Path) -> None:
    """The old reject is closed, a new one is open, and nothing is loaded."""
    with requests.open_project(project) as app:
        requests.run(app)
        again = requests.replay(app, "raw.a")
        assert (again.tried, again.loaded, again.rejected) == (1, 0, 1)
        assert rows(app, OPEN) == [("ten,y",)]
        assert rows(app, "from counted") == [(2, 4)]


def test_a_row_that_fits_by_now_is_loaded_and_what_depends_on_it_follows(project: Path) -> None:
    """The raw text was put right by hand, as someone would who knows what the row should have been."""
    with requests.open_project(project) as app:
        requests.run(app)
        app.engine._con.execute("update _penstock.rejected set row = '10,y'")  # type: ignore[attr-defined]
        again = requests.replay(app, "raw.a")
        assert (again.tried, again.loaded, again.rejected) == (1, 1, 0)
        assert rows(app, OPEN) == []
        assert rows(app, "from counted") == [(3, 14)]
        assert requests.replay(app, "raw.a").tried == 0


def test_with_a_mended_declaration_the_source_is_read_again(project: Path) -> None:
    """Replay says so; the run loads every row once and closes the old rejects."""
    with requests.open_project(project) as app:
        requests.run(app)
    declare(project, 'columns = { n = "varchar" }')
    (project / "tables" / "counted.sql").write_text("select count(*) as rows_in from raw.a\n")
    with requests.open_project(project) as app:
        with pytest.raises(FatalError, match=r"the declaration of raw\.a changed") as caught:
            requests.replay(app, "raw.a")
        assert caught.value.hint == "penstock run raw.a"
        assert requests.run(app).state == "done"
        assert rows(app, OPEN) == []
        assert rows(app, "from counted") == [(3,)]
        assert rows(app, "select n, t from raw.a order by t") == [("1", "x"), ("ten", "y"), ("3", "z")]
