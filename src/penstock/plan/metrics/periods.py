"""Periods of time: what a person says becomes a day or time, what is computed with them becomes SQL."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from penstock.base.errors import PlanError
from penstock.model.measure import GRAINS, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?\Z")
_DECEMBER = 12
_NO_DAY = ("minute", "hour")
_FORMS = "such as 2026, 2026-11, 2026-11-25 or 2026-11-25 10:00"


def bound(said: str | date | datetime | None, zone: str, *, end: bool) -> datetime | None:
    """Return the local time at which a period begins or, excluded, ends; raises `PlanError` for what is no time.

    >>> (
    ...     str(bound("2026-02", "", end=False)),
    ...     str(bound("2026-02", "", end=True)),
    ...     str(bound("2026-02-03", "", end=True)),
    ... )
    ('2026-02-01 00:00:00', '2026-03-01 00:00:00', '2026-02-04 00:00:00')
    """
    if said is None or said == "":
        return None
    try:
        return _ended(_read(said, zone), end=end)
    except (ValueError, OverflowError):
        raise PlanError(f"'{said}' is no day and no time", expected=_FORMS) from None


def _ended(read: tuple[datetime, str], *, end: bool) -> datetime:
    at, size = read
    if not end or not size:
        return at
    if size == "day":
        return at + timedelta(days=1)
    over = size == "year" or at.month == _DECEMBER
    return at.replace(year=at.year + over, month=1 if over else at.month + 1)


def _read(said: str | date | datetime, zone: str) -> tuple[datetime, str]:
    """Return a local time, and the size of the period that was said; none for an instant."""
    if isinstance(said, str):
        month = _MONTH.match(said.strip())
        if month:
            return datetime(int(month[1]), int(month[2] or 1), 1), "month" if month[2] else "year"  # noqa: DTZ001
        if len(said.strip()) == len("2026-11-25"):
            said = date.fromisoformat(said.strip())
        else:
            said = datetime.fromisoformat(said.strip())
    if not isinstance(said, datetime):
        return datetime(said.year, said.month, said.day), "day"  # noqa: DTZ001
    if said.tzinfo is not None:
        from zoneinfo import ZoneInfo

        said = said.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None)
    return said, ""


def literal(at: datetime) -> str:
    """Return a local time in SQL: a date where it is midnight."""
    if at.time() == datetime.min.time():
        return f"date '{at:%Y-%m-%d}'"
    return f"timestamp '{at.isoformat(sep=' ')}'"


def interval(span: Span) -> str:
    """Return a span in SQL."""
    count, unit = (span.count * 3, "month") if span.unit == "quarter" else (span.count, span.unit)
    return f"interval '{Span(count, unit)}'"


def one(grain: str) -> str:
    """Return the length of a grain in SQL."""
    return interval(Span(1, grain))


def bucket(grain: str, time: str, kind: str = "timestamp") -> str:
    """Return the period of a grain in which a time lies: a date, for hours and minutes its beginning."""
    if grain in _NO_DAY:
        return f"date_trunc('{grain}', {time})"
    return time if grain == "day" and kind == "date" else f"cast(date_trunc('{grain}', {time}) as date)"


def shifted(grain: str, time: str, shifts: Sequence[Span]) -> str:
    """Return the period that lies so far before the period that begins at `time`."""
    for span in shifts:
        time = bucket(grain, f"{time} - {interval(span)}")
    return time


def is_finer(one_grain: str, other: str) -> bool:
    """Tell whether a grain is finer than another."""
    return GRAINS.index(one_grain) < GRAINS.index(other)


def end_unit(grain: str) -> str:
    """Return the unit at whose end what is known ends: a day, unless hours or minutes are asked for."""
    return grain if grain in _NO_DAY else "day"
