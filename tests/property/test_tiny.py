"""A second opinion: the tiny engine goes through the same cascade, and SQLite agrees with DuckDB about its tables.

The cascade knows no engine by name, so one that only knows `full` is brought up to date by the same code. Queries
that SQLite does not understand, or understands otherwise, are left out.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.base.clock import SystemClock
from penstock.base.errors import PlanError
from penstock.load.build import build
from penstock.model.change import Change, Staged
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.schema import Schema
from penstock.model.source import Connection, RawTable
from penstock.model.step import Compare, Conform, Found, Receive
from penstock.model.table import Table
from penstock.refresh.cascade import Job, cascade
from penstock.testing import TinyEngine
from penstock.testing.tiny_sql import TinyRows
from tests.property.engine import schemas
from tests.property.engine.case import Case, Feed, Raw, Step
from tests.property.engine.choose import Choose, by_random
from tests.property.engine.grammar import Grammar, Rel
from tests.property.engine.oracle import InvalidCaseError, Oracle, difference
from tests.property.engine.sequence import BLOCKS

RAWS = (
    Raw("raw.a", (("id", "bigint"), ("k", "varchar"), ("g", "bigint"), ("v", "bigint"))),
    Raw("raw.b", (("id", "bigint"), ("k", "varchar"), ("g", "bigint"))),
)
SAME_IN_BOTH = frozenset(
    [
        "project", "filter", "star", "inner_join", "left_join", "right_join", "full_join", "self_join", "cross_join",
        "comma_join", "group", "having", "global", "agg_filter", "agg_distinct", "distinct", "union_all", "union",
        "intersect", "except", "scalar_subquery", "correlated", "exists", "not_exists", "in", "not_in", "cte",
        "shared_cte", "recursive_cte", "level 0", "level 1", "level 2", "over a table", "expression",
    ]
)  # fmt: skip
# aggregates and types that the two have not in common
OTHER = re.compile(
    r"max\([^()]*, 2\)|median|quantile|histogram|bit_|arg_max|approx|stddev|var_|avg|entropy|favg|skewness|list|"
    r"string_agg|first\(|true|false|cast|concat|left\(|greatest|sum\(distinct|bool_|count_if|try_|length|upper"
)
AT = datetime(2026, 1, 2, tzinfo=UTC)


def query(choose: Choose, rels: list[Rel], wanted: str) -> str:
    """Return a query that both understand, or nothing."""
    g = Grammar(choose, rels)
    text = g.whole(choose.of((0, 1, 2)), wanted).sql
    return "" if OTHER.search(text) or not g.noted <= SAME_IN_BOTH else text


def put(engine: TinyEngine, raw: Raw, rows: list[tuple[str, ...]]) -> None:
    """Let a raw table hold these rows, as a snapshot would."""
    names = Schema.of(raw.columns)
    values = [tuple(None if v == "null" else int(v) if v.lstrip("-").isdigit() else text(v) for v in r) for r in rows]
    txn = engine.begin()
    staged = txn.run(Receive(TinyRows(names, values)))
    assert isinstance(staged, Staged)
    relation = engine.relations().get(raw.name)
    if relation is None:
        change = txn.run(Found(raw.name, staged.name, names, fingerprint(raw)))
    else:
        conformed = txn.run(Conform(relation, staged.name))
        assert isinstance(conformed, Staged)
        change = txn.run(Compare(relation, conformed.name))
    assert isinstance(change, Change)
    txn.apply(change)
    txn.commit(Commit(txn.version, AT, "raw"))


def text(literal: str) -> str:
    """Return the text that a literal stands for."""
    return literal[1:-1].replace("''", "'")


def fingerprint(raw: Raw) -> str:
    """Return any fingerprint."""
    return f"1:{raw.name}"


def none(_: Any) -> Any:
    raise AssertionError("no function runs here")


def opinions(seed: int, wanted: str) -> int:
    """Let both compute a table after each of three changes; returns how often they were asked."""
    choose = by_random(random.Random(seed))
    rels = [Rel(raw.name, schemas.cols(raw), 8) for raw in RAWS]
    sql = query(choose, rels, wanted)
    if not sql:
        return 0
    case = Case(RAWS, (("t1", sql),), ())
    oracle, engine = Oracle(case), TinyEngine()
    memory = Connection("memory", "memory")
    raws = [RawTable(raw.name, memory, read=raw.name) for raw in RAWS]
    project = build("tiny", "/", raw=raws, tables=[Table("t1", sql=sql)])
    for number in range(3):
        feeds = []
        for raw in RAWS:
            rows = [
                tuple(choose.of(schemas.values(c, kind)) for c, kind in raw.columns) for _ in range(choose.number(0, 6))
            ]
            feeds.append(Feed(raw.name, "snapshot", tuple(rows)))
        try:
            oracle.take(Step(tuple(feeds)), ["t1"])
            for raw in RAWS:
                put(engine, raw, oracle.rows[raw.name])
            engine.read(Query(sql))
        except (InvalidCaseError, PlanError):
            return 0
        outcome = cascade(engine, Job(project, ("t1",), {}, f"run {number}", none), SystemClock())
        assert not outcome.failed, (sql, outcome.failed)
        want = [
            tuple(int(v) if isinstance(v, bool) else v for v in r) for r in oracle.con.execute("from t1").fetchall()
        ]
        have = engine.read(Query("select * from t1")).fetch()
        assert difference(have, want) == ([], []), (sql, feeds)
    return 3


@pytest.mark.slow
def test_the_tiny_engine_and_duckdb_agree_about_what_both_understand() -> None:
    asked: Counter[str] = Counter()
    for wanted in sorted(SAME_IN_BOTH & BLOCKS.keys()):
        for seed in range(12):
            asked[wanted] += opinions(seed, wanted)
    assert sum(asked.values()) > 200, asked
    assert len([block for block, times in asked.items() if times]) > 15, asked
