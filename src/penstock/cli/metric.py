"""The verb that measures: metric."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from penstock.base import text
from penstock.cli.call import Call, argument, verb, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.metrics import Measured, MetricAsk, MetricInfo
    from penstock.cli.style import Paint
    from penstock.model.measure import Filter

_SHOWN = 50
_WORDS = ("!=", "<=", ">=", "=", "<", ">")
_OPERATORS = {"=": "in", "!=": "not in"}


def _option(name: str, does: str, metavar: str = "", **more: Any) -> click.Option:
    return click.Option([*name.split(" ")], help=does, metavar=metavar or None, **more)


@verb(
    argument("names", "Metrics; without any, all are listed.", nargs=-1, metavar="[METRIC]..."),
    _option("--by", "A dimension; more than one with commas.", "DIMENSION", multiple=True),
    _option("--grain", "minute, hour, day, week, month, quarter or year.", "GRAIN", default=""),
    _option("--from start", "The first day, month or year, or a time.", "DAY", default=None),
    _option("--to end", "The last day, month or year, which counts, or a time.", "DAY", default=None),
    _option("--where", "Only some values: region=North,West; also != < <= > >=.", "DIMENSION=VALUE", multiple=True),
    _option("--compare", "Beside each value the one so long before: 1 week.", "SPAN", default=""),
    _option("--order", "The column to order by; -revenue for the largest first.", "COLUMN", default=""),
    _option("--timezone", "Where a day begins, such as Europe/Berlin.", "ZONE", default=""),
    _option("--limit", f"Rows at most, 0 for all; {_SHOWN} by default.", "N", type=click.IntRange(min=0), default=None),
    click.Option(["--sql", "as_sql"], is_flag=True, help="Show the select that it becomes; nothing is run."),
    examples=[
        ("penstock metric", "which metrics there are"),
        ("penstock metric revenue --by region --grain week", "measure one"),
        ('penstock metric revenue orders --from 2026-11 --compare "1 month"', "two, beside the month before"),
        ("penstock metric revenue --by region --order -revenue --sql", "the SQL that it becomes"),
    ],
)
def metric(call: Call, names: tuple[str, ...], limit: int | None, as_sql: bool, **said: Any) -> int:
    """Measure metrics, or list them.

    They are defined in metrics/*.toml. Each value is computed from the rows that it is of: a total is never the sum
    of what stands in other rows.
    """
    from penstock.app import metrics

    if not names:
        with call.open() as app:
            found = metrics.metrics(app)
        _list(call, found)
        return 0
    ask = _ask(names, limit, said, exact=as_sql)
    with call.open() as app:
        if as_sql:
            query = metrics.metric_sql(app, ask)
            call.answer({"sql": query}, lambda: [query])
            return 0
        measured = metrics.measure(app, ask)
        rows = measured.rows.fetch()
        measured.rows.close()
    _show(call, measured, rows, limit)
    return 0


def _ask(names: Sequence[str], limit: int | None, said: dict[str, Any], *, exact: bool) -> MetricAsk:
    """Read what is asked; rows are limited to one more than are shown, so that it can be said that there are more."""
    from penstock.app.metrics import MetricAsk

    shown = _SHOWN if limit is None else limit
    most = (limit or None) if exact else shown + 1 if shown else None
    return MetricAsk(
        tuple(part for name in names for part in name.split(",")),
        tuple(part.strip() for one in said["by"] for part in one.split(",")),
        said["grain"], said["start"], said["end"], tuple(_filter(one) for one in said["where"]), said["compare"],
        said["order"], most, said["timezone"],
    )  # fmt: skip


def _filter(said: str) -> Filter:
    from penstock.app.metrics import Filter
    from penstock.cli import report

    found = [(said.index(word), word) for word in _WORDS if word in said]
    if not found:
        raise report.UsageError(f"--where {said}: this is no condition", hint="such as --where region=North,West")
    at, word = min(found, key=lambda one: (one[0], -len(one[1])))
    values: tuple[Any, ...] = tuple(None if one == "null" else one for one in said[at + len(word) :].split(","))
    return Filter(said[:at].strip(), values, _OPERATORS.get(word, word))


def _list(call: Call, found: Sequence[MetricInfo]) -> None:
    from penstock.cli import exact

    call.answer({"metrics": exact.shape(found)}, lambda: _listed(found, call.paint))


def _listed(found: Sequence[MetricInfo], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    yield paint(text.plural(len(found), "metric") if found else "no metrics yet", "bold")
    if not found:
        yield '  declare one in metrics/NAME.toml: a table, and [metrics] with revenue = "sum(amount)"'
        return
    yield ""
    body = [[one.name, clean(one.sql), one.table, ", ".join(one.dimensions), clean(one.description)] for one in found]
    heads = [["metric", "is", "of", "by", "description"]]
    yield from grid(heads, body, [False] * 5, width=room(), indent="  ", paint=paint)


def _show(call: Call, measured: Measured, rows: list[tuple[Any, ...]], limit: int | None) -> None:
    from penstock.base.cells import cell, clean
    from penstock.cli.grid import grid, is_number, room

    most = _SHOWN if limit is None else limit
    more = bool(most) and len(rows) > most
    del rows[most or len(rows) :]
    if call.json:
        from penstock.cli import exact

        columns = exact.shape(measured.columns)
        shape = {"sql": measured.sql, "columns": columns, "rows": [exact.value(row) for row in rows], "more": more}
        call.answer(shape, list)
        return
    columns = measured.columns
    body = [
        [as_said(value, one.format) or cell(value) for value, one in zip(row, columns, strict=True)] for row in rows
    ]
    right = [is_number(one.type) for one in columns]
    write(grid([[clean(one.name) for one in columns]], body, right, width=room(), paint=call.paint))
    if not call.quiet:
        count = text.plural(len(rows), "row")
        print(f"the first {count}; --limit 0 shows all" if more else count, file=sys.stderr)


def as_said(value: Any, form: str) -> str:
    """Return a number in the format of its metric, as far as a terminal shows it; nothing where it has none.

    >>> as_said(0.1234, "percent"), as_said(1234.5, "eur"), as_said(1234, "integer"), as_said("a", "percent")
    ('12.3 %', '1,234.50 EUR', '1,234', '')
    """
    if value is None or isinstance(value, bool | str) or not hasattr(value, "__float__"):
        return ""
    if form == "percent":
        return f"{float(value) * 100:,.1f} %"
    if form == "integer":
        return f"{value:,.0f}"
    if len(form) == 3 and form.isalpha():  # noqa: PLR2004  # the code of a currency
        return f"{value:,.2f} {form.upper()}"
    return f"{value:,.2f}" if form == "decimal2" else ""
