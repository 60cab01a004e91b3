"""What SQL reads: names found by parsing, by scanning where parsing fails, and what may not be read."""

import pytest

from penstock.base.errors import PlanError
from penstock.plan import scan
from penstock.plan.sql import check_select, references
from penstock.plan.sql import text as text_room

READS = [
    ("select a from raw.orders o join x.y using (id)", "raw.orders x.y"),
    ("from raw.orders select a", "raw.orders"),
    ("from raw.orders", "raw.orders"),
    ("table t", "t"),
    ("(select 1 from z)", "z"),
    ("values (1), (2)", ""),
    ("select 1", ""),
    ("with a as (select 1) select * from a, b", "b"),
    ("with a as (select * from c), b as (select * from a) select * from b", "c"),
    ("with r as materialized (select * from t) select * from r", "t"),
    ("with r(n) as (select 1) select n from r", ""),
    ("with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r", ""),
    ("with x as (select 1) select 1 union all select * from x union all select * from y", "y"),
    ("select * from range(10) t(i), unnest([1, 2]), generate_series(1, 2)", ""),
    ("select columns('a.*') from t", "t"),
    ("pivot t on a using sum(b)", "t"),
    ("unpivot t on a, b into name n value v", "t"),
    ("select * from t pivot (sum(b) for a in (1, 2))", "t"),
    ("select * exclude (a) replace (b as c) from t", "t"),
    ("select a from t asof join u using (x)", "t u"),
    ("select a from t positional join u", "t u"),
    ("select a from t semi join u using (x) anti join v using (x)", "t u v"),
    ("select * from t tablesample 10%", "t"),
    ("select sum(x) filter (where y) from t group by all order by all", "t"),
    ("select list_transform(l, lambda x: x + 1), [x for x in l if x > 1] from t", "t"),
    ("select extract(year from d), trim(both 'x' from y), substring(s from 2 for 3) from t", "t"),
    ("select x is distinct from y, x is not distinct from z from t", "t"),
    ("select (select max(x) from raw.u) from t where exists (from v) and a in (select b from w)", "raw.u t v w"),
    ("select * from t, lateral (select * from u where u.a = t.a)", "t u"),
    ("select 1 union by name select 2 from q", "q"),
    ("select a, b: 1 + 1 from t", "t"),
    ("select max(a) over w from t window w as (partition by b)", "t"),
    ('select * from main.t, Raw.Orders, "RAW"."orders"', "t raw.orders"),
    ("select {'a': 1}, map {'b': 2} from t -- from z\n", "t"),
    ("select 'from z' from t /* from y */", "t"),
    ("select a from t order by a limit 3 offset 1", "t"),
    ("select a from t, u where a = 1", "t u"),
    ("select a from (t join u using (x))", "t u"),
    ("with a as (with b as (select * from c) select * from b) select * from a", "c"),
]  # fmt: skip
# Names that a scan of words cannot hide as finely as scopes do.
SCOPED = [
    ("with a as (select * from a) select * from a", "a"),
    ("with x as (with y as (select * from z) select * from y) select * from x, y", "z y"),
    ("select * from (with t as (select 1) select * from t) s, t", "t"),
]


@pytest.mark.parametrize(("text", "expected"), READS + SCOPED)
def test_the_tables_that_sql_reads_are_found_in_its_tree(text, expected):
    assert [one.name for one in references(text)] == expected.split()


@pytest.mark.parametrize(("text", "expected"), READS)
def test_the_scan_finds_what_the_tree_has(text, expected, monkeypatch):
    monkeypatch.setattr(text_room, "parsed", lambda _: None)
    assert [one.name for one in references(text)] == expected.split()


def test_what_sqlglot_cannot_parse_is_scanned():
    text = "select a from raw.orders join u on true order by all limit ((("
    assert text_room.parsed(text) is None
    assert [one.name for one in references(text)] == ["raw.orders", "u"]


def test_a_deep_query_does_not_stop_the_scan():
    text = "select " + "(" * 3000 + "1" + ")" * 3000 + " from t"
    assert [one.name for one in references(text)] == ["t"]


def test_a_long_chain_of_conditions_is_walked():
    text = "select * from t where " + " or ".join(f"a = {i}" for i in range(3000))
    assert [one.name for one in references(text)] == ["t"]


def test_a_reference_says_where_it_is_named_first():
    found = references('select *\nfrom raw.orders,\n  "main".Üb, raw.orders', "tables/a.sql", 7)
    assert [(one.name, one.line, one.column) for one in found] == [("raw.orders", 8, 6), ("üb", 9, 3)]


