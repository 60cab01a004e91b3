"""Lineage of columns: what a column is made of and what is made of it, through all tables between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from penstock.model.project import Project

SAME, VALUE = "same", "value"
# Ways in which a column becomes part of another's value; the others decide which rows there are.
DIRECT = (SAME, VALUE, "function", "unknown")


@record
class Made:
    """What the columns of one table are made of.

    `columns` says of each column which columns of inputs, (table, column), are used for it, and how; `rows` which
    decide about the table's rows. The ways are `same` (taken as it is), `value` (part of what is computed), `window`
    and `filter` (within what is computed), and of rows `filter`, `join`, `group`, `order`. `why` says what was not
    understood of a query: then every column of every input counts, as `unknown`, as for a Python function, as
    `function`.
    """

    columns: dict[str, dict[tuple[str, str], tuple[str, ...]]]
    rows: dict[tuple[str, str], tuple[str, ...]]
    why: str = ""


@record
class Use:
    """One step: a column of a table is used for a column of another, or, where that is empty, for which rows it has."""

    source: str
    source_column: str
    table: str
    column: str
    ways: tuple[str, ...]

    @property
    def direct(self) -> bool:
        """Whether it becomes part of the value."""
        return any(way in DIRECT for way in self.ways)


@record
class Traced:
    """Where a column comes from and where it goes; `notes` say where that is not known exactly.

    `upstream` are the steps that lead to it, the nearest first, `downstream` those that lead on. What only decides
    which rows there are is told of the table itself upstream, and is not followed further.
    """

    table: str
    column: str
    type: str
    upstream: tuple[Use, ...]
    downstream: tuple[Use, ...]
    notes: tuple[str, ...] = ()


def every(columns: Sequence[str], inputs: Mapping[str, Sequence[str]], way: str, why: str) -> Made:
    """Return what is known of a table of which nothing is: each of its columns may be made of each of its inputs'.

    >>> every(["a"], {"s": ["x"]}, "function", "").columns
    {'a': {('s', 'x'): ('function',)}}
    """
    uses = {(name, column): (way,) for name, those in inputs.items() for column in those}
    return Made({column.lower(): dict(uses) for column in columns}, {}, why)


def steps(table: str, made: Made, column: str) -> Iterator[Use]:
    """Give the steps that lead to one column of a table, or, of an empty name, to its rows."""
    for (source, name), ways in (made.columns.get(column.lower(), {}) if column else made.rows).items():
        yield Use(source, name, table, column, ways)


def trace(project: Project, table: str, column: str, kind: str, made: Callable[[str], Made]) -> Traced:
    """Trace a column up and down; `made` says of each table what its columns are made of."""
    up: list[Use] = []
    seen = {(table, column.lower())}
    notes: dict[str, None] = {}
    waiting = [(table, column)]
    for at in waiting:
        if at[0] in project.tables:
            notes.update(dict.fromkeys(_notes(at[0], made(at[0]))))
            for use in steps(at[0], made(at[0]), at[1]):
                up.append(use)
                below = (use.source, use.source_column.lower())
                if use.direct and below not in seen:
                    seen.add(below)
                    waiting.append((use.source, use.source_column))
    if table in project.tables:
        up += steps(table, made(table), "")
    down = list(_down(project, table, column, made, notes))
    return Traced(table, column, kind, tuple(up), tuple(down), tuple(notes))


def _down(
    project: Project, table: str, column: str, made: Callable[[str], Made], notes: dict[str, None]
) -> Iterator[Use]:
    touched = {(table, column.lower())}
    names = {table}
    for name in project.order:
        if name not in project.tables or not names & set(project.tables[name].parents):
            continue
        found = made(name)
        for target in (*found.columns, ""):
            for use in steps(name, found, target):
                if (use.source, use.source_column.lower()) not in touched or use.source == name:
                    continue
                yield use
                notes.update(dict.fromkeys(_notes(name, found)))
                if target and use.direct:
                    touched.add((name, target))
                    names.add(name)


def _notes(table: str, made: Made) -> Iterator[str]:
    if made.why:
        yield f"{table}: {made.why}"
