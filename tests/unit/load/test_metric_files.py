"""Files of metrics: what they say arrives, and each mistake is told with its place and what was meant."""

import pytest

from penstock.model.metric import Join

GOOD = """table = "orders"
time  = { column = "ordered_at", grain = "hour", timezone = "Europe/Berlin" }
joins = { raw.customers = "customer_id", buyer = { table = "raw.customers", on = "buyer_id = id" } }

[dimensions]
region = {}
tier   = "raw.customers.tier"

[metrics]
revenue = { sql = "sum(amount)", format = "eur", good = "up" }
orders  = "count(distinct order_id)"
aov     = "{revenue} / {orders}"
us      = { sql = "sum(amount)", filter = "country = 'US'", label = "US revenue" }
mtd     = { of = "revenue", cumulative = "month" }
rev_28d = { of = "revenue", window = "28 days" }
wow     = { of = "revenue", compare = "1 week" }
stock   = { sql = "sum(amount)", last = "day", per = "region" }
"""


@pytest.fixture
def shop(folder):
    folder.write("sources/a.toml", '[raw.customers]\nfrom = "files"\nread = "c.csv"\n')
    folder.write("tables/orders.sql", "select 1 as order_id from raw.customers")
    return folder


def test_everything_that_a_file_says_arrives(shop):
    project = shop.write("metrics/shop.toml", GOOD).load()
    made = project.metric_sets["shop"]
    assert (made.table, made.time, made.grain, made.timezone) == ("orders", "ordered_at", "hour", "Europe/Berlin")
    assert {name: (join.table, join.on) for name, join in made.joins.items()} == {
        "customers": ("raw.customers", (("customer_id", ""),)),
        "buyer": ("raw.customers", (("buyer_id", "id"),)),
    }
    assert isinstance(made.joins["buyer"], Join)
    assert {name: one.sql for name, one in made.dimensions.items()} == {"region": "region", "tier": "customers.tier"}
    kinds = {name: one.kind for name, one in project.metrics.items()}
    assert kinds == {
        "revenue": "simple", "orders": "simple", "aov": "derived", "us": "simple", "mtd": "cumulative",
        "rev_28d": "windowed", "wow": "compared", "stock": "simple",
    }  # fmt: skip
    assert (project.metrics["us"].label, project.metrics["aov"].label) == ("US revenue", "Aov")
    assert (project.metrics["mtd"].format, project.metrics["mtd"].good) == ("eur", "up")
    assert (project.metrics["wow"].format, str(project.metrics["wow"].where)) == ("percent", "metrics/shop.toml:16:1")


def test_the_second_load_comes_from_the_cache_and_is_the_same(shop):
    first = shop.write("metrics/shop.toml", GOOD).write("penstock.toml", 'name = "a"\ntimezone = "Asia/Tokyo"\n').load()
    shop.asked.clear()
    again = shop.load()
    assert (again, shop.asked) == (first, [])
    assert (again.timezone, len(again.metrics)) == ("Asia/Tokyo", 8)


def test_a_file_that_changed_is_read_again(shop):
    shop.write("metrics/shop.toml", GOOD).load()
    changed = shop.write("metrics/shop.toml", GOOD.replace("sum(amount)", "max(amount)")).load()
    assert changed.metrics["revenue"].sql == "max(amount)"


