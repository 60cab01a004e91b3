"""Figures, their targets, and how they are told: a line each on the terminal, a table in RESULTS.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WHOLE = frozenset({"MB", "cells"})
_HEADS = ("figure", "ours", "limit", "best peer", "ratio", "target", "")


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must not be above.

    `times` the limit, or the limit plus `above`; both together are `times` the limit plus `above`. `most` is a bound
    of its own, and either is enough where both are given. With nothing given the figure is only reported.
    """

    times: float | None = None
    above: float | None = None
    most: float | None = None

    @property
    def given(self) -> bool:
        return (self.times, self.above, self.most) != (None, None, None)

    def holds(self, ours: float, limit: float | None) -> bool:
        """Say whether it is met; raises `ValueError` where it speaks of a limit and there is none."""
        if not self.given or (self.most is not None and ours <= self.most):
            return True
        if self.times is None and self.above is None:
            return False
        if limit is None:
            raise ValueError("a target that speaks of the limit needs one")
        return ours <= limit * (1 if self.times is None else self.times) + (self.above or 0)

    def told(self, unit: str) -> str:
        """Say it in words."""
        bounds = [] if self.most is None else [f"≤ {shown(self.most, unit)}"]
        if self.times is not None:
            bounds.append(f"≤ {_times(self.times)} limit{f' + {shown(self.above, unit)}' if self.above else ''}")
        elif self.above is not None:
            bounds.append(f"≤ limit + {shown(self.above, unit)}")
        return " or ".join(bounds) or "–"


def _times(times: float) -> str:
    """Return a factor in words.

    >>> _times(1.5), _times(1 / 25)
    ('1.5 ×', '1/25 of the')
    """
    part = 1 / times
    return f"1/{part:.0f} of the" if times < 1 and abs(part - round(part)) < 1e-9 else f"{times:g} ×"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing in one unit (`s`, `ms`, `MB`, `cells`), less being better.

    `ours` and `limit` come from one pair of runs, the middle one; `low` and `high` are ours over all runs; `peers` maps
    the name of each other tool to what it needed. `note` says what lies behind it: lines of text, or of a table.
    """

    name: str
    unit: str
    ours: float
    limit: float | None
    target: Target
    low: float
    high: float
    peers: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return `met`, `missed`, or `reported` where there is no target."""
        return ("met" if self.met else "missed") if self.target.given else "reported"

    @property
    def met(self) -> bool:
        return self.target.holds(self.ours, self.limit)

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the limit."""
        return self.ours / self.limit if self.limit else None

    def cells(self) -> tuple[str, ...]:
        """Return the texts of a line."""
        best = min(self.peers, key=lambda name: self.peers[name], default="")
        return (
            self.name,
            shown(self.ours, self.unit),
            shown(self.limit, self.unit),
            f"{best} {shown(self.peers[best], self.unit)}" if best else "–",
            "–" if self.ratio is None else f"{self.ratio:.2f}",
            self.target.told(self.unit),
            self.verdict,
        )


def shown(value: float | None, unit: str) -> str:
    """Return a value with its unit, to three digits.

    >>> shown(1.2345, "s"), shown(0.0456, "s"), shown(317.2, "MB"), shown(None, "s")
    ('1.23 s', '0.046 s', '317 MB', '–')
    """
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{0 if unit in _WHOLE else digits}f} {unit}"


def lines(figures: Sequence[Figure]) -> list[str]:
    """Return a head and a line a figure, in columns, then what lies behind some."""
    rows = [_HEADS, *(figure.cells() for figure in figures)]
    wide = [max(len(row[at]) for row in rows) for at in range(len(_HEADS))]
    said = ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]
    for figure in figures:
        if figure.note:
            said += ["", f"{figure.name}:", figure.note]
    return said


def section(name: str, sentence: str, about: str, figures: Sequence[Figure]) -> str:
    """Return a question's part of RESULTS.md: what was asked, where it was measured, every figure, every peer."""
    said = [f"## {name}", "", sentence, "", about, ""]
    said += ["| figure | ours | all runs | limit | ratio | target | |", "|---|--:|--:|--:|--:|---|---|"]
    for figure in figures:
        _, ours, limit, _, ratio, target, verdict = figure.cells()
        span = f"{shown(figure.low, figure.unit)} – {shown(figure.high, figure.unit)}"
        verdict = verdict if figure.met else f"**{verdict}**"
        said.append(f"| {figure.name} | {ours} | {span} | {limit} | {ratio} | {target} | {verdict} |")
    peers = [(figure, peer) for figure in figures for peer in figure.peers]
    if peers:
        said += ["", "| figure | peer | needs | of the limit | of ours |", "|---|---|--:|--:|--:|"]
    for figure, peer in peers:
        value = figure.peers[peer]
        of_limit = f"{value / figure.limit:.1f}" if figure.limit else "–"
        needs, of_ours = shown(value, figure.unit), f"{value / figure.ours:.1f}"
        said.append(f"| {figure.name} | {peer} | {needs} | {of_limit} | {of_ours} |")
    for figure in figures:
        if figure.note:
            said += ["", f"{figure.name}:", "", "```", figure.note, "```"]
    return "\n".join(said) + "\n"


def filed(text: str, name: str, part: str) -> str:
    """Return the text of RESULTS.md with a question's part put in, or put in the place of its last one."""
    head, *parts = text.split("\n## ")
    kept = {one.split("\n", 1)[0].strip(): "## " + one.strip() + "\n" for one in parts}
    kept[name] = part
    return "\n".join([head.strip() + "\n", *(kept[key] for key in sorted(kept))])
