"""Whatever the query, it can be cut, and each block that comes of it is a query that DuckDB reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from penstock.engines.duck.reads import before
from penstock.model.relation import Relation
from penstock.model.schema import Schema, canonical
from penstock.plan import delta
from penstock.plan.sql.cut import cut
from tests.property.engine.choose import by_hypothesis
from tests.property.engine.sequence import make

if TYPE_CHECKING:
    from penstock.plan.blocks import Block
    from tests.property.engine.case import Case

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@st.composite
def cases(draw: Any) -> Case:
    return make(by_hypothesis(draw), tables=2, steps=3).case


def ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def place(name: str) -> str:
    return name if name.startswith("raw.") else ident(name)


class Warehouse:
    """The tables of a case, without rows."""

    def __init__(self, case: Case) -> None:
        self.con = duckdb.connect(config={"threads": 1})
        self.con.execute("set TimeZone = 'UTC'; create schema raw")
        self.schemas: dict[str, Schema] = {}
        for raw in case.raws:
            self.schemas[raw.name] = Schema.of(raw.columns)
            self.con.execute(f"create table {raw.name} ({', '.join(f'{name} {kind}' for name, kind in raw.columns)})")

    def described(self, text: str) -> Schema:
        rows = self.con.execute(f"describe {text}").fetchall()
        return Schema.of([(str(row[0]), canonical(str(row[1]))) for row in rows])

    def whole(self, block: Block) -> str:
        inputs = {name: delta.Input(Relation(name, self.schemas[name], "", name)) for name in block.tables}
        query = delta.whole(block, inputs, 1)
        named = [
            f"{ident(name)} as (select *, 0::bigint as _rid from {place(read.relation.name)})"
            for name, read in query.reads
        ]
        return before(query.text, ", ".join(named)) if named else query.text

    def keep(self, name: str, text: str) -> None:
        self.schemas[name] = self.described(text)
        self.con.execute(f"create or replace view {ident(name)} as {text}")


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=QUIET, database=None)
@given(cases())
def test_every_query_is_cut_into_blocks_that_bind_with_the_described_types(case: Case) -> None:
    warehouse = Warehouse(case)
    for name, text in case.tables:
        note(text)
        try:
            schema = warehouse.described(text)
        except duckdb.Error:
            assume(False)
        plan = cut(text, warehouse.schemas, schema.names, name)
        assert plan.blocks or plan.words
        for block in plan.blocks:
            found = warehouse.described(warehouse.whole(block))
            assert found.names == (*block.columns, *block.hidden)
            if block is plan.blocks[-1]:
                assert [c.type for c in found.columns[: len(schema)]] == [c.type for c in schema]
            else:
                warehouse.keep(block.name, warehouse.whole(block))
        warehouse.keep(name, text)
    warehouse.con.close()
