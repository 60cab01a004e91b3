"""What `penstock metric` says, of a small shop that is really there."""

import json

import pytest

from penstock.app import requests

METRICS = """
table = "orders"
time  = "day"

[dimensions]
region = {}

[metrics]
revenue = { sql = "sum(amount)", format = "eur", good = "up", description = "What orders brought." }
orders  = "count(*)"
share   = { sql = "{north} / {revenue}", format = "percent" }
north   = { sql = "sum(amount)", filter = "region = 'North'" }
"""
ORDERS = """
select * from (values
    (1, date '2026-01-05', 'North', 10.00), (2, date '2026-01-12', 'South', 1234.50), (3, date '2026-01-13', null, 7.00)
) as t(order_id, day, region, amount)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    for path, text in {
        "penstock.toml": 'name = "shop"\n',
        "tables/orders.sql": ORDERS,
        "metrics/orders.toml": METRICS,
    }.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    with requests.open_project(root) as app:
        assert requests.run(app).state == "done"
    return root


@pytest.fixture
def ask(made, penstock, monkeypatch):
    monkeypatch.chdir(made)
    return lambda *words: penstock("metric", *words)


def test_the_list_of_metrics(ask, golden):
    golden("metric-list.txt", ask().out)
    golden("metric-list.json", ask("--json").out)


def test_a_metric_measured(ask, golden):
    found = ask("revenue", "share", "--by", "region", "--grain", "week")
    golden("metric.txt", found.out)
    assert (found.code, found.err) == (0, "3 rows\n")
    golden("metric.json", ask("revenue", "--compare", "1 week", "--from", "2026-01-12", "--json").out)


def test_the_select_that_a_metric_becomes(ask, golden):
    golden("metric.sql", ask("orders", "--where", "region!=South", "--grain", "month", "--sql").out)
    golden(
        "metric-compared.sql",
        ask("share,orders", "--by", "region", "--grain", "week", "--compare", "1 week", "--sql").out,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["revenu"], "error: no metric 'revenu'\n  hint: did you mean 'revenue'?\n"),
        (["revenue", "--by", "regio"], "error: 'revenue' has no dimension 'regio'\n  hint: did you mean 'region'?\n"),
        (
            ["revenue", "--where", "region"],
            "error: --where region: this is no condition\n  hint: such as --where region=North,West\n",
        ),
        (
            ["revenue", "--from", "soon"],
            "error: 'soon' is no day and no time\n  expected: such as 2026, 2026-11, 2026-11-25 or 2026-11-25 10:00\n",
        ),
        (
            ["revenue", "--grain", "hour"],
            (
                "error: metrics/orders.toml:2:1: 'revenue' cannot be asked by hour: its time is by day\n"
                '  hint: if day is that fine: time = { column = "day", grain = "hour" }\n'
            ),
        ),
        (["revenue", "--by", "region", "--where", "region>a,b"], "error: > takes one value of 'region'\n  got: 2\n"),
    ],
)
def test_what_cannot_be_asked_is_said(ask, words, said):
    found = ask(*words)
    assert (found.code, found.out, found.err) == (2, "", said)


def test_a_limit_cuts_and_says_so(ask):
    found = ask("revenue", "--by", "region", "--limit", "1", "--order", "-revenue")
    assert "South" in found.out
    assert "North" not in found.out
    assert found.err == "the first 1 row; --limit 0 shows all\n"
    assert json.loads(ask("revenue", "--by", "region", "--limit", "1", "--json").out)["more"] is True
    assert len(json.loads(ask("revenue", "--by", "region", "--limit", "0", "--json").out)["rows"]) == 3
