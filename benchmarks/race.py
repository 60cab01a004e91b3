"""Runs contenders in turn, each in a process and a folder of its own, and makes figures of what they cost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Target
from benchmarks.measure import Cost, FailedError, spend

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1_000_000
WORK = Path(__file__).parent / ".work"
# A peer that would take the machine's last memory is ended before it does.
_SPARE = 3_000 * MEGABYTE


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    `command` prepares an empty folder and returns what is then run and measured in it; `answer` says what came of it
    in that folder, equal for all contenders that did the same work; `env` has variables for the command.
    """

    name: str
    command: Callable[[Path], Sequence[str | Path]]
    answer: Callable[[Path], str] = lambda _folder: ""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pairs:
    """What ours and the limit cost, run by run; without a limit its costs are missing."""

    ours: Sequence[Cost]
    limit: Sequence[Cost]
    peers: Mapping[str, Cost] = field(default_factory=dict)

    def figure(self, name: str, of: str, target: Target, *, unit: str = "s") -> Figure:
        """Return the figure of the pair in the middle, by ratio, or by distance for a target of distance.

        `of` is `wall`, `cpu` or `memory`.
        """
        ours, limit = [_value(c, of, unit) for c in self.ours], [_value(c, of, unit) for c in self.limit]
        peers = {peer: _value(cost, of, unit) for peer, cost in self.peers.items()}
        if not limit:
            return Figure(name, unit, median(ours), None, target, min(ours), max(ours), peers)
        pairs = sorted(zip(ours, limit, strict=True), key=lambda pair: _weight(pair, target))
        mid = pairs[(len(pairs) - 1) // 2]
        return Figure(name, unit, *mid, target, min(ours), max(ours), peers)


def _weight(pair: tuple[float, float], target: Target) -> float:
    ours, limit = pair
    return ours - limit if target.above is not None else ours / limit


def _value(cost: Cost, of: str, unit: str) -> float:
    return float(getattr(cost, of)) * {"s": 1, "ms": 1000, "MB": 1 / MEGABYTE}[unit]


def race(ours: Contender, limit: Contender | None, *, times: int, peers: Sequence[Contender] = ()) -> Pairs:
    """Run ours and the limit `times` times each, in turn, after one round that is not counted.

    In that round their answers are compared; each peer runs once, and its answer is compared too. A peer that does
    not come to its end, or has no answer then, is told and left out. Raises `FailedError` for ours and the limit,
    and `AssertionError` for a wrong answer.
    """
    both = [ours, limit] if limit else [ours]
    expected = {one.name: _run(one, ask=True)[1] for one in both}
    if len(set(expected.values())) != 1:
        raise AssertionError(f"the answers differ: {expected}")
    costs: dict[str, list[Cost]] = {one.name: [] for one in both}
    for time in range(times):
        for one in both if time % 2 == 0 else reversed(both):
            costs[one.name].append(_run(one)[0])
    found = {}
    for peer in peers:
        try:
            found[peer.name], answer = _run(peer, ask=True, spare=_SPARE)
        except FailedError as error:
            print(f"{peer.name}: {error}", flush=True)
            continue
        if answer != expected[ours.name]:
            raise AssertionError(f"{peer.name} answers {answer} and not {expected[ours.name]}")
    return Pairs(costs[ours.name], costs[limit.name] if limit else [], found)


def _run(one: Contender, *, ask: bool = False, spare: int = 0) -> tuple[Cost, str]:
    with scratch() as folder:
        command = one.command(folder)
        cost = spend(command, folder, env={"PYTHONPYCACHEPREFIX": str(WORK / "bytecode"), **one.env}, spare=spare)
        return cost, one.answer(folder) if ask else ""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards."""
    (WORK / "runs").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=WORK / "runs"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def made(name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder of data, made by `make` where it is not there from an earlier time."""
    folder = WORK / "data" / name
    if not folder.is_dir():
        beside = folder.with_name(f"{name}.part")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        make(beside)
        beside.rename(folder)
    return folder
