"""What the routes answer, each as the description of the API says."""

import gzip
import json
import time
from datetime import timedelta

import jsonschema_rs
import pytest

from penstock.base.clock import SystemClock
from penstock.web import openapi, server
from penstock.web.server import ROUTES

DOCUMENT = openapi.document(ROUTES)
GETS = [
    "/project", "/home", "/tables", "/tables/raw.orders", "/tables/daily", "/tables/daily/rows",
    "/tables/daily/rows?limit=1&order=-day", "/tables/daily/rows?version=1", "/tables/daily/versions",
    "/tables/raw.orders/rejects", "/tables/daily/explain", "/tables/raw.orders/explain", "/runs", "/runs?state=done",
    "/tables/daily/profile", "/tables/raw.orders/profile?columns=amount", "/tables/daily/lineage?depth=1", "/lineage",
    "/tables/daily/lineage?column=day",
    "/lineage?select=daily%2B&expand=*", "/metrics", "/dashboards", "/runs?table=daily&limit=1",
    "/search?q=orders", "/search?q=", "/sql/words",
]  # fmt: skip


def route_of(method, path):
    parts = path.partition("?")[0].split("/")
    for one in ROUTES:
        own = one.path.split("/")
        same = len(own) == len(parts) and all(a == b or a.startswith("{") for a, b in zip(own, parts, strict=True))
        if one.method == method and same and not (one.path.startswith("/sql/{") and parts[-1] in ("plan", "words")):
            return one
    raise AssertionError(path)


def check(method, path, status, answer):
    """Hold an answer to the description."""
    operation = DOCUMENT["paths"][openapi.BASE + route_of(method, path).path][method.lower()]
    schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": DOCUMENT["components"]}, answer)


@pytest.mark.parametrize("path", GETS)
def test_what_is_asked_is_answered_as_described(path, kiosk):
    status, answer = kiosk.get(path)
    assert status == 200, answer
    check("GET", path, status, answer)


def test_the_description_itself_is_served_and_names_every_route(kiosk):
    status, answer = kiosk.get("/openapi.json")
    assert (status, answer["openapi"]) == (200, "3.1.0")
    assert answer == json.loads(json.dumps(DOCUMENT))
    named = {(m.upper(), p) for p, ways in answer["paths"].items() for m in ways}
    assert named - {("GET", openapi.BASE + "/events")} == {(one.method, openapi.BASE + one.path) for one in ROUTES}


def test_a_run_is_told_with_its_steps_and_when_each_began(kiosk):
    [row] = kiosk.get("/runs")[1]["runs"]
    status, page = kiosk.get(f"/runs/{row['id']}")
    check("GET", "/runs/x", status, page)
    assert page["run"] == row
    assert {step["table"] for step in page["steps"]} == {"raw.orders", "raw.shops", "daily", "per_shop"}
    assert all(0 <= step["started"] <= row["seconds"] for step in page["steps"])
    assert page["logs"][0]["text"] == "the run began: penstock run"
    assert page["logs"][-1]["text"].startswith("the run ended: done, version ")
    assert [line["at"] for line in page["logs"]] == sorted(line["at"] for line in page["logs"])


def test_a_table_is_told_with_all_that_is_known_of_it(kiosk):
    _, page = kiosk.get("/tables/daily")
    assert [page[name] for name in ("name", "kind", "state", "rows", "owner")] == [
        "daily", "sql", "ok", 2, "ada@example.com",
    ]  # fmt: skip
    assert page["reads"] == ["raw.orders"]
    assert page["definition"]["file"] == "tables/daily.sql"
    assert "group by day" in page["definition"]["text"]
    assert [(one["label"], one["state"]) for one in page["checks"]] == [("orders > 0", "passed")]
    assert page["fresh_seconds"] == 86_400
    assert page["used"] == pytest.approx(page["age_seconds"] / 86_400)
    _, raw = kiosk.get("/tables/raw.orders")
    assert raw["used_by"]["tables"] == ["daily", "per_shop"]
    assert raw["definition"]["text"].startswith("[raw.orders]")
    assert "raw.shops" not in raw["definition"]["text"]
    [check_of] = raw["checks"]
    assert (check_of["state"], check_of["failed"], check_of["sample"]["rows"][0][0]) == ("warned", 1, 1)


