"""How an engine computes a query: a step, and the steps that give it its rows."""

from __future__ import annotations

from penstock.base.record import record


@record
class PlanStep:
    """One step of a query's plan, over the steps that it reads.

    `details` are pairs of a word and what it is: the table, conditions, columns. `expected` is how many rows the engine
    guessed that it gives. `rows`, which it gave, and `seconds`, the CPU time of it alone, are None where nothing ran.
    """

    operator: str
    details: tuple[tuple[str, str], ...] = ()
    expected: int | None = None
    rows: int | None = None
    seconds: float | None = None
    steps: tuple[PlanStep, ...] = ()
