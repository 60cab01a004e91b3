"""What a refresh will cost: learned from those that were, and said to be unknown where there were none."""

from penstock.plan.estimate import Past, estimate


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