@pytest.mark.parametrize("parsed", [True, False], ids=["tree", "scan"])
@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("select * from 'x.csv'", 15, "x.csv"),
        ('select * from "data/x.parquet"', 15, "x.parquet"),
        ("select * from read_csv('x')", 15, "read_csv"),
        ("select * from read_parquet(['x'])", 15, "read_parquet"),
        ("select * from read_json_auto('x')", 15, "read_json_auto"),
        ("select * from t, glob('*')", 18, "glob"),
        ("select * from sqlite_scan('a', 'b')", 15, "sqlite_scan"),
        ("select * from parquet_scan('a')", 15, "parquet_scan"),
        ("select * from postgres_query('a', 'b')", 15, "postgres_query"),
        ("with a as (select * from read_text('x')) select * from a", 26, "read_text"),
        ("select * from t where a in (select b from 'y.json')", 43, "y.json"),
    ],
)
def test_sql_that_reads_a_file_is_told_to_declare_a_source(text, column, word, parsed, monkeypatch):
    if not parsed:
        monkeypatch.setattr(text_room, "parsed", lambda _: None)
    with pytest.raises(PlanError, match=word) as caught:
        references(text, "tables/a.sql", 3)
    assert caught.value.where.line == 3
    assert caught.value.where.column == column
    assert "declare it as a source" in caught.value.hint


@pytest.mark.parametrize(
    "call", ["query_table('t')", "query('select 1')", "pragma_table_info('t')", "duckdb_settings()"]
)
def test_rows_that_no_table_has_are_refused(call):
    with pytest.raises(PlanError, match=call.partition("(")[0]):
        references(f"select * from {call}")


def test_a_lateral_function_that_reads_files_is_refused():
    with pytest.raises(PlanError, match="read_csv"):
        references("select * from t, lateral read_csv(t.path)")


def test_a_name_of_three_parts_is_refused():
    with pytest.raises(PlanError, match=r"'a\.b\.c'"):
        references("select * from a.b.c")


def test_the_statement_is_cut_out_of_what_stands_round_it():
    text = "\n  -- first\n\tselect 1 as a -- inside\n from t -- after\n ; -- end\n"
    assert check_select(text, "a.sql", 10) == ("\tselect 1 as a -- inside\n from t", 12)


@pytest.mark.parametrize(
    ("text", "said", "line", "column"),
    [
        ("", "there is no select", 1, 0),
        ("-- nothing\n", "there is no select", 1, 0),
        (" ; ;", "there is no select", 1, 0),
        ("select 1;\n select 2", "more than one statement", 2, 2),
        ("selec 1", "not a select", 1, 1),
        ("insert into t select 1", "not a select", 1, 1),
        ("with a as (select 1) insert into t select * from a", "not a select", 1, 22),
        ("with a as (select 1)\ndelete from t", "not a select", 2, 1),
        ("drop table t", "not a select", 1, 1),
        ("describe t", "not a select", 1, 1),
        ("select 'a", "a string that never closes", 1, 8),
        ('select "a', "a quoted name that never closes", 1, 8),
        ("select 1 /* a", "a comment that never closes", 1, 10),
        ("select $$a", "a string that never closes", 1, 8),
        ("select 1 as _rid", "the name '_rid' is taken", 1, 13),
        ('select 1 as "_SEQ"', "the name '_seq' is taken", 1, 13),
    ],
)  # fmt: skip
def test_anything_but_one_select_is_refused_at_its_place(text, said, line, column):
    with pytest.raises(PlanError, match=said) as caught:
        check_select(text, "a.sql")
    assert (caught.value.where.line, caught.value.where.column) == (line, column)


@pytest.mark.parametrize(
    "text",
    [
        "with a as (select 1) select * from a", "((select 1) union (select 2))", "from t", "values (1)", "table t",
        "SELECT 1",
        'with insert_ as (select 1) select "insert" from insert_', "pivot t on a using sum(b)",
        "with a as (select replace('a', 'b', 'c') as update) select * from a",
    ],
)  # fmt: skip
def test_every_kind_of_select_passes(text):
    assert check_select(text) == (text, 1)


def test_an_error_underlines_the_users_own_line():
    with pytest.raises(PlanError) as caught:
        check_select("-- a\nselect 1;\nselect 2", "a.sql", 5)
    assert caught.value.excerpt == "7 | select 2\n  | ^^^^^^"


def test_the_scan_does_not_take_a_word_after_another_use_of_from_for_a_table():
    found = scan.scan("select overlay(a placing b from c), position(d in e) from t, (select 1 from u) v, w")
    assert [one.parts for one in found] == [("t",), ("u",), ("w",)]
