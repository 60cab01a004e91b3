"""The values that pages of the web app are made of; the HTTP reference is derived from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from penstock.base.record import record


@record
class GridColumn:
    """A column of a grid and its type, in Penstock's words."""

    name: str
    type: str


@record
class Grid:
    """Rows as JSON carries them; `total` is how many there are where that is known, `truncated` that some are left out.

    Integers beyond 2**53 and decimals are texts, as are `NaN` and the infinities; bytes are base64.
    """

    columns: tuple[GridColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int | None = None
    truncated: bool = False


@record
class TableRow:
    """How a table stands; ages and what is promised are in seconds, `used` is the age as a part of what is promised.

    `age_seconds` counts from when its run began that last looked for changes, `changed_at` is when its rows last
    changed; `added` and `removed` are what its last step brought and took.
    """

    name: str
    kind: str
    state: str
    rows: int
    version: int
    changed_at: datetime | None
    checked_at: datetime | None
    age_seconds: float | None
    fresh_seconds: float | None
    used: float | None
    kept_by: str | None
    rejects: int
    added: int
    removed: int
    warnings: tuple[str, ...]
    error: str | None
    owner: str
    tags: tuple[str, ...]
    description: str


@record
class TableColumn:
    """A column of a table; `nullable` is false for the columns of its key."""

    name: str
    type: str
    nullable: bool
    description: str


@record
class Definition:
    """What a user wrote: its text, where it stands, and the language of it."""

    text: str
    file: str
    line: int
    language: str


@record
class CheckState:
    """How a check ended when it last ran, with some of the rows that failed it; `state` is `new` before."""

    table: str
    label: str
    sql: str
    severity: str
    state: str
    failed: int
    sample: Grid | None
    run: str | None
    at: datetime | None


@record
class Uses:
    """Who reads a table, directly or not."""

    tables: tuple[str, ...]
    sinks: tuple[str, ...]
    metrics: tuple[str, ...]
    dashboards: tuple[str, ...]


@record
class SchemaChange:
    """A column that came, went, or changed its type."""

    version: int
    at: datetime | None
    change: str


@record
class RunRow:
    """A run in a list; `tables` is how many it touched, `added` and `removed` count rows of tables, not of sinks."""

    id: str
    started: datetime
    ended: datetime | None
    seconds: float | None
    state: str
    command: str
    version: int | None
    tables: int
    failed: tuple[str, ...]
    rows_in: int
    added: int
    removed: int
    rejected: int


@record
class TablePage(TableRow):
    """All that is said of one table: how it stands, and what it is; `fault` is why it failed, with its place."""

    columns: tuple[TableColumn, ...]
    definition: Definition
    checks: tuple[CheckState, ...]
    reads: tuple[str, ...]
    read_by: tuple[str, ...]
    used_by: Uses
    schema_changes: tuple[SchemaChange, ...]
    runs: tuple[RunRow, ...]
    fault: dict[str, Any] | None


@record
class StepRow:
    """A step of a run; `started` is how many seconds after the run it began, where that was noted."""

    table: str
    stage: str
    state: str
    strategy: str
    reason: str
    added: int
    removed: int
    rejected: int
    rows_in: int
    bytes_in: int
    seconds: float
    started: float | None
    error: dict[str, Any] | None


@record
class LogLine:
    """Something that happened in a run; `level` is `info`, `warning` or `error`."""

    at: datetime
    level: str
    text: str


@record
class RunPage:
    """All that is said of one run."""

    run: RunRow
    steps: tuple[StepRow, ...]
    checks: tuple[CheckState, ...]
    logs: tuple[LogLine, ...]


@record
class TableVersion:
    """A version in which a table's rows changed, and how many it had then."""

    version: int
    at: datetime
    run: str
    added: int
    removed: int
    rows: int


@record
class Link:
    """Where to go on: a label and a path of the web app."""

    label: str
    to: str


@record
class Trouble:
    """Something that fails or is late, in words, and where to go on."""

    kind: str
    level: str
    table: str | None
    title: str
    detail: str | None = None
    where: str | None = None
    expected: str | None = None
    got: str | None = None
    excerpt: str | None = None
    hint: str | None = None
    links: tuple[Link, ...] = ()


@record
class Activity:
    """What happened within the last hour."""

    runs_hour: int
    failed_hour: int
    rows_hour: int


@record
class Found:
    """Something that a search found, and the path that shows it."""

    kind: str
    name: str
    detail: str
    to: str


@record
class WordTable:
    """A table with its columns, for completion."""

    name: str
    columns: tuple[GridColumn, ...]


@record
class WordFunction:
    """A function of SQL, for completion."""

    name: str
    signature: str
    description: str


@record
class WordMetric:
    """A metric, for completion."""

    name: str
    label: str
    dimensions: tuple[str, ...]


@record
class Words:
    """What an editor of SQL can complete."""

    tables: tuple[WordTable, ...]
    functions: tuple[WordFunction, ...]
    metrics: tuple[WordMetric, ...]
    keywords: tuple[str, ...]
