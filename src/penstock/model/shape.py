"""The shape of a raw table's rows on their way in."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping


@record
class Shape:
    """What is done to a source's rows before the load (ETL), and what of the outcome is known beforehand.

    A row in which one of the `required` columns is null is rejected. `fingerprint` is that of the raw table's
    definition, if there is one: what another one loaded says nothing of these rows.
    """

    table: str
    select: str = ""
    clean: Mapping[str, str] = field(default_factory=dict)
    columns: Schema | None = None
    required: tuple[str, ...] = ()
    file: str = ""
    line: int = 1
    fingerprint: str = ""
