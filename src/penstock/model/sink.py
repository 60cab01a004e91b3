"""Sinks: deliveries of a table's changes to another system."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from penstock.base.errors import Place
from penstock.base.record import record
from penstock.model.schema import Schema
from penstock.model.source import Connection


@record
class SinkTable:
    """The declaration of a sink.

    `write` names the target inside the connection (a table, a file, a folder). `mode` is `mirror` (the target
    becomes equal to the table) or `append` (the rows that came are added).
    """

    name: str
    table: str
    connection: Connection
    write: str = ""
    mode: str = "mirror"
    key: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    where: Place | None = None


@record
class DeliveryNote:
    """What accompanies the rows of a delivery.

    `whole` means that the rows are the full table and replace what the target has; otherwise they are a change since
    `since`. `epoch` is the version of the warehouse that the target shows afterwards.
    """

    sink: str
    table: str
    schema: Schema
    key: tuple[str, ...]
    mode: str
    whole: bool
    since: int
    epoch: int
