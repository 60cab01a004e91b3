"""Bounds that people can read for the bars of a histogram, over numbers and over time."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 20
_FAR = 5
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_MONDAY = datetime(1970, 1, 5)  # noqa: DTZ001
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_SPANS = [
    *(n * 10**p for p in range(6) for n in (1, 2, 5)),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200)),
    *(n * _DAY for n in (1, 2, 7, 14)),
]
_MONTHS = [1, 2, 3, 6, *(12 * n * 10**p for p in range(4) for n in (1, 2, 5))]


def nice(low: Any, high: Any, most: int = MOST, *, whole: bool = False) -> list[Any]:
    """Return ascending bounds, a multiple of 1, 2 or 5 times a power of ten apart, around `low` and `high`.

    There are at most `most` spans between them. Whole numbers get whole bounds, decimals decimals, floats floats.

    >>> nice(3, 97, 10, whole=True)
    [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    """
    first, last = Fraction(low), Fraction(high)
    if first == last:
        return [low, high]
    step = _step((last - first) / most)
    while True:
        step = max(step, Fraction(1)) if whole else step
        begin, end = math.floor(first / step), math.ceil(last / step)
        if end - begin <= most:
            break
        step = _step(step * Fraction(3, 2))
    made = [step * at for at in range(begin, end + 1)]
    if whole:
        return [int(one) for one in made]
    if isinstance(low, Decimal):
        return [Decimal(one.numerator) / Decimal(one.denominator) for one in made]
    return sorted({float(min(max(one, _LEAST), -_LEAST)) for one in made})


_LEAST = Fraction(-1.7976931348623157e308)


def _step(least: Fraction) -> Fraction:
    """Return the least of 1, 2, 5, 10, … times a power of ten that is not less."""
    power = Fraction(10) ** (len(str(math.floor(least))) - 1 if least >= 1 else -len(str(math.floor(1 / least))))
    return next(power * n for n in (1, 2, 5, 10, 20, 50, 100) if power * n >= least)


def times(low: int, high: int, most: int = MOST) -> list[int]:
    """Return bounds around two times, in microseconds since 1970: seconds, hours, days, weeks, months or years apart.

    >>> times(0, 3 * 3_600_000_000, 3)
    [0, 3600000000, 7200000000, 10800000000]
    """
    if low == high:
        return [low, high]
    try:
        begin, end = _EPOCH + timedelta(microseconds=low), _EPOCH + timedelta(microseconds=high)
        return _by_span(begin, end, most) or _by_month(begin, end, most)
    except (OverflowError, ValueError):  # before the year 1 or after 9999, where calendars end
        return [low, *nice(low, high, most, whole=True)[1:-1], high]


def _by_span(begin: datetime, end: datetime, most: int) -> list[int]:
    for span in _SPANS:
        step = timedelta(microseconds=span)
        zero = _MONDAY if span % (7 * _DAY) == 0 else _EPOCH
        first = zero + (begin - zero) // step * step
        count = -((first - end) // step)
        if count <= most:
            return [_micros(first + step * at) for at in range(count + 1)]
    return []


def _by_month(begin: datetime, end: datetime, most: int) -> list[int]:
    first, last = begin.year * 12 + begin.month - 1, end.year * 12 + end.month - 1
    step = next(n for n in _MONTHS if last // n - first // n < most)
    months = range(first // step * step, last + step + 1, step)
    return [_micros(datetime(month // 12, month % 12 + 1, 1)) for month in months]  # noqa: DTZ001


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def bounds(points: Sequence[Any], counts: Sequence[int], low: Any, high: Any, *, family: str) -> list[Any]:
    """Return bounds for ascending points: where few lie far out, these share the first and the last bar.

    The first bound is then the lowest value and the last one the highest.
    """
    made = times if family == "time" else _numbers
    first, last = (rank(points, counts, p) for p in (0.01, 0.99))
    far = last > first and (high - low) / _FAR > last - first
    if not far:
        return made(low, high)
    inner = made(first, last)
    return [min(low, inner[0]), *inner[1:-1], max(high, inner[-1])]


def _numbers(low: Any, high: Any) -> list[Any]:
    return nice(low, high, whole=isinstance(low, int))


def rank(points: Sequence[Any], counts: Sequence[int], share: float) -> Any:
    """Return the least of ascending points at or below which lies at least this share of all.

    >>> rank([1, 2, 9], [1, 1, 2], 0.5)
    2
    """
    sums = list(accumulate(counts))
    return points[bisect_left(sums, math.ceil(share * sums[-1])) if share > 0 else 0]


def bars(points: Sequence[Any], counts: Sequence[int], edges: Sequence[Any], total: int) -> tuple[int, ...]:
    """Return how many values lie between each two edges, the upper one excluded but for the last; in sum `total`.

    >>> bars([1, 2, 9], [1, 1, 2], [0, 5, 10], 8)
    (4, 4)
    """
    sums = [0, *accumulate(counts)]
    cuts = [0, *(bisect_left(points, edge) for edge in edges[1:-1]), bisect_right(points, edges[-1])]
    scaled = [(sums[at] * total * 2 + sums[-1]) // (sums[-1] * 2) for at in cuts]
    return tuple(b - a for a, b in pairwise(scaled))
