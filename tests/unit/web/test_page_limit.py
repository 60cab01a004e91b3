"""What a page asks is stopped when its time is over, and the page says so in its place."""

import time

import pytest

from penstock.analyse import metrics as measuring
from penstock.app import limits
from tests.unit.web.conftest import FILES, served, write

ENDLESS = "select count(*) as n from range(10000000000) a, range(10000000000) b"
PAGE = f"""```sql endless
{ENDLESS}
```
```sql quick
select count(*) as n from raw.orders
```
There are {{{{ value endless.n }}}} of {{{{ value quick.n }}}}.

{{{{ kpi endless }}}} {{{{ kpi quick }}}} {{{{ bar amount by="shop" }}}}
"""
METRICS = 'table = "raw.orders"\n[dimensions]\nshop = {}\n[metrics]\namount = "sum(amount)"\n'


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A shop whose pages get half a second."""
    files = {
        **FILES, "penstock.toml": FILES["penstock.toml"].replace("\n", '\npage_limit = "500 ms"\n', 1),
        "dashboards/slow.md": PAGE, "metrics/orders.toml": METRICS,
    }  # fmt: skip
    with served(write(tmp_path_factory.mktemp("hasty"), files)) as client:
        yield client


def tiles(client):
    page = client.get("/dashboards/slow")[1]
    return {tile["query"] or tile["metric"]: tile["id"] for block in page["blocks"] for tile in block.get("tiles", ())}


@pytest.mark.slow
def test_a_tile_without_an_end_is_stopped_and_says_what_to_do(hasty):
    began = time.monotonic()
    status, tile = hasty.get(f"/dashboards/slow/tiles/{tiles(hasty)['endless']}")
    assert (status, tile["state"], tile["rows"]) == (200, "slow", [])
    assert tile["message"] == "this took longer than 0.5 s, and was stopped"
    assert 'page_limit = "2 minutes"' in tile["error"]["hint"]
    assert time.monotonic() - began < 20
    assert hasty.get(f"/dashboards/slow/tiles/{tiles(hasty)['quick']}")[1]["kpi"]["value"] == 3


def test_a_value_in_a_text_that_takes_too_long_leaves_the_page_readable(hasty):
    status, page = hasty.get("/dashboards/slow")
    [text] = [block["html"] for block in page["blocks"] if block["kind"] == "html"]
    assert status == 200
    assert 'class="mistake" title="this took longer than 0.5 s, and was stopped"' in text


def wait_for_the_end(monkeypatch):
    """Let the time of whoever measures be over before the rows are read."""
    read = measuring.read

    def slowly(*given):
        while not limits._CURRENT.get().is_over:
            time.sleep(0.01)
        return read(*given)

    monkeypatch.setattr(measuring, "read", slowly)


def test_a_chart_of_a_metric_has_its_time_as_well(hasty, monkeypatch):
    where = tiles(hasty)["amount"]
    wait_for_the_end(monkeypatch)
    assert hasty.get(f"/dashboards/slow/tiles/{where}?shop=a")[1]["state"] == "slow"
    monkeypatch.undo()
    assert hasty.get(f"/dashboards/slow/tiles/{where}?shop=b")[1]["rows"] == [["b", None, 2.5]]


def test_a_metric_that_is_asked_by_itself_has_its_time_as_well(hasty, monkeypatch):
    wait_for_the_end(monkeypatch)
    status, answer = hasty.get("/metrics/amount/values?by=shop")
    assert (status, answer["error"]["kind"]) == (422, "TooSlowError")
    assert "page_limit" in answer["error"]["hint"]
    monkeypatch.undo()
    assert hasty.get("/metrics/amount/values")[1]["rows"] == [[8.0]]


def test_a_time_that_is_over_stops_no_question_that_comes_after_it(hasty):
    assert hasty.get(f"/dashboards/slow/tiles/{tiles(hasty)['endless']}?shop=a")[1]["state"] == "slow"
    assert hasty.sql("select count(*) as n from range(30000000)")[1]["rows"] == [[30_000_000]]
