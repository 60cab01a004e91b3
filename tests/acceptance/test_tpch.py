"""TPC-H as a user's project: all 22 queries as tables, refreshed by RF1 and RF2, equal to the full query each time."""

import duckdb
import pytest

from benchmarks.fed import Fed, Feed
from benchmarks.tpch import data
from benchmarks.tpch.same import difference

SCALE = 0.1
STREAMS = 20


class Truth:
    """Plain DuckDB over raw rows of its own, which the same streams change by a plain insert and delete."""

    def __init__(self, folder):
        self.con = duckdb.connect()
        for name in data.TABLES:
            self.con.execute(f"create table {name} as from read_parquet('{folder}/{name}.parquet')")

    def apply(self, stream):
        for table, came, gone in (
            ("orders", stream.orders, stream.old_orders),
            ("lineitem", stream.lines, stream.old_lines),
        ):
            keys = ", ".join(data.KEYS[table])
            self.con.register("came", came)
            self.con.register("gone", gone)
            self.con.execute(f"delete from {table} where ({keys}) in (select ({keys}) from gone)")
            self.con.execute(f"insert into {table} from came")

    def full(self, query):
        found = self.con.execute(query)
        return [(c[0], str(c[1]).lower().replace(", ", ",")) for c in found.description], found.fetchall()


def wrong(fed, truth):
    """What differs, by table: the raw ones in their number and keys, the others in every row, type and name."""
    found = {}
    for name, query in data.queries().items():
        columns, rows = truth.full(query)
        result = fed.project.table(name)
        have = list(zip(result.columns, [t.replace(", ", ",") for t in result.types], strict=True))
        said = f"{have}, not {columns}" if have != columns else difference(result.fetchall(), rows)
        if said:
            found[name] = said
    for name, key in data.KEYS.items():
        asked = f"select count(*), bit_xor(hash({', '.join(key)})) from {name}"
        have, want = fed.project.sql(asked).fetchall(), truth.full(asked)[1]
        if have != want:
            found[name] = f"{have}, not {want}"
    return found


def feeds(stream):
    return (
        Feed("orders", "append", stream.orders),
        Feed("lineitem", "append", stream.lines),
        Feed("orders", "delete", stream.old_orders),
        Feed("lineitem", "delete", stream.old_lines),
    )


@pytest.mark.slow
def test_every_table_equals_its_query_after_every_stream(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    data.make(folder, SCALE)
    truth = Truth(folder)
    with Fed(tmp_path / "project", data.KEYS, data.queries()) as fed:
        fed.load({name: folder / f"{name}.parquet" for name in data.TABLES})
        assert wrong(fed, truth) == {}
        for number, stream in enumerate(data.streams(folder, SCALE, STREAMS), 1):
            assert stream.orders.num_rows == stream.old_orders.num_rows == 150
            fed.run(*feeds(stream))
            truth.apply(stream)
            assert {number: wrong(fed, truth)} == {number: {}}


def test_the_rows_of_a_stream_keep_the_rules_of_the_specification(tmp_path):
    data.make(tmp_path, 0.01)
    first, second = data.streams(tmp_path, 0.01, 2)
    con = duckdb.connect()
    for name in data.TABLES:
        con.execute(f"create view {name} as from read_parquet('{tmp_path}/{name}.parquet')")
    con.register("came", first.orders)
    con.register("later", second.orders)
    con.register("lines", first.lines)
    con.register("gone", first.old_orders)
    con.register("gone_lines", first.old_lines)
    answers = {
        "new keys are unused ones": "select count(*) from orders semi join came using (o_orderkey)",
        "and no stream repeats them": "select count(*) from came semi join later using (o_orderkey)",
        "old keys are there": "select count(*) from gone anti join orders using (o_orderkey)",
        "lines go with their orders": "select (select count(*) from lineitem where l_orderkey in (from gone)) - "
        "(select count(*) from gone_lines)",
        "a third of the customers never orders": "select count(*) from came where o_custkey % 3 = 0",
        "every customer exists": "select count(*) from came anti join customer on o_custkey = c_custkey",
        "the part is had of that supplier": "select count(*) from lines anti join partsupp "
        "on l_partkey = ps_partkey and l_suppkey = ps_suppkey",
        "the price is the part's": "select count(*) from lines anti join part "
        "on l_partkey = p_partkey and l_extendedprice = l_quantity * p_retailprice",
        "dates follow one another": "select count(*) from came join lines on l_orderkey = o_orderkey "
        "where l_shipdate not between o_orderdate + 1 and o_orderdate + 121 "
        "or l_receiptdate not between l_shipdate + 1 and l_shipdate + 30",
        "one to seven lines": "select count(*) from (select count(*) as n from lines group by l_orderkey) where n > 7",
        "each order has lines": "select count(*) from came anti join lines on l_orderkey = o_orderkey",
    }
    assert {name: con.execute(query).fetchone()[0] for name, query in answers.items()} == dict.fromkeys(answers, 0)
    assert first.orders.num_rows == 15
    types = "select column_name, column_type from (describe {})"
    for mine, theirs in (("came", "orders"), ("lines", "lineitem")):
        assert con.execute(types.format(mine)).fetchall() == con.execute(types.format(theirs)).fetchall()
