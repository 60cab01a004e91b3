"""Reads `sources/*.toml`: every heading is a raw table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import Place, PlanError
from penstock.load.section import Section, below, kind_of
from penstock.model import cleaning, names
from penstock.model.source import Connection, RawTable
from penstock.plan import sql
from penstock.plan.canonical import canonical, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.load.loading import Loading
    from penstock.load.toml import Document

BATCH = "batch"


def read(document: Document, loading: Loading) -> Iterator[RawTable]:
    """Give the raw tables of a file."""
    for schema, tables in document.data.items():
        if not isinstance(tables, dict) or not _holds_tables(tables):
            example = schema if isinstance(tables, dict) else "orders"
            loading.mistakes.add(
                f"'{schema}' is not a raw table",
                document.place(schema),
                expected=f"a heading with a schema, such as [raw.{example}]",
                got=f"[{schema}]" if isinstance(tables, dict) else kind_of(tables),
            )
            continue
        for bare, values in tables.items():
            name = names.full(schema, bare)
            section = Section(
                f"raw table '{name}'", values,
                below(document.place, schema, bare),
                loading.mistakes,
            )  # fmt: skip
            table = one(name, section, loading)
            if table is None:
                loading.broken.add(("table", name))
            else:
                yield table


def _holds_tables(tables: dict[str, Any]) -> bool:
    return bool(tables) and all(isinstance(value, dict) for value in tables.values())


def one(name: str, section: Section, loading: Loading) -> RawTable | None:
    """Read one raw table from its section; None where its connection or name is wrong, which is noted."""
    connection = loading.connection(section, "from")
    fits = loading.check_name(name, section.where())
    table = common(name, section, loading, connection or Connection("", ""))
    if connection is None or not fits:
        section.suspect_rest()
        return None
    takes = loading.options(connection.kind, connection.where or section.where("from", value=True))
    if takes is None:
        return None
    if takes.source is None:
        section.wrong("from", subject=f"connection '{connection.name}' cannot be read", got=f"kind '{connection.kind}'")
        return None
    options = section.options(takes.source, f"a raw table from '{connection.name}'")
    loading.ask(section, "read", *options)
    return stamped(replace(table, options=options))


def common(name: str, section: Section, loading: Loading, connection: Connection) -> RawTable:
    """Read what every raw table may say, whatever its connector."""
    defaults = loading.defaults
    key, cursor = section.words("key"), section.text("cursor")
    columns = section.columns("columns")
    loading.check_columns(section, "key", key)
    loading.check_columns(section, "columns", columns.names if columns else ())
    text, line = select(section, loading)
    return RawTable(
        name,
        connection,
        read=section.text("read"),
        key=key,
        cursor=cursor,
        fresh=section.fresh("fresh", defaults.fresh),
        select=text,
        clean=clean(section),
        columns=columns,
        checks=section.checks("checks", defaults.checks),
        retries=section.count("retries", defaults.retries),
        description=section.text("description"),
        owner=section.text("owner", defaults.owner),
        tags=section.words("tags") or defaults.tags,
        where=section.where(),
        line=line,
        places={name: section.where(name, value=True) for name in section.values},
    )


def clean(section: Section) -> dict[str, str]:
    """Return the cleaning functions of columns; a word that is none is noted, where no variable may yet make it one."""
    found = section.texts("clean")
    for column, words in found.items():
        try:
            cleaning.result_type(words)
        except ValueError as error:
            if "${" not in words:
                subject, _, near = str(error).partition(": did you mean ")
                hint = f"did you mean {near}" if near else "docs/reference/cleaning.md names the functions"
                said = f"'clean' of column '{column}' of {section.subject}: {subject}"
                section.wrong("clean", column, subject=said, value=words, hint=hint)
    return found


def select(section: Section, loading: Loading) -> tuple[str, int]:
    """Return the checked select before the load and the line in which it begins; empty where there is none.

    What is wrong is noted, and empty returned.
    """
    text = section.text("select")
    place = section.where("select", value=True)
    if not text:
        if "select" in section.values and isinstance(section.values["select"], str):
            section.wrong("select", expected=f"a select from {BATCH}", got="nothing")
        return "", 1
    start = section.where("select", content=True)
    inside = start != place  # otherwise the text is not where its place is: in the arguments of a decorator
    try:
        found, line = sql.check_select(text, start.file, start.line)
        for reference in sql.references(found, start.file, line):
            if reference.name != BATCH:
                at = Place(start.file, reference.line, reference.column)
                loading.mistakes.add(
                    f"the select before the load cannot read '{reference.name}'",
                    _moved(at, start) if inside else place,
                    expected=f"{BATCH}, the rows that the source gives",
                    hint="combine tables in tables/*.sql",
                )
    except PlanError as error:
        at = _moved(error.where, start) if inside and isinstance(error.where, Place) else place
        loading.mistakes.add(error.subject, at, expected=error.expected, got=error.got, hint=error.hint)
        return "", 1
    return found, line


def _moved(at: Place, start: Place) -> Place:
    """Return a place in a text that begins at `start`: only its first line begins further right."""
    return Place(at.file, at.line, at.column + start.column - 1) if at.line == start.line and at.column else at


def stamped(table: RawTable, code: str = "") -> RawTable:
    """Return a raw table with its fingerprint: of what determines its rows, no address and no secret."""
    settings = {
        "options": table.options, "key": table.key, "cursor": table.cursor, "clean": table.clean,
        "columns": table.columns.types if table.columns else None,
    }  # fmt: skip
    text = json.dumps(settings, sort_keys=True, default=str)
    made_of = ("raw", table.connection.kind, table.read, text, canonical(table.select), code)
    return replace(table, fingerprint=fingerprint(*made_of))
