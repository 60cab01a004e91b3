"""A question is kept in the project's files, whole or not at all."""

import pyarrow as pa
import pytest

from penstock.web.sql import ARROW


def save(client, sql, **more):
    return client.post("/sql/save", {"sql": sql, **more})


def text_of(client, file):
    return (client.site.app.root / file).read_text(encoding="utf-8")


def test_a_question_becomes_a_dashboard_and_the_next_one_joins_it(own):
    assert save(own, "select * from daily", name="sales", **{"as": "dashboard"}) == (
        200,
        {"file": "dashboards/sales.md"},
    )
    assert save(own, "select * from per_shop;", name="sales", **{"as": "dashboard"})[0] == 200
    text = text_of(own, "dashboards/sales.md")
    assert text.startswith('---\ntitle = "Sales"\n---\n# Sales\n')
    page = own.get("/dashboards/sales")[1]
    assert page["problems"] == []
    tiles = [tile["id"] for block in page["blocks"] for tile in block.get("tiles", ())]
    assert len(tiles) == 2
    data = own.get(f"/dashboards/sales/tiles/{tiles[0]}")[1]
    assert (data["state"], len(data["rows"])) == ("ok", 2)


def test_a_select_of_an_aggregate_becomes_a_metric(own):
    sql = "select sum(amount) from raw.orders where shop = 'a'"
    assert save(own, sql, name="revenue_a", **{"as": "metric"}) == (200, {"file": "metrics/revenue_a.toml"})
    status, answer = own.get("/metrics/revenue_a/values")
    assert (status, answer["rows"]) == (200, [[5.5]])
    assert save(own, sql, name="revenue_a", **{"as": "metric"})[0] == 400


@pytest.mark.parametrize(
    ("sql", "table", "file"),
    [
        ("amount < 100", "daily", "tables/daily.sql"),
        ("select * from per_shop where amount > 100", "", "tables/per_shop.sql"),
        ("amount < 100", "raw.orders", "sources/files.toml"),
        ("city is not null", "raw.shops", "sources/files.toml"),
    ],
)
def test_a_condition_becomes_a_check_of_its_table(sql, table, file, own):
    assert save(own, sql, table=table, name="not too much", **{"as": "check"}) == (200, {"file": file})
    name = table or "per_shop"
    assert own.get(f"/tables/{name}")[1]["checks"][0]["label"] == "not too much"
    before = 1 if name in ("daily", "raw.orders") else 0
    assert len(own.get(f"/tables/{name}")[1]["checks"]) == before + 1


@pytest.mark.parametrize(
    "more",
    [
        {"as": "dashboard", "name": "../../evil", "sql": "select 1"},
        {"as": "dashboard", "name": "/etc/x", "sql": "select 1"},
        {"as": "dashboard", "name": "", "sql": "select 1"},
        {"as": "dashboard", "name": "x", "sql": "drop table daily"},
        {"as": "metric", "name": "a b", "sql": "sum(x)", "table": "daily"},
        {"as": "metric", "name": "m", "sql": "sum(amount)", "table": "nope"},
        {"as": "metric", "name": "m", "sql": "sum(amount)"},
        {"as": "metric", "name": "m", "sql": "sum(", "table": "daily"},
        {"as": "check", "name": "c", "sql": "select * from daily"},
        {"as": "check", "name": "c", "sql": "x > 1", "table": "nope"},
        {"as": "check", "name": "c", "sql": "drop", "table": "daily\0"},
        {"as": "alert", "name": "c", "sql": "x > 1", "table": "daily"},
    ],
)
def test_what_cannot_be_kept_leaves_the_files_as_they_were(more, own):
    def files():
        root = own.site.app.root
        return {str(one): one.read_bytes() for one in root.rglob("*") if one.is_file() and ".penstock" not in str(one)}

    before = files()
    status, answer = own.post("/sql/save", more)
    assert status in (400, 404, 422), answer
    assert files() == before


@pytest.mark.parametrize("kind", ["check", "metric"])
@pytest.mark.parametrize(
    "sql",
    ["select day, sum(amount) from daily group by day", "with x as (select * from daily) select sum(amount) from x"],
)
def test_a_select_that_is_no_condition_and_no_aggregate_is_not_kept_as_one(own, kind, sql):
    before = text_of(own, "tables/daily.sql")
    status, answer = save(own, sql, name="broken", table="daily", **{"as": kind})
    assert status == 400
    assert answer["error"]["got"] == "a select that is more than that"
    assert text_of(own, "tables/daily.sql") == before
    assert not (own.site.app.root / "metrics/broken.toml").exists()


def test_rows_come_as_an_arrow_stream_to_who_asks_for_one(kiosk):
    own = {"X-Penstock-CSRF": kiosk.csrf, "Content-Type": "application/json", "Accept": ARROW}
    status, headers, body = kiosk.raw(
        "POST", "/api/v1/sql", b'{"sql": "select * from range(5000) order by 1 desc", "limit": 3000}', own
    )
    assert (status, headers["Content-Type"]) == (200, ARROW)
    table = pa.ipc.open_stream(body).read_all()
    assert table.column("range").to_pylist() == list(range(4_999, 1_999, -1))
    status, _, _ = kiosk.raw("POST", "/api/v1/sql", b'{"sql": "drop table daily"}', own)
    assert status == 422


def test_a_short_answer_comes_as_an_arrow_stream_too(kiosk):
    own = {"X-Penstock-CSRF": kiosk.csrf, "Content-Type": "application/json", "Accept": ARROW}
    status, headers, body = kiosk.raw("POST", "/api/v1/sql", b'{"sql": "select 7 as n"}', own)
    assert (status, headers["Content-Type"]) == (200, ARROW)
    assert pa.ipc.open_stream(body).read_all().to_pylist() == [{"n": 7}]


def test_without_anything_that_writes_arrow_it_says_what_to_install(kiosk, monkeypatch):
    monkeypatch.setattr("penstock.app.serving.asking.find_spec", lambda name: None)
    own = {"X-Penstock-CSRF": kiosk.csrf, "Content-Type": "application/json", "Accept": ARROW}
    status, _, body = kiosk.raw("POST", "/api/v1/sql", b'{"sql": "select 1"}', own)
    assert status == 422
    assert b"penstock[arrow]" in body
