r"""Records, the dicts that user code gives: their exact types, and their JSON lines, without loss.

JSON has fewer types than Python, so a few values travel as text that SQL casts back exactly: a decimal as its
digits, an interval as `1 days 2 seconds 3 microseconds`, a float that is not finite as `NaN`, `Infinity` or
`-Infinity`, and a blob as `\xHH` for every byte. `reading` says which types the text is to be read with (a
blob as text) before it is cast to the types that `infer` found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import chain
from types import NoneType
from typing import Any, TypeAlias
from uuid import UUID

from penstock.model.schema import Column, Schema, widen

Record: TypeAlias = "Mapping[str, Any]"

_KINDS: dict[type, str] = {
    NoneType: "", bool: "boolean", int: "int", float: "float", Decimal: "decimal", str: "varchar",
    bytes: "blob", date: "date", datetime: "timestamp", time: "time", timedelta: "interval", UUID: "uuid",
    dict: "struct", list: "list", tuple: "list",
}  # fmt: skip
_WORDS = {"int": "integer", "varchar": "text", "struct": "dict", "timestamptz": "timestamp with zone"}
_AS_IS = frozenset({NoneType, bool, int, str, date, UUID})
_BIGINT = 2**63
_HUGEINT = 2**127
_IN_DOUBLE = 2**53
_DIGITS = (18, 38)
_NEEDLESS = re.compile(r'"([A-Za-z_][A-Za-z0-9_]*)"')


class Inference:
    """Finds the columns of records that come in parts; raises `ValueError` naming what has no type.

    >>> found = Inference()
    >>> found.add([{"id": 1, "paid": None}])
    >>> found.add([{"id": 2, "paid": Decimal("9.90")}])
    >>> found.schema().types
    {'id': 'bigint', 'paid': 'decimal(18,2)'}
    """

    def __init__(self) -> None:
        self._columns = _Shape("")
        self.rows = 0

    def add(self, records: Sequence[Record]) -> None:
        """Look at more records."""
        self._columns.fields_of(records, self.rows)
        self.rows += len(records)

    def schema(self, known: Schema | None = None) -> Schema:
        """Return the columns so far, in the order in which they were first met.

        A column takes its type in `known` where that holds all that was seen. One that held only nulls and
        is not known is `null`. Columns of `known` that no record named stand at the end.
        """
        before = {column.name.lower(): column for column in known or ()}
        columns = []
        for name, shape in self._columns.fields.items():
            have = before.pop(name.lower(), None)
            columns.append(Column(name, shape.type() if have is None else shape.type_within(have.type)))
        return Schema((*columns, *before.values()))


def infer(records: Sequence[Record], known: Schema | None = None) -> Schema:
    """Return the exact columns of records; raises `ValueError` with column and row for what has no type.

    Whole numbers are `bigint` (or `hugeint`), mixed with floats `double` if no digit is lost; decimals are
    `decimal(18,s)` or `decimal(38,s)`; a datetime is `timestamptz` with a zone and `timestamp` without; a
    dict is a struct, a list or tuple a list. A key that a record lacks is null.

    >>> infer([{"id": 1, "tags": ["a"]}, {"id": 2, "at": date(2024, 1, 1)}]).types
    {'id': 'bigint', 'tags': 'varchar[]', 'at': 'date'}
    """
    found = Inference()
    found.add(records)
    return found.schema(known)


def lines(records: Sequence[Record]) -> bytes:
    r"""Return records as JSON lines, as the head of this module says; raises `ValueError` as `infer` does.

    >>> lines([{"a": 1.5, "b": b"\x00"}, {"a": float("nan")}])
    b'{"a":1.5,"b":"\\\\x00"}\n{"a":"NaN"}\n'
    """
    from msgspec.json import Encoder

    odd = _odd_columns(records)
    if odd:
        records = [{name: _sent(v) if name in odd else v for name, v in r.items()} for r in records]
    elif any(type(r) is not dict for r in records):
        records = [dict(r) for r in records]
    try:
        return Encoder().encode_lines(records)
    except UnicodeEncodeError as error:
        raise ValueError(f"the text {error.object!r} has half of a surrogate pair") from None
    except TypeError as error:
        raise ValueError(str(error)) from None


def reading(schema: Schema) -> Schema:
    """Return the types to read the text of `lines` with, before casting to `schema`.

    >>> reading(Schema.of([("a", "blob[]"), ("b", "bigint"), ("c", "struct(x blob)")])).types
    {'a': 'varchar[]', 'b': 'bigint', 'c': 'struct(x varchar)'}
    """
    return Schema(tuple(Column(c.name, _without_blob(c.type)) for c in schema))


def _without_blob(kind: str) -> str:
    # A quoted field name may itself read "blob": quotes are passed over.
    return re.sub(r'"(?:[^"]|"")*"|(?<=[ (])blob(?=[,)\[]|\Z)|^blob(?=\[|\Z)', _reading_word, kind)


def _reading_word(match: re.Match[str]) -> str:
    return "varchar" if match[0] == "blob" else match[0]


class _Shape:
    """What was seen of one column, or of one part of a nested one."""

    __slots__ = ("digits", "fields", "high", "item", "path", "scale", "seen")

    def __init__(self, path: str) -> None:
        self.path = path
        self.seen: dict[str, int] = {}
        self.high = 0
        self.digits = self.scale = 0
        self.fields: dict[str, _Shape] = {}
        self.item: _Shape | None = None

    def fields_of(self, records: Sequence[Record], row: int) -> None:
        """Look at the values of dicts, key by key; `row` counts the records before (-1: inside a value)."""
        names = dict.fromkeys(chain.from_iterable(records))
        for name in names:
            if name not in self.fields:
                self.fields[name] = _Shape(self._inside(name))
            self.fields[name].add([record.get(name) for record in records], row)

    def _inside(self, name: object) -> str:
        if not isinstance(name, str):
            raise self._wrong(f"the key {name!r} is not text")
        twin = next((other for other in self.fields if other.lower() == name.lower()), None)
        if twin is not None:
            raise self._wrong(f"the keys '{twin}' and '{name}' differ only in case")
        return f"{self.path}.{name}" if self.path else name

    def _what(self) -> str:
        return f"column '{self.path}'" if self.path else "the rows"

    def _wrong(self, why: str) -> ValueError:
        return ValueError(f"{self._what()}: {why}")

    def add(self, values: list[Any], row: int) -> None:
        """Look at more values of the column."""
        kinds = set(map(type, values))
        if not kinds <= _KINDS.keys():
            values = [self._simple(value, at, row) for at, value in enumerate(values)]
            kinds = set(map(type, values))
        for kind in kinds - {NoneType}:
            these = values if len(kinds) == 1 else [v for v in values if type(v) is kind]
            self._add_kind(kind, these, values, row)

    def _add_kind(self, kind: type, these: list[Any], values: list[Any], row: int) -> None:
        words = {_KINDS[kind]: these[0]}
        if kind is int:
            self.high = max((self.high, max(these), -min(these) - 1))
        elif kind is Decimal:
            self._add_decimals(these)
        elif kind in (datetime, time):
            word = _KINDS[kind]
            words = {}
            for value in these:
                words.setdefault(word if value.tzinfo is None else word + "tz", value)
        elif kind is dict:
            self.fields_of(these, -1)
        elif kind in (list, tuple):
            self.item = self.item or _Shape(self.path + "[]")
            self.item.add(list(chain.from_iterable(these)), -1)
        for word, first in words.items():
            if word not in self.seen:
                at = next(i for i, v in enumerate(values) if v is first)
                self.seen[word] = -1 if row < 0 else row + at + 1

    def _add_decimals(self, values: list[Decimal]) -> None:
        for value in values:
            _, digits, exponent = value.as_tuple()
            if not isinstance(exponent, int):
                raise self._wrong(f"{value} is no decimal number; give a float or None")
            self.scale = max(self.scale, -exponent)
            self.digits = max(self.digits, len(digits) + exponent if any(digits) else 0)

    def _simple(self, value: Any, at: int, row: int) -> Any:
        try:
            return _simple(value)
        except ValueError as error:
            place = f", row {row + at + 1}" if row >= 0 else ""
            raise ValueError(f"{self._what()}{place}: {error}") from None

    def type(self) -> str:
        """Return the type that holds all that was seen."""
        kinds = set(self.seen)
        if not kinds:
            return "null"
        if kinds == {"int", "float"} and self.high <= _IN_DOUBLE:
            return "double"
        if kinds in ({"int", "decimal"}, {"decimal"}):
            return self._decimal(self._whole())
        if kinds == {"date", "timestamp"}:
            return "timestamp"
        if len(kinds) > 1:
            raise ValueError(self._mixed())
        return self._single(*kinds)

    def type_within(self, known: str) -> str:
        """Return a known type if it holds all that was seen, otherwise the type that does."""
        kind = self.type()
        if known == "double" and set(self.seen) == {"int"}:
            holds = self.high <= _IN_DOUBLE
        elif known.startswith("decimal(") and self.seen and set(self.seen) <= {"int", "decimal"}:
            digits, scale = map(int, known[len("decimal(") : -1].split(","))
            holds = self.scale <= scale and self._whole() <= digits - scale
        else:
            holds = (
                widen(known, kind) == known
                or _bare(known) == _bare(kind)
                or (kind == "null[]" and known.endswith("[]"))
            )
        return known if holds else kind

    def _whole(self) -> int:
        return max(self.digits, len(str(self.high)) if "int" in self.seen else 0)

    def _single(self, kind: str) -> str:
        if kind == "int":
            if self.high >= _HUGEINT:
                raise self._wrong("a whole number does not fit 128 bits; give it as text")
            return "bigint" if self.high < _BIGINT else "hugeint"
        if kind == "list":
            return (self.item.type() if self.item else "null") + "[]"
        if kind == "struct":
            inner = ", ".join(f"{_quoted(name)} {shape.type()}" for name, shape in self.fields.items())
            return f"struct({inner})" if inner else "json"
        return {"float": "double"}.get(kind, kind)

    def _decimal(self, whole: int) -> str:
        wide = next((digits for digits in _DIGITS if whole + self.scale <= digits), 0)
        if not wide:
            need = f"{whole} digits before the point and {self.scale} after it"
            raise self._wrong(f"its decimals need {need}, at most {_DIGITS[-1]} fit: round them, or give text")
        return f"decimal({wide},{self.scale})"

    def _mixed(self) -> str:
        parts = [_WORDS.get(kind, kind) + (f" (row {row})" if row > 0 else "") for kind, row in self.seen.items()]
        lossy = "; the float cannot hold the whole numbers" if set(self.seen) == {"int", "float"} else ""
        return f"{self._what()} holds {' and '.join(parts)}{lossy}: make them one type"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bare(kind: str) -> str:
    """Return a type without the quotes that its fields' names may have or not."""
    return _NEEDLESS.sub(r"\1", kind)


