"""Rows of sources on their way into a raw table whose columns are there already."""

import json

import pytest

from penstock.app import requests

SOURCE = """
import json
from pathlib import Path

from penstock import source
from penstock.dev import Rows

@source(name="raw.a", MORE)
def a(after=None):
    for at, rows in enumerate(json.loads(Path("rows.json").read_text())[after or 0:], (after or 0) + 1):
        yield Rows(rows, position=at)
"""


def a_project(root, monkeypatch, source):
    """Make a project of one Python source in a folder."""
    monkeypatch.chdir(root)
    (root / "penstock.toml").write_text('name = "a"\n')
    (root / "sources").mkdir()
    (root / "sources" / "a.py").write_text(source)


@pytest.mark.parametrize("more", ['key="id"', "", 'select="select * from batch"'], ids=["key", "none", "select"])
def test_whole_numbers_come_into_a_column_of_floats_where_none_of_them_loses_a_digit(tmp_path, monkeypatch, more):
    a_project(tmp_path, monkeypatch, SOURCE.replace("MORE", more))
    pages = [[{"id": 1, "v": 1.5}]]
    for row, state in (
        ({"id": 2, "v": 7}, "done"),
        ({"id": 3, "v": -(2**53)}, "done"),
        ({"id": 4, "v": None}, "done"),
        ({"id": 5, "v": 2**60}, "failed"),
    ):
        (tmp_path / "rows.json").write_text(json.dumps(pages))
        with requests.open_project(tmp_path) as app:
            assert requests.run(app).state == "done"
            pages.append([row])
            (tmp_path / "rows.json").write_text(json.dumps(pages))
            found = requests.run(app)
            assert found.state == state
            rows = requests.sql(app, "select v from raw.a order by id").fetch()
    assert rows == [(1.5,), (7.0,), (-float(2**53),), (None,)]
    assert "the type changed in a way that would lose values" in found.steps[0].error["subject"]
