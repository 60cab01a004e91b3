"""Pages as they are shown: a dashboard asked with its parameters, its blocks, and what each tile holds."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from penstock.base.record import record
from penstock.model.dashboard import Mistake


@record
class PageInfo:
    """What a list of dashboards says of one.

    `tiles` and `mistakes` are counts; `state` is the worst of its tables (`ok`, `late`, `failed`, `missing`) or
    `mistakes`; ages are in seconds.
    """

    name: str
    title: str
    file: str
    owner: str = ""
    description: str = ""
    pinned: bool = False
    tiles: int = 0
    mistakes: int = 0
    state: str = "ok"
    age_seconds: float | None = None
    fresh_seconds: float | None = None
    tables: tuple[str, ...] = ()


@record
class Choice:
    """A value that can be chosen, and how many rows have it."""

    value: str
    label: str
    count: int | None = None


@record
class Control:
    """A filter as it is shown: what can be chosen, what is, and that in words."""

    name: str
    label: str
    kind: str
    dimension: str | None
    values: tuple[Choice, ...]
    value: str
    default: str
    text: str


@record
class Tile:
    """A chart's place in the page; its data is asked for by its id."""

    id: str
    kind: str
    title: str
    subtitle: str
    span: int | None
    options: dict[str, Any]
    link: str | None
    line: int
    metric: str | None
    query: str | None


@record
class Tab:
    """A tab: its label and its blocks."""

    label: str
    blocks: tuple[Block, ...]


@record
class Block:
    """A piece of the page: `html`, a `row` of tiles, `tabs`, or a `mistake` in its place."""

    kind: str
    html: str = ""
    tiles: tuple[Tile, ...] = ()
    tabs: tuple[Tab, ...] = ()
    mistake: Mistake | None = None


@record
class Page:
    """A dashboard as it is shown: what its list says, its filters, its blocks, and all that is wrong in it."""

    info: PageInfo
    filters: tuple[Control, ...]
    blocks: tuple[Block, ...]
    problems: tuple[Mistake, ...]


@record
class TileColumn:
    """A column of a tile: `role` is `x`, `y`, `series`, `label`, `value`, `compared`, `size`, `bar`, `spark` …"""

    name: str
    label: str
    type: str
    role: str
    format: str


@record
class Kpi:
    """A number, what it is compared with, the difference, which way is good; `spark` has pairs of time and value."""

    value: Any
    compared: Any = None
    delta: Any = None
    ratio: float | None = None
    good: str = "none"
    spark: tuple[tuple[Any, Any], ...] | None = None
    format: str = "number"


@record
class TileMetric:
    """A metric that a tile shows: its definition as it was written, and the file and line of it."""

    name: str
    label: str
    sql: str
    where: str


@record
class TileData:
    """What a tile shows, as JSON can carry it, and where it comes from.

    `state` is `ok`, `empty`, `failed`, `slow`, `late`, `building` or `missing`; a late tile has its rows all the same.
    `total_rows` is what there is, of which `rows` may be the first or, where `sampled`, those that a picture needs.
    `runs` are the ids of the runs that last brought its tables up to date, by table.
    """

    id: str
    kind: str
    state: str = "ok"
    message: str | None = None
    error: dict[str, Any] | None = None
    title: str = ""
    subtitle: str = ""
    columns: tuple[TileColumn, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    total_rows: int = 0
    sampled: bool = False
    sql: str = ""
    definition: str = ""
    tables: tuple[str, ...] = ()
    as_of: datetime | None = None
    version: int = 0
    age_seconds: float | None = None
    fresh_seconds: float | None = None
    used_by: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    kpi: Kpi | None = None
    metrics: tuple[TileMetric, ...] = ()
    runs: dict[str, str] = field(default_factory=dict)
