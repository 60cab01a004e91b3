"""Reads of the past are found where they stand, replaced without moving a word, and refused in tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.errors import PlanError
from penstock.plan import asof, sql


def found(text: str) -> list[tuple[str, ...]]:
    return [(p.kind, p.table.text, *(a.text for a in p.arguments), p.alias) for p in asof.find(text).found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from orders at (version => 12)", [("version", "orders", "12", "orders")]),
        ("from Orders AT (TIMESTAMP=>'2026-11-25') o", [("timestamp", "orders", "'2026-11-25'", "")]),
        ("from orders as o at (version => 1) where o.id = 1", [("version", "orders", "1", "o")]),
        ("from orders o at (version=>1), items", [("version", "orders", "1", "o")]),
        ('from "raw"."orders" at (version => -1)', [("version", "raw.orders", "-1", '"orders"')]),
        ("from main.orders at (version => 1) as z", [("version", "orders", "1", "")]),
        (
            "select 1 from a at (version => 1) join b at (version => (select max(v) from c)) on true",
            [("version", "a", "1", "a"), ("version", "b", "(select max(v) from c)", "b")],
        ),
        ("from a at (timestamp => now() - interval '1 day') where true", None),
        ("from changes('orders', 3, 7)", [("changes", "orders", "3", "7", "changes")]),
        ("from changes('raw.orders', 3) as c", [("changes", "raw.orders", "3", "")]),
        ("from x, history(orders) h", [("history", "orders", "")]),
        ("from x join lateral (select * from history('a')) on true", [("history", "a", "history")]),
        ("select at from t", []),
        ("select history(1), changes from t", []),
        ("-- from orders at (version => 1)\nselect 'from orders at (version => 1)'", []),
        ("with changes(a, b) as (select 1, 2) from changes", []),
    ],
)
def test_what_is_a_read_of_the_past(text: str, expected: list[tuple[str, ...]] | None) -> None:
    """And what only looks like one."""
    if expected is None:
        expected = [("timestamp", "a", "now() - interval '1 day'", "a")]
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from orders at (version => )", "takes one version"),
        ("from orders at (version => 1, 2)", "takes one version"),
        ("from orders at (version => 1", "never closes"),
        ("with orders as (select 1) from orders at (version => 1)", "follows the name of a table"),
        ("from (select 1) at (version => 1)", "follows the name of a table"),
        ("from changes('orders')", "takes a table and one or two"),
        ("from history()", "takes a table"),
        ("from history(1 + 1)", "not the name of a table"),
    ],
)
def test_a_read_that_is_not_whole_is_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        asof.find(text)
    assert "^" in caught.value.excerpt


def test_every_other_word_keeps_its_line_and_column() -> None:
    text = "select o.id,\n  nope from orders at (\n version => 3) o, b at (version => 1) where x"
    made = asof.find(text).with_names(["@1", "@2"])
    assert made == 'select o.id,\n  nope from "@1"       \n               o, "@2" as b           where x'
    for word in ("nope", "o,", "where x"):
        assert made.index(word) == text.index(word)


@given(st.text(alphabet="at (version=>1)orders,changes'history\n\"from ", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever is typed is read, or refused with a place."""
    try:
        asking = asof.find("from " + text)
    except PlanError as error:
        assert error.excerpt  # noqa: PT017
    else:
        asking.with_names([f"@{n}" for n in range(len(asking.found))])


@pytest.mark.parametrize("text", ["from orders at (version => 3)", "from changes('a', 1)", "from history('a')"])
def test_a_tables_own_sql_reads_the_present_alone(text: str) -> None:
    with pytest.raises(PlanError, match="cannot read earlier versions") as caught:
        sql.references(text, "tables/t.sql", 4)
    assert str(caught.value.where).startswith("tables/t.sql:4:")
