"""The decorators by which Python files declare tables, sources and sinks, and the records that they leave.

A decorator changes nothing about its function: it notes a record on it, under `__penstock__`, and hands it to
the loading that is going on, if there is one.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from penstock.base.record import record
from penstock.model.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

F = TypeVar("F", bound="Callable[..., Any]")
Fresh: TypeAlias = "str | timedelta"
Checks: TypeAlias = "Sequence[str | Check]"
Names: TypeAlias = "str | Sequence[str]"

MARK = "__penstock__"


@record
class TableDecl:
    """A function that computes a table; `settings` are those that were given, named as in SQL headers."""

    function: Callable[..., Any]
    name: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)


@record
class SourceDecl:
    """A function that gives a raw table's rows; `settings` are named as in `sources/*.toml`."""

    function: Callable[..., Any]
    name: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@record
class SinkDecl:
    """A function that takes a table's changes; `settings` are named as in `sinks/*.toml`."""

    function: Callable[..., Any]
    name: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


Decl: TypeAlias = TableDecl | SourceDecl | SinkDecl

_collecting: ContextVar[list[Decl] | None] = ContextVar("penstock_collecting", default=None)


@contextmanager
def collecting() -> Iterator[list[Decl]]:
    """Collect the records that decorators leave while the body runs.

    >>> with collecting() as found:
    ...
    ...     @table(key="day")
    ...     def daily(orders): ...
    >>> found[0].settings
    {'key': 'day'}
    """
    found: list[Decl] = []
    token = _collecting.set(found)
    try:
        yield found
    finally:
        _collecting.reset(token)


def record_of(function: object) -> Decl | None:
    """Return the record that a decorator left on a function, or None."""
    found = getattr(function, MARK, None)
    return found if isinstance(found, TableDecl | SourceDecl | SinkDecl) else None


def _leave(record: Decl) -> None:
    setattr(record.function, MARK, record)
    found = _collecting.get()
    if found is not None:
        found.append(record)


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


@overload
def table(function: F, /) -> F: ...
@overload
def table(
    *,
    name: str = "",
    key: Names | None = None,
    fresh: Fresh | None = None,
    checks: Checks | None = None,
    inputs: Mapping[str, str] | None = None,
    rows: str | None = None,
    by: Names | None = None,
    description: str | None = None,
    owner: str | None = None,
    tags: Names | None = None,
) -> Callable[[F], F]: ...
def table(  # noqa: PLR0913
    function: F | None = None,
    /,
    *,
    name: str = "",
    key: Names | None = None,
    fresh: Fresh | None = None,
    checks: Checks | None = None,
    inputs: Mapping[str, str] | None = None,
    rows: str | None = None,
    by: Names | None = None,
    description: str | None = None,
    owner: str | None = None,
    tags: Names | None = None,
) -> F | Callable[[F], F]:
    """Declare that a function in `tables/` computes a table.

    Each parameter is a table that it reads: `customer_spend`, or `sales__daily` for `sales.daily`, or what
    `inputs` says of it. The annotation says in which form the rows come: `polars.DataFrame`,
    `pandas.DataFrame`, `duckdb.DuckDBPyRelation`, `Iterator[…]` for batches, otherwise an Arrow table. The
    function returns the whole table in any of these forms. Its name is the function's, in the schema of its
    folder, unless `name` is given.

    `rows` names the parameter of which each row counts by itself: then only its new and changed rows go in. `by` names
    the columns that group the rows: then only the groups that changed go in, many in one call. Either way the table is
    what the function would make of everything; it hands through the key of that input, or the columns of `by`.

    `key` names the columns that identify a row, `fresh` is a span of time such as `"1 hour"` or `"manual"`,
    `checks` are conditions that every row must meet. A wrong setting is reported when the project is loaded.

    >>> @table(key="customer_id", fresh="1 hour", checks=["spend >= 0"])
    ... def segments(customer_spend):
    ...     return customer_spend
    >>> segments("rows")
    'rows'
    >>> @table(by="customer_id")
    ... def last_orders(orders: "pl.DataFrame"):
    ...     return orders.sort("day").unique("customer_id", keep="last")
    """
    settings = _given(
        key=key, fresh=fresh, checks=checks, rows=rows, by=by, description=description, owner=owner, tags=tags
    )

    def declare(it: F) -> F:
        _leave(TableDecl(it, name, settings, dict(inputs or {})))
        return it

    return declare if function is None else declare(function)


@overload
def source(function: F, /) -> F: ...
@overload
def source(
    *,
    name: str = "",
    key: Names | None = None,
    cursor: str | None = None,
    fresh: Fresh | None = None,
    select: str | None = None,
    clean: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    checks: Checks | None = None,
    retries: int | None = None,
    description: str | None = None,
    owner: str | None = None,
    tags: Names | None = None,
) -> Callable[[F], F]: ...
def source(  # noqa: PLR0913
    function: F | None = None,
    /,
    *,
    name: str = "",
    key: Names | None = None,
    cursor: str | None = None,
    fresh: Fresh | None = None,
    select: str | None = None,
    clean: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    checks: Checks | None = None,
    retries: int | None = None,
    description: str | None = None,
    owner: str | None = None,
    tags: Names | None = None,
) -> F | Callable[[F], F]:
    """Declare that a function in `sources/` gives the rows of a raw table.

    It returns or yields dicts, lists of dicts, or tables (Arrow, Polars, pandas). A parameter named `after`
    receives the position after the last committed row, None the first time. The table is `raw.` and the
    function's name, unless `name` is given. The other settings mean what they mean in `sources/*.toml`; a
    wrong one is reported when the project is loaded.

    >>> @source(key="id", cursor="updated_at", fresh="5 minutes")
    ... def customers(after=None):
    ...     yield {"id": 1, "updated_at": "2024-01-01"}
    >>> list(customers())
    [{'id': 1, 'updated_at': '2024-01-01'}]
    """
    settings = _given(
        key=key, cursor=cursor, fresh=fresh, select=select, clean=clean and dict(clean),
        columns=columns and dict(columns), checks=checks, retries=retries, description=description,
        owner=owner, tags=tags,
    )  # fmt: skip

    def declare(it: F) -> F:
        _leave(SourceDecl(it, name, settings))
        return it

    return declare if function is None else declare(function)


def sink(
    *,
    table: str,
    name: str = "",
    mode: str | None = None,
    key: Names | None = None,
    description: str | None = None,
) -> Callable[[F], F]:
    """Declare that a function in `sinks/` takes the changes of a table.

    `mode` is `mirror` or `append`. The sink is named as the function, unless `name` is given.

    >>> @sink(table="sales.daily", mode="append")
    ... def post(rows): ...
    >>> record_of(post).settings
    {'table': 'sales.daily', 'mode': 'append'}
    """
    settings = _given(table=table, mode=mode, key=key, description=description)

    def declare(it: F) -> F:
        _leave(SinkDecl(it, name, settings))
        return it

    return declare


def check(condition: str, *, severity: str = "error", name: str = "") -> Check:
    """Make a check with a severity or a name of its own, for the `checks` of a decorator.

    `severity` is `error` (the table stays at its last good rows) or `warn`.

    >>> check("amount >= 0", severity="warn").label
    'amount >= 0'
    """
    return Check(condition, severity, name)
