"""Rows handed to other libraries have types that those know, and say the same."""

import sys

import duckdb
import pytest
from arro3.core import Table

from penstock.base.errors import UnsupportedError
from penstock.model.handover import plain, select, to_pandas, to_polars
from penstock.model.schema import Schema

SQL = """
select * from (values
  (1::hugeint, true, [true, null], {'b': false, 'n': [{'c': true}]}, 9007199254740993, 3::utinyint, 'a'),
  (null, null, null, null, null, null, null)
) as t(h, b, bs, s, i, u, x)
"""


@pytest.fixture(scope="module")
def db():
    with duckdb.connect(config={"arrow_lossless_conversion": "true"}) as opened:
        yield opened


def handed(db, sql, **form):
    rows = db.sql(sql)
    schema = Schema.of(zip(rows.columns, map(str, rows.types), strict=True))
    return plain(Table.from_arrow(db.sql(f"select {select(schema, **form)} from ({sql})")))


def test_booleans_are_arrows_own_wherever_they_stand(db):
    table = handed(db, SQL)
    assert table.column("b").to_pylist() == [True, None]
    assert table.column("bs").to_pylist() == [[True, None], None]
    assert table.column("s").to_pylist() == [{"b": False, "n": [{"c": True}]}, None]
    assert table.column("h").to_pylist() == [1, None]


def test_a_table_without_booleans_is_handed_over_as_it_is(db):
    table = Table.from_arrow(db.sql("select 1 as a, [{'x': 'y'}] as b"))
    assert plain(table) is table


def test_a_table_without_rows_keeps_its_types(db):
    frame = to_polars(handed(db, f"{SQL} where false"))
    assert [str(kind) for kind in frame.dtypes][:3] == ["Int64", "Boolean", "List(Boolean)"]


@pytest.mark.parametrize(
    ("kind", "arrow", "polars"),
    [
        ("uuid", "varchar", "varchar"),
        ("json[]", "varchar[]", "varchar[]"),
        ("interval", "", "varchar"),
        ("struct(uuid hugeint, n uhugeint)", "struct(uuid bigint, n ubigint)", "struct(uuid bigint, n ubigint)"),
        ('struct("bit" bit)', 'struct("bit" varchar)', 'struct("bit" varchar)'),
        ("map(uuid, timetz)", "map(varchar, varchar)", "map(varchar, varchar)"),
        ("timestamptz", "", ""),
        ("decimal(18,2)", "", ""),
    ],
)
def test_types_that_others_lack_are_cast_and_names_are_not(kind, arrow, polars):
    schema = Schema.of([("a", kind)])
    assert select(schema) == (f'cast("a" as {arrow}) as "a"' if arrow else '"a"')
    assert select(schema, polars=True) == (f'cast("a" as {polars}) as "a"' if polars else '"a"')


def test_a_whole_number_beyond_64_bits_is_never_rounded(db):
    with pytest.raises(duckdb.Error, match="18446744073709551616"):
        handed(db, "select 18446744073709551616::hugeint as a")


def test_pandas_rounds_no_whole_number_among_nulls(db):
    frame = to_pandas(handed(db, SQL))
    assert [str(kind) for kind in frame.dtypes] == ["Int64", "boolean", "object", "object", "Int64", "UInt8", "str"]
    assert frame["i"][0] == 9007199254740993
    whole = to_pandas(handed(db, "select 1 as i, true as b"))
    assert [str(kind) for kind in whole.dtypes] == ["int32", "bool"]


@pytest.mark.parametrize(("hand", "module"), [(to_polars, "polars"), (to_pandas, "pandas"), (to_pandas, "pyarrow")])
def test_a_missing_library_is_said_with_the_line_that_installs_it(monkeypatch, hand, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnsupportedError, match="pip install 'penstock"):
        hand(None)
