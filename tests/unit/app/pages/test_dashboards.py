"""Pages over a small shop: each chart, each filter, and a state that says what to do for each bad input."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from penstock.app import requests
from penstock.app.pages import dashboards, kept
from penstock.app.pages.dashboards import json_of
from penstock.base.errors import ConfigError, ConfigErrors

ORDERS = """/* ---
key = "id"
fresh = "1 hour"
--- */
select
    i as id,
    date '2026-01-01' + cast(i % 60 as integer) as day,
    case i % 3 when 0 then 'North' when 1 then 'West' else 'O''Brien, "x"' end as region,
    cast(i % 7 as integer) as pieces,
    cast(i as decimal(18, 2)) as amount_eur,
    case when i % 50 = 0 then null else i % 4 end as rating
from range(600) as t(i)
"""
METRICS = """
table = "orders"
time  = { column = "day", grain = "day" }

[dimensions]
region = {}
score  = "rating"

[metrics]
revenue = { sql = "sum(amount_eur)", format = "eur", good = "up" }
orders  = "count(*)"
mean    = "{revenue} / {orders}"
places  = "count(distinct region)"
west_share = { sql = "count(*) filter (region = 'West') / count(*)" }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project whose table is built, open."""
    root = tmp_path_factory.mktemp("shop")
    for name, text in {
        "penstock.toml": 'name = "shop"\n', "tables/orders.sql": ORDERS, "metrics/orders.toml": METRICS,
        "tables/later.sql": "select 1 as one from orders",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "dashboards").mkdir()
    with requests.open_project(root) as app:
        assert requests.run(app, ["orders"]).state == "done"
        yield app


@pytest.fixture
def page(shop):
    """Write a page, and ask for it."""
    made = []

    def write(text, **params):
        name = f"p{len(made)}_{abs(hash(text))}"
        path = shop.root / "dashboards" / f"{name}.md"
        path.write_text(text)
        made.append(path)
        return Asked(shop, name, params)

    yield write
    for path in made:
        path.unlink()


class Asked:
    def __init__(self, app, name, params):
        self.app, self.name, self.params = app, name, params

    @property
    def page(self):
        found = dashboards.page(self.app, self.name, self.params)
        json.dumps(json_of(found), allow_nan=False)
        return found

    def tile(self, name):
        found = dashboards.tile(self.app, self.name, name, self.params)
        json.dumps(json_of(found), allow_nan=False)
        return found

    @property
    def only(self):
        (chart,) = dashboards.pages(self.app).one(self.app, self.name).charts
        return self.tile(chart.id)

    @property
    def wrong(self):
        return [(one.line, one.column, one.subject, one.hint) for one in self.page.problems]


def sql(select, chart):
    return f"```sql q\n{select}\n```\n{chart}\n"


def roles(tile):
    return [(one.name, one.role) for one in tile.columns]


# ── each chart ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_of_a_metric(page):
    tile = page('{{ line revenue by="month" }}').only
    assert (tile.state, tile.title) == ("ok", "Revenue")
    assert [row[0] for row in tile.rows] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert sum(row[2] for row in tile.rows) == sum(range(600))
    assert (tile.tables, tile.definition, tile.options["grain"]) == (("orders",), "metrics/orders.toml:10", "month")
    assert "sum(amount_eur)" in tile.sql
    assert tile.as_of is not None
    assert (tile.fresh_seconds, tile.version) == (3600.0, 1)
    assert [one.format for one in tile.columns] == ["date", "text", "eur"]


def test_a_tile_says_how_its_metrics_are_defined_and_which_run_made_its_tables(page, shop):
    tile = page("{{ kpi revenue }}").only
    (metric,) = tile.metrics
    assert (metric.name, metric.label, metric.sql, metric.where) == (
        "revenue", "Revenue", "sum(amount_eur)", "metrics/orders.toml:10",
    )  # fmt: skip
    (made,) = requests.runs(shop)
    assert tile.runs == {"orders": made.id}
    asked = page(sql("select id from orders", "{{ table q }}")).only
    assert (asked.metrics, asked.runs) == ((), {"orders": made.id})


def test_a_line_split_by_a_dimension(page):
    tile = page('{{ line orders by="month" split="region" }}').only
    assert sorted({row[1] for row in tile.rows}) == ["North", 'O\'Brien, "x"', "West"]


def test_a_line_beside_the_same_of_a_month_before(page):
    tile = page('{{ line orders by="month" compare="1 month" }}').only
    assert roles(tile)[-1] == ("orders", "compared")
    assert [row[3] for row in tile.rows] == [None, *(row[2] for row in tile.rows[:-1])]


def test_a_line_of_a_query_beside_the_same_of_a_week_before(page):
    tile = page(sql("select day, count(*) as n from orders group by day", '{{ line q compare="1 week" }}')).only
    assert len(tile.rows) == 60
    assert [row[3] for row in tile.rows[:8]] == [None] * 7 + [10.0]


def test_several_columns_are_a_series_each(page):
    tile = page(sql("select day, 1 as a, 2 as b from orders where id < 3", '{{ line q y="a, b" }}')).only
    assert {(row[1], row[2]) for row in tile.rows} == {("A", 1), ("B", 2)}


def test_bars_are_sorted_and_the_rest_is_one(page):
    text = "select 'c' || i as c, i as n from range(20) as t(i)"
    tile = page(sql(text, "{{ bar q limit=3 }}")).only
    assert [(row[0], row[2]) for row in tile.rows] == [("c19", 19), ("c18", 18), ("c17", 17), ("other (17)", 136)]
    assert tile.options["there"] == 20


def test_what_does_not_add_up_has_no_other(page):
    text = "select 'c' || i as c, i as average_price from range(20) as t(i)"
    assert len(page(sql(text, "{{ bar q limit=3 }}")).only.rows) == 3


def test_the_rest_of_a_metric_is_computed_and_not_summed(page):
    tile = page('{{ bar mean by="region" limit=1 }}').only
    top, other = tile.rows
    assert other[0] == "other (2)"
    assert other[0] == tile.options["other"]
    mine = {"North": 0, "West": 1}.get(top[0], 2)
    rest = [i for i in range(600) if i % 3 != mine]
    assert other[2] == pytest.approx(sum(rest) / len(rest))


def test_rows_without_a_value_are_among_the_rest_and_can_be_chosen(page):
    everything = page('{{ bar orders by="score" }}').only
    assert {row[0] for row in everything.rows} == {"0", "1", "2", "3", "∅"}
    tile = page('{{ bar orders by="score" limit=1 }}').only
    assert tile.rows[1][0] == "other (4)"
    assert sum(row[2] for row in tile.rows) == 600
    assert page('{{ kpi orders }} {{ bar orders by="score" }}', score="∅").tile("kpi-orders").kpi.value == 12
    assert page('{{ kpi orders }} {{ bar orders by="score" }}', score="1,∅").tile("kpi-orders").kpi.value == 12 + 150


def test_bars_along_a_time_stand_in_its_order(page):
    tile = page(sql("select day, 1 as n from orders where id < 60 order by id desc", "{{ bar q }}")).only
    assert [row[0] for row in tile.rows] == sorted(row[0] for row in tile.rows)


def test_stacked_bars(page):
    tile = page(
        sql("select region, rating, count(*) as n from orders group by all", '{{ stacked q x="region" y="n" }}')
    )
    assert tile.only.options["stacked"] is True


def test_split_areas_stand_on_each_other_where_their_sum_says_something(page):
    def options(text):
        return page(text).only.options

    area = options('{{ area revenue by="month" split="region" }}')
    assert (area["stacked"], area["additive"]) == (True, True)
    assert options('{{ area revenue by="month" split="region" stacked=false }}')["stacked"] is False
    assert options('{{ area revenue by="month" }}')["stacked"] is False
    assert options('{{ area revenue by="month" split="region" compare="1 month" }}')["stacked"] is False
    assert options('{{ area revenue, orders by="month" }}')["stacked"] is False
    share = options('{{ area mean by="month" split="region" }}')
    assert (share["stacked"], share["additive"]) == (False, False)
    query = "select day, region, sum(amount_eur) as {} from orders group by all"
    assert options(sql(query.format("amount_eur"), '{{ area q by="day" split="region" }}'))["stacked"] is True
    assert options(sql(query.format("average"), '{{ area q by="day" split="region" }}'))["stacked"] is False


def test_the_parts_of_what_does_not_add_up_are_not_called_a_whole(page):
    assert page('{{ stacked mean by="month" split="region" }}').only.options["additive"] is False
    assert page('{{ stacked places by="region" }}').only.options["additive"] is False
    assert page('{{ stacked orders by="month" split="region" }}').only.options["additive"] is True


def test_a_scatter_takes_numbers_for_both_ways(page):
    tile = page(sql("select region, pieces, amount_eur from orders", '{{ scatter q split="region" }}')).only
    assert roles(tile)[:3] == [("pieces", "x"), ("amount_eur", "y"), ("region", "series")]
    assert len(tile.rows) == 600
    tile = page('{{ scatter orders, revenue by="region" }}').only
    assert sorted(row[4] for row in tile.rows) == ["North", 'O\'Brien, "x"', "West"]


def test_a_scatter_of_too_many_points_is_a_sample_that_stays_the_same(page):
    text = sql("select i as a, i * 2 as b from range(20000) as t(i)", '{{ scatter q x="a" y="b" }}')
    one, two = page(text).only, page(text + "\n").only
    assert (one.sampled, len(one.rows), one.total_rows) == (True, 5_000, 20_000)
    assert one.rows == two.rows


def test_a_histogram_counts_every_row_once(page):
    tile = page(sql("select amount_eur from orders", "{{ histogram q bins=10 }}")).only
    assert [name for name, _ in roles(tile)] == ["amount_eur", "amount_eur", "rows"]
    assert sum(row[2] for row in tile.rows) == 600
    assert all(one[1] == two[0] for one, two in zip(tile.rows, tile.rows[1:], strict=False))
    whole = page(sql("select pieces from orders", "{{ histogram q bins=7 }}")).only
    assert [row[:2] for row in whole.rows] == [(at, at + 1) for at in range(7)]


def test_a_heatmap_of_two_dimensions(page):
    tile = page(sql("select region, pieces, amount_eur from orders", '{{ heatmap q x="region" y="pieces" }}')).only
    assert roles(tile) == [("region", "x"), ("pieces", "y"), ("amount_eur", "value")]
    assert len(tile.rows) == 21
    assert page('{{ heatmap revenue x="region" y="score" }}').only.title == "Revenue"


def test_a_box_has_quartiles_and_whiskers(page):
    tile = page(sql("select i as v from range(101) as t(i) union all select 1000", '{{ box q y="v" }}')).only
    low, q1, median, q3, high, count, beyond = tile.rows[0][1:]
    assert (low, median, high, count, beyond) == (0, 50.5, 100, 102, 1)
    assert q1 < median < q3


def test_a_funnel_of_columns_or_of_rows(page):
    tile = page(sql("select 8 as seen, 4 as put, 1 as bought union all select 2, 1, 0", "{{ funnel q }}")).only
    assert [row[:3] for row in tile.rows] == [("Seen", 10, 1.0), ("Put", 5, 0.5), ("Bought", 1, 0.1)]
    tile = page(sql("select * from (values ('a', 4), ('b', 2)) as t(step, n)", "{{ funnel q }}")).only
    assert [(row[0], row[3]) for row in tile.rows] == [("a", None), ("b", 0.5)]
    assert len(page("{{ funnel orders, places }}").only.rows) == 2


def test_a_table_with_bars_and_sparklines(page):
    text = (
        "select region, sum(amount_eur) as amount_eur, list(pieces order by id)[:5] as trend from orders group by all"
    )
    tile = page(sql(text, '{{ table q bars="amount_eur" sparks="trend" sort="-amount_eur" limit=2 }}')).only
    assert roles(tile) == [("region", "label"), ("amount_eur", "bar"), ("trend", "spark")]
    assert (len(tile.rows), tile.total_rows) == (2, 3)
    assert isinstance(tile.rows[0][2], list)


def test_the_total_of_a_metric_is_computed_and_that_of_a_query_the_sum(page):
    tile = page('{{ table mean, places, orders by="region" total=true }}').only
    assert tile.options["totals"] == [None, 299.5, 3, 600]
    text = "select region, count(*) as n, avg(amount_eur) as average_eur from orders group by region"
    assert page(sql(text, "{{ table q total=true }}")).only.options["totals"] == [None, 600, None]


def test_a_sparkline(page):
    assert len(page('{{ sparkline orders by="day" }}').only.rows) == 60


def test_a_number_with_what_it_was_before(page):
    text = "---\nfilters = { period = 'last 30 days' }\n---\n{{ kpi orders compare='previous' }}"
    number = page(text).only.kpi
    assert (number.value, number.compared, number.delta, number.ratio) == (300, 300, 0, 0.0)
    assert len(number.spark) == 30
    assert page("{{ kpi revenue }}").only.kpi.good == "up"


def test_a_number_of_a_metric_without_a_format_is_written_as_its_name_tells(page):
    asked = page('{{ kpi west_share }} {{ bar west_share by="region" }}\n\nIt is {{ value west_share }}.')
    assert asked.tile("kpi-west_share").kpi.format == "percent"
    assert [one.format for one in asked.tile("bar-west_share").columns if one.role == "y"] == ["percent"]
    assert any("33.3 %" in block.html.replace("\u00a0", " ") for block in asked.page.blocks)


def test_a_number_of_a_query(page):
    assert page(sql("select 3 as n, 2 as previous", '{{ kpi q value="n" compare="previous" }}')).only.kpi.delta == 1
    text = "select day, count(*) * dayofmonth(day) as n from orders group by day"
    number = page(sql(text, '{{ kpi q compare="1 week" good="down" }}')).only.kpi
    assert (number.value, number.compared, number.good) == (10, 220, "down")


def test_a_million_points_become_the_outline_of_their_picture(page):
    text = "select i as x, case i when 777777 then 5 when 123456 then -5 else sin(i) end as y from range(1000000) t(i)"
    tile = page(sql(text, '{{ line q x="x" y="y" }}')).only
    assert (tile.sampled, tile.total_rows) == (True, 1_000_000)
    assert len(tile.rows) <= 2_000
    drawn = {row[0]: row[2] for row in tile.rows}
    assert (drawn[777777], drawn[123456]) == (5, -5)
    assert list(drawn) == sorted(drawn)


# ── filters ─────────────────────────────────────────────────────────────────────────────────────────────────

FILTERS = '---\n[filters]\nregion = "orders.region"\nperiod = { default = "all", from = "orders.day" }\n---\n'


def test_a_filter_holds_for_metrics_and_queries_by_its_name(page):
    text = FILTERS + "{{ kpi orders }}\n" + sql("select count(*) as n from orders", "{{ kpi q }}")
    for region, many in (("North", 200), ("North,West", 400), ('O\'Brien\\, "x"', 200), ("nobody", 0)):
        asked = page(text, region=region)
        assert (asked.tile("kpi-orders").kpi or asked.tile("kpi-q").kpi).value == many
        assert asked.tile("kpi-q").kpi.value == many
        assert asked.tile("kpi-q").options["filtered"] == ["region"]


def test_the_values_of_a_filter_are_listed_with_their_counts(page):
    region, period = page(FILTERS, region="North").page.filters
    assert {(one.value, one.count) for one in region.values} == {("North", 200), ("West", 200), ('O\'Brien, "x"', 200)}
    assert (region.kind, region.value, region.text) == ("many", "North", "North")
    assert (period.kind, period.value, period.text) == ("period", "all", "all")


def test_a_period_holds_for_metrics_and_queries(page):
    text = FILTERS + "{{ kpi orders }}\n" + sql("select count(*) as n from orders", "{{ kpi q }}")
    asked = page(text, period="2026-02-01..2026-02-10")
    assert (asked.tile("kpi-orders").kpi.value, asked.tile("kpi-q").kpi.value) == (100, 100)
    assert asked.page.filters[1].text == "1 Feb – 10 Feb 2026"
    asked = page(text, period="last 7 days")
    assert asked.page.filters[1].text == "last 7 days (23 Feb – 1 Mar 2026)"
    assert (asked.tile("kpi-orders").kpi.value, asked.tile("kpi-q").kpi.value) == (70, 70)


def test_a_filter_is_a_parameter_of_a_query(page):
    text = "select count(*) as n from orders where $region is null or list_contains($region, region)"
    assert page(FILTERS + sql(text, "{{ kpi q }}")).only.kpi.value == 600
    assert page(FILTERS + sql(text, "{{ kpi q }}"), region="West").only.kpi.value == 200
    text = "select count(*) as n from orders where day >= $period_start and day < $period_end"
    assert page(FILTERS + sql(text, "{{ kpi q }}"), period="2026-01").only.kpi.value == 310


def test_values_of_other_types_are_compared_as_such(page):
    text = '---\n[filters]\nrating = { from = "orders.rating", kind = "choice" }\n'
    text += 'pieces = { from = "orders.pieces", kind = "number" }\n---\n'
    text += sql("select count(*) as n from orders", "{{ kpi q }}")
    assert page(text, rating="1").only.kpi.value == sum(i % 4 == 1 and i % 50 != 0 for i in range(600))
    assert page(text, rating="∅").only.kpi.value == 12
    assert page(text, pieces="2..3").only.kpi.value == sum(2 <= i % 7 <= 3 for i in range(600))
    assert page(text, pieces="5..").only.kpi.value == sum(i % 7 >= 5 for i in range(600))


def test_a_click_filters_by_what_a_chart_shows_though_the_page_declares_nothing(page):
    asked = page('{{ bar orders by="region" }} {{ kpi revenue }}', region="West")
    assert asked.tile("kpi-revenue").kpi.value == sum(range(1, 600, 3))
    assert [(one.name, one.text) for one in asked.page.filters] == [("region", "West")]


def test_a_filter_that_says_nothing_about_a_tile_is_named(page):
    tile = page(FILTERS + sql("select 1 as n", "{{ kpi q }}"), region="North", period="2026").only
    assert (tile.options["filtered"], tile.options["unfiltered"]) == ([], ["region", "period"])


def test_a_chart_can_be_told_to_follow_no_filter(page):
    assert page(FILTERS + '{{ kpi orders filters="none" }}', region="North").only.kpi.value == 600


@pytest.mark.parametrize(
    ("params", "subject"),
    [
        ({"period": "soonish"}, "'soonish' is not a period"),
        ({"period": "2026-13"}, "'2026-13' is not a period"),
        ({"period": "2026-03..2026-01"}, "'2026-03..2026-01' ends before it begins"),
        ({"regoin": "North"}, "nothing on this page can be filtered by 'regoin'"),
        ({"grain": "fortnight"}, "'fortnight' is no grain"),
    ],
)
def test_an_address_that_makes_no_sense_is_said_and_the_page_is_shown(page, params, subject):
    asked = page(FILTERS + "{{ kpi orders }}", **params)
    assert asked.wrong[0][2] == subject
    assert asked.only.state == "ok"


HOSTILE = [
    "'; drop table orders; --",
    "' or '1'='1",
    "\\",
    "\\,\\,",
    "a" * 10_000,
    "\0",
    "<script>",
    "\u202e",
    "%",
    "🙂",
    ",",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("kind", ["many", "choice", "text"])
def test_no_value_of_a_parameter_gets_out_of_its_quotes(page, kind, value):
    text = f'---\n[filters]\nregion = {{ from = "orders.region", kind = "{kind}" }}\n---\n'
    asked = page(
        text + "{{ kpi orders }}\n" + sql("select region, $region as r from orders", "{{ table q }}"), region=value
    )
    assert asked.page.problems == ()
    assert asked.tile("table-q").state in ("ok", "empty")
    assert asked.tile("kpi-orders").state in ("ok", "empty")


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ kpi revenu }}", (1, 8, "there is no metric or query 'revenu'", "did you mean 'revenue'?")),
        ('{{ line revenue split="regon" }}', (1, 23, "'revenue' cannot be asked by 'regon'", "did you mean 'region'?")),
        (sql("select 1 as a", '{{ bar q x="b" }}'), (4, 12, "there is no column 'b'", "there is: a")),
        (sql("select 'x' as a", "{{ kpi q }}"), (4, 1, "'kpi' needs a column of numbers", "")),
        (sql("select 'x' as a, 1 as b", '{{ bar q y="a" }}'), (4, 12, "'a' is no number", "")),
        (sql("select 1 as a", '{{ line q compare="a while" }}'), (4, 19, "'a while' is not a span such as '1 week'", "")),
        (sql("select 1 as a, 2 as b", "{{ histogram q bins=0 }}"), (4, 21, "the number of bins is not right", "")),
        (sql("select 1 as a", "{{ table q span=13 }}"), (4, 17, "the span is not right", "")),
        (sql("select 1 as a", "{{ table q limit=0 }}"), (4, 18, "the limit is no number", "")),
        (sql("select 1 as a", '{{ table q sparks="a" }}'), (4, 19, "'a' is no list", "list(a order by day) makes one")),
        (sql("selct 1", "{{ kpi q }}"), (2, 1, 'syntax error at or near "selct"', "")),
        (sql("select\n  amont\nfrom orders", "{{ kpi q }}"), (3, 3, 'Referenced column "amont" not found in FROM clause!', None)),
        (sql("select 1; select 2", "{{ kpi q }}"), (2, 1, "only one select can be run here", "")),
        (sql("from ordes", "{{ kpi q }}"), (2, 6, "Table with name ordes does not exist!", None)),
        (sql("select $regin as a", "{{ table q }}"), (2, 8, "the page has no filter 'regin'", None)),
        ("{{ kpi revenue, orders }}", (1, 1, "a kpi shows one metric", "")),
        ('{{ line revenue, orders split="region" }}', (1, 31, "several metrics cannot be split", None)),
        ("{{ scatter revenue }}", (1, 1, "'scatter' shows two metrics", "")),
        ('{{ kpi revenue good="left" }}', (1, 21, "'left' is no direction", "")),
        ('---\n[filters]\nr = "ordrs.region"\n---\n', (3, 1, "the filter 'r' names no table: 'ordrs'", "did you mean 'orders'?")),
        ('---\n[filters]\nr = "orders.regio"\n---\n', (3, 1, "'orders' has no column 'regio'", "did you mean 'region'?")),
        ("It is {{ value revenu }}.", (1, 16, "there is no metric or query 'revenu'", "did you mean 'revenue'?")),
        (sql("select 1 as a", "It is {{ value q.b }}."), (4, 7, "there is no column 'b'", "there is: a")),
    ],
)  # fmt: skip
def test_a_mistake_in_a_page_has_its_place_and_what_was_meant(page, text, found):
    asked = page(text)
    line, column, subject, hint = asked.wrong[0]
    assert (line, column, subject) == found[:3]
    assert found[3] is None or hint == found[3]
    assert asked.page.problems[0].excerpt
    for chart in dashboards.pages(asked.app).one(asked.app, asked.name).charts:
        tile = asked.tile(chart.id)
        assert (tile.state, bool(tile.error)) == ("failed", True)


def test_check_raises_all_mistakes_with_their_files(page, shop):
    asked = page("{{ kpi revenu }}\n{{ kpi ordrs }}\n")
    with pytest.raises(ConfigErrors) as caught:
        dashboards.raise_mistakes(shop)
    assert [str(one.where) for one in caught.value.errors] == [f"dashboards/{asked.name}.md:{n}:8" for n in (1, 2)]
    dashboards.raise_mistakes(shop, ["later"])  # the page shows nothing of that table


def test_check_tells_the_mistakes_of_metrics_beside_those_of_pages(page, shop, monkeypatch):
    before = shop.project
    wrong = replace(before.metrics["places"], sql="count(distinct regoin)")
    monkeypatch.setattr(shop, "project", replace(before, metrics={**before.metrics, "places": wrong}))
    page("{{ kpi revenu }}\n")
    with pytest.raises(ConfigErrors) as caught:
        dashboards.raise_mistakes(shop)
    assert [str(one.where).partition("/")[0] for one in caught.value.errors] == ["metrics", "dashboards"]


def test_no_such_page_and_no_such_tile(shop, page):
    asked = page("{{ kpi revenue }}")
    with pytest.raises(ConfigError, match="no dashboard 'nope'"):
        dashboards.page(shop, "nope")
    with pytest.raises(ConfigError, match="has no tile 'kpi-revenu'") as caught:
        asked.tile("kpi-revenu")
    assert caught.value.hint == "did you mean 'kpi-revenue'?"


# ── odd data ────────────────────────────────────────────────────────────────────────────────────────────────

ODD = {
    "nothing": "select 1 as n, 'a' as c where false",
    "one row": "select date '2026-01-01' as day, 'a' as c, 1 as n",
    "nulls": "select cast(null as date) as day, cast(null as varchar) as c, cast(null as double) as n",
    "all zeros": "select date '2026-01-01' + i::int as day, 'c' || i as c, 0 as n from range(5) as t(i)",
    "negative": "select date '2026-01-01' + i::int as day, 'c' || i as c, -i as n from range(5) as t(i)",
    "300 series": "select date '2026-01-01' + (i % 3)::int as day, 'c' || (i % 300) as c, i as n from range(900) as t(i)",
    "long": "select date '2026-01-01' as day, repeat('x', 20000) as c, 1 as n",
    "right to left": "select date '2026-01-01' as day, 'שלום\u202eabc' as c, 1 as n",
    "emoji": "select date '2026-01-01' as day, '👩‍👩‍👧🙂' as c, 1 as n",
    "no order": "select date '2026-01-01' + ((i * 7) % 10)::int as day, 'a' as c, i as n from range(10) as t(i)",
    "not finite": "select date '2026-01-01' as day, 'a' as c, 'nan'::double as n union all select date '2026-01-02', 'b', 'inf'::double",
    "huge": "select date '2026-01-01' as day, 'a' as c, 170141183460469231731687303715884105727 as n",
    "infinite days": "select 'infinity'::date as day, 'a' as c, 1 as n union all select date '2026-01-01', 'a', 2",
    "very many": "select timestamp '2026-01-01' + to_seconds(i) as day, 'c' || (i % 5) as c, i as n from range(200000) as t(i)",
}  # fmt: skip
CHARTS = [
    "kpi q", 'line q x="day" y="n"', 'line q x="day" y="n" split="c"', 'area q x="day" y="n" split="c"', 'bar q x="c" y="n"',
    'stacked q x="day" y="n" split="c"', 'scatter q x="n" y="n" label="c"', 'histogram q x="n"', 'heatmap q x="c" y="day" value="n"',
    'box q x="c" y="n"', 'funnel q x="c" y="n"', "table q", 'sparkline q x="day" y="n"', 'histogram q x="day"',
]  # fmt: skip


@pytest.mark.parametrize("data", ODD)
def test_every_chart_has_a_state_for_odd_data(page, data):
    text = (
        ODD[data]
        if "day" in ODD[data].partition("from")[0]
        else f"select date '2026-01-01' as day, * from ({ODD[data]})"
    )
    asked = page(sql(text, "\n".join(f"{{{{ {chart} }}}}" for chart in CHARTS)))
    for chart in dashboards.pages(asked.app).one(asked.app, asked.name).charts:
        tile = asked.tile(chart.id)
        assert tile.state in ("ok", "empty"), (chart.kind, tile.error)
        assert len(tile.rows) <= 10_500
        assert bool(tile.message) == (tile.state == "empty")
        if data == "nothing" and chart.kind != "funnel":
            assert (tile.state, tile.message) == ("empty", "no rows")


def test_of_300_series_the_largest_are_drawn_and_the_rest_is_one(page):
    tile = page(sql(ODD["300 series"], '{{ line q x="day" y="n" split="c" }}')).only
    assert len({row[1] for row in tile.rows}) == 9
    assert "other (292)" in {row[1] for row in tile.rows}


def test_sql_that_fails_while_it_runs_underlines_the_page(page):
    tile = page(sql("select\n  cast(region as integer) as n\nfrom orders", "{{ kpi q }}")).only
    assert tile.state == "failed"
    assert "Could not convert string" in tile.error["subject"]
    assert tile.error["where"].startswith("dashboards/")
    assert tile.error["line"] in (2, 3)


def test_a_table_that_is_not_built_says_how_to_build_it(page, shop):
    asked = page(sql("select * from later", "{{ table q }}"))
    assert asked.page.problems == ()
    tile = asked.only
    assert (tile.state, tile.options["hint"]) == ("missing", "penstock run +later")
    assert asked.page.info.state == "missing"


def test_rows_of_which_nothing_can_be_drawn_are_not_called_none(page):
    asked = page(
        sql("select null::date as day, null::double as v from range(10)", '{{ line q x="day" y="v" }} {{ table q }}')
    )
    assert asked.tile("line-q").message == "10 rows, and none with a value that could be drawn"
    assert (asked.tile("line-q").state, asked.tile("table-q").state) == ("empty", "ok")


def test_a_table_that_failed_before_it_had_rows_says_why(page, shop, monkeypatch):
    failed = kept.Standing("failed", message="cannot divide by zero")
    monkeypatch.setattr(dashboards.pages(shop), "standing", lambda _: {"later": failed})
    tile = page(sql("select * from later", "{{ table q }}")).only
    assert tile.state == "failed"
    assert tile.error["subject"] == "'later' has no rows yet: its last run failed: cannot divide by zero"
    assert (tile.error["hint"], tile.tables) == ("penstock run +later", ("later",))


def test_a_table_that_is_late_is_shown_with_its_age(page, shop, monkeypatch):
    class Later:
        def now(self):
            return datetime.now(UTC) + timedelta(hours=5)

        def monotonic(self):
            return 1e9

    monkeypatch.setattr(shop, "clock", Later())
    asked = page("{{ kpi orders }}")
    assert (asked.only.state, asked.only.kpi.value, asked.page.info.state) == ("late", 600, "late")
    assert asked.only.age_seconds > 4 * 3600
    dashboards.pages(shop)._standing = (float("-inf"), {})


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_values_stand_in_the_text_and_html_does_not(page):
    text = "# It is {{ value orders }}\n\n<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://elsewhere/x.png)\n"
    text += sql("select '<b>' as c", "Best: **{{ value q.c }}**, `{{ value orders }}`, [y](/z?{{ value orders }}).")
    html = "".join(block.html for block in page(text).page.blocks)
    assert '<span data-value="value-orders" data-leads="/metrics/orders" title="600">600</span></h1>' in html
    assert 'data-leads="/sql?q=select%20%27%3Cb%3E%27%20as%20c" title=' in html
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<a href="http://elsewhere/x.png">i</a>' in html
    assert ">&lt;b&gt;</span></strong>" in html
    assert "<code>{{ value orders }}</code>" in html
    assert "\ue000" not in html
    assert "%EE" not in html


def test_a_value_that_cannot_be_computed_is_seen_where_it_stands(page):
    html = page("It is {{ value revenu }}.").page.blocks[0].html
    assert 'class="mistake"' in html
    assert "there is no metric or query" in html


def test_text_and_charts_stand_in_the_order_of_the_file(page):
    found = page(
        'one\n{{ kpi orders }} {{ kpi revenue span=4 }}\n{{ tab "A" }}\n{{ kpi mean }}\n{{ end }}\n{{ kpi nope\n'
    ).page
    assert [block.kind for block in found.blocks] == ["html", "row", "tabs", "mistake"]
    assert [tile.span for tile in found.blocks[1].tiles] == [None, 4]
    assert found.blocks[2].tabs[0].blocks[0].tiles[0].metric == "mean"
    shape = json_of(found)
    assert {"name", "title", "tables", "filters", "blocks", "problems", "mistakes"} <= set(shape)
    assert shape["blocks"][0] == {"kind": "html", "html": "<p>one</p>\n"}


def test_an_edit_is_seen_at_once(page, shop):
    asked = page("{{ kpi orders }}")
    assert asked.page.info.tiles == 1
    (shop.root / "dashboards" / f"{asked.name}.md").write_text(
        "---\ntitle = 'New'\n---\n{{ kpi orders }} {{ kpi mean }}\n"
    )
    assert (asked.page.info.title, asked.page.info.tiles) == ("New", 2)


def test_a_metric_that_is_defined_anew_is_seen_at_once(page, shop, monkeypatch):
    asked = page("{{ kpi orders }}")
    assert asked.only.kpi.value == 600
    before = shop.project
    twice = replace(before.metrics["orders"], sql="count(*) * 2")
    monkeypatch.setattr(shop, "project", replace(before, metrics={**before.metrics, "orders": twice}))
    assert asked.only.kpi.value == 1_200


def test_a_query_of_a_metric_is_as_old_as_the_tables_of_the_metric(page):
    asks = "select * from metric('orders', by := ['region'], where := {region: $region})"
    found = page('---\nfilters = { region = "orders.region" }\n---\n' + sql(asks, "{{ bar q }}"), region="North")
    tile = found.only
    assert (tile.state, tile.tables, tile.fresh_seconds) == ("ok", ("orders",), 3600.0)
    assert tile.as_of is not None
    assert [row[0] for row in tile.rows] == ["North"]
    assert (found.page.info.tables, found.page.info.fresh_seconds) == (("orders",), 3600.0)


def test_a_query_of_an_earlier_version_is_of_its_table(page):
    tile = page(sql("select count(*) as n from orders at (version => 1) as o", "{{ kpi q }}")).only
    assert (tile.kpi.value, tile.tables) == (600, ("orders",))


def test_a_metric_in_a_query_whose_table_is_not_built_says_what_builds_it(shop, page, monkeypatch):
    built = shop.engine.relations()
    monkeypatch.setattr(type(shop.engine), "relations", lambda self: {n: r for n, r in built.items() if n != "orders"})
    tile = page(sql("select * from metric('orders')", "{{ kpi q }}")).only
    assert (tile.state, tile.options["hint"]) == ("missing", "penstock run +orders")


def test_metrics_in_sql(page):
    tile = page(sql("select * from metric('orders', by := ['region'])", "{{ bar q }}")).only
    assert (tile.state, len(tile.rows)) == ("ok", 3)