def _simple(value: Any) -> Any:
    """Return a value of a type of `_KINDS` that says the same; raises `ValueError` where there is none."""
    if type(value) in _KINDS or type(value).__name__ in ("NaTType", "NAType"):
        return value if type(value) in _KINDS else None
    if isinstance(value, Enum):
        return _simple(value.value)
    if isinstance(value, datetime | timedelta):
        return _instant(value)
    for kind, make in _MAKE:
        if isinstance(value, kind):
            return make(value)
    # NumPy's scalars and arrays; its instants become plain integers, which says something else.
    if hasattr(value, "tolist") and getattr(getattr(value, "dtype", None), "kind", "") not in "mMO":
        return value.tolist()
    raise ValueError(f"{value!r} of type {type(value).__name__} has no type in a table")


_MAKE: tuple[tuple[Any, Any], ...] = (
    (int, int), (float, float.__float__), (str, str.__str__), (tuple | list, list), (bytes, bytes),
    (bytearray | memoryview, bytes), (Mapping, dict), (Decimal, Decimal), (UUID, lambda v: UUID(int=v.int)),
)  # fmt: skip


def _instant(value: datetime | timedelta) -> datetime | timedelta:
    """Return a pandas instant or span as Python's own, which ends at microseconds."""
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise ValueError(f"{value!r} has nanoseconds, which a dict's values cannot carry: give a data frame")
    if isinstance(value, timedelta):
        return timedelta(days=value.days, seconds=value.seconds, microseconds=value.microseconds)
    return datetime.combine(
        date(value.year, value.month, value.day),
        time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold),
    )


