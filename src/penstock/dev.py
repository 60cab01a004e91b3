"""The door for authors of connectors: what a source or a sink is made of, under one name.

A connector is an object with `options`, `source` and `sink` (see `Connector`), found by its name among the entry
points `penstock.connectors`. `penstock.testing` has the suites that prove it.
"""

from __future__ import annotations

from penstock.base.clock import Clock, SystemClock
from penstock.base.errors import (
    ConfigError,
    FatalError,
    PenstockError,
    Place,
    RejectedError,
    RetryableError,
    RunError,
    UnsupportedError,
)
from penstock.base.faults import point
from penstock.base.secrets import hide
from penstock.model.option import Option, Options
from penstock.model.position import Position, decode, encode
from penstock.model.schema import Column, Schema, widen
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.model.source import Connection, RawTable
from penstock.protocols.sink import Sink, SinkCan
from penstock.protocols.source import (
    Arrow,
    Batch,
    Connector,
    Context,
    Csv,
    File,
    Format,
    Json,
    Kind,
    Lines,
    Parquet,
    Reject,
    Rows,
    Scan,
    Source,
    SourceCan,
    Text,
    Time,
)

__all__ = [
    "Arrow",
    "Batch",
    "Clock",
    "Column",
    "ConfigError",
    "Connection",
    "Connector",
    "Context",
    "Csv",
    "DeliveryNote",
    "FatalError",
    "File",
    "Format",
    "Json",
    "Kind",
    "Lines",
    "Option",
    "Options",
    "Parquet",
    "PenstockError",
    "Place",
    "Position",
    "RawTable",
    "Reject",
    "RejectedError",
    "RetryableError",
    "Rows",
    "RunError",
    "Scan",
    "Schema",
    "Sink",
    "SinkCan",
    "SinkTable",
    "Source",
    "SourceCan",
    "SystemClock",
    "Text",
    "Time",
    "UnsupportedError",
    "decode",
    "encode",
    "hide",
    "point",
    "widen",
]