def test_the_first_page_says_in_words_what_warns(kiosk):
    _, page = kiosk.get("/home")
    assert page["headline"] == "1 check warns"
    assert page["state"] == "warn"
    [one] = page["trouble"]
    assert (one["kind"], one["level"], one["table"]) == ("warned", "warn", "raw.orders")
    assert page["activity"]["runs_hour"] == 1


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/tables/ordrs", 404, "no table 'ordrs'"),
        ("/tables/dail/rows", 404, "no table 'dail'"),
        ("/runs/nope", 404, "no run 'nope'"),
        ("/nope", 404, "there is no route"),
        ("/tables/nope/profile", 404, "no table 'nope'"),
        ("/tables/daily/profile?columns=nope", 400, "nope"),
        ("/tables/nope/lineage", 404, "no table 'nope'"),
        ("/tables/daily/lineage?column=nope", 400, "no column 'nope'"),
        ("/lineage?select=nope", 400, "nope"),
        ("/dashboards/nope", 404, "no dashboard 'nope'"),
        ("/dashboards/nope/tiles/x", 404, "no dashboard 'nope'"),
        ("/metrics/nope/values", 404, "no metric 'nope'"),
        ("/tables/daily/rows?limit=x", 400, "'limit' cannot be 'x'"),
        ("/tables/daily/rows?limit=-1", 400, "'limit' cannot be '-1'"),
        ("/tables/daily/rows?order=nope", 400, "daily has no column 'nope'"),
        ("/tables/daily/rows?version=99", 422, "there is no version 99"),
        ("/runs?state=good", 400, "'state' cannot be 'good'"),
        ("/search?q=%00", 400, "'q' has a zero byte in it"),
    ],
)
def test_what_cannot_be_answered_is_said_clearly(path, status, said, kiosk):
    got, answer = kiosk.get(path)
    assert got == status, answer
    assert said in answer["error"]["subject"]
    jsonschema_rs.validate({"$ref": "#/components/schemas/ErrorAnswer", "components": DOCUMENT["components"]}, answer)


def test_a_run_that_is_asked_for_runs_and_is_told_to_who_listens(own):
    (own.site.app.root / "data/orders.csv").write_text("id,day,shop,amount\n9,2026-01-09,a,9.5\n", encoding="utf-8")
    status, answer = own.post("/runs", {"select": ["daily", "raw.orders"]})
    check("POST", "/runs", status, answer)
    assert status == 202
    assert own.site.wait(30)
    page = own.get(f"/runs/{answer['run']}")[1]
    assert page["run"]["state"] == "done"
    assert page["run"]["command"] == "web: run daily raw.orders"
    kinds = [text.partition(b"event: ")[2].partition(b"\n")[0] for text in own.site.hub.since(0)[0]]
    assert kinds[0] == b"run"
    assert kinds.count(b"run") == 2
    assert b"step" in kinds


@pytest.mark.parametrize(
    ("body", "status"),
    [({"select": ["nope"]}, 400), ({"select": [""]}, 400), ({"select": "daily"}, 400), ([], 400)],
)
def test_a_run_of_what_is_not_there_does_not_begin(body, status, kiosk):
    got, answer = kiosk.post("/runs", body)
    assert got == status, answer
    assert len(kiosk.get("/runs")[1]["runs"]) == 1


