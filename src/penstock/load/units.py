"""Reads `tests/*.toml`: every heading is a unit test of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.load.section import Section, below, kind_of
from penstock.model.unit import UnitTest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.load.loading import Loading
    from penstock.load.toml import Document

Rows = tuple[dict[str, Any], ...]


def read(document: Document, loading: Loading) -> Iterator[UnitTest]:
    """Give the unit tests of a file."""
    for name, values in document.data.items():
        if not isinstance(values, dict):
            loading.mistakes.add(
                f"'{name}' is not a test",
                document.place(name),
                expected=f"a heading such as [{name}]",
                got=kind_of(values),
            )
            continue
        section = Section(
            f"test '{name}'", values,
            below(document.place, name), loading.mistakes,
        )  # fmt: skip
        table = section.text("table", required="sales.daily").lower().removeprefix("main.")
        loading.places["test", name] = section.where("table", value=True)
        given: dict[str, Rows] = {}
        for path, rows in _given(section.take("given"), ("given",), section):
            read = ".".join(path).lower().removeprefix("main.")
            given[read] = rows
            loading.places["test", name, read] = section.where("given", *path)
        expect = section.take("expect")
        if expect is None:
            section.lacks("expect", expected="expect = [{column = value}]")
        expected = _rows(expect, ("expect",), section)
        section.refuse_rest()
        yield UnitTest(name, table, given, expected, section.where())


def _given(value: Any, path: tuple[str, ...], section: Section) -> Iterator[tuple[tuple[str, ...], Rows]]:
    if value is None:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _given(inner, (*path, key), section)
    elif len(path) == 1:
        section.wrong("given", value=value, expected="rows by table, such as given.orders = [{id = 1}]")
    else:
        yield path[1:], _rows(value, path, section)


def _rows(value: Any, path: tuple[str, ...], section: Section) -> Rows:
    if value is None:
        return ()
    if not isinstance(value, list):
        section.wrong(*path, subject=f"'{'.'.join(path)}' of {section.subject}", value=value, expected="a list of rows")
        return ()
    for index, row in enumerate(value):
        if not isinstance(row, dict):
            section.wrong(
                *path, index, subject=f"a row of {section.subject} is not right", value=row,
                expected="a row such as {id = 1, name = 'a'}",
            )  # fmt: skip
    return tuple(row for row in value if isinstance(row, dict))
