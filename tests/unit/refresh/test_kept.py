"""Rows that a change touches through another table: read once for all who ask, and not where none is."""

import pytest

from penstock.model.step import Compute
from penstock.refresh import carry
from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

MET = "select a.k, count(*) as n, sum(a.v) as s from raw.a left join raw.b on b.k = a.k and b.w > a.v group by a.k"
ROWS = "select a.id, a.v, b.w from raw.a left join raw.b on b.k = a.k"
HAS = "select g, count(*) as n from raw.a where exists (select 1 from raw.b where b.k = a.k and b.g <> a.g) group by g"
LACKS = "select a.id, a.k from raw.a where not exists (select 1 from raw.b where b.k = a.k and b.w > a.v)"
MOST = "select a.k, max(a.v) as high from raw.a where a.v < (select sum(b.w) from raw.b where b.k = a.k) group by a.k"
BOTH = (
    "select count(*) as n from raw.a where exists (select 1 from raw.b where b.k = a.k and b.g <> a.g)"
    " and not exists (select 1 from raw.b where b.k = a.k and b.g <> a.g and b.w > 5)"
)
PAIRS = "select x.id, y.id as other, b.w from raw.a as x join raw.a as y on x.g = y.g left join raw.b on b.k = x.k"
TABLES = {"t": MET, "u": ROWS, "v": HAS, "w": LACKS, "x": MOST, "y": BOTH, "z": PAIRS}

FIRST = "a 1 x 1 1, 2 y 1 2, 3 . 2 3, 4 z 2 4; b 1 x 1 5, 2 y 2 6, 3 y 2 7, 4 . 2 8"
STEPS = {
    "a row comes with what it meets": ("a 5 x 1 1; b 5 x 2 9",),
    "a row goes with what it met": ("a- 1; b- 1",),
    "what rows meet comes, changes and goes": ("b 5 x 2 9", "b 5 x 1 1", "b- 5"),
    "a row moves to what came": ("a 2 z 1 2; b 6 z 1 9",),
    "what came meets nothing": ("b 7 q 1 9", "a 7 q 2 1"),
    "rows come beside a change that meets nothing": ("a 7 x 2 1; b 7 q 1 9", "b- 7"),
    "one that is met goes, another comes": ("b- 2; b 8 y 1 9", "a 2 y 2 5; b 3 y 1 1"),
}


@pytest.mark.parametrize("name", STEPS)
def test_tables_equal_their_queries_after_every_step(name):
    hold(case(FIRST, *STEPS[name], **TABLES))


def asked(monkeypatch, *steps, **tables):
    """Return how many queries a case stages."""
    made = []
    staged = carry.staged

    def heard(txn, step):
        if isinstance(step, Compute):
            made.append(step)
        return staged(txn, step)

    with monkeypatch.context() as patch:
        patch.setattr(carry, "staged", heard)
        hold(case(FIRST, *steps, **tables))
    return len(made)


@pytest.mark.parametrize("name", ["t", "u", "v", "w", "x"])
def test_where_what_came_meets_nothing_only_that_is_asked(monkeypatch, name):
    assert asked(monkeypatch, "b 7 q 1 9", t=TABLES[name]) == 1  # whom it meets


def test_what_two_queries_look_up_alike_is_found_once(monkeypatch):
    two, one = (asked(monkeypatch, "a 5 x 2 1", t=text) for text in (BOTH, BOTH.partition(" and not")[0]))
    assert two == one + 1  # the rows that have the values, and not the values again


def test_numbers_that_are_compared_with_texts_are_followed():
    tables = {
        "t": "select a.id from raw.a where not exists (select 1 from raw.b where b.k = a.g)",
        "u": "select a.id, b.w from raw.a full join raw.b on b.k = a.g",
        "v": "select a.id, (select max(b.w) from raw.b where b.k = a.g) as high from raw.a",
    }
    hold(case("a 1 5 2 1, 2 6 5 2; b 1 5 1 5, 2 2 2 6", "b 3 5 1 7", "b- 1; a 3 1 5 1", "b 2 6 1 9", **tables))
