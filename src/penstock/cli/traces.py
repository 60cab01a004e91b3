"""How the lineage of columns is shown: a tree of what a column is made of, and one of what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.cells import clean
from penstock.base.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from penstock.app.columns import Traced, Use
    from penstock.cli.style import Paint

Edges = dict[str, list[tuple[str, tuple[str, ...]]]]


def one(found: Traced, paint: Paint) -> Iterator[str]:
    """Show the lineage of one column."""
    name = f"{found.table}.{found.column}"
    values = [use for use in found.upstream if use.column]
    made = len({(use.source, use.source_column) for use in values if use.direct})
    makes = len({(use.table, use.column) for use in found.downstream if use.column})
    says = f"is made of {plural(made, 'column')}" if made else "is made of no other"
    then = f"goes into {makes:,}" if makes else "goes into none"
    yield paint(clean(f"{name} ({found.type}) {says} and {then}"), "bold")
    up: Edges = {}
    for use in values:
        up.setdefault(f"{use.table}.{use.column}", []).append((_source(use), use.ways))
    down: Edges = {}
    for use in found.downstream:
        if use.column:
            down.setdefault(_source(use), []).append((f"{use.table}.{use.column}", use.ways))
    for title, edges in (("made of", up), ("goes into", down)):
        if edges.get(name):
            yield ""
            yield paint(title, "dim")
            yield from _tree(name, edges, "", {name})
    yield from _rows(f"which rows {found.table} has depends on", (
        (_source(use), use.ways) for use in found.upstream if not use.column), paint)  # fmt: skip
    yield from _rows("decides which rows there are in", (
        (use.table, use.ways) for use in found.downstream if not use.column), paint)  # fmt: skip
    yield from _notes(found.notes, paint)


def all(found: Sequence[Traced], paint: Paint) -> Iterator[str]:  # noqa: A001
    """Show of each column of a table what it is made of, one step up."""
    yield paint(f"{found[0].table}: {plural(len(found), 'column')}" if found else "no columns", "bold")
    yield ""
    wide = max((len(clean(each.column)) for each in found), default=0)
    for each in found:
        own = [u for u in each.upstream if (u.table, u.column) == (each.table, each.column)]
        sources = [f"{_source(u)} ({', '.join(u.ways)})" for u in own]
        first, *rest = sources or ["no other"]
        yield f"  {clean(each.column):<{wide}}  {clean(first)}"
        for more in rest:
            yield f"  {'':<{wide}}  {clean(more)}"
    if found:
        rows = ((_source(use), use.ways) for use in found[0].upstream if not use.column)
        yield from _rows("which rows it has depends on", rows, paint)
        yield from _notes(tuple(dict.fromkeys(note for each in found for note in each.notes)), paint)


def _source(use: Use) -> str:
    return f"{use.source}.{use.source_column}"


def _tree(name: str, edges: Edges, indent: str, seen: set[str]) -> Iterator[str]:
    under = sorted(edges.get(name, ()))
    for at, (child, ways) in enumerate(under):
        last = at == len(under) - 1
        again = child in seen and bool(edges.get(child))
        seen.add(child)
        yield f"{indent}{'└─' if last else '├─'} {clean(child)} ({', '.join(ways)}{', as above' if again else ''})"
        if not again:
            yield from _tree(child, edges, indent + ("   " if last else "│  "), seen)


def _rows(title: str, found: Iterable[tuple[str, tuple[str, ...]]], paint: Paint) -> Iterator[str]:
    lines = sorted({f"  {clean(name)} ({', '.join(ways)})" for name, ways in found})
    if lines:
        yield ""
        yield paint(title, "dim")
        yield from lines


def _notes(notes: Sequence[str], paint: Paint) -> Iterator[str]:
    if notes:
        yield ""
        yield from (paint(clean(note), "dim") for note in notes)
