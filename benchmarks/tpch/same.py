"""Whether two results are the same: as multisets, floats up to a rounding, everything else exactly."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

NEAR = 1e-9
_SHOWN = 3


def difference(got: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> str:
    """Return what two lists of rows differ in, or "" where they are the same in any order.

    Floats differ where they are apart by more than `NEAR`, relatively; None is itself alone, and so is NaN.

    >>> difference([(1, 0.1 + 0.2), (2, None)], [(2, None), (1, 0.3)])
    ''
    >>> difference([(1, "a"), (1, "a")], [(1, "a"), (2, "b")])
    "2 rows, 2 expected; too many: (1, 'a'); missing: (2, 'b')"
    """
    waiting: dict[tuple[Any, ...], list[tuple[float, ...]]] = defaultdict(list)
    for row in expected:
        exact, floats = _parted(row)
        waiting[exact].append(floats)
    extra = []
    for row in got:
        exact, floats = _parted(row)
        left = waiting[exact]
        at = next((n for n, other in enumerate(left) if _near(floats, other)), None)
        if at is None:
            extra.append(row)
        else:
            del left[at]
    missing = [row for row in expected if _take(waiting, row)]
    if not extra and not missing:
        return ""
    many = f"{len(got):,} rows, {len(expected):,} expected"
    return "; ".join([many, *_told("too many", extra), *_told("missing", missing)])


def _told(what: str, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    return [f"{what}: {', '.join(map(str, rows[:_SHOWN]))}{' …' if len(rows) > _SHOWN else ''}"] if rows else []


def _parted(row: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    """Return what of a row has to be equal, with its type, and its floats."""
    exact = tuple(None if isinstance(value, float) else (type(value).__name__, str(value)) for value in row)
    return exact, tuple(value for value in row if isinstance(value, float))


def _near(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(math.isclose(a, b, rel_tol=NEAR) or (math.isnan(a) and math.isnan(b)) for a, b in pairs)


def _take(waiting: dict[tuple[Any, ...], list[tuple[float, ...]]], row: tuple[Any, ...]) -> bool:
    """Take a row of those that nothing matched, saying whether it is one."""
    exact, floats = _parted(row)
    left = waiting[exact]
    if floats in left:
        left.remove(floats)
        return True
    return False
