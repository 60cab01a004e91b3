"""What it costs to bring a block up to date: learned from how long it took before.

A block keeps what computing it in full took, and sums of what following changes took by the number of changed rows, the
newer ones counting more; a line through these predicts the next. As long as nothing was followed, the price of a
changed row is guessed from that of a row of the full computation.
"""

from __future__ import annotations

from penstock.base.record import record

_KEPT = 0.8  # what an older observation counts beside one that is one newer
_FIXED = 0.004  # seconds of a few small statements, guessed until known
_DEARER = 3.0  # a changed row beside a row of a full computation, guessed until known
_PATIENCE = 16  # full computations in a row after which following is tried again


@record
class Costs:
    """What is known of a block: seconds of a full computation and over how many input rows; sums for the line.

    `n` is the weight of what was observed, `x` and `y` its changed rows and seconds, `xx` and `xy` their products;
    `turns` counts full computations since changes were last followed.
    """

    full: float = 0.0
    rows: int = 0
    n: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    turns: int = 0


def full_took(costs: Costs, seconds: float, rows: int) -> Costs:
    """Return the costs after a full computation over so many input rows."""
    before = costs.full * rows / costs.rows if costs.rows and rows else seconds
    return Costs((before + seconds) / 2, rows, costs.n, costs.x, costs.y, costs.xx, costs.xy, costs.turns + 1)


def following_took(costs: Costs, seconds: float, changed: int) -> Costs:
    """Return the costs after so many changed rows were followed."""
    n, x, y, xx, xy = (_KEPT * one for one in (costs.n, costs.x, costs.y, costs.xx, costs.xy))
    return Costs(
        costs.full, costs.rows, n + 1, x + changed, y + seconds, xx + changed * changed, xy + changed * seconds
    )


def full_takes(costs: Costs, rows: int) -> float:
    """Return the seconds that a full computation over so many input rows is expected to take; 0 for not known."""
    return costs.full * max(1.0, rows / costs.rows) if costs.rows else costs.full


def following_takes(costs: Costs, changed: int, rows: int) -> float:
    """Return the seconds that following so many changed rows of so many is expected to take."""
    guess = full_takes(costs, rows) / max(rows, 1) * _DEARER
    if not costs.n:
        return _FIXED + guess * changed
    mean_x, mean_y = costs.x / costs.n, costs.y / costs.n
    spread = costs.xx / costs.n - mean_x * mean_x
    slope = (costs.xy / costs.n - mean_x * mean_y) / spread if spread > 0.05 * mean_x * mean_x + 1 else guess
    slope = min(max(slope, guess / _DEARER / 10), mean_y / max(mean_x, 1.0) if changed < mean_x else max(slope, 0.0))
    return max(mean_y + slope * (changed - mean_x), min(_FIXED, mean_y))


def pays(costs: Costs, changed: int, rows: int) -> bool:
    """Tell whether following so many changed rows is expected to be cheaper than a full computation."""
    if not costs.full:
        return True
    following, full = following_takes(costs, changed, rows), full_takes(costs, rows)
    return following <= full or (costs.turns >= _PATIENCE and following < 4 * full)
