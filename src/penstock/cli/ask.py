"""Verbs that look at rows: sql, show."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.call import Call, argument, emit, verb, write
from penstock.cli.style import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.app.requests import App
    from penstock.model.schema import Schema
    from penstock.protocols.engine import Rows

_SHOWN = 50
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$|^$')
# Rows that are turned into text at a time.
_PART = 10_000
_DIGITS = frozenset({"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger"})
_FORMATS = ("table", "csv", "json", "jsonl")


def _limit(default: int | None, does: str) -> click.Option:
    return click.Option(["--limit"], type=click.IntRange(min=0), default=default, metavar="N", help=does)


@verb(
    argument("text", "One select; - reads it from standard input.", metavar='"SELECT …"'),
    _limit(None, f"Rows at most, 0 for all; a table shows {_SHOWN} of itself by default, other formats all."),
    click.Option(
        ["--format", "form"], type=click.Choice(_FORMATS), default="table", help="json is the same as --json."
    ),
    examples=[
        ('penstock sql "select * from orders where amount > 100"', "ask"),
        ('penstock sql "select * from penstock.rejected"', "rows that could not be loaded"),
        ("penstock sql - --format csv < question.sql > answer.csv", "a file in, a file out"),
        ('penstock sql "select 1 as one" --json | jq .rows', "for a program"),
    ],
)
def sql(call: Call, text: str, limit: int | None, form: str) -> int:
    """Ask the warehouse one select."""
    from penstock.app import requests
    from penstock.cli import report

    query = sys.stdin.read() if text == "-" else text
    if not query.strip():
        raise report.UsageError("there is nothing to ask", hint='penstock sql "select …"')
    with call.open() as app:
        _show(call, requests.sql(app, query), limit, form)
    return 0


@verb(
    argument("table", "The table's name."),
    _limit(20, "Rows at most, 0 for all."),
    click.Option(["--at", "point"], metavar="POINT", help="As it was at a version, or at a time (UTC)."),
    click.Option(["--changes", "after"], metavar="POINT", help="What came and went since; 0 is the beginning."),
    click.Option(["--history", "lives"], is_flag=True, help="All its rows, with from when to when each was valid."),
    examples=[
        ("penstock show spend", "the first 20 rows"),
        ("penstock show sales.daily --limit 100", "more of them"),
        ("penstock show penstock.rejected", "rows that could not be loaded, and why"),
        ("penstock show spend --at 12", "as it was at version 12"),
        ('penstock show spend --changes "2026-11-25 10:00"', "what came and went since"),
    ],
)
def show(call: Call, table: str, limit: int, point: str | None, after: str | None, lives: bool) -> int:
    """Look at the first rows of a table, as it is or as it was."""
    from penstock.cli import report

    if sum((point is not None, after is not None, lives)) > 1:
        raise report.UsageError("--at, --changes and --history exclude each other")
    with call.open() as app:
        rows = _asked(app, table, limit + 1 if limit else sys.maxsize, point, after, lives)
        _show(call, rows, limit, "table")
    return 0


def _asked(app: App, table: str, most: int, point: str | None, after: str | None, lives: bool) -> Rows:
    from penstock.app import history, requests

    if point is not None:
        return history.at(app, table, _point(point), most)
    if after is not None:
        return history.changes(app, table, _point(after), limit=most)
    return history.history(app, table, most) if lives else requests.show(app, table, most)


def _point(said: str) -> int | str:
    return int(said) if said.isdigit() else said


def _show(call: Call, rows: Rows, limit: int | None, form: str) -> None:
    """Write rows in a form; of a table, at most so many as a person reads."""
    form = "json" if call.json else form
    if limit is None:
        limit = _SHOWN if form == "table" else 0
    schema = rows.schema
    found = rows.fetch(limit + 1 if limit else None)
    rows.close()
    more = bool(limit) and len(found) > limit
    del found[limit or len(found) :]
    if form == "json":
        _json(schema, found, more)
    elif form == "table":
        _table(call, schema, found, more)
    else:
        write((_csv if form == "csv" else _jsonl)(schema, found))


def _table(call: Call, schema: Schema, found: Sequence[Sequence[Any]], more: bool) -> None:
    from penstock.base.cells import cell, clean
    from penstock.base.text import plural
    from penstock.cli.grid import grid, is_number, room

    heads = [[clean(c.name) for c in schema], [clean(c.type) for c in schema]]
    body = [[cell(value) for value in row] for row in found]
    right = [is_number(c.type) for c in schema]
    write(grid(heads, body, right, width=room(), paint=call.paint))
    if not call.quiet:
        count = plural(len(found), "row")
        count = f"the first {count}; --limit 0 shows all" if more else count
        print(count, file=sys.stderr)


def _json(schema: Schema, found: Sequence[Sequence[Any]], more: bool) -> None:
    turn = _turn(schema)
    columns = [{"name": c.name, "type": c.type} for c in schema]
    emit({"columns": columns, "rows": [turn(row) for row in found], "more": more})


def _jsonl(schema: Schema, found: Sequence[Sequence[Any]]) -> Iterator[str]:
    from penstock.cli.exact import dumps

    turn, names = _turn(schema), schema.names
    for row in found:
        yield dumps(dict(zip(names, turn(row), strict=True)))


def _turn(schema: Schema) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what makes a row fit for JSON; columns that fit as they are cost nothing."""
    from penstock.cli.exact import PLAIN, value

    odd = [at for at, column in enumerate(schema) if column.type not in PLAIN]

    def turn(row: Sequence[Any]) -> list[Any]:
        made = list(row)
        for at in odd:
            made[at] = value(made[at])
        return made

    return turn


def _csv(schema: Schema, found: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Write comma-separated values: null is nothing, an empty text `""`, all else as exact as in JSON."""
    from penstock.base.cells import clean

    keep = clean if is_terminal(sys.stdout) else str
    yield ",".join(_quoted(keep(name)) for name in schema.names)
    for start in range(0, len(found), _PART):
        columns = zip(*found[start : start + _PART], strict=True)
        fields = [_fields(column, c.type, keep) for column, c in zip(columns, schema, strict=True)]
        yield from map(",".join, zip(*fields, strict=True))


def _fields(column: Sequence[Any], kind: str, keep: Callable[[str], str]) -> list[str]:
    """Return a column's values as they stand in CSV."""
    from penstock.cli.exact import dumps, value

    if kind in _DIGITS:
        return ["" if given is None else str(given) for given in column]
    if kind != "varchar":
        exact = (given if given is None else value(given) for given in column)
        column = [made if made is None or isinstance(made, str) else dumps(made) for made in exact]
    return ["" if given is None else _quoted(keep(given)) for given in column]


def _quoted(said: str) -> str:
    return '"' + said.replace('"', '""') + '"' if _QUOTED.search(said) else said
