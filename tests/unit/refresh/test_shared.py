"""Lookups that tables share: each is made once, and every table is as its query says."""

import pytest

from penstock.model.step import Compute
from penstock.plan.sql.cut import cut
from penstock.refresh import carry, cascade, shared
from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

JOINED = "select a.id, a.k, a.v, b.w from raw.a join raw.b on b.k = a.k"
SUMS = "select a.k, sum(a.v * b.w) as s, count(*) as n from raw.a, raw.b where a.k = b.k and b.w > 1 group by a.k"
ALL = "select sum(a.v) as s, count(b.w) as n from raw.a join (select * from raw.b where w < 100) as b on a.k = b.k"
EXTREMES = "select a.k, min(b.w) as low, max(a.v) as high from raw.a join raw.b on a.k = b.k group by a.k"
TWO = "select a.id, b.w from raw.a join raw.b on a.k = b.k and a.g = b.g"
SELF = "select x.k, sum(x.v * y.v) as s from raw.a as x join raw.a as y on x.g = y.g group by x.k"

FIRST = "a 1 x 1 1, 2 y 1 2, 3 . 2 3, 4 z 2 4; b 1 x 1 5, 2 y 1 6, 3 y 2 7, 4 . 2 8"
STEPS = {
    "both sides grow at once": ("a 5 x 1 9; b 5 x 1 2",),
    "a row that meets one that came is changed": ("b 1 x 1 50; a 1 x 1 10",),
    "rows that met go on both sides": ("a- 1, 2; b- 1, 2",),
    "what comes on one side would have met what goes on the other": ("a 6 y 1 7; b- 2",),
    "what goes on one side met what came on the other before": ("b 6 z 1 3", "a- 4; b 7 z 1 4"),
    "two columns meet": ("a 1 x 2 1, 9 y 2 1; b 2 y 2 60, 9 x 1 1",),
    "keys change": ("a 1 y 1 1, 2 x 2 2; b 1 y 1 5, 3 x 2 7", "a 1 . 1 1; b 3 . 2 7"),
    "one side changes, then the other": ("a 1 x 1 3, 7 y 1 1", "b 1 x 1 9, 8 y 1 1", "a- 1, 7; b- 8"),
}


def lookups(monkeypatch):
    """Hear of the lookups that are made: what each reads."""
    made = []
    staged = carry.staged

    def heard(txn, step):
        if isinstance(step, Compute) and "@rows" in dict(step.query.reads):
            made.append(dict(step.query.reads)["@rows"].relation.name)
        return staged(txn, step)

    monkeypatch.setattr(carry, "staged", heard)
    return made


@pytest.mark.parametrize("name", STEPS)
def test_tables_that_share_lookups_equal_their_queries_after_every_step(name):
    hold(case(FIRST, *STEPS[name], t=JOINED, u=SUMS, v=ALL, w=EXTREMES, x=SELF, y=TWO))


def test_what_meets_a_change_is_looked_up_once_for_all_tables(monkeypatch):
    made = lookups(monkeypatch)
    hold(case(FIRST, "a 1 x 1 10; b 1 x 1 50", t=JOINED, u=SUMS, v=ALL))
    assert sorted(made) == ["raw.a", "raw.b"]


def test_a_lookup_that_nobody_else_wants_is_not_set_apart(monkeypatch):
    made = lookups(monkeypatch)
    hold(case(FIRST, "a 5 x 1 10", t=JOINED))
    assert made == []
    hold(case(FIRST, "a 1 x 1 10", t=JOINED))  # what came and what went both meet it
    assert made == ["raw.b"]


def test_whoever_was_not_expected_reads_what_others_have_no_use_for(monkeypatch):
    made = lookups(monkeypatch)
    plain = cascade._Attempt._expected

    def all_but_one(attempt):
        plans = list(plain(attempt))
        return plans[:-1] if len(plans) > 1 else plans

    monkeypatch.setattr(cascade._Attempt, "_expected", all_but_one)
    less = "select a.id, b.id as other from raw.a join raw.b on b.k = a.k"
    hold(case(FIRST, "a 1 x 1 10; b 1 x 1 50", t=less, u=less + " where b.id > 1", v=JOINED))
    assert sorted(made) == ["raw.a", "raw.b"]


def test_what_meets_too_much_is_read_in_its_place(monkeypatch):
    made = lookups(monkeypatch)
    monkeypatch.setattr(shared, "_ALWAYS", 1)
    hold(case("a 1 x 1 1; b 1 x 1 5, 2 x 1 6, 3 x 1 7, 4 y 1 8", "a 1 x 1 2", t=JOINED, u=SUMS, v=ALL))
    assert made == ["raw.b"]


def test_an_arm_says_which_columns_of_its_inputs_meet_and_which_it_uses():
    from penstock.model.schema import Schema

    schemas = {
        "a": Schema.of([("id", "bigint"), ("k", "varchar"), ("v", "integer"), ("g", "integer")]),
        "b": Schema.of([("id", "bigint"), ("k", "varchar"), ("w", "integer"), ("g", "integer")]),
    }
    texts = {
        "select a.v from a join b on a.k = b.k and a.g = b.g": {("k", "k"), ("g", "g")},
        "select a.v from a, (select k as q, w from b) as c where c.q = a.k and a.id + 1 = c.w": {("k", "k")},
        "select a.v from a join b using (k)": {("k", "k")},
        "select a.v from a join b on a.k = b.k or a.g = b.g": set(),
        "select a.v from a join b on a.k = lower(b.k)": set(),
    }
    for text, wanted in texts.items():
        (arm,) = cut(text, schemas, ("v",), "t").blocks[0].arms
        tables = {leaf.number: leaf.table for leaf in arm.leaves}
        found = {(p.column, p.others) if tables[p.leaf] == "a" else (p.others, p.column) for p in arm.pairs}
        assert found == wanted, text
    (arm,) = cut("select a.v from a join b on a.k = b.k where b.w > 1", schemas, ("v",), "t").blocks[0].arms
    assert [set(leaf.used) for leaf in arm.leaves] == [{"v", "k"}, {"k", "w"}]
