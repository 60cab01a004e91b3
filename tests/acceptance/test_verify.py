"""`penstock verify` on the demo's days, and on real data replayed as sources that grow, change and lose rows."""

import csv
import json
import os
import sqlite3
import subprocess
import sys

import duckdb
import pytest

from penstock.app import requests
from penstock.cli.demo import generate, make, server
from penstock.model.tuning import Tuning
from tests.acceptance.real_logs import LOGS

# Every table by its plan, however small its inputs are, and a plan that fails is a failure.
FOLLOWS = Tuning(smallest=0, strict=True, follow=True, looked_up=0, shared=0)
SLICES = 6
CHINOOK = {
    "Album": "AlbumId",
    "Artist": "ArtistId",
    "Customer": "CustomerId",
    "Employee": "EmployeeId",
    "Genre": "GenreId",
    "Invoice": "InvoiceId",
    "InvoiceLine": "InvoiceLineId",
    "MediaType": "MediaTypeId",
    "Playlist": "PlaylistId",
    "PlaylistTrack": None,
    "Track": "TrackId",
}
# What an update does to a row, by table of the store.
UPDATES = {
    "Invoice": 'set "Total" = "Total" + 1 where "InvoiceId" % 7 = ?',
    "Track": 'set "UnitPrice" = "UnitPrice" + 0.5, "GenreId" = 1 + "GenreId" % 25 where "TrackId" % 11 = ?',
    "InvoiceLine": 'set "Quantity" = "Quantity" + 1 where "InvoiceLineId" % 13 = ?',
    "Artist": 'set "Name" = "Name" || \'!\' where "ArtistId" % 5 = ?',
}
TABLES = {
    "store.by_country": 'select "BillingCountry" as country, count(*) as invoices, sum("Total") as total, '
    'max("InvoiceDate") as last from chinook.invoice group by all',
    "store.spent": 'select c."CustomerId" as id, c."LastName" as name, coalesce(sum(i."Total"), 0) as total '
    'from chinook.customer c left join chinook.invoice i on i."CustomerId" = c."CustomerId" group by 1, 2',
    "store.lines": 'select l."InvoiceLineId" as id, i."BillingCountry" as country, t."Name" as track, '
    'a."Title" as album, r."Name" as artist, l."UnitPrice" * l."Quantity" as amount from chinook.invoiceline l '
    'join chinook.invoice i on i."InvoiceId" = l."InvoiceId" join chinook.track t on t."TrackId" = l."TrackId" '
    'left join chinook.album a on a."AlbumId" = t."AlbumId" left join chinook.artist r on r."ArtistId" = a."ArtistId"',
    "store.best": "select country, artist, sum(amount) as amount from store.lines group by country, artist "
    "qualify row_number() over (partition by country order by sum(amount) desc, artist) <= 3",
    "store.unsold": 'select t."TrackId" as id, t."Name" as name from chinook.track t '
    'where t."TrackId" not in (select "TrackId" from chinook.invoiceline)',
    "store.lengths": 'select g."Name" as genre, count(distinct t."AlbumId") as albums, avg(t."Milliseconds") as mean, '
    'median(t."Milliseconds") as middle, min(t."Bytes") as least from chinook.track t '
    'join chinook.genre g using ("GenreId") group by g."Name"',
    "store.lists": 'select distinct t."GenreId" as genre, p."PlaylistId" as list from chinook.playlisttrack p '
    'join chinook.track t on t."TrackId" = p."TrackId"',
    "store.media": 'select m."Name" as media, p."Name" as list, count(*) as n from chinook.mediatype m '
    'left join chinook.track t using ("MediaTypeId") left join chinook.playlisttrack pt using ("TrackId") '
    'left join chinook.playlist p using ("PlaylistId") group by 1, 2',
    "store.helped": 'select e."LastName" as name, b."LastName" as boss, (select count(*) from chinook.customer c '
    'where c."SupportRepId" = e."EmployeeId") as customers from chinook.employee e '
    'left join chinook.employee b on b."EmployeeId" = e."ReportsTo"',
    "store.listed": 'select "GenreId" as genre from chinook.track intersect select genre from store.lists',
    "store.top": "select country, total from store.by_country order by total desc, country limit 5",
    "fly.delays": "select origin, count(*) as flights, avg(delay) as mean, max(delay) as worst, "
    "count(*) filter (where delay > 30) as late, stddev(delay) as spread from json.flights group by origin",
    "fly.routes": "select f.origin, f.destination, a.city, b.city as other, count(*) as n, sum(distance) as miles "
    "from json.flights f join csv.airports a on a.iata = f.origin left join csv.airports b on b.iata = f.destination "
    "group by 1, 2, 3, 4",
    "fly.following": "select origin, date, delay, "
    "lag(delay) over (partition by origin order by date, destination, delay) as before from json.flights",
    "fly.unknown": "select iata, name from csv.airports a where not exists "
    "(select 1 from json.flights f where f.origin = a.iata or f.destination = a.iata)",
    "fly.no_flights": "select iata, state from csv.airports anti join json.flights on origin = iata",
    "films.by_maker": 'select "Distributor" as maker, count(*) as films, sum("US Gross"::bigint) as gross, '
    'avg("IMDB Rating") as rating from json.movies where "Distributor" is not null group by 1 having count(*) > 1',
    "films.better": 'select m."Title" as title, m."IMDB Rating" as rating from json.movies m where m."IMDB Rating" > '
    '(select avg(o."IMDB Rating") from json.movies o where o."Major Genre" = m."Major Genre")',
    "weather.months": "select date_trunc('month', date) as month, weather, count(*) as days, "
    "round(sum(precipitation), 1) as rain, sum(wind) as wind from csv.weather group by all",
    "weather.week": "select date, avg(temp_max) over (partition by weather order by date rows 6 preceding) as week "
    "from csv.weather",
    "stock.weeks": "select date_trunc('week', date) as week, last(close order by date) as close, "
    "sum(volume) as volume, max(high) - min(low) as spread from csv.stock group by 1",
    "stock.calm": "select s.date, s.close from csv.stock s asof join csv.weather w on w.date + 4000 <= s.date",
    "strikes.kinds": 'select "Wildlife Species" as species, "Time of day" as time, count(*) as strikes, '
    'sum("Cost Total $") as cost from csv.birdstrikes group by all',
    "strikes.states": 'select "Origin State" as state from csv.birdstrikes union select state from csv.airports',
    "quakes.nets": "select properties.net as net, count(*) as n, avg(properties.mag) as mean, "
    "max(properties.mag) as worst, count(distinct properties.place) as places from json.quakes group by all",
    "quakes.strong": "select id, properties.mag as mag, geometry.coordinates[3] as depth from json.quakes q where "
    "properties.mag > (select avg(o.properties.mag) from json.quakes o where o.properties.net = q.properties.net)",
    "quakes.near": "select a.id, b.id as other from quakes.strong a join quakes.strong b "
    "on a.id < b.id and round(a.depth) = round(b.depth)",
    "quakes.felt": "select id, properties, geometry from json.quakes where properties.felt is not null",
    "machine.failures": "select regexp_extract(message, '[0-9]+[.][0-9.]+', 0) as ip, count(*) as n, "
    "count(*) filter (where message like 'Failed%') as failed from log.openssh group by 1 having n > 1",
    "machine.gaps": "select program, time - lag(time) over (partition by program order by time, message) as gap "
    "from log.linux",
    "machine.levels": "select level, null as program, count(*) as n from log.apache group by level "
    "union all select null, program, count(*) from log.openssh group by program",
    "web.statuses": "select status, count(*) as hits, sum(coalesce(size, 0)) as bytes, count(distinct host) as hosts "
    "from log.access group by status",
    "web.visits": "select host, min(time) as first, max(time) as last, count(*) as hits from log.access group by host",
}


