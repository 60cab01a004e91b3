"""Unit tests of tables: given rows, expected rows."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from penstock.base.errors import Place
from penstock.base.record import record


@record
class UnitTest:
    """A test of one table: `given` maps each input table to its rows, `expect` is what the table must then be.

    Rows are mappings from column to value; a column that `expect` does not name is not compared.
    """

    name: str
    table: str
    given: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    expect: tuple[dict[str, Any], ...] = ()
    where: Place | None = None


@record
class UnitResult:
    """How a unit test of a table ended: the rows that were missing and those that were not expected."""

    name: str
    table: str
    passed: bool
    missing: tuple[dict[str, Any], ...] = ()
    unexpected: tuple[dict[str, Any], ...] = ()
    error: dict[str, Any] | None = None
    seconds: float = 0.0
