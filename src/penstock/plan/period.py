"""Periods as people write them, `last 90 days`, `this month`, `2026-01..2026-03`, and the times that they stand for."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

from penstock.base.record import record

_LAST = re.compile(r"(?:last|past) (\d{1,5}) (minute|hour|day|week|month|quarter|year)s?\Z")
_CALENDAR = re.compile(r"(this|last|previous) (hour|day|week|month|quarter|year)\Z")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|-?[qQ]([1-4]))?\Z")
_SPAN = re.compile(r"(\d{1,5}) (minute|hour|day|week|month|quarter|year)s?\Z")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}
SUCH = "such as 'last 90 days', 'this month', '2026-01..2026-03', 'all'"
_WORDS = {"today": "this day", "yesterday": "last day", "ytd": "this year", "mtd": "this month"}


@record
class Span:
    """A span of time by which a comparison goes back: so many of a unit."""

    count: int
    unit: str

    @classmethod
    def of(cls, text: str) -> Span:
        """Read a span; raises `ValueError`.

        >>> Span.of("1 week")
        Span(count=1, unit='week')
        """
        found = _SPAN.match(" ".join(text.lower().split()))
        if not found or not int(found[1]):
            raise ValueError(f"'{text}' is not a span such as '1 week'")
        return cls(int(found[1]), found[2])

    def before(self, at: datetime) -> datetime:
        """Return the time that lies so long before another; a day that a month has not is its last."""
        return _plus(at, self.unit, -self.count)

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.count} {self.unit}{'s' * (self.count != 1)}"


@record
class Period:
    """A period as it is written, in one of four forms: `last`, `calendar`, `dates` or `all`."""

    text: str
    form: str
    count: int = 1
    unit: str = "day"
    low: datetime | None = None
    high: datetime | None = None

    @classmethod
    def of(cls, text: str) -> Period:
        """Read a period; raises `ValueError`.

        >>> Period.of("last 90 days").form, Period.of("2026-Q1").low
        ('last', datetime.datetime(2026, 1, 1, 0, 0))
        """
        said = " ".join(text.lower().split())
        said = _WORDS.get(said, said)
        if said in ("all", "all time", ""):
            return cls("all", "all")
        if (found := _LAST.match(said)) and int(found[1]):
            return cls(said, "last", int(found[1]), found[2])
        if found := _CALENDAR.match(said):
            return cls(said, "calendar", 0 if found[1] == "this" else 1, found[2])
        low, dots, high = said.partition("..")
        if dots and not low and not high:
            raise ValueError(f"'{text}' is not a period, {SUCH}")
        first, last = (_dated(low, text), _dated(high, text)) if dots else (_dated(said, text),) * 2
        if first and last and first[0] >= last[1]:
            raise ValueError(f"'{text}' ends before it begins")
        return cls(said, "dates", low=first[0] if first else None, high=last[1] if last else None)

    def between(self, anchor: datetime) -> tuple[datetime | None, datetime | None]:
        """Return the first time of the period and the first behind it; `anchor` is the newest there is.

        >>> [str(at.date()) for at in Period.of("last 7 days").between(datetime(2026, 3, 31, 12))]
        ['2026-03-25', '2026-04-01']
        """
        if self.form == "all":
            return None, None
        if self.form == "dates":
            return self.low, self.high
        if self.form == "calendar":
            low = _plus(_floor(anchor, self.unit), self.unit, -self.count)
            return low, _plus(low, self.unit, 1)
        unit = self.unit if self.unit in ("minute", "hour") else "day"
        high = _plus(_floor(anchor, unit), unit, 1)
        return _plus(high, self.unit, -self.count), high


def _dated(text: str, whole: str) -> tuple[datetime, datetime] | None:
    """Return the first time of a date, a month, a quarter or a year, and the first behind it; None for nothing."""
    text = text.strip()
    if not text:
        return None
    found = _DATE.match(text)
    if not found:
        raise ValueError(f"'{whole}' is not a period, {SUCH}")
    try:
        year = int(found[1])
        month = int(found[4]) * 3 - 2 if found[4] else int(found[2] or 1)
        low = datetime(year, month, int(found[3] or 1))  # noqa: DTZ001  # of no zone: the page's
        unit = "day" if found[3] else "quarter" if found[4] else "month" if found[2] else "year"
        return low, _plus(low, unit, 1)
    except (ValueError, OverflowError):
        raise ValueError(f"'{whole}' is not a period, {SUCH}") from None


def _plus(at: datetime, unit: str, count: int) -> datetime:
    try:
        if unit in _SECONDS:
            return at + timedelta(seconds=_SECONDS[unit] * count)
        months = at.year * 12 + at.month - 1 + _MONTHS[unit] * count
        year, month = divmod(months, 12)
        day = min(at.day, calendar.monthrange(year, month + 1)[1])
        return at.replace(year=year, month=month + 1, day=day)
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        return datetime.min if count < 0 else datetime.max  # noqa: DTZ901


def _floor(at: datetime, unit: str) -> datetime:
    """Return the beginning of the unit in which a time lies; weeks begin on Monday."""
    if unit in ("minute", "hour"):
        return at.replace(minute=at.minute if unit == "minute" else 0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "day":
        return day
    return day.replace(day=1, month=1 if unit == "year" else (day.month - 1) // _MONTHS[unit] * _MONTHS[unit] + 1)


def beyond(at: datetime, unit: str) -> datetime:
    """Return the first time behind the unit in which a time lies.

    >>> beyond(datetime(2026, 3, 31, 12), "quarter").date().isoformat()
    '2026-04-01'
    """
    return _plus(_floor(at, unit), unit, 1)


def worded(low: datetime | None, high: datetime | None) -> str:
    """Say a period in words, its last day included.

    >>> worded(datetime(2026, 1, 1), datetime(2026, 4, 1))
    '1 Jan – 31 Mar 2026'
    """
    if low is None and high is None:
        return "all"
    if low is None or high is None:
        return f"from {_day(low)}" if low else f"until {_day(high - timedelta(microseconds=1))}" if high else "all"
    last = high - timedelta(microseconds=1)
    if low.date() == last.date():
        return _day(low)
    return f"{_day(low) if low.year != last.year else f'{low.day} {low:%b}'} – {_day(last)}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b} {at.year}"
