"""How values of each type are looked at: what of them is fetched, where they stand on an axis, how they come back."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.model.schema import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable

CUT = 120
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the beginning of the axis of times without a zone
_DAY = 86_400_000_000
_AXES = {
    "date": "epoch_us(try_cast({} as timestamp))",
    "timestamp": "epoch_us({})",
    "timestamptz": "epoch_us({})",
    "timestamp_s": "epoch_us(try_cast({} as timestamp))",
    "timestamp_ms": "epoch_us(try_cast({} as timestamp))",
    "timestamp_ns": "epoch_us(try_cast({} as timestamp))",
    "time": "epoch_us({})",
    "interval": "epoch_us({})",
}
_FOREVER = 2**63 - 1
_FAR = "after the year 294246"


@record
class Kind:
    """How one type is looked at; `{}` in an expression stands for the column.

    `family` is `number`, `time`, `text` or `other`. `held` is what of a value is fetched, `fine` what holds for a value
    that has a place on the axis, `length` how long a value is, each empty where there is none; `hashed` tells values
    apart. `value` makes of what was fetched the value that people see.
    """

    family: str
    held: str
    hashed: str = "hash({})"
    fine: str = ""
    length: str = ""
    value: Callable[[Any], Any] = lambda held: held

    @property
    def ordered(self) -> bool:
        """Whether values have a place on an axis."""
        return self.family in ("number", "time")

    def is_fine(self, held: Any) -> bool:
        """Tell whether what was fetched of a value has a place on the axis: it is neither endless nor no number."""
        if self.family == "time":
            return held is not None and abs(held) < _FOREVER - 1
        return not isinstance(held, float) or math.isfinite(held)

    def shown(self, held: Any) -> Any:
        """Return what was fetched of a value as the value that people see."""
        if self.family != "time" or self.is_fine(held):
            return self.value(held)
        return _FAR if held is None else "infinity" if held > 0 else "-infinity"


def kind(name: str) -> Kind:
    """Return how a type, in Penstock's words, is looked at.

    >>> kind("decimal(10,2)").family, kind("date").family, kind("json").family, kind("integer[]").length
    ('number', 'time', 'text', 'len({})')
    """
    base = "list" if name.endswith("]") else name.partition("(")[0]
    if base in _AXES:
        held = _AXES[base]
        if base in ("date", "timestamp", "timestamptz"):
            ends = f"when {{}} = 'infinity' then {_FOREVER} when {{}} = '-infinity' then -{_FOREVER}"
            held = f"case {ends} else {held} end"
        return Kind("time", held, fine=f"abs({held}) < {_FOREVER - 1}", value=_TIMES.get(base, instant))
    if is_whole(name) or base in ("uhugeint", "decimal", "float", "double"):
        fine = "isfinite({})" if base in ("float", "double") else "{} is not null"
        return Kind("number", "{}", fine=fine)
    return _other(base)


def _other(base: str) -> Kind:
    if base == "boolean":
        return Kind("other", "{}")
    if base in ("varchar", "json", "enum"):
        text = "cast({} as varchar)"
        return Kind("text", _cut(text), f"hash({text})", length=f"length({text})")
    length = {"list": "len({})", "map": "cardinality({})", "blob": "octet_length({})"}.get(base, "")
    if base == "blob":  # what is left of a long one is enough to tell what it is, and cheap to write out
        return Kind("other", f"cast({{}}[1:{CUT // 4}] as varchar)", length=length)
    text = "cast({} as varchar)"
    return Kind("other", _cut(text), f"hash({text})", length=length)


def _cut(text: str) -> str:
    return f"case when length({text}) > {CUT} then left({text}, {CUT - 1}) || '…' else {text} end"


def instant(micros: int) -> Any:
    """Return the time so many microseconds after 1970; a text for one that Python has none for.

    >>> instant(1_000_000).isoformat(), instant(10**18)
    ('1970-01-01T00:00:01', 'year 33658')
    """
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return f"year {1970 + int(micros // (_DAY * 365.2425))}"


def _zoned(micros: int) -> Any:
    found = instant(micros)
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else found


def _day(micros: int) -> date | str:
    found = instant(micros)
    return found.date() if isinstance(found, datetime) else str(found)


def _clock(micros: int) -> time:
    return time.max if micros >= _DAY else (_EPOCH + timedelta(microseconds=micros)).time()


def _span(micros: int) -> timedelta | str:
    try:
        return timedelta(microseconds=micros)
    except OverflowError:
        return f"{micros // _DAY:,} days"


_TIMES: dict[str, Callable[[int], Any]] = {
    "date": _day, "timestamptz": _zoned, "time": _clock, "interval": _span,
}  # fmt: skip
