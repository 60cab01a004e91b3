"""What bringing a block up to date is expected to cost, and what pays: learned from what was seen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plan.cost import Costs, following_takes, following_took, full_takes, full_took, pays

ROWS = 1_000_000
SECONDS = st.floats(1e-4, 100.0)
CHANGED = st.integers(1, ROWS)
SEEN = st.lists(st.tuples(st.integers(1, ROWS), SECONDS), max_size=8)


def learned(seen, full=1.0):
    costs = full_took(Costs(), full, ROWS)
    for changed, seconds in seen:
        costs = following_took(costs, seconds, changed)
    return costs


def line(changed, fixed=0.01, each=1e-5):
    return fixed + each * changed


@given(SEEN, CHANGED, CHANGED)
def test_more_changed_rows_never_take_less(seen, one, two):
    costs = learned(seen)
    less, more = sorted((one, two))
    assert following_takes(costs, less, ROWS) <= following_takes(costs, more, ROWS) * (1 + 1e-9)


@given(SEEN, CHANGED, SECONDS)
def test_what_is_expected_is_finite_and_takes_time(seen, changed, full):
    expected = following_takes(learned(seen, full), changed, ROWS)
    assert 0 < expected < float("inf")


@given(st.integers(1, ROWS), st.integers(1, ROWS))
def test_a_full_computation_takes_no_less_over_more_rows(one, two):
    costs = full_took(Costs(), 1.0, ROWS // 2)
    less, more = sorted((one, two))
    assert full_takes(costs, less) <= full_takes(costs, more)
    assert full_takes(costs, ROWS) == pytest.approx(2.0)


def test_what_is_not_known_is_followed():
    assert pays(Costs(), ROWS, ROWS)


def test_a_small_change_pays_and_one_of_everything_does_not_before_anything_was_followed():
    costs = full_took(Costs(), 1.0, ROWS)
    assert pays(costs, 100, ROWS)
    assert not pays(costs, ROWS, ROWS)


def test_a_line_is_learned_from_what_was_followed():
    costs = learned([(n, line(n)) for n in (100, 20_000, 3_000, 50_000, 800, 10_000, 40_000)])
    for changed in (200, 5_000, 30_000, 60_000):
        assert following_takes(costs, changed, ROWS) == pytest.approx(line(changed), rel=0.2)


def test_what_is_newer_counts_more():
    before = learned([(1_000, 0.1)] * 10)
    after = before
    for _ in range(6):
        after = following_took(after, 0.5, 1_000)
    assert following_takes(before, 1_000, ROWS) == pytest.approx(0.1)
    assert following_takes(after, 1_000, ROWS) > 0.35


@pytest.mark.parametrize("each", [1e-6, 1e-5, 1e-4])
def test_following_stops_to_pay_where_the_line_meets_the_full_computation(each):
    seen = [(n, line(n, each=each)) for n in (10, 500, 2_000, 8_000, 1_000, 5_000)]
    costs = learned(seen)
    meets = (1.0 - 0.01) / each
    assert pays(costs, int(meets * 0.7), ROWS)
    assert not pays(costs, int(meets * 1.5), ROWS)


def test_following_that_was_too_dear_is_tried_again_after_a_while():
    costs = learned([(1_000, 2.0)] * 3)
    tried = []
    for _ in range(20):
        tried.append(pays(costs, 1_000, ROWS))
        costs = full_took(costs, 1.0, ROWS)
    assert not any(tried[:16])
    assert all(tried[16:])
    again = following_took(costs, 2.0, 1_000)
    assert again.turns == 0
    assert not pays(again, 1_000, ROWS)


def test_following_that_was_far_too_dear_is_not_tried_again():
    costs = replace(learned([(1_000, 50.0)] * 3), turns=100)
    assert not pays(costs, 1_000, ROWS)


def test_following_that_has_become_cheap_pays_again():
    costs = learned([(1_000, 2.0)] * 3)
    for _ in range(8):
        costs = following_took(costs, 0.05, 1_000)
    assert pays(costs, 1_000, ROWS)


def test_a_full_computation_of_few_rows_is_no_measure_of_one_of_many():
    costs = full_took(full_took(Costs(), 0.001, 100), 1.0, ROWS)
    assert full_takes(costs, ROWS) > 0.5
