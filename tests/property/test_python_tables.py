"""Whatever happens to its inputs, a Python table under `rows=` or `by=` is what its function makes of everything.

The functions are written once; what the table should be is the same function over all rows, without Penstock.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.engines.duck import open_engine
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.step import Build, Compare, Compute
from penstock.model.table import Function, Input, Table
from penstock.refresh import python
from penstock.refresh.cascade import due

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

EXAMPLES = int(os.environ.get("PENSTOCK_EXAMPLES", "25"))
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
Row: TypeAlias = "tuple[Any, ...]"
Rows: TypeAlias = "dict[str, list[Row]]"

COLUMNS = {
    "orders": {"id": "integer", "customer": "integer", "amount": "integer"},
    "visits": {"customer": "bigint", "page": "varchar"},
    "rates": {"rate": "integer"},
}
CUSTOMERS = st.none() | st.integers(1, 4)
ROWS = {
    "orders": st.lists(st.tuples(st.integers(1, 8), CUSTOMERS, st.integers(-1, 3)), max_size=8),
    "visits": st.lists(st.tuples(CUSTOMERS, st.none() | st.sampled_from(["a", "b"])), max_size=5),
    "rates": st.lists(st.tuples(st.integers(1, 2)), min_size=1, max_size=1),
}
CHANGES = [
    *(st.tuples(st.just(verb), st.just("orders"), ROWS["orders"]) for verb in ("add", "put", "put", "drop", "set")),
    *(st.tuples(st.just(verb), st.just("visits"), ROWS["visits"]) for verb in ("add", "drop")),
]
RARE = [
    st.tuples(st.just("build"), st.just("orders"), ROWS["orders"]),
    st.tuples(st.just("set"), st.just("rates"), ROWS["rates"]),
]
# A change or two between one run and the next, seldom one after which everything is computed again.
BETWEEN = st.lists(st.one_of(*CHANGES, *CHANGES, *CHANGES, *RARE), min_size=1, max_size=2)
STEPS = st.lists(BETWEEN, min_size=1, max_size=6)


def lines(orders: Sequence[Row], rates: Sequence[Row]) -> list[dict[str, Any]]:
    """None, one or several rows of each order, beside the whole of the rates."""
    rate = max(rate for (rate,) in rates)
    return [
        {"id": key, "customer": who, "n": n, "cost": amount * rate}
        for key, who, amount in orders
        for n in range(max(amount, 0))
    ]


def spend(orders: Sequence[Row], visits: Sequence[Row], rates: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each customer one row, or none, or two; null is a customer, too."""
    rate = max(rate for (rate,) in rates)
    spent: Counter[Any] = Counter()
    pages: Counter[Any] = Counter()
    for _, who, amount in orders:
        spent[who] += amount * rate
    for who, _ in visits:
        pages[who] += 1
    found = []
    for who in {who for _, who, _ in orders} | {who for who, _ in visits}:
        if spent[who] >= 0:
            found += [{"customer": who, "spent": spent[who], "pages": pages[who]}] * (2 if pages[who] > 1 else 1)
    return found


class World:
    """A warehouse with inputs and one Python table; what its function is given is noted."""

    def __init__(self, function: Callable[..., Any], part: dict[str, Any], key: Sequence[str], most: int) -> None:
        self.engine, self.function, self.key, self.most = open_engine(":memory:"), function, tuple(key), most
        names = list(function.__annotations__)[:-1]
        self.rows: dict[str, list[Row]] = {name: [] for name in names}
        self.given: list[dict[str, list[Row]]] = []
        self.moved: dict[str, Counter[Row]] = {name: Counter() for name in names}
        inputs = tuple(Input(name, name, "arrow") for name in names)
        self.table = Table(
            "made", function=Function("tables/made.py", "made", inputs, **part), parents=tuple(names), fingerprint="1:m"
        )
        for name in names:
            self.build(name, [(1,)] if name == "rates" else [])

    def load(self, _: Function) -> Callable[..., Any]:
        def made(**given: Any) -> list[dict[str, Any]]:
            rows = {name: list(zip(*(c.to_pylist() for c in got.columns), strict=True)) for name, got in given.items()}
            self.given.append(rows)
            return self.function(**rows)

        return made

    def do(self, verb: str, name: str, rows: list[Row]) -> None:
        if name not in self.rows:
            return
        if verb == "build":
            self.build(name, rows)
            return
        have = self.rows[name]
        if verb == "add":
            have = [*have, *rows]
        elif verb == "put":
            have = [*(row for row in have if row[:1] not in {one[:1] for one in rows}), *rows]
        elif verb == "drop":
            have = [row for row in have if row[:1] not in {one[:1] for one in rows}]
        else:
            have = rows
        self.put(name, have)

    def put(self, name: str, rows: Iterable[Row]) -> None:
        """Bring an input to rows, by its differences."""
        txn = self.engine.begin()
        relation = self.engine.relations()[name]
        wanted = self.unique(name, rows)
        staged = txn.run(Compute(Query(select(name, wanted))))
        txn.apply(txn.run(Compare(relation, staged.name, relation.key)))
        txn.commit(Commit(txn.version, NOON, "test"))
        self.moved[name] += difference(self.rows[name], wanted)
        self.rows[name] = wanted

    def build(self, name: str, rows: Iterable[Row]) -> None:
        txn = self.engine.begin()
        self.rows[name] = self.unique(name, rows)
        key = self.key if name == "orders" else ()
        txn.apply(txn.run(Build(name, Query(select(name, self.rows[name])), f"1:{txn.version}", key)))
        txn.commit(Commit(txn.version, NOON, "test"))

    def unique(self, name: str, rows: Iterable[Row]) -> list[Row]:
        """Return rows of which, where there is a key, the last of each counts."""
        return list({row[0]: row for row in rows}.values()) if name == "orders" and self.key else list(rows)

    def run(self) -> str:
        """Bring the table up to date, compare it with the whole, and return how it was done."""
        relations = self.engine.relations()
        how = ""
        self.given, self.moved = [], {name: Counter() for name in self.moved}
        if due(self.table, relations.get("made"), relations):
            txn = self.engine.begin()
            change, how = python.change(self.table, relations, txn, self.load, most=self.most)
            txn.seen(txn.apply(change), txn.version)
            txn.commit(Commit(txn.version, NOON, "test"))
        return how

    def made(self) -> list[Row]:
        found = self.engine.read(Query("select * from made"))
        try:
            return found.fetch()
        finally:
            found.close()


