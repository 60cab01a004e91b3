"""What a refresh will cost, by what refreshes of the same table have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.base.text import plural
from penstock.plan.cost import Costs, following_takes, full_takes

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN = "not known yet"
_SO_MANY = f"{UNKNOWN}: it has not had so many rows"
_FARTHEST = 10  # from what was seen, as a factor, that a cost is still said
_FULL = ("build", "full")


@record
class Past:
    """A refresh that was: its strategy, how many rows of its inputs had changed, and the seconds it took."""

    strategy: str
    changed: int
    seconds: float

    @property
    def full(self) -> bool:
        """Whether everything was computed."""
        return self.strategy.startswith(_FULL)


@record
class Estimate:
    """The seconds that a refresh after so many changed rows would take, None where that is not known yet.

    `basis` says what it was learned from.
    """

    changed: int
    strategy: str
    seconds: float | None
    basis: str


def estimate(changed: int, strategy: str, rows: int, past: Sequence[Past]) -> Estimate:
    """Return what following `changed` rows of the inputs would cost.

    Computing in full costs what it cost before for each of the `rows` of the inputs; following changes costs a
    fixed time and one for each changed row, learned from two refreshes of different size or more. Where full is
    known to be cheaper, or is all that is known of so many rows, that is said. A journal does not have how many
    rows the inputs had then: `rows` stands for it.

    >>> past = [Past("merge", 1_000, 0.010), Past("merge", 11_000, 0.020), Past("full", 10, 1.0)]
    >>> estimate(1, "merge", 1_000_000, past)
    Estimate(changed=1, strategy='merge', seconds=0.009001, basis='2 refreshes')
    >>> estimate(5_000_000, "merge", 5_000_000, past)
    Estimate(changed=5000000, strategy='full', seconds=1.0, basis='1 refresh in full')
    """
    full = _full(changed, rows, [one.seconds for one in past if one.full])
    if strategy == "full":
        return full
    own = [one for one in past if not one.full and one.changed]
    follows = _line(own, changed)
    if follows is None and own and full.seconds is not None:
        return full  # it costs no more than that
    if follows is None:
        seen = "it has not followed so many, or too few times" if own else "it has not followed a change"
        return Estimate(changed, strategy, None, f"{UNKNOWN}: {seen}")
    if full.seconds is not None and full.seconds < follows:
        return full
    return Estimate(changed, strategy, follows, plural(len(own), "refresh", "refreshes"))


@record
class Known:
    """A block: its strategy, the costs that it has learned, the rows of its inputs; `above` says that these are blocks,
    which change by no more rows than they have.
    """

    strategy: str
    costs: Costs
    rows: int
    above: bool = False


def by_blocks(changed: int, rows: int, blocks: Sequence[Known]) -> Estimate:
    """Return what a change of so many rows, of `rows` in all, costs by what each block has learned.

    Each block takes what is cheaper, following the change or computing in full, as it does in a run.

    >>> learned = Costs(full=0.5, rows=1_000_000, n=2, x=2_000, y=0.02, xx=2_000_000, xy=20)
    >>> by_blocks(1, 1_000_000, [Known("merge", learned, 1_000_000)]).strategy
    'merge'
    >>> by_blocks(10_000_000, 1_000_000, [Known("merge", learned, 1_000_000)]).strategy
    'full'
    """
    seconds, ways, guessed = 0.0, [], False
    for one in blocks:
        reached = min(changed, one.rows) if one.above else changed
        full = full_takes(one.costs, max(one.rows, reached))
        follows = following_takes(one.costs, reached, one.rows) if one.strategy != "full" else full
        seconds += min(full, follows)
        ways.append("full" if full < follows else one.strategy)
        guessed = guessed or (ways[-1] != "full" and not one.costs.n)
    way = " → ".join(dict.fromkeys(ways))
    if changed > _FARTHEST * max(rows, 1):
        return Estimate(changed, way, None, _SO_MANY)
    basis = "computing in full; it has not followed a change" if guessed else "what its blocks took before"
    return Estimate(changed, way, round(seconds, 6), basis)


def _full(changed: int, rows: int, seconds: Sequence[float]) -> Estimate:
    """Return what computing everything costs; as many rows again as there are cost as much again."""
    if not seconds:
        return Estimate(changed, "full", None, f"{UNKNOWN}: it has not run")
    basis = f"{plural(len(seconds), 'refresh', 'refreshes')} in full"
    if changed > _FARTHEST * max(rows, 1):
        return Estimate(changed, "full", None, _SO_MANY)
    return Estimate(changed, "full", round(min(seconds) * max(rows, changed, 1) / max(rows, 1), 6), basis)


def _line(past: Sequence[Past], changed: int) -> float | None:
    """Return the seconds at `changed` on the line that fits best; a size near to one that was seen costs the same."""
    if not past:
        return None
    x = [float(one.changed) for one in past]
    y = [one.seconds for one in past]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - mean_x) ** 2 for one in x)
    if not spread:
        return mean_y if mean_x / _FARTHEST <= changed <= mean_x * _FARTHEST else None
    slope = max(sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread, 0.0)
    if changed > _FARTHEST * max(x):
        return None
    return round(max(mean_y + slope * (changed - mean_x), min(y) / 2), 6)
