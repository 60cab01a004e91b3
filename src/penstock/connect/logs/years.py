"""Years for times that are written without one: told from the first line on, or from the time of the file."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
FROM_FILE_TIME = "from file time"
_FIRST = re.compile(rb"(?m)^(" + b"|".join(MONTHS) + rb") ")
_OTHER = {m: re.compile(rb"(?m)^(?!" + m + rb")(" + b"|".join(MONTHS) + rb") ") for m in MONTHS}
_HALF_YEAR = 6


@record
class Reached:
    """The year and month of the last line; 0 where none was met."""

    year: int = 0
    month: int = 0


def by_first(block: bytes, start: int, reached: Reached) -> Iterator[tuple[bytes, Reached]]:
    """Cut lines where the year changes, given the year of the very first line.

    A month that is more than half a year before the one of the line above begins the next year (December, then
    January); one that is more than half a year after it is a straggler of the year before.
    """
    at, year, month = 0, reached.year or start, reached.month
    for where, found in _months(block):
        step = found - month if month else 0
        turn = -1 if step > _HALF_YEAR else 1 if step < -_HALF_YEAR else 0
        if turn and where > at:
            yield block[at:where], Reached(year, month)
            at = where
        year, month = year + turn, found
    yield block[at:], Reached(year, month)


def _months(block: bytes) -> Iterator[tuple[int, int]]:
    """Give the offset of each line whose month is not that of the dated line above, and its month, from 1."""
    match = _FIRST.search(block)
    while match:
        yield match.start(), MONTHS.index(match[1]) + 1
        match = _OTHER[match[1]].search(block, match.end())


def by_file(block: bytes, mtime_ns: int) -> Iterator[tuple[bytes, Reached]]:
    """Cut lines where the year changes, given when the file was last written.

    A line is of the latest year in which it is not after the file's time, give or take a day for time zones; so a
    file must not reach back more than a year.
    """
    last = datetime.fromtimestamp(mtime_ns / 1e9, UTC) + timedelta(days=1)
    later, sooner = _sides(last.month, last.day)
    at, before = 0, later.match(block) is not None
    while True:
        # Lines without a date stay with those above.
        match = (sooner if before else later).search(block, at + 1)
        end = match.start() if match else len(block)
        yield block[at:end], Reached(last.year - before)
        if not match:
            return
        at, before = end, not before


def _sides(month: int, day: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns of the lines that lie after a day of the year, and of those that do not."""
    days_after = b"|".join(b"[ 0]?%d " % d if d < 10 else b"%d " % d for d in range(day + 1, 32))  # noqa: PLR2004
    days_before = b"|".join(b"[ 0]?%d " % d if d < 10 else b"%d " % d for d in range(1, day + 1))  # noqa: PLR2004
    this = MONTHS[month - 1]
    after = [m + b" " for m in MONTHS[month:]] + ([this + b" (?:" + days_after + b")"] if days_after else [])
    before = [m + b" " for m in MONTHS[: month - 1]] + [this + b" (?:" + days_before + b")"]
    return tuple(re.compile(rb"(?m)^(?:" + b"|".join(part) + b")") for part in (after or [b"(?!)"], before))  # type: ignore[return-value]
