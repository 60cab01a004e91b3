"""The verb that profiles: profile."""

from __future__ import annotations

import dataclasses
import textwrap
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.base import text
from penstock.base.cells import cell, clean
from penstock.cli.call import Call, argument, verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.profile import ColumnProfile, Profile
    from penstock.cli.style import Paint

_WIDE = 80
_BAR = 24
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_SIDEWAYS = " ▏▎▍▌▋▊▉"
_ROWS = 2  # lines of a histogram
_SHOWN: dict[str, int] = {"top": 5, "patterns": 3}
_LONGEST = 28
_DIGITS = 6
_HUGE = 10**18
_EMPTY = "''"
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


@verb(
    argument("table", "The table's name."),
    argument("columns", "Columns; by default all.", nargs=-1, metavar="[COLUMN]..."),
    examples=[
        ("penstock profile orders", "what each of its columns holds"),
        ("penstock profile orders amount country", "two of them"),
        ("penstock profile orders --json | jq '.profile.columns[].nulls'", "for a program"),
    ],
)
def profile(call: Call, table: str, columns: tuple[str, ...]) -> int:
    """Say what the columns of a table hold.

    Nulls, different values, ends, mean, quantiles, a histogram, the commonest values and the shapes of texts, found
    in one scan. Of a large table some of it is told from a random sample, and marked so (~).
    """
    from penstock.app import profile as profiles

    with call.open() as app:
        found = profiles.profile(app, table, columns)
    call.answer({"profile": shape(found)}, lambda: _told(found, call.paint))
    return 0


def shape(found: Any) -> Any:
    """Return a profile as JSON can carry it, every number whole."""
    from penstock.cli import exact

    if dataclasses.is_dataclass(found):
        return {field.name: shape(getattr(found, field.name)) for field in dataclasses.fields(found)}
    if isinstance(found, tuple):
        return [shape(item) for item in found]
    return exact.value(found)


def _told(found: Profile, paint: Paint) -> Iterator[str]:
    size = f"{text.plural(found.rows, 'row')}, {text.plural(len(found.columns), 'column')}"
    yield paint(f"{found.table}: {size}", "bold")
    if any(not one.exact for one in found.columns):
        yield from _wrapped("what is marked ~ is told from a random sample; all else from every row", paint)
    for one in found.columns:
        yield ""
        yield from _column(one, found.rows, paint)


def _wrapped(said: str, paint: Paint) -> Iterator[str]:
    yield from (paint(line, "dim") for line in textwrap.wrap(said, _WIDE))


