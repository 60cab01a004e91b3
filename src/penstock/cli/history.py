"""Verbs about the past: rollback, vacuum."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from penstock.base import text
from penstock.cli.call import Call, argument, verb

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Span(click.ParamType[timedelta]):
    """A span of time as people write it."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        from penstock.base import duration

        try:
            return duration.parse(value)
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)


@verb(
    argument("table", "The table's name."),
    examples=[
        ("penstock rollback spend", "show what spend showed before its definition changed"),
        ("penstock run --full spend", "build it by its present definition after all"),
    ],
)
def rollback(call: Call, table: str) -> int:
    """Go back to what a table was before its definition changed, at once.

    Nothing is computed: what the table showed then is still there. It stays so until its definition changes
    again. What reads it is brought up to date by the next run.
    """
    from penstock.app import history
    from penstock.cli import exact

    with call.open() as app:
        found = history.rollback(app, table, command=call.command)

    def lines() -> Iterator[str]:
        rows = f"{text.plural(found.rows, 'row')} instead of {found.rows_before:,}"
        yield call.paint(f"{found.table} is as it was at version {found.shown:,} again: {rows}", "bold")
        yield f"  change its definition, or build it again as it is: penstock run --full {found.table}"
        if found.downstream:
            below = ", ".join(found.downstream)
            yield f"  what reads it follows with the next run: {below}"

    call.answer({"rollback": exact.shape(found)}, lines)
    return 0


@verb(
    click.Option(["--keep"], type=_Span(), help="How far back tables stay readable; by default as penstock.toml says."),
    examples=[
        ("penstock vacuum", "remove what is older than `history` in penstock.toml"),
        ('penstock vacuum --keep "12 hours"', "keep less, this time"),
    ],
)
def vacuum(call: Call, keep: timedelta | None) -> int:
    """Remove rows and relations that went long ago.

    Runs do this by themselves. What a table or a sink has yet to catch up with stays.
    """
    from penstock.app import history
    from penstock.cli import exact

    with call.open() as app:
        found = history.vacuum(app, keep)

    def lines() -> Iterator[str]:
        parts = (
            (found.rows, "row that had gone", "rows that had gone"),
            (found.relations, "relation of an earlier definition", "relations of earlier definitions"),
            (found.commits, "commit", "commits"),
            (found.rejects, "closed reject", "closed rejects"),
        )
        said = [text.plural(many, *forms) for many, *forms in parts if many]
        yield call.paint(f"removed {', '.join(said)}" if said else "there was nothing to remove", "bold")
        since = f"every table can be read from version {found.version:,} on" if found.version else "all is kept"
        yield f"  {since}; the file has {text.size(found.bytes_after)}, it had {text.size(found.bytes_before)}"

    call.answer({"vacuum": exact.shape(found)}, lines)
    return 0