class Replay:
    """Real data as sources that change: each slice shows another part of it, some of it otherwise than before."""

    def __init__(self, data, root):
        self.data, self.root = data, root
        for folder in ("sources", "tables", "here"):
            (root / folder).mkdir()
        (root / "penstock.toml").write_text(
            'name = "real"\n[connections]\nchinook = "sqlite:here/chinook.sqlite"\nlogs_here = "logs:here"\n'
        )
        for name, text in TABLES.items():
            path = root / "tables" / f"{name.replace('.', '/')}.sql"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        sources = [
            f'[chinook.{name.lower()}]\nfrom = "chinook"\nread = "{name}"\n' + (f'key = "{key}"\n' if key else "")
            for name, key in CHINOOK.items()
        ]
        sources += [
            f'[csv.{name}]\nfrom = "files"\nread = "here/{name}.csv"\n{more}'
            for name, more in {
                "airports": 'key = "iata"\n',
                "birdstrikes": "",
                "weather": 'key = "date"\n',
                "stock": 'key = "date"\n',
            }.items()
        ]
        sources += [f'[json.{name}]\nfrom = "files"\nread = "here/{name}.json"\n' for name in ("movies", "flights")]
        sources.append('[json.quakes]\nfrom = "files"\nread = "here/quakes.json"\nrecords = "features"\nkey = "id"\n')
        sources.append(LOGS)
        (root / "sources" / "all.toml").write_text("\n".join(sources))
        self.make_store()

    def make_store(self):
        with sqlite3.connect(f"file:{self.data}/chinook/chinook.sqlite?mode=ro", uri=True) as source:
            made = source.execute("select name, sql from sqlite_master where type = 'table'").fetchall()
        source.close()
        with sqlite3.connect(self.root / "here" / "chinook.sqlite") as store:
            for name, statement in made:
                if name in CHINOOK:
                    store.execute(statement)
        store.close()

    def show(self, number):
        """Let the sources be as they are in a slice."""
        self.show_store(number)
        for name, file in {"airports": "airports", "birdstrikes": "birdstrikes", "weather": "seattle-weather",
                           "stock": "sp500-2000"}.items():  # fmt: skip
            self.show_csv(number, name, file)
        for name, file in {"movies": "movies", "flights": "flights-20k"}.items():
            self.show_json(number, name, file)
        self.show_quakes(number)
        for log in (self.data / "logs").glob("*.log"):
            lines = log.read_bytes().splitlines(keepends=True)
            (self.root / "here" / log.name).write_bytes(b"".join(lines[: len(lines) * number // SLICES]))

    def part(self, number, rows):
        """Return the rows of a slice: they move on, so that new ones come and old ones go."""
        many = len(rows)
        return rows[many * (number - 1) // 12 : many * (number + 5) // 12]

    def show_store(self, number):
        con = sqlite3.connect(self.root / "here" / "chinook.sqlite")
        con.execute("attach ? as whole", (f"{self.data}/chinook/chinook.sqlite",))
        for name in CHINOOK:
            (many,) = con.execute(f'select count(*) from whole."{name}"').fetchone()
            low, high = many * (number - 1) // 12, many * (number + 5) // 12
            con.execute(f'delete from "{name}" where rowid <= ?', (low,))
            con.execute(
                f'insert or ignore into "{name}" select * from whole."{name}" where rowid > ? and rowid <= ?',
                (low, high),
            )
            if name in UPDATES:
                con.execute(f'update "{name}" {UPDATES[name]}', (number,))
        con.commit()
        con.close()

    def show_csv(self, number, name, file):
        with (self.data / "csv" / f"{file}.csv").open(encoding="utf-8-sig", newline="") as text:
            head, *rows = csv.reader(text)
        rows = self.part(number, rows)
        for at, row in enumerate(rows):
            if name == "weather" and at % 9 == number:
                row[1] = f"{float(row[1]) + 0.1:.1f}"
            if name == "airports" and at % 50 == number:
                row[2] = f"{row[2]} ({number})"
        with (self.root / "here" / f"{name}.csv").open("w", encoding="utf-8", newline="") as text:
            csv.writer(text).writerows([head, *rows])

    def show_json(self, number, name, file):
        rows = self.part(number, json.loads((self.data / "json" / f"{file}.json").read_text(encoding="utf-8")))
        for at, row in enumerate(rows):
            if name == "flights" and at % 40 == number:
                row["delay"] += number
        (self.root / "here" / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")

    def show_quakes(self, number):
        whole = json.loads((self.data / "json" / "earthquakes.json").read_text(encoding="utf-8"))
        rows = self.part(number, whole["features"])
        for at, row in enumerate(rows):
            told = row["properties"]
            if at % 12 == number and told["mag"] is not None:
                told["mag"] += number - 3
            if at % 60 == number:
                told["net"] = None if at % 2 else "xx"
        (self.root / "here" / "quakes.json").write_text(json.dumps(whole | {"features": rows}), encoding="utf-8")

    def open(self):
        return requests.open_project(self.root, tuning=FOLLOWS)


def wrong(app):
    """What verify finds that is not as it should be."""
    return {one.table: one for one in requests.verify(app) if one.state != "same"}


@pytest.mark.slow
def test_real_data_is_verified_after_every_slice(shared_data, tmp_path):
    replay = Replay(shared_data, tmp_path)
    did, lost = {}, set()
    with replay.open() as app:
        for number in range(1, SLICES + 1):
            replay.show(number)
            run = requests.run(app)
            assert run.state == "done", [s.error for s in run.failed]
            assert {number: wrong(app)} == {number: {}}
            for step in run.steps:
                did.setdefault(step.table, set()).add(step.strategy)
                lost |= {step.table} if step.removed else set()
        again = requests.run(app)
        assert {step.state for step in again.steps} == {"unchanged"}
    in_full = {name for name in TABLES if any(one.startswith("full,") for one in did[name])}
    assert in_full == set(), "tables that do not follow changes"
    assert {name.split(".")[0] for name in lost} >= {
        "chinook", "csv", "json", "store", "fly", "stock", "weather", "quakes"
    }  # fmt: skip


@pytest.mark.slow
def test_the_demo_is_verified_after_every_day(tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    make.make(folder)
    with server.serving(folder / make.DATA) as address:
        monkeypatch.setenv(server.VARIABLE, address)
        with requests.open_project(folder, tuning=FOLLOWS) as app:
            for day in range(4):
                if day:
                    generate.tick(folder / make.DATA)
                run = requests.run(app)
                assert run.state == "done", [s.error for s in run.failed]
                assert {day: wrong(app)} == {day: {}}


def penstock(*words, folder):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK")}
    done = subprocess.run(
        [sys.executable, "-m", "penstock", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.slow
def test_a_table_that_was_tampered_with_ends_the_command_with_1_and_shows_the_rows(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "p"\n')
    (tmp_path / "tables" / "costs.sql").write_text("select i as id, i * 1.5 as cost from range(1000) t(i)")
    assert penstock("run", folder=tmp_path)[0] == 0
    assert penstock("verify", folder=tmp_path)[0] == 0
    with duckdb.connect(tmp_path / ".penstock" / "warehouse.duckdb") as con:
        ((storage,),) = con.execute("select physical from _penstock.relations").fetchall()
        con.execute(f'update _penstock."{storage}" set cost = 0 where id % 100 = 7')
    code, said = penstock("verify", "--rows", "2", folder=tmp_path)
    assert code == 1
    assert "differs  costs: 20 rows, 10 missing, 10 too many" in said
    assert "missing: id = 7, cost = 10.5" in said
    assert "too many: id = 7, cost = 0.0" in said
    assert "missing: 8 more" in said
    code, said = penstock("verify", "costs", "--json", folder=tmp_path)
    found = json.loads(said)
    assert (code, found["ok"], found["verified"][0]["missing"]) == (1, False, 10)
