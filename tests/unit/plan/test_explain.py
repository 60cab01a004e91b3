"""What explain says of a plan: names in words, what a change leads to, what stands in the way and what to write."""

import re
from pathlib import Path

import pytest

import penstock
from penstock.model.schema import Schema
from penstock.plan.explain import explain
from penstock.plan.reasons import reason, volatile
from penstock.plan.sql.cut import cut

SCHEMAS = {
    "raw.orders": Schema.of(
        [("id", "bigint"), ("who", "bigint"), ("amount", "decimal(18,2)"), ("weight", "double"), ("day", "date")]
    ),
    "raw.people": Schema.of([("id", "bigint"), ("name", "varchar")]),
}


def explained(text, *columns, floats=()):
    plan = cut(text, SCHEMAS, columns, "t", "some form")
    types = {b.name: {p.column: "double" if p.of in floats else "bigint" for p in b.merge.parts} if b.merge else {}
             for b in plan.blocks}  # fmt: skip
    return explain("t", plan, types)


def ways(found):
    return {one.input: (one.grows, one.loses) for one in found.inputs}


CASES = {
    "rows of one table": ("select id from raw.orders", ("id",), {"raw.orders": ("append", "keys")}),
    "groups": (
        "select who, sum(amount) as s from raw.orders group by who",
        ("who", "s"),
        {"raw.orders": ("merge", "merge")},
    ),
    "an aggregate that is kept as a state": (
        "select who, stddev(amount) as m from raw.orders group by who",
        ("who", "m"),
        {"raw.orders": ("merge", "keys")},
    ),
    "all rows, with an aggregate that is kept as a state": (
        "select corr(amount, weight) as c from raw.orders",
        ("c",),
        {"raw.orders": ("merge", "full")},
    ),
    "an aggregate that cannot be added to": (
        "select who, median(amount) as m from raw.orders group by who",
        ("who", "m"),
        {"raw.orders": ("keys", "keys")},
    ),
    "a left join": (
        "select o.id, p.name from raw.orders o left join raw.people p on p.id = o.who",
        ("id", "name"),
        {"raw.orders": ("append", "keys"), "raw.people": ("keys", "keys")},
    ),
    "groups under a left join": (
        "with b as (select who, count(*) as n from raw.orders group by who) "  # noqa: ISC004
        "select p.name, b.n from raw.people p left join b on b.who = p.id",
        ("name", "n"),
        {"raw.orders": ("merge → keys", "merge → keys"), "raw.people": ("append", "keys")},
    ),
    "windows": (
        "select id, sum(amount) over (partition by who order by day) as s from raw.orders",
        ("id", "s"),
        {"raw.orders": ("keys", "keys")},
    ),
    "different rows": ("select distinct who from raw.orders", ("who",), {"raw.orders": ("merge", "merge")}),
    "except": (
        "select id from raw.people except select who from raw.orders",
        ("id",),
        {"raw.people": ("keys", "keys"), "raw.orders": ("keys", "keys")},
    ),
    "first rows": (
        "select id from raw.orders order by amount desc, id limit 3",
        ("id",),
        {"raw.orders": ("full", "full")},
    ),
    "one group": ("select count(*) as n from raw.orders", ("n",), {"raw.orders": ("merge", "merge")}),
    "one group that cannot be added to": (
        "select median(amount) as m from raw.orders",
        ("m",),
        {"raw.orders": ("full", "full")},
    ),
    "a subquery without an equality": (
        "select name from raw.people p where exists (select 1 from raw.orders o where o.who > p.id)",
        ("name",),
        {"raw.people": ("append", "keys"), "raw.orders": ("full", "full")},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_change_leads_to(name):
    text, columns, expected = CASES[name]
    assert ways(explained(text, *columns)) == expected


BESIDE = {
    "count(distinct day) as n, count(distinct weight) as m": (
        "distinct over two expressions or filters", "write each in a with of its own",
    ),
    "count(distinct day) as n, count(distinct day) filter (where amount > 1) as m": (
        "distinct over two expressions or filters", "write each in a with of its own",
    ),
    "count(distinct day) as n, avg(amount) as m": ("avg() beside a distinct aggregate", "write sum(x) / count(x)"),
    "count(distinct day) as n, median(amount) filter (where id > 1) as m": (
        "median() beside a distinct aggregate", "write it in a with of its own",
    ),
    "max(id) as n, count(distinct (day, amount)) as m": (
        "several columns under one distinct", "count(*) over a with that has select distinct",
    ),
}  # fmt: skip


@pytest.mark.parametrize("grouped", [True, False], ids=["grouped", "all rows"])
@pytest.mark.parametrize("items", BESIDE)
def test_what_keeps_different_values_from_being_added_to_is_said_with_what_to_write(items, grouped):
    by, key = (" group by who", ("who",)) if grouped else ("", ())
    found = explained(f"select {', '.join([*key, items])} from raw.orders{by}", *key, "n", "m")
    words, advice = BESIDE[items]
    assert [one.words for one in found.reasons] == [words]
    assert found.reasons[0].advice.startswith(advice)


APART = {
    "avg": "select who, count(distinct day) as n, sum(amount) / count(amount) as m from raw.orders group by who",
    "two": "with a as (select who, count(distinct day) as n from raw.orders group by who), "
    "b as (select who, count(distinct amount) as m from raw.orders group by who) "
    "select who, n, m from a join b using (who)",
    "median": "with a as (select who, count(distinct day) as n from raw.orders group by who), "
    "b as (select who, median(amount) as m from raw.orders group by who) "
    "select who, n, m from a join b using (who)",
    "several": "select who, count(*) as n, max(day) as m "
    "from (select distinct who, day, amount from raw.orders) group by who",
}


@pytest.mark.parametrize("name", APART)
def test_what_is_written_instead_keeps_different_values_where_groups_are_large(name):
    plan = cut(APART[name], SCHEMAS, ("who", "n", "m"), "t", "some form")
    large = plan.divided or plan
    again = [block.outer for block in large.blocks if block.kind == "group" and block.merge is None]
    assert len(again) == (1 if name == "median" else 0)
    assert not any("distinct" in outer.lower() for outer in again)


@pytest.mark.parametrize("item", ["count(distinct day)", "list(distinct day)", "median(amount)"])
def test_nothing_is_said_of_what_stands_alone(item):
    assert not explained(f"select who, {item} as n from raw.orders group by who", "who", "n").reasons


def test_floats_are_added_to_a_sum_but_not_taken_from_it():
    found = explained("select who, sum(weight) as s from raw.orders group by who", "who", "s", floats=('"@c2"',))
    assert ways(found) == {"raw.orders": ("merge", "keys")}
    assert [one.words for one in found.reasons] == ["floats in a sum"]
    assert "decimal" in found.reasons[0].advice


def test_a_hidden_block_is_called_by_what_it_holds():
    text = (
        "with b as (select who, date_trunc('month', day) as m, sum(amount) as s from raw.orders group by 1, 2) "
        "select p.name, b.m, b.s from raw.people p left join b on b.who = p.id"
    )
    found = explained(text, "name", "m", "s")
    first, last = found.blocks
    assert first.name == "groups of raw.orders by who, DATE_TRUNC('MONTH', day)"
    assert first.kept
    assert (last.name, last.kept) == ("t", False)
    assert last.reads == ("raw.people", "block 1")
    assert not any("@" in piece.name + "".join(e.input + e.why for e in piece.effects) for piece in found.blocks)


def test_a_block_over_another_is_called_by_the_tables_under_both():
    grouped = "select who, count(*) as n from raw.orders group by 1"
    text = f"select who, n, rank() over (order by n) as r from ({grouped}) limit 3"
    names = [piece.name for piece in explained(text, "who", "n", "r").blocks]
    assert names == ["groups of raw.orders by who", "windows over raw.orders", "t"]


def test_two_hidden_blocks_of_one_name_are_told_apart():
    text = (
        "select a.n, b.n as m from (select who, count(*) as n from raw.orders group by who) a "
        "join (select who, max(day) as n from raw.orders group by who) b on a.who = b.who"
    )
    names = [piece.name for piece in explained(text, "n", "m").blocks]
    assert names == ["groups of raw.orders by who", "groups of raw.orders by who, no. 2", "t"]


def test_what_a_query_leaves_open_is_said_with_what_to_write():
    found = explained("select who, string_agg(day::varchar) as d from raw.orders group by who", "who", "d")
    assert [(one.words, one.advice) for one in found.loose] == [
        ("string_agg() without an order of its own", "write the order into it: list(x order by id)")
    ]


WHOLE = {
    "select * from raw.orders union all by name select * from raw.orders": "list the columns",
    "pivot raw.orders on who using sum(amount)": "filter (where",
    "select who, day, sum(amount) as s from raw.orders group by cube (who, day)": "union all",
    "select who, day, sum(amount) as s from raw.orders group by rollup (who, day)": "union all",
    "select who, day, sum(amount) as s from raw.orders group by grouping sets ((who), (day))": "union all",
    "select *, now() as t from raw.orders": "filter when you read",
    "select *, random() as r from raw.orders": "hash(id)",
    "with recursive a as (select 1 as n union all select n + 1 from a where n < 3) select n from a": "of its own",
    "select p.name, x.s from raw.people p, lateral (select sum(amount) as s from raw.orders o where o.who = p.id) x":
        "grouped",
    "select * from raw.orders using sample 10%": "hash(id)",
    "select x.who from (select * from raw.people p join raw.orders o on o.who = p.id) x": "name of its own",
}  # fmt: skip


@pytest.mark.parametrize("text", WHOLE)
def test_what_is_computed_in_full_says_which_words_cause_it_and_what_to_write(text):
    found = explained(text, "id")
    assert found.finding == "it is computed in full whenever an input changed"
    assert WHOLE[text] in found.reasons[0].advice, found.reasons


def test_every_reason_that_plans_give_has_advice():
    folder = Path(penstock.__file__).parent / "plan" / "sql"
    texts = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    said = re.findall(r'Unplanned\(\s*f?"([^"]+)"', texts) + re.findall(r'exp\.\w+: "([^"]+)"', texts)
    said += re.findall(r'words=\("([^"]+)"', texts)
    filled = [re.sub(r"\{[^}]*\}", "full", one) for one in said]
    assert len(filled) > 20
    without = {one for one in filled if not reason(one).advice}
    assert without <= {"the table full", "a parameter", "match_recognize"}, without


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("select current_date as d", "current_date"),
        ("select NOW() as d", "now()"),
        ("select a.now, b.random from a, b", ""),
        ("select 'uuid()' -- now()", ""),
        ("select t.id from t where day > today ()", "today()"),
    ],
)
def test_functions_that_give_another_answer_each_time_are_found_in_any_text(text, word):
    assert volatile(text) == word
