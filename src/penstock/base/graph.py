"""Directed graphs as mappings from a node to what it depends on."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def order(parents: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the nodes so that each comes after its parents; ties in the order of names.

    Raises `graphlib.CycleError`; `circle` gives the path.

    >>> order({"b": ["a"], "c": ["b"], "a": []})
    ('a', 'b', 'c')
    """
    sorter = TopologicalSorter({node: sorted(above) for node, above in sorted(parents.items())})
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return tuple(found)


def circle(parents: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the path of one circle, its first node repeated at the end, or nothing.

    >>> circle({"a": ["b"], "b": ["a"]})
    ('a', 'b', 'a')
    """
    try:
        order(parents)
    except CycleError as error:
        path = tuple(reversed(error.args[1]))
        start = path.index(min(path))
        ring = path[:-1][start:] + path[:-1][:start] if start < len(path) - 1 else path[:-1]
        return (*ring, ring[0])
    return ()


def reach(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return all nodes that can be reached from `start`, itself not included unless on a path back."""
    found: set[str] = set()
    waiting = [n for s in start for n in edges.get(s, ())]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += edges.get(node, ())
    return frozenset(found)


def turned(parents: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return the graph with every edge turned round: from a node to what depends on it."""
    children: dict[str, set[str]] = {node: set() for node in parents}
    for node, above in parents.items():
        for parent in above:
            children.setdefault(parent, set()).add(node)
    return children
