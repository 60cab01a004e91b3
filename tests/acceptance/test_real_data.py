"""Real files, databases and logs loaded through the whole pipe, against counts taken without Penstock."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from penstock.app import requests
from tests.acceptance.real_logs import LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHINOOK = "Album Artist Customer Employee Genre Invoice InvoiceLine MediaType Playlist PlaylistTrack Track"


@pytest.fixture(scope="module")
def loaded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[requests.App]:
    """A blank project that reads everything in the folder of sample data, run twice."""
    root = tmp_path_factory.mktemp("real")
    (root / "sources").mkdir()
    (root / "tables").mkdir()
    (root / "penstock.toml").write_text(
        f'name = "real"\n[connections]\nchinook = "sqlite:{shared_data}/chinook/chinook.sqlite"\n'
        f'here = "files:{shared_data}"\nlogs_here = "logs:{shared_data}/logs"\n'
    )
    sources = [f'[chinook.{name.lower()}]\nfrom = "chinook"\nread = "{name}"\n' for name in CHINOOK.split()]
    for file in sorted((shared_data / "csv").glob("*.csv")):
        name = file.stem.replace("-", "_")
        sources.append(f'[csv.{name}]\nfrom = "here"\nread = "csv/{file.name}"\n')
    sources.append('[json.movies]\nfrom = "here"\nread = "json/movies.json"\n')
    sources.append('[json.flights]\nfrom = "here"\nread = "json/flights-20k.json"\n')
    sources.append('[json.quakes]\nfrom = "here"\nread = "json/earthquakes.json"\nrecords = "features"\n')
    sources.append(LOGS)
    (root / "sources" / "all.toml").write_text("\n".join(sources))
    (root / "tables" / "sales.sql").write_text(
        'select "BillingCountry" as country, sum("Total") as total from chinook.invoice group by all\n'
    )
    with requests.open_project(root) as app:
        first = requests.run(app)
        assert first.state == "done", [s.error for s in first.failed]
        assert requests.run(app).state == "done"
        yield app


def one(app: requests.App, text: str) -> Any:
    """Return the only value of a query."""
    return requests.sql(app, text).fetch()[0][0]


@pytest.mark.parametrize("table", CHINOOK.split())
def test_every_row_and_value_of_chinook_is_there(loaded: requests.App, shared_data: Path, table: str) -> None:
    """Compared with what sqlite3 reads, as texts that leave no digit out."""
    with sqlite3.connect(f"file:{shared_data}/chinook/chinook.sqlite?mode=ro", uri=True) as source:
        there = source.execute(f'select * from "{table}"').fetchall()
    source.close()
    here = requests.sql(loaded, f"select * from chinook.{table.lower()}").fetch()
    assert sorted(map(_plain, here)) == sorted(map(_plain, there))


def _plain(row: tuple[Any, ...]) -> list[str]:
    return [re.sub(r"\.0+$", "", str(value)) if value is not None else "-" for value in row]


def test_csv_files_have_the_rows_that_the_csv_module_reads(loaded: requests.App, shared_data: Path) -> None:
    """Each file, counted apart."""
    for file in sorted((shared_data / "csv").glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as text:
            there = sum(1 for row in csv.reader(text) if row) - 1
        assert one(loaded, f"select count(*) from csv.{file.stem.replace('-', '_')}") == there, file.name


def test_a_sum_over_a_csv_is_that_of_its_texts(loaded: requests.App, shared_data: Path) -> None:
    """Volumes are whole numbers: the sum is exact."""
    with (shared_data / "csv" / "sp500-2000.csv").open(encoding="utf-8") as text:
        there = sum(int(row["volume"]) for row in csv.DictReader(text))
    assert int(one(loaded, "select sum(volume) from csv.sp500_2000")) == there


@pytest.mark.parametrize(
    ("table", "file", "path"),
    [
        ("json.movies", "movies.json", ""),
        ("json.flights", "flights-20k.json", ""),
        ("json.quakes", "earthquakes.json", "features"),
    ],
)
def test_json_records_are_all_there(loaded: requests.App, shared_data: Path, table: str, file: str, path: str) -> None:
    """Counted with the json module."""
    document = json.loads((shared_data / "json" / file).read_text(encoding="utf-8"))
    assert one(loaded, f"select count(*) from {table}") == len(document[path] if path else document)


def test_values_of_json_survive(loaded: requests.App, shared_data: Path) -> None:
    """Dirty titles stay as they are written, magnitudes sum up, nested values are reached by name."""
    movies = json.loads((shared_data / "json" / "movies.json").read_text(encoding="utf-8"))
    titles = sorted("" if m["Title"] is None else str(m["Title"]) for m in movies)
    assert sorted(r[0] or "" for r in requests.sql(loaded, 'select "Title" from json.movies').fetch()) == titles
    quakes = json.loads((shared_data / "json" / "earthquakes.json").read_text(encoding="utf-8"))["features"]
    there = sum(q["properties"]["mag"] or 0 for q in quakes)
    assert one(loaded, "select sum(properties.mag) from json.quakes") == pytest.approx(there, rel=1e-12)


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ("log.access", "apache_access.log"),
        ("log.apache", "apache.log"),
        ("log.openssh", "openssh.log"),
        ("log.linux", "linux.log"),
    ],
)
def test_every_line_of_a_log_is_a_row_or_a_reject(
    loaded: requests.App, shared_data: Path, table: str, file: str
) -> None:
    """None lost, none twice, although the project ran twice."""
    lines = [line for line in (shared_data / "logs" / file).read_bytes().splitlines() if line.strip()]
    rows = one(loaded, f"select count(*) from {table}")
    rejected = one(loaded, f"select count(*) from penstock.rejected where \"table\" = '{table}'")
    assert rows + rejected == len(lines)
    assert rejected <= len(lines) // 1000


def test_a_log_counts_what_grep_counts(loaded: requests.App, shared_data: Path) -> None:
    """Not-found answers, and the bytes of the good ones."""
    text = (shared_data / "logs" / "apache_access.log").read_text(encoding="utf-8", errors="replace")
    there = len(re.findall(r'" 404 (?:\d+|-) "', text))
    rejected = requests.sql(loaded, 'select "row" from penstock.rejected where "table" = \'log.access\'').fetch()
    there -= sum(len(re.findall(r'" 404 (?:\d+|-) "', row[0])) for row in rejected)
    assert one(loaded, "select count(*) from log.access where status = 404") == there


def test_the_second_run_changed_nothing(loaded: requests.App) -> None:
    """No file is read twice and no unchanged row is touched."""
    second = requests.runs(loaded)[0]
    assert {step.state for step in second.steps} == {"unchanged"}


def test_a_table_over_it_is_right(loaded: requests.App, shared_data: Path) -> None:
    """Sales by country, in cents, against sqlite3."""
    with sqlite3.connect(f"file:{shared_data}/chinook/chinook.sqlite?mode=ro", uri=True) as source:
        found = source.execute(
            'select BillingCountry, sum(cast(round("Total" * 100) as integer)) from Invoice group by 1'
        )
        there = sorted(found.fetchall())
    source.close()
    here = sorted((c, int(t * 100)) for c, t in requests.sql(loaded, "from sales").fetch())
    assert here == there
