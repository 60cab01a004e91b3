"""Reads `sinks/*.toml`: every heading is a sink."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.load.section import Section, below, kind_of
from penstock.model.sink import SinkTable
from penstock.model.source import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.load.loading import Loading
    from penstock.load.toml import Document

_MODES = ("mirror", "append")


def read(document: Document, loading: Loading) -> Iterator[SinkTable]:
    """Give the sinks of a file."""
    for name, values in document.data.items():
        if not isinstance(values, dict):
            loading.mistakes.add(
                f"'{name}' is not a sink",
                document.place(name),
                expected=f"a heading such as [{name}]",
                got=kind_of(values),
            )
            continue
        section = Section(
            f"sink '{name}'", values,
            below(document.place, name), loading.mistakes,
        )  # fmt: skip
        sink = one(name, section, loading)
        if sink is not None:
            yield sink


def one(name: str, section: Section, loading: Loading) -> SinkTable | None:
    """Read one sink from its section; None where its connection cannot be written, which is noted."""
    connection = loading.connection(section, "to")
    sink = common(name, section, connection or Connection("", ""))
    loading.places["sink", name] = section.where("table", value=True)
    if connection is None:  # noted; its table is looked at all the same
        section.suspect_rest()
        return sink
    takes = loading.options(connection.kind, connection.where or section.where("to", value=True))
    if takes is None:
        return None
    if takes.sink is None:
        section.wrong(
            "to", subject=f"connection '{connection.name}' cannot be written", got=f"kind '{connection.kind}'"
        )
        return None
    options = section.options(takes.sink, f"a sink to '{connection.name}'")
    loading.ask(section, "write", *options)
    return replace(sink, options=options)


def common(name: str, section: Section, connection: Connection) -> SinkTable:
    """Read what every sink may say, whatever its connector."""
    return SinkTable(
        name,
        section.text("table", required="sales.daily").lower().removeprefix("main."),
        connection,
        write=section.text("write"),
        mode=section.choice("mode", _MODES),
        key=section.words("key"),
        description=section.text("description"),
        where=section.where(),
    )
