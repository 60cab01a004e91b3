"""Pulling: what one partition has wrong keeps none of the others out."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from penstock.app import requests

if TYPE_CHECKING:
    from pathlib import Path


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
