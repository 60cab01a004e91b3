"""Choices: the one thing that a generator asks for, answered by Hypothesis or by a seeded random number."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

T = TypeVar("T")


class Choose:
    """Answers of one kind: whole numbers. The smaller a number, the simpler what comes of it."""

    def __init__(self, number: Callable[[int, int], int]) -> None:
        self.number = number

    def of(self, options: Sequence[T]) -> T:
        """Return one of several; the first is the simplest."""
        return options[self.number(0, len(options) - 1)] if len(options) > 1 else options[0]

    def chance(self, percent: int) -> bool:
        """Return true so many times of a hundred; false is the simpler."""
        return self.number(0, 99) >= 100 - percent

    def some(self, options: Sequence[T], least: int, most: int) -> list[T]:
        """Return several different ones, in their order."""
        count = self.number(min(least, len(options)), min(most, len(options)))
        left = list(range(len(options)))
        taken = [left.pop(self.number(0, len(left) - 1)) for _ in range(count)]
        return [options[at] for at in sorted(taken)]


@cache
def _numbers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def by_hypothesis(draw: Callable[[st.SearchStrategy[int]], int]) -> Choose:
    """Let Hypothesis choose, which can then make a failing case smaller."""
    return Choose(lambda low, high: low if low == high else draw(_numbers(low, high)))


def by_random(random: Random) -> Choose:
    """Let a random number choose."""
    return Choose(random.randint)
