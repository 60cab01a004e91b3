"""One turn at a time, whoever waits."""

import threading

from penstock.engines.turns import Turns


def test_who_has_the_turn_may_take_it_again_and_gives_it_back_as_often():
    turns = Turns()
    assert turns.take("a")
    assert turns.take("a")
    turns.give("a")
    assert not turns.take("b", wait=False)
    turns.give("a")
    assert turns.take("b", wait=False)


def test_a_turn_is_not_given_back_by_somebody_else():
    turns = Turns()
    assert turns.take("a")
    turns.give("b")
    assert not turns.take("b", wait=False)


def test_all_that_somebody_has_is_given_back_at_once():
    turns = Turns()
    assert turns.take("a")
    assert turns.take("a")
    turns.give("a", wholly=True)
    assert turns.take("b", wait=False)


def test_who_waits_is_told_of_it_and_gets_the_turn_when_it_is_free():
    turns, told, had = Turns(), threading.Event(), threading.Event()

    def second():
        with turns.turn(told.set):
            had.set()

    thread = threading.Thread(target=second)
    with turns.turn():
        thread.start()
        assert told.wait(30)
        assert not had.is_set()
    thread.join(30)
    assert had.is_set()


def test_who_waits_can_be_called_off():
    turns, stopped, asked = Turns(), threading.Event(), threading.Event()
    found = []

    def is_stopped():
        asked.set()
        return stopped.is_set()

    thread = threading.Thread(target=lambda: found.append(turns.take("b", stopped=is_stopped)))
    with turns.turn():
        thread.start()
        assert asked.wait(30)
        stopped.set()
        turns.look_again()
        thread.join(30)
    assert found == [False]
