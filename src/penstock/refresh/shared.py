"""Lookups that tables share: what meets a change in a large table is found once in a cascade, for all that ask."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.model.step import Compute
from penstock.plan import meeting
from penstock.refresh import carry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.base.clock import Clock
    from penstock.model.tuning import Tuning
    from penstock.plan.blocks import Block, Plan
    from penstock.plan.delta import Input
    from penstock.plan.meeting import Meeting
    from penstock.protocols.engine import Txn

# More of a table than one row in so many is not kept beside it, unless that is little in any case.
_FEW = 20
_ALWAYS = 10_000


@dataclass
class _Wish:
    """Who is going to ask for a lookup: how often, and for which columns."""

    times: int = 0
    used: dict[str, None] = field(default_factory=dict)


@dataclass
class _Found:
    """What was looked up, by mode; nothing where it was too much. `share` are each asker's seconds of it."""

    modes: dict[str, str]
    share: float


@dataclass
class Shared:
    """The lookups of a cascade.

    `spent` are the seconds that making some took since it was last set to 0, `owed` those that the same askers have to
    answer for: a lookup is paid for by all that use it, whoever comes first.
    """

    txn: Txn
    clock: Clock
    tuning: Tuning
    spent: float = 0.0
    owed: float = 0.0
    _wishes: dict[Meeting, _Wish] = field(default_factory=lambda: defaultdict(_Wish))
    _found: dict[tuple[Meeting, int, int], _Found] = field(default_factory=dict)

    def expect(self, plans: Iterable[Plan]) -> None:
        """Learn what the tables of a cascade are going to ask for."""
        blocks = {block.mark: block for plan in plans for block in plan.blocks}
        for block in blocks.values():
            for arm in block.arms:
                for _, other, how in meeting.meetings(arm):
                    wish = self._wishes[how]
                    wish.times += 1
                    wish.used |= dict.fromkeys((*how.others, *other.used, "_rid"))

    def of(self, block: Block, inputs: Mapping[str, Input]) -> dict[tuple[int, int, str], str]:
        """Return what to read of a block's large inputs, by the input that changed, the other one and the mode."""
        found: dict[tuple[int, int, str], str] = {}
        for arm in block.arms:
            for leaf, other, how in meeting.meetings(arm):
                one, two = inputs[leaf.table], inputs[other.table]
                if one.changed and self._pays(how, one, two, other.used):
                    known = self._looked_up(how, one, two)
                    self.owed += known.share
                    found |= {(leaf.number, other.number, mode): text for mode, text in known.modes.items()}
        return found

    def _pays(self, how: Meeting, one: Input, two: Input, used: tuple[str, ...]) -> bool:
        """Tell whether a large input is going to be read more than once for the same rows, with what is used of it.

        Whoever was not expected may want columns that nobody asked for: it reads for itself.
        """
        if two.relation.rows < self.tuning.shared or how not in self._wishes:
            return False
        wish = self._wishes[how]
        return wish.times * (one.came + one.went) > 1 and wish.used.keys() >= set(used)

    def _looked_up(self, how: Meeting, one: Input, two: Input) -> _Found:
        asked = (how, one.since, two.since)
        if asked not in self._found:
            began = self.clock.monotonic()
            modes = self._made(how, one, two)
            took = self.clock.monotonic() - began
            self.spent += took
            self._found[asked] = _Found(modes, took / self._wishes[how].times)
        return self._found[asked]

    def _made(self, how: Meeting, one: Input, two: Input) -> dict[str, str]:
        used, most = tuple(self._wishes[how].used), max(two.relation.rows // _FEW, _ALWAYS)
        stage = carry.staged(self.txn, Compute(meeting.values(how, one), False))
        if stage.rows > most:
            return {}
        query = meeting.rows(how, two, used, stage.name, most, self.txn.version)
        now = carry.staged(self.txn, Compute(query, False))
        return meeting.modes(how, two, used, stage.name, now.name) if now.rows <= most else {}
