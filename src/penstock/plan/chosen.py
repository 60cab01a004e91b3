"""What a reader of a page has chosen: values of dimensions, a period, a grain, and the SQL conditions that they are."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.dashboard import GRAINS, Dashboard, Filter, Mistake
from penstock.plan.drawing import NOTHING
from penstock.plan.period import SUCH, Period, worded
from penstock.plan.restrict import literal, quoted
from penstock.plan.roles import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What the address of a page may hold beside filters: it is the reader's view and nothing to be asked.
VIEW = frozenset({"tab", "sort", "page", "token", "theme", "embed", "full", "tile"})
_CUT = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)
_LONGEST, _MOST = 2_000, 500


@record
class Chosen:
    """What holds for a page: values by dimension, the period and its ends (the last excluded), the grain.

    `filters` are those that the page declares or that were made by its address, with their kinds.
    """

    values: dict[str, tuple[str, ...]]
    filters: dict[str, Filter]
    period: str = "all"
    low: datetime | None = None
    high: datetime | None = None
    grain: str = ""
    problems: tuple[Mistake, ...] = ()

    def condition(self, name: str, column: Field) -> str:
        """Return SQL that keeps the rows with the chosen values in a column."""
        kind, values = self.filters[name].kind, self.values[name]
        if kind == "text":
            shown = f"lower(cast({quoted(column.name)} as varchar))"
            return f"contains({shown}, {literal(values[0].lower())})"
        if kind == "number":
            low, _, high = values[0].partition("..")
            ends = [f"{quoted(column.name)} >= {low}"] * bool(low) + [f"{quoted(column.name)} <= {high}"] * bool(high)
            return " and ".join(ends) if ".." in values[0] else f"{quoted(column.name)} = {low}"
        told = [value for value in values if value != NOTHING]
        listed = ", ".join(_typed(value, column.type) for value in told)
        parts = [f"{quoted(column.name)} in ({listed})"] * bool(told)
        parts += [f"{quoted(column.name)} is null"] * (NOTHING in values)
        return f"({' or '.join(parts)})"

    def within(self, column: Field) -> str:
        """Return SQL that keeps the rows whose time is within the period; nothing where all are."""
        kind = "timestamptz" if column.type == "timestamptz" else "timestamp"
        parts = []
        for sign, at in ((">=", self.low), ("<", self.high)):
            if at is not None and at not in (datetime.min, datetime.max):  # noqa: DTZ901
                zone = "+00" if kind == "timestamptz" else ""
                parts.append(f"{quoted(column.name)} {sign} {kind} '{at:%Y-%m-%d %H:%M:%S}{zone}'")
        return " and ".join(parts)

    def literals(self) -> dict[str, str]:
        """Return each parameter as SQL writes it; null, of the right type, where nothing is chosen."""
        found = {
            "period": literal(self.period), "period_start": _time(self.low), "period_end": _time(self.high),
            "grain": literal(self.grain) if self.grain else "cast(null as varchar)",
        }  # fmt: skip
        for name, one in self.filters.items():
            values = self.values.get(name, ())
            if one.kind == "number":
                found[name] = values[0] if values and ".." not in values[0] else "cast(null as double)"
            elif one.kind == "many":
                found[name] = "[" + ", ".join(map(literal, values)) + "]" if values else "cast(null as varchar[])"
            elif one.kind != "period":
                found[name] = literal(values[0]) if values else "cast(null as varchar)"
        return found

    def worded(self) -> str:
        """Say what is chosen in words, for a tile that has no rows."""
        parts = [f"{name} {', '.join(values[:3])}{' …' * (len(values) > 3)}" for name, values in self.values.items()]  # noqa: PLR2004
        parts += [worded(self.low, self.high)] * (self.period != "all")
        return ", ".join(parts)


def _time(at: datetime | None) -> str:
    return "cast(null as timestamp)" if at is None else f"timestamp '{at:%Y-%m-%d %H:%M:%S}'"


def _typed(value: str, kind: str) -> str:
    return literal(value) if kind == "varchar" else f"try_cast({literal(value)} as {kind})"


def cut(text: str) -> tuple[str, ...]:
    r"""Return the values that a parameter holds, between commas; `\,` is a comma of a value.

    >>> cut("North,West"), cut(r"a\, b")
    (('North', 'West'), ('a, b',))
    """
    found = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in _CUT.findall(text))
    return tuple(dict.fromkeys(part for part in found if part))[:_MOST]


def choose(page: Dashboard, params: Mapping[str, str], dimensions: Iterable[str], newest: datetime) -> Chosen:
    """Return what holds for a page by its address and its own defaults; what makes no sense is a problem, not an error.

    `dimensions` are the names that something on the page can be filtered by, `newest` is where `last 90 days` end.
    """
    known = {one.name: one for one in page.filters}
    told = {name: text for name, text in params.items() if name not in VIEW and not name.startswith("_")}
    problems: list[Mistake] = []
    period, low, high = _period(page, told.pop("period", None), newest, problems)
    grain = told.pop("grain", "")
    if grain and grain not in GRAINS:
        problems.append(_problem(f"'{grain}' is no grain", hint=did_you_mean(grain, GRAINS)))
        grain = ""
    names = dict.fromkeys(dimensions)
    for name in told:
        if name not in known and name in names:
            known[name] = Filter(name, "many", column=name)
        elif name not in known:
            hint = did_you_mean(name, [*known, *names])
            problems.append(_problem(f"nothing on this page can be filtered by '{name}'", hint=hint))
    values: dict[str, tuple[str, ...]] = {}
    for name, one in known.items():
        if one.kind != "period":
            found = _values(one, told.get(name, one.default), problems)
            values |= {name: found} if found else {}
    return Chosen(values, known, period, low, high, grain, tuple(problems))


def _problem(subject: str, **fields: str) -> Mistake:
    return Mistake(subject, line=0, column=0, **fields)


def _period(
    page: Dashboard, told: str | None, newest: datetime, problems: list[Mistake]
) -> tuple[str, datetime | None, datetime | None]:
    declared = next((one for one in page.filters if one.kind == "period"), None)
    default = declared.default if declared and declared.default else "all"
    try:
        found = Period.of(default if told is None else told)
    except ValueError as error:
        problems.append(_problem(str(error).partition(",")[0], expected=SUCH))
        found = Period.of(default)
    return (found.text, *found.between(newest))


def _values(one: Filter, text: str, problems: list[Mistake]) -> tuple[str, ...]:
    text = text.replace("\0", "")[: _LONGEST if one.kind != "many" else None]
    if one.kind == "text":
        return (text,) if text else ()
    if one.kind == "number":
        return _number(one, text.strip(), problems)
    found = cut(text)
    if one.kind == "choice":
        if len(found) > 1:
            problems.append(_problem(f"'{one.name}' takes one value", got=f"{len(found)} of them"))
        return found[:1]
    return found


def _number(one: Filter, text: str, problems: list[Mistake]) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        ends = [float(end) if end.strip() else None for end in text.split("..")]
    except ValueError:
        ends = []
    if not 1 <= len(ends) <= 2 or not all(end is None or math.isfinite(end) for end in ends):  # noqa: PLR2004
        problems.append(_problem(f"'{one.name}' takes a number", expected="such as 5, 5..10 or 5..", got=f"'{text}'"))
        return ()
    return ("..".join("" if end is None else repr(end) for end in ends),)
