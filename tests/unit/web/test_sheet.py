"""A dashboard with its tiles in one answer: the same as one by one, made once, and not kept by what takes long."""

import http.client
import threading

import duckdb
import pytest

from penstock.app.pages import dashboards
from penstock.app.pages.kept import Pages
from penstock.app.pages.lasting import MOVING
from penstock.app.serving import sheets
from tests.unit.web.conftest import FILES, served, write

SLOW = "select count(*) as n from range(1000000000) a, range(10) b"
PAGE = """---
filters = { shop = "raw.orders.shop" }
---
There are {{ value counted }} orders.

{{ kpi counted }}

{{ tab "By shop" }}
{{ bar sums x="shop" y="amount" }}
{{ tab "By day" }}
{{ line days }}
{{ end }}

```sql counted
select count(*) as n from raw.orders
```
```sql sums
select shop, sum(amount) as amount from raw.orders group by shop
```
```sql days
select day, sum(amount) as amount from raw.orders group by day
```
"""
OTHER = f"""{{{{ kpi endless }}}} {{{{ kpi shops }}}}

```sql endless
{SLOW}
```
```sql shops
select count(*) as n from raw.shops
```
"""

TIMED = """{{ kpi still }} {{ kpi moving }} {{ line days }}

```sql still
select count(*) as n from raw.orders
```
```sql moving
select count(*) as n from raw.orders where day < current_date
```
```sql days
select day, sum(amount) as amount from raw.orders group by day
```
"""


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory):
    files = {**FILES, "dashboards/sales.md": PAGE, "dashboards/slow.md": OTHER, "dashboards/time.md": TIMED}
    with served(write(tmp_path_factory.mktemp("kiosk"), files)) as client:
        yield client


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However slow the machine is."""
    monkeypatch.setattr(sheets, "_PATIENCE", 60)


@pytest.fixture
def made(monkeypatch):
    """The tiles that are made, by their ids."""
    ids, real = [], dashboards.fresh

    def fresh(app, page, chart, *rest):
        ids.append(chart.id)
        return real(app, page, chart, *rest)

    monkeypatch.setattr(dashboards, "fresh", fresh)
    return ids


def sheet(client, query="", page="sales"):
    status, found = client.get(f"/dashboards/{page}/sheet{query}")
    assert status == 200, found
    return found


def without_age(given):
    return {name: value for name, value in given.items() if name not in ("age_seconds", "as_of")}


@pytest.mark.parametrize("query", ["", "?shop=a"])
def test_a_sheet_has_what_the_page_and_its_tiles_have_one_by_one(kiosk, query):
    found = sheet(kiosk, query)
    assert without_age(found["page"]) == without_age(kiosk.get(f"/dashboards/sales{query}")[1])
    assert found["waiting"] == []
    for one in found["tiles"]:
        by_itself = kiosk.get(f"/dashboards/sales/tiles/{one['tile']['id']}{query}")[1]
        assert without_age(one["tile"]) == without_age(by_itself)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["kpi-counted", "bar-sums"]),
        ("?show.tab=By day", ["kpi-counted", "line-days"]),
        ("?show.tab=nowhere|By day", ["kpi-counted", "line-days"]),
        ("?show.tiles=line-days", ["line-days"]),
        ("?show.tiles=nope,bar-sums", ["bar-sums"]),
        ("?show.tiles=", []),
    ],
)
def test_a_sheet_has_the_tiles_that_are_seen_or_those_that_are_named(kiosk, query, ids):
    assert [one["tile"]["id"] for one in sheet(kiosk, query.replace(" ", "%20").replace("|", "%7C"))["tiles"]] == ids


def test_a_commit_is_in_the_next_sheet(kiosk):
    before = sheet(kiosk)
    orders = kiosk.site.app.root / "data" / "orders.csv"
    orders.write_text(orders.read_text() + "4,2026-01-03,b,8.0\n")
    assert kiosk.post("/runs", {})[0] == 202
    assert kiosk.site.wait(60)
    after = sheet(kiosk)
    assert (before["tiles"][0]["tile"]["kpi"]["value"], after["tiles"][0]["tile"]["kpi"]["value"]) == (3, 4)
    assert ">3<" in str(before["page"]["blocks"])
    assert ">4<" in str(after["page"]["blocks"])


def test_a_tile_that_takes_long_is_named_and_keeps_no_other_waiting(kiosk, monkeypatch):
    assert kiosk.get("/dashboards/slow/tiles/kpi-shops")[1]["kpi"]["value"] == 2
    monkeypatch.setattr(sheets, "_PATIENCE", 0.05)
    found = sheet(kiosk, page="slow")
    assert found["waiting"] == ["kpi-endless"]
    assert [one["tile"]["id"] for one in found["tiles"]] == ["kpi-shops"]


def test_no_such_page(kiosk):
    status, found = kiosk.get("/dashboards/nope/sheet")
    assert (status, found["error"]["kind"]) == (404, "NoSuchError")


def test_a_sheet_that_many_ask_for_at_once_is_made_once(kiosk, made):
    begin = threading.Barrier(6)

    def ask():
        begin.wait()
        sheet(kiosk, "?shop=b")

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(made) == ["bar-sums", "kpi-counted"]


def test_a_tile_is_made_again_with_time_only_where_time_is_in_it(kiosk, made, monkeypatch):
    clock, ahead = kiosk.site.app.clock, [100]
    real = clock.monotonic
    monkeypatch.setattr(type(clock), "monotonic", lambda _: real() + ahead[0])
    first = sheet(kiosk, page="time")
    made.clear()
    ahead[0] = 700
    again = sheet(kiosk, page="time")
    assert made == ["kpi-moving"]
    assert [one["seconds"] >= 600 for one in again["tiles"]] == [True, False, True]
    assert [one["tile"]["rows"] for one in again["tiles"]] == [one["tile"]["rows"] for one in first["tiles"]]


def test_every_function_whose_value_moves_is_known():
    with duckdb.connect() as con:
        found = con.execute(
            "select distinct function_name from duckdb_functions() where function_type in ('scalar', 'aggregate') "
            "and stability <> 'CONSISTENT' or macro_definition ilike '%current_%' or macro_definition ilike '%now()%'"
        ).fetchall()
    assert found
    assert [name for (name,) in found if not MOVING.search(f"select {name}()")] == []


def test_pages_are_ready_before_anybody_who_looks_asks_for_them(tmp_path, made, monkeypatch):
    monkeypatch.setattr(sheets, "_SOON", 0)
    monkeypatch.setattr(sheets, "_SPARED", 1_000_000)
    with served(write(tmp_path, {**FILES, "dashboards/sales.md": PAGE})) as client:
        con = http.client.HTTPConnection("127.0.0.1", client.site.settings.port, timeout=60)
        con.request("GET", "/api/v1/events")
        con.getresponse().readline()
        client.site.sheets._preparing.join(60)
        assert made == ["kpi-counted", "bar-sums"]
        assert len(sheet(client)["tiles"]) == 2
        assert made == ["kpi-counted", "bar-sums"]
        client.site.sheets.prepare()  # so soon after the last time it would take too much of the time
        assert not client.site.sheets._preparing.is_alive()
        con.close()


def test_what_failed_for_one_is_made_again_for_the_next():
    kept = Pages()
    with pytest.raises(ZeroDivisionError):
        kept.kept("a", lambda: 1 // 0)
    assert kept.kept("a", lambda: 2) == 2
    assert kept.kept("a", lambda: 3) == 2


def test_what_was_begun_under_definitions_that_are_gone_is_not_kept():
    kept = Pages()
    kept.belong_to("old")

    def made():
        kept.belong_to("new")
        return 1

    assert kept.kept("a", made) == 1
    assert kept.known("a") is None
