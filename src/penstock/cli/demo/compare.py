"""Compares the rows of a table with those that it must hold, and says where they first differ."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from penstock.base.record import record

if TYPE_CHECKING:
    from penstock.cli.demo.evidence import Row
    from penstock.cli.demo.expected import Expected


@record
class Finding:
    """How a table compares: rows, how many were expected, and the first difference or an empty text."""

    table: str
    rows: int
    expected: int
    difference: str = ""

    @property
    def ok(self) -> bool:
        """Whether the table holds exactly what it must."""
        return not self.difference


def compare(table: str, expected: Expected, found: list[Row]) -> Finding:
    """Compare rows, in any order; amounts exactly, floating-point numbers to nine digits.

    >>> from penstock.cli.demo.expected import Expected
    >>> compare("t", Expected(("id", "n"), 1, [(1, 5)]), [(1, 6)]).difference
    'id 1: n is 6, expected 5'
    """
    return Finding(table, len(found), len(expected.rows), _difference(expected, found))


def _difference(expected: Expected, found: list[Row]) -> str:
    if expected.key == len(expected.columns):
        return _whole_rows(expected, found)
    names = expected.columns[: expected.key]
    have, want = _by_key(found, expected.key), _by_key(expected.rows, expected.key)
    if len(have) < len(found):
        twice = Counter(row[: expected.key] for row in found).most_common(1)[0][0]
        return f"{_named(names, twice)} is there more than once"
    for key in sorted(have.keys() ^ want.keys(), key=str):
        return f"{_named(names, key)} is " + ("missing" if key in want else "there, and should not be")
    for key, row in want.items():
        for name, is_, should in zip(expected.columns, have[key], row, strict=True):
            if not same(is_, should):
                return f"{_named(names, key)}: {name} is {is_}, expected {should}"
    return ""


def _whole_rows(expected: Expected, found: list[Row]) -> str:
    have, want = Counter(found), Counter(expected.rows)
    for row in sorted(have.keys() | want.keys(), key=str) if have != want else ():
        if have[row] != want[row]:
            return f"{_named(expected.columns, row)} is there {have[row]} times, expected {want[row]}"
    return ""


def _by_key(rows: list[Row], key: int) -> dict[Row, Row]:
    return {row[:key]: row for row in rows}


def _named(names: tuple[str, ...], values: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


def same(is_: Any, should: Any) -> bool:
    """Tell whether two values are the same.

    >>> same(0.1 + 0.2, 0.3), same(None, 0), same(1, 1.0)
    (True, False, True)
    """
    if isinstance(is_, float) and isinstance(should, float | int):
        return math.isclose(is_, should, rel_tol=1e-9, abs_tol=1e-9)
    return bool(is_ == should)