def _odd_columns(records: Sequence[Record]) -> set[str]:
    """Return the columns with values that JSON does not say exactly by itself."""
    return {
        name
        for name in dict.fromkeys(chain.from_iterable(records))
        if not _natural([record.get(name) for record in records])
    }


def _natural(values: list[Any]) -> bool:
    for kind in set(map(type, values)) - _AS_IS:
        these: list[Any] = [v for v in values if type(v) is kind]
        if kind is float:
            good = not any(v - v for v in these)
        elif kind in (list, tuple):
            good = _natural(list(chain.from_iterable(these)))
        elif kind is dict:
            good = not _odd_columns(these)
        else:
            good = kind is datetime and all(v.tzinfo is None or v.tzinfo is UTC for v in these)
        if not good:
            return False
    return True


def _sent(value: Any) -> Any:
    """Return what stands for a value in JSON."""
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is float:
        return value if not value - value else str(value).replace("inf", "Infinity").replace("nan", "NaN")
    if kind in (list, tuple):
        return [_sent(part) for part in value]
    if kind is dict:
        return {name: _sent(part) for name, part in value.items()}
    if kind in _SEND:
        return _SEND[kind](value)
    return _sent(_simple(value))


def _sent_datetime(value: datetime) -> str:
    # An offset with seconds (local mean time) is cut to minutes by others; UTC has none.
    offset = value.utcoffset()
    return (value.astimezone(UTC) if offset and offset.seconds % 60 else value).isoformat()


def _sent_interval(value: timedelta) -> str:
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"


_SEND: Mapping[type, Any] = {
    Decimal: lambda v: format(v, "f"),
    datetime: _sent_datetime,
    time: time.isoformat,
    timedelta: _sent_interval,
    bytes: lambda v: "".join(f"\\x{byte:02X}" for byte in v),
}


def parts(records: Iterable[Record], size: int = 10_000) -> Iterable[list[Record]]:
    """Cut records into lists of at most `size`; raises `ValueError` for what is no dict, with its row."""
    part: list[Record] = []
    row = 0
    for row, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise _no_row(record, row)
        part.append(record)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def _no_row(record: object, row: int) -> ValueError:
    return ValueError(f"row {row} is of type {type(record).__name__}, not a dict")
