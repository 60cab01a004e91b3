"""Lineage of columns: of queries by hand, of TPC-H, and proven by changing what it says is not used."""

import duckdb
import pytest

from benchmarks.tpch import data
from penstock.model.schema import Schema
from penstock.plan.sql.columns import made_of

SCHEMAS = {
    "orders": Schema.of([("id", "bigint"), ("who", "bigint"), ("amount", "bigint"), ("tags", "bigint[]")]),
    "people": Schema.of([("id", "bigint"), ("name", "varchar"), ("country", "varchar")]),
}
CASES = {
    "select * from orders": {"id": "orders.id same", "amount": "orders.amount same"},
    "select o.id, p.name as n, amount * 2 as a from orders o join people p on p.id = o.who where country = 'c1'": {
        "id": "orders.id same", "n": "people.name same", "a": "orders.amount value",
        "": "orders.who join, people.country filter, people.id join",
    },
    "with b as (select who, sum(amount) as s from orders group by who) "
    "select name, s + 1 as s, rank() over (partition by country order by s) as r from b join people p on id = who": {
        "name": "people.name same", "s": "orders.amount value", "r": "orders.amount window, people.country window",
        "": "orders.who group join, people.id join",
    },
    "select id from orders union all select id from people": {"id": "orders.id same, people.id same"},
    "select who from orders union select id from people": {
        "who": "orders.who same, people.id same", "": "orders.who group, people.id group",
    },
    "select id from orders except select who from orders": {
        "id": "orders.id same", "": "orders.id group, orders.who filter",
    },
    "select distinct country from people": {"country": "people.country same", "": "people.country group"},
    "select who, (select max(amount) from orders o2 where o2.who = o.who) as m from orders o": {
        "who": "orders.who same", "m": "orders.amount value", "": "orders.who filter",
    },
    "select name from people where id in (select who from orders where amount > 3)": {
        "name": "people.name same", "": "orders.amount filter, orders.who filter, people.id filter",
    },
    "select name from people p where exists (select 1 from orders o where o.who = p.id)": {
        "name": "people.name same", "": "orders.who filter, people.id filter",
    },
    "select u.t, id from orders, unnest(tags) as u(t)": {"t": "orders.tags value", "id": "orders.id same"},
    "select now() is not null as n, count(*) filter (where amount > 1) as c from orders": {
        "n": "", "c": "orders.amount filter",
    },
    "select * from orders qualify row_number() over (partition by who order by id) = 1": {
        "amount": "orders.amount same", "": "orders.id filter, orders.who filter",
    },
    "select * exclude (id), upper(name) as id from people": {"id": "people.name value", "name": "people.name same"},
    "select a.x from (select id as y from orders) as a(x)": {"x": "orders.id same"},
    "select name from people order by country, name limit 3": {
        "name": "people.name same", "": "people.country order, people.name order",
    },
    "select id, country from orders join people using (id)": {"country": "people.country same"},
    "from orders select amount": {"amount": "orders.amount same"},
    "select who, sum(amount) as s from orders group by all having count(*) > 1": {
        "who": "orders.who same", "s": "orders.amount value", "": "orders.who group",
    },
}  # fmt: skip


def said(uses):
    return ", ".join(f"{table}.{column} {' '.join(ways)}" for (table, column), ways in uses.items())


@pytest.mark.parametrize("text", CASES)
def test_what_a_query_is_made_of(text):
    found = made_of(text, SCHEMAS)
    assert found.why == ""
    told = {"": said(found.rows), **{name: said(uses) for name, uses in found.columns.items()}}
    wanted = CASES[text]
    assert {name: told[name] for name in wanted} == wanted


def filled(con, changed):
    """Make the tables anew, with another value in one column."""
    con.execute(
        "create or replace table orders as select i as id, i % 7 as who, (i * 37) % 11 as amount, [i, i % 3] as tags "
        "from range(40) t(i)"
    )
    con.execute(
        "create or replace table people as select i as id, 'n' || i % 5 as name, 'c' || i % 3 as country "
        "from range(8) t(i)"
    )
    if changed:
        table, column = changed
        kind = con.execute(f"select typeof({column}) from {table} limit 1").fetchone()[0]
        value = {"BIGINT": f"{column} * 1000 + 5000", "VARCHAR": f"'z' || {column}"}.get(kind, f"[-1] || {column}")
        con.execute(f"update {table} set {column} = {value}")


def answers(con, text):
    found = con.execute(text)
    names = [d[0].lower() for d in found.description]
    rows = found.fetchall()
    return {name: sorted(str(row[at]) for row in rows) for at, name in enumerate(names)}


@pytest.mark.parametrize("text", [t for t in CASES if "limit" not in t])
def test_what_is_not_named_can_be_changed_without_changing_a_column(text):
    con = duckdb.connect()
    filled(con, None)
    before, found = answers(con, text), made_of(text, SCHEMAS)
    tried = 0
    for table, schema in SCHEMAS.items():
        for column in schema.names:
            filled(con, (table, column))
            after = answers(con, text)
            for name, uses in found.columns.items():
                if (table, column) not in uses and (table, column) not in found.rows:
                    tried += 1
                    assert after.get(name) == before.get(name), (table, column, name)
    assert tried


@pytest.mark.parametrize("text", ["select * from orders using sample 3", "pivot orders on who using sum(amount)"])
def test_what_is_not_understood_says_why(text):
    found = made_of(text, SCHEMAS)
    assert (found.columns, found.why != "") == ({}, True)


@pytest.fixture(scope="module")
def tpch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tpch")
    data.make(folder, 0.001)
    con = duckdb.connect()
    for name in data.TABLES:
        con.execute(f"create table {name} as from read_parquet('{folder}/{name}.parquet')")
    return con, {
        name: Schema.of([(c[0], c[1]) for c in con.execute(f"describe {name}").fetchall()]) for name in data.TABLES
    }


@pytest.mark.parametrize("name", data.queries())
def test_every_query_of_tpc_h_is_understood(tpch, name):
    con, schemas = tpch
    text = data.queries()[name].replace("raw.", "")
    found = made_of(text, schemas)
    assert found.why == ""
    names = [c[0].lower() for c in con.execute(f"describe {text}").fetchall()]
    assert all(a == b or a.startswith("_col") for a, b in zip(found.columns, names, strict=True))
    assert all(uses or found.rows for uses in found.columns.values())


def test_a_query_of_tpc_h_by_hand(tpch):
    found = made_of(next(t for n, t in data.queries().items() if n.endswith(("3", "03"))).replace("raw.", ""), tpch[1])
    assert said(found.columns["revenue"]) == "lineitem.l_discount value, lineitem.l_extendedprice value"
    assert found.columns["o_orderdate"] == {("orders", "o_orderdate"): ("same",)}
    assert ("customer", "c_mktsegment") in found.rows
