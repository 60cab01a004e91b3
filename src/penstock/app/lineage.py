"""The drawing of what is made from what: tables and sinks with how they stand, placed on paper, large ones folded."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from penstock.app import requests
from penstock.app.columns import traced
from penstock.base import graph
from penstock.base.record import record
from penstock.plan import lineage as lines
from penstock.plan.folding import folded
from penstock.plan.layout import Box, layout

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from penstock.app.opened import App
    from penstock.plan.layout import Layout

MOST = 60
_SINK = "sink:"
_LETTER = 7.2
_SIDES = 24.0
_WIDEST, _NARROWEST = 260.0, 88.0
_HEIGHT = 34.0
_ROW = 20.0


@record
class DrawnColumn:
    """A column in a node, and the height on paper at which its lines begin and end."""

    name: str
    y: float


@record
class DrawnNode:
    """A table or sink on paper: its kind (`raw`, `sql`, `python`, `sink`), its state as `status` says it, its place."""

    id: str
    label: str
    kind: str
    state: str | None
    x: float
    y: float
    width: float
    height: float
    group: str | None = None
    columns: tuple[DrawnColumn, ...] = ()


@record
class DrawnEdge:
    """A line on paper, from left to right; its ends are nodes, or groups that are folded up.

    In the drawing of a column `source_column` and `column` are those that it joins, and `ways` how the one is used.
    """

    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    source_column: str = ""
    column: str = ""
    ways: tuple[str, ...] = ()


@record
class DrawnGroup:
    """Tables of one schema or folder: folded into a box (`collapsed`), or as the frame around its nodes.

    `state` is the worst of its tables.
    """

    id: str
    label: str
    count: int
    collapsed: bool
    state: str | None
    x: float
    y: float
    width: float
    height: float


@record
class Drawing:
    """What is made from what, on paper of a width and height in pixels."""

    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    groups: tuple[DrawnGroup, ...]
    width: float
    height: float


def drawing(
    app: App,
    table: str = "",
    depth: int = 2,
    column: str = "",
    expand: Collection[str] = (),
    select: Sequence[str] = (),
) -> Drawing:
    """Draw what is up to so many steps from a table, or, without one, all that is selected.

    Of more than 60 tables, those of a schema or folder are folded into one box, unless the group is in `expand` (`*`
    for all). With a column of the table it is what this is made of and what is made of it, all the way, column by
    column. Raises `ConfigError`, with the nearest name, for an unknown table or column.
    """
    if table and column:
        return _of_column(app, _named(app, table), column)
    parents = lines.parents(app.project)
    among = _near(app, table, depth, parents) if table else _chosen(app, parents, select)
    kept = {name: tuple(one for one in parents[name] if one in among) for name in sorted(among)}
    groups = {name: _group(app, name) for name in kept}
    shown = {name: name for name in kept}
    if len(kept) > MOST and "*" not in expand:
        opened = {*expand, groups.get(_named(app, table), "")}
        shown = folded(kept, groups, {one for group in opened for one in (group, group.rpartition(" (")[0])})
    return _drawn(app, kept, groups, shown)


def shape(found: Drawing) -> dict[str, Any]:
    """Return a drawing as JSON can carry it; the ends of a line are called `from` and `to`."""

    def fields(one: Any, *but: str) -> dict[str, Any]:
        return {field.name: getattr(one, field.name) for field in dataclasses.fields(one) if field.name not in but}

    return {
        "nodes": [{**fields(one), "columns": list(map(fields, one.columns))} for one in found.nodes],
        "edges": [_edge(one) for one in found.edges],
        "groups": [fields(one) for one in found.groups],
        "width": found.width,
        "height": found.height,
    }


def _edge(one: DrawnEdge) -> dict[str, Any]:
    said: dict[str, Any] = {"from": one.source, "to": one.target, "points": list(map(list, one.points))}
    if one.column:
        said.update(source_column=one.source_column, column=one.column, ways=list(one.ways))
    return said


def _named(app: App, table: str) -> str:
    return lines.lineage(app.project, table).table if table else ""


def _near(app: App, table: str, depth: int, parents: Mapping[str, Iterable[str]]) -> set[str]:
    name = _named(app, table)
    found = {name}
    for edges in (parents, graph.turned(parents)):
        front = {name}
        for _ in range(min(max(depth, 0), len(parents))):
            front = {one for node in front for one in edges.get(node, ())} - found
            found |= front
            if not front:
                break
    return found


def _chosen(app: App, parents: Mapping[str, Iterable[str]], select: Sequence[str]) -> set[str]:
    if not select:
        return set(parents)
    from penstock.plan.select import select as choose

    tables = choose(app.project, select)
    return {*tables, *(_SINK + s.name for s in app.project.sinks.values() if s.table in tables)}


def _group(app: App, name: str) -> str:
    """Return the schema of a table, or else the folder of its file; of a sink those of its table."""
    if name.startswith(_SINK):
        name = app.project.sinks[name.removeprefix(_SINK)].table
    schema = name.rpartition(".")[0]
    where = app.project.find(name).where
    return schema or (where.file.rpartition("/")[0] if where else "")


def _drawn(app: App, kept: Mapping[str, Sequence[str]], groups: Mapping[str, str], shown: Mapping[str, str]) -> Drawing:
    states = {one.name: one.state for one in requests.status(app)}
    members: dict[str, list[str]] = {}
    for name, node in shown.items():
        members.setdefault(node, []).append(name)
    folds = {node for node in members if node not in kept}
    spread = {groups[name] for name in kept if shown[name] == name and groups[name]} if folds else set()
    boxes = []
    for node, those in members.items():
        label = f"{node}  {len(those)} tables" if node in folds else node.removeprefix(_SINK)
        band = groups[node] if node in kept and groups[node] in spread and _many(node, groups, shown) else ""
        boxes.append(Box(node, _width(label), _HEIGHT, band))
    edges = {(shown[one], shown[name]) for name, those in kept.items() for one in those if shown[one] != shown[name]}
    found = layout(boxes, edges)
    nodes = []
    for name in kept:
        if shown[name] == name:
            at = found.boxes[name]
            nodes.append(
                DrawnNode(
                    name, name.removeprefix(_SINK), lines.kind(app.project, name), states.get(name),
                    at.x, at.y, at.width, at.height, groups[name] or None,
                )
            )  # fmt: skip
    return Drawing(
        tuple(nodes),
        tuple(DrawnEdge(a, b, points) for (a, b), points in found.lines.items()),
        (*_folds(found, members, folds, states), *_frames(found, groups, shown, states)),
        found.width,
        found.height,
    )


def _of_column(app: App, table: str, column: str) -> Drawing:
    found = traced(app, table, column)
    uses = list(dict.fromkeys(use for use in (*found.upstream, *found.downstream) if use.column))
    held: dict[str, dict[str, None]] = {table: {found.column: None}}
    for use in uses:
        held.setdefault(use.source, {})[use.source_column] = None
        held.setdefault(use.table, {})[use.column] = None
    boxes = [
        Box(name, _width(max((name, *those), key=len)), _HEIGHT + _ROW * len(those)) for name, those in held.items()
    ]
    placed = layout(boxes, {(use.source, use.table) for use in uses})
    states = {one.name: one.state for one in requests.status(app)}
    heights = {
        (name, one): round(placed.boxes[name].y + _HEIGHT + _ROW * (row + 0.5), 1)
        for name, those in held.items()
        for row, one in enumerate(those)
    }
    nodes = []
    for name in sorted(held):
        at, listed = placed.boxes[name], tuple(DrawnColumn(one, heights[name, one]) for one in held[name])
        nodes.append(
            DrawnNode(
                name, name, lines.kind(app.project, name), states.get(name),
                at.x, at.y, at.width, at.height, _group(app, name) or None, listed,
            )
        )  # fmt: skip
    edges = []
    for use in uses:
        (left, _), *between, (right, _) = placed.lines[use.source, use.table]
        points = ((left, heights[use.source, use.source_column]), *between, (right, heights[use.table, use.column]))
        edges.append(DrawnEdge(use.source, use.table, points, use.source_column, use.column, use.ways))
    return Drawing(tuple(nodes), tuple(edges), (), placed.width, placed.height)


def _many(name: str, groups: Mapping[str, str], shown: Mapping[str, str]) -> bool:
    return sum(groups[one] == groups[name] and shown[one] == one for one in shown) > 1


def _folds(
    found: Layout, members: Mapping[str, Sequence[str]], folds: Collection[str], states: Mapping[str, str]
) -> Iterable[DrawnGroup]:
    for node in sorted(folds):
        at = found.boxes[node]
        state = _worst(members[node], states)
        yield DrawnGroup(node, node, len(members[node]), True, state, at.x, at.y, at.width, at.height)


def _frames(
    found: Layout, groups: Mapping[str, str], shown: Mapping[str, str], states: Mapping[str, str]
) -> Iterable[DrawnGroup]:
    for band, at in sorted(found.bands.items()):
        those = [name for name in shown if groups[name] == band]
        state = _worst(those, states)
        yield DrawnGroup(band, band, len(those), False, state, at.x, at.y, at.width, at.height)


_ORDER = ("failed", "warned", "rolled back", "changed", "empty", "ok")


def _worst(names: Iterable[str], states: Mapping[str, str]) -> str | None:
    said = {states[name] for name in names if name in states}
    return min(said, key=lambda one: _ORDER.index(one) if one in _ORDER else 0, default=None)


def _width(label: str) -> float:
    return min(_WIDEST, max(_NARROWEST, round(len(label) * _LETTER + _SIDES, 1)))
