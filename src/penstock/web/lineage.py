"""Routes about lineage: the drawing of what is made from what."""

from __future__ import annotations

from penstock.app import lineage
from penstock.app.lineage import DrawnGroup, DrawnNode
from penstock.app.serving import tables
from penstock.base.record import record
from penstock.web.route import Book, Call, number, text

BOOK = Book()
_EXPAND = text("expand", "Groups that are not folded up, between commas; * for all.")


@record
class DrawnLine:
    """A line from left to right; its ends are nodes, or groups that are folded up.

    In the drawing of a column it joins `source_column` of the one with `column` of the other, in these `ways`.
    """

    from_: str
    to: str
    points: tuple[tuple[float, float], ...]
    source_column: str = ""
    column: str = ""
    ways: tuple[str, ...] = ()


@record
class DrawnLineage:
    """What is made from what, on paper of a width and height in pixels."""

    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnLine, ...]
    groups: tuple[DrawnGroup, ...]
    width: float
    height: float


@BOOK.get("/lineage", DrawnLineage, text("select", "Only these tables: names, patterns, +name, name+, tag:…."), _EXPAND)
def get_lineage(call: Call) -> DrawnLineage:
    """The drawing of all tables and sinks, or of those that are selected."""
    select = call.given["select"].split()
    return _drawn(lineage.drawing(call.site.app, select=select, expand=_groups(call)))


@BOOK.get(
    "/tables/{name}/lineage",
    DrawnLineage,
    number("depth", "Steps up and down.", 2, 0, 1_000),
    text("column", "Only this column of the table: what it is made of, and what is made of it, all the way."),
    _EXPAND,
)
def get_table_lineage(call: Call) -> DrawnLineage:
    """The drawing of what a table is made from, and what is made from it."""
    tables.find(call.site.app, call.path["name"])
    given = call.given
    found = lineage.drawing(
        call.site.app, call.path["name"], given["depth"], column=given["column"], expand=_groups(call)
    )
    return _drawn(found)


def _groups(call: Call) -> list[str]:
    return [part.strip() for part in call.given["expand"].split(",") if part.strip()]


def _drawn(found: lineage.Drawing) -> DrawnLineage:
    lines = tuple(
        DrawnLine(one.source, one.target, one.points, one.source_column, one.column, one.ways) for one in found.edges
    )
    return DrawnLineage(found.nodes, lines, found.groups, found.width, found.height)
