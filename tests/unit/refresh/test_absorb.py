"""Rows of sources on their way into a raw table whose columns are there already."""

import json

from penstock.app import requests

SOURCE = """
import json
from pathlib import Path

from penstock import source
from penstock.dev import Rows

@source(key="id", name="raw.a")
def a(after=None):
    for at, rows in enumerate(json.loads(Path("rows.json").read_text())[after or 0:], (after or 0) + 1):
        yield Rows(rows, position=at)
"""


def test_whole_numbers_come_into_a_column_of_floats_where_none_of_them_loses_a_digit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "penstock.toml").write_text('name = "a"\n')
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.py").write_text(SOURCE)
    pages = [[{"id": 1, "v": 1.5}]]
    for more, state in (
        ({"id": 2, "v": 7}, "done"),
        ({"id": 3, "v": -(2**53)}, "done"),
        ({"id": 4, "v": 2**60}, "failed"),
    ):
        (tmp_path / "rows.json").write_text(json.dumps(pages))
        with requests.open_project(tmp_path) as app:
            assert requests.run(app).state == "done"
            pages.append([more])
            (tmp_path / "rows.json").write_text(json.dumps(pages))
            assert requests.run(app).state == state
            found = requests.sql(app, "select v from raw.a order by id").fetch()
    assert found == [(1.5,), (7.0,), (-float(2**53),)]