HEAD = 'table = "orders"\ntime = "day"\n'
MISTAKES = {
    "no such table": (
        'table = "ordrs"\n[metrics]\na = "count(*)"\n',
        "1:9",
        "there is no table 'ordrs' for these metrics",
    ),
    "no table": ('[metrics]\na = "count(*)"\n', "", "'metrics/a.toml' has no 'table'"),
    "no metrics": (HEAD, "", "'metrics/a.toml' has no metrics"),
    "an unknown key": (HEAD + 'tim = 1\n[metrics]\na = "count(*)"\n', "3:1", "unknown key 'tim' of 'metrics/a.toml'"),
    "an unknown key of a metric": (
        HEAD + '[metrics]\na = { sql = "count(*)", fomat = "eur" }\n',
        "4:25",
        "unknown key 'fomat' of metric 'a'",
    ),
    "no such join": (
        HEAD + 'joins = { customers = "id" }\n[metrics]\na = "count(*)"\n',
        "3:23",
        "there is no table 'customers' to join",
    ),
    "a join from nowhere": (
        HEAD + 'joins = { raw.customers = "other.id" }\n[metrics]\na = "count(*)"\n',
        "3:27",
        "join 'customers' begins at 'other', which is no join",
    ),
    "no such metric": (
        HEAD + '[metrics]\nrevenue = "count(*)"\na = "{revenu} / 2"\n',
        "5:5",
        "there is no metric 'revenu', which 'a' is made of",
    ),
    "a circle": (
        HEAD + '[metrics]\na = "{b} + 1"\nb = "{a} + 1"\n',
        "4:5",
        "the metrics are made of each other in a circle: a → b → a",
    ),
    "no aggregate": (HEAD + '[metrics]\na = "amount"\n', "4:5", "metric 'a' is no aggregate"),
    "a mixture": (
        HEAD + '[metrics]\na = "count(*)"\nb = "{a} / sum(x)"\n',
        "5:5",
        "metric 'b' mixes other metrics with sum(…)",
    ),
    "a bracket": (HEAD + '[metrics]\na = "sum(x"\n', "4:5", "metric 'a' cannot be read: a ) is missing"),
    "two statements": (
        HEAD + '[metrics]\na = "sum(x); drop table orders"\n',
        "4:5",
        "metric 'a' cannot be read: it has a semicolon; a metric is one expression",
    ),
    "a bad grain": (
        HEAD + '[metrics]\na = "sum(x)"\nb = { of = "a", cumulative = "monht" }\n',
        "5:30",
        "'cumulative' of metric 'b' is not right",
    ),
    "a bad window": (
        HEAD + '[metrics]\na = "sum(x)"\nb = { of = "a", window = "a while" }\n',
        "5:26",
        "'window' of metric 'b' is not right",
    ),
    "two at once": (
        HEAD + '[metrics]\na = "sum(x)"\nb = { of = "a", window = "1 day", compare = "1 day" }\n',
        "5:1",
        "metric 'b' does not say what of 'a' it is",
    ),
    "no time": (
        'table = "orders"\n[metrics]\na = "sum(x)"\nb = { of = "a", window = "1 day" }\n',
        "4:26",
        "metric 'b' needs a time",
    ),
    "a window over a window": (
        HEAD + '[metrics]\na = "sum(x)"\nb = { of = "a", window = "1 day" }\nc = { of = "b", cumulative = "month" }\n',
        "6:1",
        "metric 'c' is cumulative over 'b', which is windowed itself",
    ),
    "the name of a grain": (HEAD + '[metrics]\nweek = "sum(x)"\n', "4:1", "the name 'week' is taken"),
    "a name of SQL": (HEAD + '[metrics]\nselect = "sum(x)"\n', "4:1", "'select' cannot be a name"),
    "a metric and a dimension": (
        HEAD + '[dimensions]\na = {}\n[metrics]\na = "sum(x)"\n',
        "6:1",
        "'a' is a metric and a dimension",
    ),
    "a time zone": (
        'table = "orders"\ntimezone = "Europe/Berln"\n[metrics]\na = "sum(x)"\n',
        "2:12",
        "'timezone' of 'metrics/a.toml' is not right",
    ),
    "a number": (HEAD + "[metrics]\na = 3\n", "4:5", "metric 'a' is not right"),
    "filter of others": (
        HEAD + '[metrics]\na = "sum(x)"\nb = { sql = "{a} * 2", filter = "y" }\n',
        "5:33",
        "metric 'b' is of other metrics and has 'filter'",
    ),
    "per without last": (
        HEAD + '[metrics]\na = { sql = "sum(x)", per = "y" }\n',
        "4:29",
        "metric 'a' has 'per' without 'last'",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_told_with_its_place(shop, what):
    text, place, subject = MISTAKES[what]
    found = shop.write("metrics/a.toml", text).mistakes()
    assert (f"metrics/a.toml{':' + place if place else ''}", subject) in found or (
        not place and subject in [said for _, said in found]
    ), found
    assert len(found) == 1, found


def test_the_nearest_name_is_offered(shop):
    error = shop.write("metrics/a.toml", HEAD + '[metrics]\nrevenue = "sum(x)"\na = "{revenu}"\n').mistake()
    assert error.hint == "did you mean 'revenue'?"


def test_two_metrics_of_one_name_in_two_files_are_told(shop):
    shop.write("metrics/a.toml", HEAD + '[metrics]\na = "sum(x)"\n')
    error = shop.write("metrics/b.toml", HEAD + '[metrics]\na = "sum(y)"\n').mistake()
    assert (error.subject, error.got) == ("there are two metrics 'a'", "the other: metrics/a.toml:4:5")


def test_a_table_that_could_not_be_read_is_not_missed(shop):
    shop.write("tables/other.sql", "select from from").write("tables/orders.sql", "insert into x values (1)")
    found = shop.write("metrics/a.toml", HEAD + '[metrics]\na = "sum(x)"\n').mistakes()
    assert all("metrics" not in place for place, _ in found), found


def test_a_table_of_sql_that_asks_a_metric_is_told_so(shop):
    shop.write("metrics/a.toml", HEAD + '[metrics]\na = "sum(x)"\n')
    error = shop.write("tables/b.sql", "select *\nfrom metric('a')").mistake()
    assert error.subject == "a table's SQL cannot ask a metric: metrics are made of tables"
    assert str(error.where) == "tables/b.sql:2:6"
