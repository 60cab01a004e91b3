"""A graph with some of its groups folded up, each into one node, so that it can still be read when it is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base import graph

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def folded(
    parents: Mapping[str, Collection[str]], groups: Mapping[str, str], open_groups: Collection[str] = ()
) -> dict[str, str]:
    """Return for each node the node that it is drawn as: itself, or its group, as `group`, or `group (2)` and so on.

    A group stands for its members unless it is open, or has but one. One whose members are made from each other by way
    of other groups comes in several pieces, so that there is still no circle.

    >>> folded({"a.x": [], "a.y": [], "b.z": ["a.x"]}, {"a.x": "a", "a.y": "a", "b.z": "b"})
    {'a.x': 'a', 'a.y': 'a', 'b.z': 'b.z'}
    """
    count: dict[str, int] = {}
    for group in groups.values():
        count[group] = count.get(group, 0) + 1
    shut = {group for group, many in count.items() if group and many > 1 and group not in open_groups}
    first = {name: groups.get(name, "") if groups.get(name, "") in shut else name for name in parents}
    rounds = _rounds(parents, first)
    pieces: dict[str, list[int]] = {}
    for group, number in sorted({(first[name], rounds[name]) for name in parents}):
        pieces.setdefault(group, []).append(number)
    return {name: _piece(one, pieces[one].index(rounds[name])) if one in shut else name for name, one in first.items()}


def _piece(group: str, number: int) -> str:
    return f"{group} ({number + 1})" if number else group


def _rounds(parents: Mapping[str, Collection[str]], first: Mapping[str, str]) -> dict[str, int]:
    """Return how often a way to each node leaves one node of a circle of folded nodes for another."""
    above: dict[str, set[str]] = {node: set() for node in first.values()}
    for name, those in parents.items():
        above[first[name]] |= {first[one] for one in those if one in first and first[one] != first[name]}
    ring = {node: graph.reach([node], above) for node in above}
    found: dict[str, int] = {}
    for name in graph.order({n: [one for one in those if one in first] for n, those in parents.items()}):
        mine = first[name]
        found[name] = max(
            (
                found[one] + (first[one] != mine)
                for one in parents[name]
                if one in first and first[one] in ring[mine] and mine in ring[first[one]] | {first[one]}
            ),
            default=0,
        )
    return found
