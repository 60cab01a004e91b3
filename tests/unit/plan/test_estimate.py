"""What a refresh will cost: learned from those that were, and said to be unknown where there were none."""

from penstock.plan.cost import Costs
from penstock.plan.estimate import Known, Past, by_blocks, estimate


def test_nothing_is_known_of_a_table_that_has_not_run():
    found = estimate(1, "merge", 1_000, [])
    assert found.seconds is None
    assert found.basis == "not known yet: it has not followed a change"
    assert estimate(1, "full", 1_000, []).basis == "not known yet: it has not run"


def test_following_changes_has_a_fixed_cost_and_one_for_each_row():
    past = [Past("merge", 100, 0.0101), Past("merge", 10_100, 0.0201), Past("keys", 5_100, 0.0151)]
    assert round(estimate(1_100, "merge", 10**6, past).seconds, 4) == 0.0111
    assert estimate(1_100, "merge", 10**6, past).basis == "3 refreshes"


def test_full_is_said_where_it_is_known_to_be_cheaper():
    past = [Past("build", 0, 0.5), Past("keys", 1_000, 0.1), Past("keys", 2_000, 0.2)]
    assert estimate(1_000, "keys", 10_000, past).strategy == "keys"
    assert estimate(10_000, "keys", 10_000, past).strategy == "full"


def test_what_is_far_from_all_that_was_seen_is_not_guessed():
    past = [Past("merge", 10, 0.01), Past("merge", 20, 0.01)]
    assert estimate(1_000_000, "merge", 10**6, past).seconds is None
    assert estimate(1_000_000, "full", 10, [Past("build", 0, 0.1)]).seconds is None


def test_one_size_alone_says_nothing_of_others():
    past = [Past("merge", 10, 0.01), Past("merge", 10, 0.03)]
    assert estimate(20, "merge", 10**6, past).seconds == 0.02
    assert estimate(1_000, "merge", 10**6, past).seconds is None


def test_a_block_over_others_changes_by_no_more_rows_than_they_have():
    groups = Known("merge", Costs(full=0.05, rows=100_000, n=2, x=2_000, y=0.02, xx=2_000_000, xy=20), 100_000)
    above = Known("keys", Costs(full=0.001, rows=7), 7, above=True)
    assert by_blocks(1_000_000, 100_000, [groups, above]).seconds < 0.6
    assert by_blocks(1_000_000, 100_000, [groups, Known("keys", above.costs, 7)]).seconds > 100


def test_what_blocks_do_with_far_more_rows_than_there_are_is_not_guessed():
    known = [Known("merge", Costs(full=0.05, rows=3_000), 3_000)]
    assert by_blocks(1_000_000, 3_000, known).seconds is None
    assert by_blocks(1_000_000, 3_000, known).basis == "not known yet: it has not had so many rows"
    assert by_blocks(1_000, 3_000, known).seconds is not None
