"""Expressions of metrics: what is a division, a filter, a metric's name, and calls of metrics in SQL."""

import pytest

from penstock.base.errors import PlanError
from penstock.model.measure import Filter
from penstock.plan.metrics import call, formula


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a / b", "a / nullif(b, 0)"),
        ("a / 100", "a / 100"),
        ("a / 0", "a / nullif(0, 0)"),
        ("a / -b", "a / nullif(-b, 0)"),
        ("a // b % c", "a // nullif(b, 0) % nullif(c, 0)"),
        ("{a} / {b}", "{a} / nullif({b}, 0)"),
        ("a / (b - c) * d", "a / nullif((b - c), 0) * d"),
        ("sum(a / b) / count(*)", "sum(a / nullif(b, 0)) / nullif(count(*), 0)"),
        ("a / count(*) filter (where b) + 1", "a / nullif(count(*) filter (where b), 0) + 1"),
        ("a / t.b::int", "a / nullif(t.b::int, 0)"),
        ("a / case when b then 1 else 0 end + 1", "a / nullif(case when b then 1 else 0 end, 0) + 1"),
        ("a / nullif(b, 0)", "a / nullif(b, 0)"),
        ("a / b[1]", "a / nullif(b[1], 0)"),
        ("a / (b / c)", "a / nullif((b / nullif(c, 0)), 0)"),
        ("'a / b' || c", "'a / b' || c"),
        ("a /* / b */ / c", "a /* / b */ / nullif(c, 0)"),
    ],
)
def test_a_division_is_guarded_where_it_stands(text, safe):
    assert formula.guarded(text) == safe


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sum(a)", "sum(a) filter (where x)"),
        ("sum(a) / count(*)", "sum(a) filter (where x) / count(*) filter (where x)"),
        ("count(*) filter (where b or c)", "count(*) filter (where (b or c) and (x))"),
        ("count(*) filter (b)", "count(*) filter ((b) and (x))"),
        ("coalesce(sum(a), 0)", "coalesce(sum(a) filter (where x), 0)"),
        ("sum(greatest(a, 0))", "sum(greatest(a, 0)) filter (where x)"),
    ],
)
def test_a_filter_goes_to_every_aggregate(text, wanted):
    assert formula.filtered(text, "x") == wanted


def test_only_columns_that_two_tables_have_are_given_their_table():
    assert formula.qualified("sum(a + t.a + b) + a(a)", "o", {"a"}) == "sum(o.a + t.a + b) + a(o.a)"
    assert formula.qualified("\"a\" || 'a'", "o", {"a"}) == "o.\"a\" || 'a'"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("a)", "the ) at character 2 closes nothing"),
        ("(a", "a ) is missing"),
        ("'a", "what opens with 'a never closes"),
        ("a; b", "it has a semicolon; a metric is one expression"),
        ("a, b", "the comma at character 2 begins a second expression"),
        ("f(a, b)", ""),
    ],
)
def test_what_is_not_one_expression_is_said(text, why):
    assert formula.broken(text) == why


# ── metrics in SQL ───────────────────────────────────────────────────────────────────────────────────────


def test_a_call_says_all_that_can_be_asked():
    (found,) = call.find(
        "from METRIC(['a', 'b'], by := ['x', 'y'], grain => 'week', \"from\" := date '2026-01-01', end = '2026-02',"
        " where := {x: ['it''s', null], 'y': 3, z: (true, 1.5)}, compare := '1 week', timezone := 'UTC') as m"
    ).found
    ask = found.ask
    assert (ask.metrics, ask.by, ask.grain, ask.start, ask.end) == (
        ("a", "b"),
        ("x", "y"),
        "week",
        "2026-01-01",
        "2026-02",
    )
    assert ask.where == (Filter("x", ("it's", None)), Filter("y", (3,)), Filter("z", (True, 1.5)))
    assert (ask.compare, ask.timezone, found.alias) == ("1 week", "UTC", "")


def test_every_other_word_keeps_its_place():
    text = "select nope,\n  a\nfrom metric('a',\n  by := 'x') join metric(['b']) as b on true"
    asking = call.find(text)
    made = asking.with_names(asking.names())
    assert made.split("\n")[:2] == text.split("\n")[:2]
    assert made.index("on true") == text.index("on true")
    assert "_m1 metric" in made
    assert call.find("from _m1, _m2, metric('a')").names() == ["_m3"]


def test_what_only_looks_like_a_metric_is_left_alone():
    for text in ("select metric from t", "select t.metric(1)", "select 'metric(1)' -- metric(2)", "from metrics"):
        assert call.find(text).found == ()


@pytest.mark.parametrize(
    ("text", "subject", "column"),
    [
        ("select metric('a')", "a metric gives rows: it stands after from or join", 8),
        ("from metric()", "no metric is named", 6),
        ("from metric(by := 'x')", "no metric is named", 6),
        ("from metric(a)", "this is not a text, nor a list of them", 13),
        ("from metric('a', 'b')", "only the metrics stand without a name here", 18),
        ("from metric('a', wher := {})", "metric takes no 'wher'", 18),
        ("from metric('a', where := 'x')", "'where' takes values by dimension", 18),
        ("from metric('a', where := {x: y})", "this is not a value", 31),
        ("from metric('a', grain := 3)", "this is not a text", 18),
        ("from metric('a'", "a bracket that never closes", 12),
    ],
)
def test_a_call_that_is_not_whole_is_underlined(text, subject, column):
    with pytest.raises(PlanError) as caught:
        call.find(text)
    assert (caught.value.subject, caught.value.where.column) == (subject, column)
