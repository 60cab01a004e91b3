"""Tables found without a parser: wherever there is an answer, it is the parser's."""

import functools

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.plan.plain import plain
from penstock.plan.sql import text as sql
from tests.unit.plan.test_sql import READS, SCOPED

NOT_PLAIN = [
    "table t",
    "values (1)",
    "(select 1 from z)",
    "select * from range(10)",
    "select * from read_csv('x')",
    "select * from 'x.csv'",
    "select * from t, lateral (select 1)",
    "select * from t pivot (sum(b) for a in (1, 2))",
    "select * from t tablesample 10%",
    "select * from t using sample 10",
    "select * from t x(a, b)",
    "select * from t at (version => 3)",
    "select * from (t join u using (x))",
    "select extract(year from d) from t",
    "select t.from from t",
    "select a as from from t",
    "select * from u: t",
    "select {from: 1} from t",
    "with recursive r as (select 1 from r) select * from r",
    "with r(n) as (select 1) select n from r",
    "select * from t; select * from u",
    "select * from (select 1 from t",
    "select * from t)",
    "select * from [t)",
    "select * from",
    "select * from t left",
    "select * from t.",
    "",
]


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_is_not_plainly_understood_has_no_answer(text):
    assert plain(text) is None


def test_most_queries_are_plain():
    assert sum(plain(text) is not None for text, _ in READS + SCOPED) > len(READS + SCOPED) / 2


_NAMES = ("t", "u", "a", "b", "x.y", "main.t", '"Q"')
_WORDS = (
    *("select", "from", "join", "left", "on", "using", "with", "as", "not", "materialized", "where", "group", "union"),
    *("all", "order", "=", "is", "distinct", "inner", "asof", "window", "exists", "in", "case", "when", "then", ":"),
    *("lateral", "pivot", "having", "except", "sample", "extract", "for", "[", "]", "{", "}", "left(", "cross", "("),
    *("natural", "positional", "$x", ")", ",", "t", "u", "a", ".", "*"),
)
_BRANCHES = (
    lambda r, d: f"( {_query(r, d)} )",
    lambda r, d: f"exists ( {_query(r, d)} )",
    lambda r, d: f"a in ( {_query(r, d)} )",
)
_LEAVES = (
    "a", "t.b", "1", "'from z'", "count(*)", "a is not distinct from b", "a is distinct from u.x", "cast(a as date)",
    "left(a, 1)", "case when a then b end", "[x for x in l if x > 1]", "max(a) over (order by b)",
)  # fmt: skip


def _expression(r, depth):
    return r.choice(_BRANCHES)(r, depth - 1) if depth > 0 and r.random() < 0.25 else r.choice(_LEAVES)


def _tables(r, depth):
    def one():
        table = r.choice(_NAMES) if depth <= 0 or r.random() < 0.6 else f"( {_query(r, depth - 1)} )"
        return f"{table} {r.choice(['', 'as a', 'b', 't'])}"

    text = f"from {one()}"
    while r.random() < 0.45:
        how = r.choice([",", "join", "left join", "cross join", "natural join", "asof join", "full outer join"])
        text += f" {how} {one()}"
        if how not in (",", "cross join", "natural join"):
            text += r.choice([f" on {_expression(r, depth)} = {_expression(r, depth)}", " using (a, b)"])
    return text


def _query(r, depth):
    text = ""
    if depth > 0 and r.random() < 0.35:
        how = r.choice(["", "materialized ", "not materialized "])
        parts = [f"{r.choice('abtu')} as {how}( {_query(r, depth - 1)} )" for _ in range(r.randint(1, 2))]
        text = f"with {', '.join(parts)} "
    if r.random() < 0.2:
        text += _tables(r, depth) + r.choice(["", f" select {_expression(r, depth)}"])
    else:
        text += f"select {_expression(r, depth)}, {_expression(r, depth)} as k {_tables(r, depth)}"
    text += r.choice(["", "", f" where {_expression(r, depth)}", " group by all", " order by a, b limit 3"])
    if depth > 0 and r.random() < 0.25:
        text += f" {r.choice(['union all', 'except', 'union by name'])} {_query(r, depth - 1)}"
    return text


def _tree(text):
    tree = sql.parsed(text)
    return None if tree is None else sorted(sql._from_tree(tree, sql.Origin(text, "", 1)))


@settings(max_examples=300)
@given(st.integers(), st.randoms(use_true_random=True))
def test_an_answer_is_what_the_parser_finds(seed, r):
    r.seed(seed)
    text = _query(r, 2)
    found = plain(text)
    assert found is None or sorted(map(tuple, found)) == _tree(text)


@settings(max_examples=300)
@given(st.integers(), st.randoms(use_true_random=True))
def test_an_answer_of_a_damaged_query_is_what_the_parser_finds(seed, r):
    r.seed(seed)
    words = _query(r, 2).split(" ")
    for _ in range(r.randint(1, 3)):
        at = r.randrange(len(words))
        words[at : at + r.randint(0, 1)] = [r.choice(_WORDS)] if r.random() < 0.7 else []
        words = words or ["select"]
    text = " ".join(words)
    found = plain(text)
    if found is not None and _is_sql(text):
        assert _tree(text) in (None, sorted(map(tuple, found)))


@functools.cache
def _duckdb():
    return duckdb.connect()


def _is_sql(text):
    said = _duckdb().execute("select json_serialize_sql(?)::json ->> 'error'", [text]).fetchall()
    return said == [("false",)]