def difference(old: Iterable[Row], new: Iterable[Row]) -> Counter[Row]:
    """Return the rows that are on one side only."""
    before, after = Counter(old), Counter(new)
    return (before - after) + (after - before)


def select(name: str, rows: Sequence[Row]) -> str:
    kinds = COLUMNS[name]
    empty = ", ".join(f"null::{kind} as {column}" for column, kind in kinds.items())
    parts = [f"select {empty} where false"]
    for row in rows:
        values = zip(row, kinds.values(), strict=True)
        parts.append("select " + ", ".join(f"{literal(value)}::{kind}" for value, kind in values))
    return " union all ".join(parts)


def literal(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def play(world: World, steps: Sequence[Any], look: Callable[..., None]) -> None:
    # The first rows say which columns there are: dicts have none without rows.
    world.put("orders", [(1, 1, 1)])
    world.run()
    before = dict(world.rows)
    for changes in steps:
        for verb, name, rows in changes:
            world.do(verb, name, rows)
        moved = world.moved
        how = world.run()
        wanted = Counter(tuple(row.values()) for row in world.function(**world.rows))
        assert Counter(world.made()) == wanted, how
        look(world, how, before, moved)
        before = dict(world.rows)


def only_changed_rows(world: World, how: str, before: Rows, moved: dict[str, Counter[Row]]) -> None:
    """Every row that came is given, and none that did not move; what went and came again may be."""
    if how != "rows":
        return
    given = Counter(row for call in world.given for row in call["orders"])
    assert Counter(world.rows["orders"]) - Counter(before["orders"]) <= given
    assert given <= moved["orders"]
    assert len(world.given) <= 1 + given.total() // world.most


def only_changed_keys(world: World, how: str, before: Rows, moved: dict[str, Counter[Row]]) -> None:
    """Of each key of a row that came or went all rows are given, and no others."""
    if how != "by keys":
        return
    places = {"orders": 1, "visits": 0}
    keys = {row[at] for name, at in places.items() for row in difference(before[name], world.rows[name])}
    some = {row[at] for name, at in places.items() for row in moved[name]}
    given = {row[at] for name, at in places.items() for call in world.given for row in call[name]}
    there = {row[at] for name, at in places.items() for row in world.rows[name]}
    assert keys & there <= given <= some
    for name, at in places.items():
        rows = Counter(row for call in world.given for row in call[name])
        assert rows == Counter(row for row in world.rows[name] if row[at] in given)
    total = sum(len(call[name]) for call in world.given for name in places)
    assert len(world.given) <= 1 + total // world.most


@pytest.mark.slow
@pytest.mark.parametrize("key", [(), ("id",)])
@settings(max_examples=EXAMPLES, deadline=None)
@given(steps=STEPS, most=st.sampled_from([2, 1000]))
def test_a_table_of_rows_is_what_its_function_makes_of_all_rows(key, steps, most):
    world = World(lines, {"rows": "orders"}, key, most)
    try:
        play(world, steps, only_changed_rows)
    finally:
        world.engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("key", [(), ("id",)])
@settings(max_examples=EXAMPLES, deadline=None)
@given(steps=STEPS, most=st.sampled_from([2, 1000]))
def test_a_table_of_groups_is_what_its_function_makes_of_all_groups(key, steps, most):
    world = World(spend, {"by": ("customer",)}, key, most)
    try:
        play(world, steps, only_changed_keys)
    finally:
        world.engine.close()
