"""Who uses a table: what is made from it, where it is delivered, which metrics and dashboards show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app import metrics
from penstock.app.pages import dashboards
from penstock.app.serving.shapes import Uses
from penstock.base.graph import reach, turned

if TYPE_CHECKING:
    from penstock.app.opened import App


def uses(app: App, name: str) -> Uses:
    """Return who uses a table, directly or through others."""
    below = reach([name], turned(app.project.parents()))
    among = {name, *below}
    return Uses(
        tuple(one for one in app.project.order if one in below and one != name),
        tuple(sorted(one.name for one in app.project.sinks.values() if one.table in among)),
        tuple(one.name for one in metrics.metrics(app) if among.intersection(one.tables)),
        tuple(one.name for one in dashboards.dashboards(app) if among.intersection(one.tables)),
    )
