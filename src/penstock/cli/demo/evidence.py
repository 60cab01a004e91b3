"""The shop's data as it lies on the disk, read with Python's own library: what Penstock is measured by."""

from __future__ import annotations

import csv
import gzip
import re
import sqlite3
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = tuple[Any, ...]

_LINE = re.compile(
    r"(?P<host>\S+) \S+ \S+ \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "
    r'"(?P<method>[A-Z]+) (?P<path>\S+) (?P<protocol>HTTP/\d\.\d)" (?P<status>\d{3}) (?P<bytes>\d+|-) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)"'
)
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d %b %Y", "%b %d, %Y")


@record
class Hit:
    """A request in the access log; `size` is None where the log has a `-`."""

    at: datetime
    host: str
    method: str
    path: str
    status: int
    size: int | None
    agent: str


@record
class Cost:
    """A booking of marketing; amounts and clicks that are missing are None."""

    day: date | None
    channel: str
    campaign: str
    amount: Decimal | None
    currency: str
    clicks: int | None


@record
class Evidence:
    """All that the sources hold, rows as tuples in the order of their columns, and how much is unreadable."""

    customers: list[Row]
    products: list[Row]
    orders: list[Row]
    lines: list[Row]
    rates: list[Row]
    shipments: list[Row]
    hits: list[Hit]
    costs: list[Cost]
    broken_lines: int
    broken_costs: int


def read(folder: Path) -> Evidence:
    """Read a data folder of the demo."""
    hits, broken_lines = _hits(folder / "logs")
    costs, broken_costs = _costs(folder / "marketing")
    with (
        closing(sqlite3.connect(folder / "store.db")) as store,
        closing(sqlite3.connect(folder / "api.db")) as api,
    ):
        return Evidence(
            customers=_typed(store, "customers", (int, str, str, str, str, _time, _time)),
            products=_typed(store, "products", (int, str, str, int, int, int)),
            orders=_typed(store, "orders", (int, int, str, str, _time, _time)),
            lines=_typed(store, "order_lines", (int, int, int, int, int, _time)),
            rates=_typed(api, "rates", (date.fromisoformat, str, Decimal, _time)),
            shipments=_typed(api, "shipments", (str, int, str, str, date.fromisoformat, _time, _time, _time)),
            hits=hits,
            costs=costs,
            broken_lines=broken_lines,
            broken_costs=broken_costs,
        )


_time = datetime.fromisoformat


def _typed(con: sqlite3.Connection, table: str, types: tuple[Any, ...]) -> list[Row]:
    return [
        tuple(None if value is None else kind(value) for kind, value in zip(types, row, strict=True))
        for row in con.execute(f"select * from {table}")
    ]


def _hits(folder: Path) -> tuple[list[Hit], int]:
    hits, broken = [], 0
    for line in _lines(folder):
        try:
            match = _LINE.fullmatch(line.decode())
        except UnicodeDecodeError:
            match = None
        if match is None:
            broken += 1
            continue
        size = None if match["bytes"] == "-" else int(match["bytes"])
        at = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
        hits.append(Hit(at, match["host"], match["method"], match["path"], int(match["status"]), size, match["agent"]))
    return hits, broken


def _lines(folder: Path) -> Iterator[bytes]:
    for path in folder.glob("access.log*"):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield from text.split(b"\n")[:-1]


def _costs(folder: Path) -> tuple[list[Cost], int]:
    costs, broken = [], 0
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                try:
                    cost = Cost(
                        day=_date(row["Date"]),
                        channel=row["Channel"].strip().lower(),
                        campaign=row["Campaign"],
                        amount=_amount(row["Cost"]),
                        currency=row["Currency"].strip().upper(),
                        clicks=int(row["Clicks"]) if row["Clicks"] not in ("", "n/a") else None,
                    )
                except ValueError:
                    broken += 1
                    continue
                if cost.channel != "total":
                    costs.append(cost)
    return costs, broken


def _date(text: str) -> date | None:
    """Read a date in any of the ways in which it is written; raises `ValueError`."""
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    if text:
        raise ValueError(text)
    return None


def _amount(text: str) -> Decimal | None:
    """Read an amount; the last mark stands before the cents. Raises `ValueError`."""
    plain = text.strip("€$ ")
    if not plain:
        return None
    if not re.fullmatch(r"[\d.,]*\d", plain):
        raise ValueError(text)
    whole, cents = plain[:-3], plain[-2:]
    return Decimal(re.sub(r"[.,]", "", whole) + "." + cents)