def test_a_failed_run_is_trouble_and_can_be_tried_again(own):
    path = own.site.app.root / "tables/daily.sql"
    path.write_text(path.read_text().replace("orders > 0", "orders > 100"))
    (own.site.app.root / "data/orders.csv").write_text("id,day,shop,amount\n9,2026-01-09,a,9.5\n", encoding="utf-8")
    own.site.watch.files()
    run = own.post("/runs", {})[1]["run"]
    assert own.site.wait(30)
    page = own.get("/home")[1]
    assert page["state"] == "bad"
    assert page["headline"].startswith("1 failure")
    first = page["trouble"][0]
    assert (first["kind"], first["table"], first["links"][0]["to"]) == ("failed", "daily", f"/runs/{run}")
    fault = own.get("/tables/daily")[1]["fault"]
    assert fault["subject"] in first["title"]
    assert fault["where"].startswith("tables/daily.sql:")
    assert own.get("/tables/raw.orders")[1]["fault"] is None
    status, answer = own.post(f"/runs/{run}/retry")
    assert status == 202
    assert own.site.wait(30)
    assert {s["table"] for s in own.get(f"/runs/{answer['run']}")[1]["steps"]} == {"daily"}


def test_another_definition_of_a_table_is_in_its_schema_history_and_its_versions(own):
    path = own.site.app.root / "tables/daily.sql"
    path.write_text(path.read_text().replace("sum(amount) as amount", "count(*) * 1.5 as worth"))
    own.site.watch.files()
    own.post("/runs", {})
    assert own.site.wait(30)
    page = own.get("/tables/daily")[1]
    assert [one["change"].split()[0::3] for one in page["schema_changes"]] == [["worth", "added"], ["amount", "taken"]]
    (version,) = {one["version"] for one in page["schema_changes"]}
    newest, first = own.get("/tables/daily/versions")[1]["versions"]
    assert (newest["version"], newest["rows"], first["rows"]) == (version, 2, 2)
    assert page["schema_changes"][0]["at"] == newest["at"]


class Later(SystemClock):
    def now(self):
        return super().now() + timedelta(hours=2, minutes=1)


def test_a_table_that_is_late_says_how_late(own):
    own.site.app.clock = Later()
    _, page = own.get("/home")
    [late] = [one for one in page["trouble"] if one["kind"] == "late"]
    assert late["title"] == "raw.orders is late: 2 hours old, promised within 1 hour"
    assert own.get("/tables/raw.orders")[1]["state"] == "late"
    assert own.get("/tables/raw.orders")[1]["age_seconds"] > 7_200


def test_a_file_that_changes_is_loaded_and_one_with_a_mistake_is_shown(own):
    path = own.site.app.root / "tables/daily.sql"
    good = path.read_text()
    path.write_text("select from where")
    own.site.watch.files()
    _, page = own.get("/home")
    assert page["trouble"][0]["kind"] == "page"
    assert page["trouble"][0]["where"].startswith("tables/daily.sql")
    assert own.get("/tables/daily")[0] == 200
    path.write_text(good.replace("ada@", "bob@"))
    own.site.watch.files()
    assert own.get("/tables/daily")[1]["owner"] == "bob@example.com"
    assert all(one["kind"] != "page" for one in own.get("/home")[1]["trouble"])
    told = b"".join(own.site.hub.since(0)[0])
    assert told.count(b"event: project") == 2


def test_files_are_looked_at_when_asked_though_nobody_listens(own):
    path = own.site.app.root / "tables/daily.sql"
    path.write_text(path.read_text().replace("ada@", "eve@"))
    until = time.monotonic() + 10
    while own.get("/tables/daily")[1]["owner"] != "eve@example.com":
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.parametrize("asked", ["", "gzip, deflate, br"])
def test_a_part_of_the_app_is_made_small_for_who_takes_it_so(kiosk, tmp_path, monkeypatch, asked):
    (tmp_path / "assets").mkdir()
    code = b"const penstock = 'open';\n" * 1_000
    (tmp_path / "assets" / "Home-abc.js").write_bytes(code)
    monkeypatch.setattr(server, "STATIC", tmp_path)
    status, headers, body = kiosk.raw("GET", "/assets/Home-abc.js", headers={"Accept-Encoding": asked})
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert "immutable" in headers["cache-control"]
    assert (gzip.decompress(body) if asked else body) == code
    assert headers["content-encoding"] == ("gzip" if asked else None)
    assert int(headers["content-length"]) == len(body)
