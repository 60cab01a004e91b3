"""Which column of a result is what in a chart: found by type and name, unless it is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.base.errors import PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.model.dashboard import Chart

_TIMES = ("date", "timestamp", "timestamptz", "timestamp_s", "timestamp_ms", "timestamp_ns")
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal")
_PARTS_OF_TIME = re.compile(r"(year|month|week|day|hour|minute|weekday|quarter)(_of_\w+)?\Z")
_CURRENCY = re.compile(r"(?:\A|_)(eur|usd|gbp|chf|sek|nok|dkk|jpy|pln|czk|cad|aud)\Z")
_SHARE = re.compile(r"(?:\A|_)(share|rate|ratio|percent|pct|conversion)\Z")
_BYTES = re.compile(r"(?:\A|_)bytes\Z")
_NO_SUM = re.compile(
    r"(?:\A|_)(avg|average|mean|median|min|max|lowest|highest|longest|share|rate|ratio|percent|pct|conversion|per|p\d\d)(?:_|\Z)"
)
_ID = re.compile(r"(?:\A|_)(id|key|code|zip|postcode|year|status)\Z")


@record
class Field:
    """A column of a result: name and type, and what the one who made it says of it.

    `sums` says whether its values may be summed, where that is known; else its name tells.
    """

    name: str
    type: str
    role: str = ""
    label: str = ""
    format: str = ""
    sums: bool | None = None

    @property
    def is_time(self) -> bool:
        """Whether it is a point in time."""
        return self.type in _TIMES

    @property
    def is_number(self) -> bool:
        """Whether it can be added up and drawn."""
        return self.type.partition("(")[0].removeprefix("u") in _NUMBERS and not self.type.endswith("]")

    @property
    def is_list(self) -> bool:
        """Whether each of its values is a list."""
        return self.type.endswith("]")

    @property
    def is_measure(self) -> bool:
        """Whether it is a number that measures something, and not one that names it."""
        return self.is_number and not _ID.search(self.name.lower()) and not _PARTS_OF_TIME.match(self.name.lower())

    @property
    def adds_up(self) -> bool:
        """Whether the sum of its values says anything: that of averages and shares does not."""
        return not _NO_SUM.search(self.name.lower()) if self.sums is None else self.sums

    @property
    def shown(self) -> str:
        """Its label, or its name as a person would write it."""
        return self.label or humanized(self.name)

    @property
    def formatted(self) -> str:
        """How its values are written: a currency, `percent`, `integer`, `date` …"""
        if self.format:
            return self.format
        name = self.name.lower()
        if self.is_time:
            return "date" if self.type == "date" else "time"
        if not self.is_number:
            return "text"
        if found := _CURRENCY.search(name):
            return found[1]
        if _SHARE.search(name) and not is_whole(self.type):
            return "percent"
        if _BYTES.search(name):
            return "bytes"
        return "integer" if is_whole(self.type) else "number"


def is_whole(kind: str) -> bool:
    """Tell whether a type is one of whole numbers."""
    return kind.removeprefix("u") in ("tinyint", "smallint", "integer", "bigint", "hugeint") or kind.endswith(",0)")


def humanized(name: str) -> str:
    """Return a name as a person would write it, without its unit.

    >>> humanized("revenue_eur"), humanized("top_customers")
    ('Revenue', 'Top customers')
    """
    bare = _CURRENCY.sub("", name.lower()) or name
    return (bare[:1].upper() + bare[1:]).replace("_", " ").strip() or name


@record
class Roles:
    """The columns of a chart by what they are in it; several `y` are drawn beside each other."""

    x: Field | None = None
    y: tuple[Field, ...] = ()
    series: Field | None = None
    size: Field | None = None
    label: Field | None = None


class RoleError(PlanError):
    """A chart cannot be drawn of these columns; `option` names the one that is wrong, or nothing."""

    def __init__(self, subject: str, option: str = "", word: str = "", **fields: str) -> None:
        super().__init__(subject, **fields)
        self.option, self.word = option, word


def pick(fields: Sequence[Field], name: str, option: str) -> Field:
    """Return the column of a name, whatever its case; raises `RoleError` with the nearest."""
    for one in fields:
        if one.name.lower() == name.lower():
            return one
    known = [one.name for one in fields]
    raise RoleError(f"there is no column '{name}'", option, name, hint=did_you_mean(name, known))


def picked(fields: Sequence[Field], chart: Chart, *options: str) -> Field | None:
    """Return the column that the first said of some options names, or None."""
    for option in options:
        words = chart.words(option)
        if words:
            return pick(fields, words[0], option)
    return None


def roles(chart: Chart, fields: Sequence[Field]) -> Roles:
    """Find the roles of the columns for a chart of series or points; raises `RoleError`."""
    if not fields:
        raise RoleError("there are no columns")
    points = chart.kind == "scatter"
    x = picked(fields, chart, "x") or (None if points else _by_role(fields, "time", "dimension"))
    x = x or (None if points else picked(fields, chart, "by"))
    series = picked(fields, chart, "split")
    ys = tuple(pick(fields, name, "y") for name in (*chart.words("y"), *chart.words("value")))
    x = x or _x_of(chart, fields, {one.name for one in (*ys, series) if one})
    ys = ys or _ys_of(fields, {one.name for one in (x, series) if one})
    if not ys:
        got = ", ".join(f"{one.name} {one.type}" for one in fields)
        raise RoleError(f"'{chart.kind}' needs a column of numbers", expected="a number to draw", got=got)
    for one in ys:
        if not one.is_number:
            raise RoleError(f"'{one.name}' is no number", "y", one.name, expected="a column of numbers", got=one.type)
    apart = chart.kind == "sparkline" or len(chart.words("y")) > 1 or (x and x.name in chart.words("split"))
    if series is None and not apart:
        series = _series_of(fields, [x, *ys], points)
    if series is not None and len(ys) > 1 and not chart.words("y"):
        ys = ys[:1]
    label = picked(fields, chart, "label") or (_by_role(fields, "dimension") if points else None)
    return Roles(x, ys, series, picked(fields, chart, "size"), label)


def _by_role(fields: Sequence[Field], *names: str) -> Field | None:
    return next((one for name in names for one in fields if one.role == name), None)


def _x_of(chart: Chart, fields: Sequence[Field], taken: Iterable[str]) -> Field | None:
    left = [one for one in fields if one.name not in taken]
    if chart.kind == "scatter":
        order = [one for one in left if one.is_measure]
    else:
        times = [one for one in left if one.is_time]
        texts = [one for one in left if not one.is_time and not one.is_number and not one.is_list]
        parts = [one for one in left if one.is_number and not one.is_measure]
        first = [*times, *texts] if chart.kind in ("line", "area", "sparkline", "kpi") else [*texts, *times]
        if chart.kind in ("line", "area", "sparkline"):
            first = [*times, *parts, *texts, *[one for one in left if one.is_measure][:1]]
        order = [*first, *parts]
    return order[0] if order else None


def _ys_of(fields: Sequence[Field], taken: Iterable[str]) -> tuple[Field, ...]:
    by_role = tuple(one for one in fields if one.role == "metric" and one.name not in taken)
    if by_role:
        return by_role
    left = [one for one in fields if one.name not in taken and one.is_number]
    measures = tuple(one for one in left if one.is_measure)
    return measures or tuple(left[:1])


def _series_of(fields: Sequence[Field], taken: Sequence[Field | None], points: bool) -> Field | None:
    names = {one.name for one in taken if one}
    dimension = next((one for one in fields if one.role == "dimension" and one.name not in names), None)
    if dimension is not None or points:
        return None if points else dimension
    return next(
        (one for one in fields if one.name not in names and not one.is_number and not one.is_time and not one.is_list),
        None,
    )