def _column(one: ColumnProfile, rows: int, paint: Paint) -> Iterator[str]:
    right = _counts(one, rows)
    room = _WIDE - len(right) - 4
    name = _cut(clean(one.name), room)
    kind = _cut(one.type, room - _width(name)) if room - _width(name) > _DIGITS else ""
    gap = " " * max(2, _WIDE - _width(name) - 2 - _width(kind) - len(right))
    yield f"{paint(name, 'bold')}  {paint(kind, 'dim')}{gap}{right}"
    full = rows - one.nulls
    if not full:
        return
    if one.histogram:
        yield from _histogram(one, paint)
    if one.min is not None or one.lengths is not None:
        yield from _facts(one, paint)
    if not one.histogram or (one.top and one.top[0][1] > max(1, full // 50)):
        yield from _bars(one, "top", full, paint)
    if one.patterns and len(one.patterns) < one.distinct:
        yield from _bars(one, "patterns", full, paint)


def _counts(one: ColumnProfile, rows: int) -> str:
    if not rows:
        return "no rows"
    if one.nulls == rows:
        return "all null"
    mark = "" if one.exact_distinct else "~"
    parts = [f"{_share(one.nulls, rows)} null" if one.nulls else "no nulls"]
    if one.exact_distinct and one.distinct == rows - one.nulls and one.distinct > 1:
        parts.append("all different")
    else:
        parts.append(f"{mark}{one.distinct:,} different" if one.distinct > 1 else "one value")
    return ", ".join(parts)


def _share(part: int, whole: int) -> str:
    """Return a part of a whole in percent, never 0 % or 100 % of what is not."""
    share = 100 * part / whole
    if 0 < share < 1:
        return "<1 %" if share < 0.1 else f"{share:.1f} %"  # noqa: PLR2004
    if 99 < share < 100:  # noqa: PLR2004
        return ">99 %"
    return f"{share:.0f} %"


# ── drawings ────────────────────────────────────────────────────────────────────────────────────────────


def _histogram(one: ColumnProfile, paint: Paint) -> Iterator[str]:
    bars = one.histogram
    if len(bars) < 2:  # noqa: PLR2004
        return
    wide = max(1, min(4, (_WIDE - 4) // len(bars)))
    highest = max(n for _, _, n in bars)
    levels = [max(1, round(n * 8 * _ROWS / highest)) if n else 0 for _, _, n in bars]
    for row in reversed(range(_ROWS)):
        line = "".join(_EIGHTHS[min(8, max(0, level - 8 * row))] * (wide - (wide > 1)) + " " * (wide > 1)
                       for level in levels)  # fmt: skip
        yield f"  {line}".rstrip()
    low, high = said(bars[0][0]), said(bars[-1][1])
    mark = "" if one.exact else "  ~"
    room = max(wide * len(bars) - (wide > 1) - len(low) - len(high), 3)
    yield paint(f"  {low}{' ' * room}{high}{mark}", "dim")


def _bars(one: ColumnProfile, part: str, full: int, paint: Paint) -> Iterator[str]:
    pairs: Sequence[tuple[Any, int]] = getattr(one, part)[: _SHOWN[part]]
    if not pairs:
        return
    if part == "patterns":
        yield paint("  shapes", "dim")
    names = [_cut(said(value) or _EMPTY, _LONGEST) for value, _ in pairs]
    size = max(map(_width, names))
    most = max(1, *(n for _, n in pairs))
    mark = "" if one.exact else "~"
    numbers = [f"{mark}{n:,}" for _, n in pairs]
    for name, (_, n), number in zip(names, pairs, numbers, strict=True):
        blank = " " * (size - _width(name))
        bar = _bar(n / most)
        yield f"  {name}{blank}  {bar:<{_BAR}}  {number:>{max(map(len, numbers))}}  {_share(n, full):>6}"


def _bar(share: float) -> str:
    eighths = max(1, round(share * _BAR * 8))
    return "█" * (eighths // 8) + _SIDEWAYS[eighths % 8].strip()


def _facts(one: ColumnProfile, paint: Paint) -> Iterator[str]:
    parts: list[str] = []
    if one.min is not None and one.min == one.max:
        parts.append(f"always {_cut(said(one.min) or _EMPTY, _LONGEST)}")
    elif one.min is not None:
        parts.append(f"min {_cut(said(one.min) or _EMPTY, _LONGEST)}")
        mark = "" if one.exact else "~"
        named = {0.25: "25 %", 0.5: "median", 0.75: "75 %"}
        parts += [f"{named[p]} {mark}{said(value)}" for p, value in one.quantiles if p in named]
        parts.append(f"max {_cut(said(one.max), _LONGEST)}")
        if one.mean is not None:
            spread = f" ± {said(one.std)}" if one.std is not None else ""
            parts.append(f"mean {said(one.mean)}{spread}")
    if one.odd:
        parts.append(f"{one.odd:,} not finite")
    if one.lengths is not None:
        long = one.lengths
        parts.append(f"length {long.least:,}" + (f" to {long.most:,}" if long.most > long.least else ""))
    line = ""
    for part in parts:
        if line and _width(line) + len(part) + 3 > _WIDE - 2:
            yield paint(f"  {line}", "dim")
            line = ""
        line = f"{line} · {part}" if line else part
    if line:
        yield paint(f"  {line}", "dim")


def said(value: Any) -> str:
    """Return a value short enough to be read in passing.

    >>> said(1234567.891), said(0.000012345), said(1200), said(timedelta(hours=36)), said(datetime(2026, 1, 2))
    ('1,234,568', '1.2345e-05', '1,200', '1.5 days', '2026-01-02')
    """
    if isinstance(value, bool) or value is None:
        return cell(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if 10**_DIGITS <= abs(value) < 10**15 else f"{value:,.{_DIGITS}g}"
    if isinstance(value, (int, Decimal)):
        return f"{value:,}" if -_HUGE < value < _HUGE else f"{value:.{_DIGITS}g}"
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        size, unit = next((pair for pair in _UNITS if abs(seconds) >= pair[0]), _UNITS[-1])
        return f"{seconds / size:,.4g} {unit}"
    if isinstance(value, datetime):
        plain = value.replace(microsecond=0, tzinfo=None)
        return str(plain.date()) if plain.time() == time() else plain.isoformat(sep=" ")
    if isinstance(value, time):
        return value.replace(microsecond=0).isoformat()
    return str(value) if isinstance(value, date) else cell(value)


def _cut(word: str, size: int) -> str:
    """Return a word in at most so many columns of a terminal."""
    if _width(word) <= size:
        return word
    kept = ""
    for char in word:
        if _width(kept + char) >= size:
            break
        kept += char
    return kept + "…"


def _width(word: str) -> int:
    from penstock.cli.grid import columns

    return columns(word)
