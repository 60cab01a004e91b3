"""What the sequences have reached: each block by each strategy, and what none of them did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.property.engine.sequence import ALL_BLOCKS

if TYPE_CHECKING:
    from tests.property.engine.drive import Held
    from tests.property.engine.sequence import Made

# the strategies that tables must have been brought up to date by, as the journal's steps begin to say it
STRATEGIES = frozenset({"append", "build", "full", "keys", "merge"})
# how tables must have been brought up to date that keep states, or different values apart
FORMS = (("states", "merge"), ("states", "keys"), ("divided", "merge"))


def strategy_of(said: str) -> str:
    """Return the strategy that a step tells of, without how.

    >>> strategy_of("full, compared")
    'full'
    """
    return said.split(",", maxsplit=1)[0].split(" ", maxsplit=1)[0]


@dataclass
class Reach:
    """How often each block was brought up to date by each strategy, and changed something."""

    steps: int = 0
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    forms: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, made: Made, held: Held) -> None:
        """Add what a case has shown."""
        self.steps += held.steps
        self.forms += held.forms
        for text, said, changed in held.refreshed:
            strategy = strategy_of(said)
            for block in made.blocks.get(text, ()):
                self.times[block, strategy] += 1
                if changed and strategy != "build":
                    self.changed[block] += 1

    def join(self, other: Reach) -> None:
        """Add what others have reached."""
        self.steps += other.steps
        self.times += other.times
        self.changed += other.changed
        self.forms += other.forms

    def missing(self) -> list[str]:
        """Return the blocks that never changed after they were built, and the strategies that nothing took."""
        taken = {strategy for _, strategy in self.times}
        forms = [f"{form} by {way}" for form, way in FORMS if not self.forms[form, way]]
        return sorted(ALL_BLOCKS - set(self.changed)) + sorted(STRATEGIES - taken) + forms

    def table(self) -> str:
        """Return the counts as text: a line for each block, a column for each strategy."""
        strategies = sorted({strategy for _, strategy in self.times})
        lines = ["".join([f"{'':18}", *(f"{s:>10}" for s in strategies), f"{'changed':>10}"])]
        for block in sorted(ALL_BLOCKS):
            counts = [f"{self.times[block, s]:>10,}" for s in strategies]
            lines.append("".join([f"{block:18}", *counts, f"{self.changed[block]:>10,}"]))
        for form in sorted({form for form, _ in FORMS}):
            counts = [f"{self.forms[form, s]:>10,}" for s in strategies]
            lines += ["".join([f"{form:18}", *counts])]
        return "\n".join(lines)
