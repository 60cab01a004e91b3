"""The metrics that a page may show: which there are, what a name means, and the newest time that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.fetched import fetched
from penstock.app.metrics import MetricInfo, metrics
from penstock.app.pages.kept import pages
from penstock.base.errors import Place
from penstock.base.text import did_you_mean
from penstock.load.calls import Source
from penstock.model.relation import Query
from penstock.plan import restrict
from penstock.plan.restrict import quoted
from penstock.plan.roles import Field, RoleError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from penstock.app.opened import App
    from penstock.model.dashboard import Chart, Dashboard, Word


def infos(app: App) -> dict[str, MetricInfo]:
    """Return every metric by name."""
    found: dict[str, MetricInfo] = pages(app).kept(("metrics"), lambda: {one.name: one for one in metrics(app)})
    return found


def shows_metrics(app: App, page: Dashboard, chart: Chart) -> bool:
    """Tell whether a chart shows metrics; a query of the page goes before a metric of its name."""
    first = chart.names[0].text
    return first not in page.queries and first in infos(app)


def unknown(app: App, page: Dashboard, word: Word) -> RoleError:
    """Return the error for a name that is neither a metric nor a query of the page, at its place."""
    known = [*page.queries, *infos(app)]
    subject = f"there is no metric or query '{word.text}'"
    shown = Source(page.text).mistake_at(subject, word.line, word.column, len(word.text))
    hint = did_you_mean(word.text, known) or "```sql NAME … ``` makes a query, metrics/*.toml a metric"
    where = Place(page.file, word.line, word.column)
    error = RoleError(subject, word=word.text, hint=hint, excerpt=shown.excerpt)
    error.where = where
    return error


def newest(app: App, found: Sequence[MetricInfo]) -> datetime:
    """Return the newest time that some metrics have, not later than now: periods count back from there."""
    now = app.clock.now().replace(tzinfo=None)
    times = [at for one in found if one.time for at in [column_newest(app, one.table, one.time)] if at is not None]
    return min(max(times), now) if times else now


def column_newest(app: App, table: str, column: str) -> datetime | None:
    """Return the newest time in a column, without zone; None where there is none."""
    relation = app.engine.relations().get(table)
    spec = relation.schema.find(column) if relation else None
    if relation is None or spec is None or not Field(spec.name, spec.type).is_time:
        return None
    return pages(app).kept(("newest", table, column, relation.changed), lambda: _newest(app, table, spec.name))


def _newest(app: App, table: str, column: str) -> datetime | None:
    text = (
        f"select cast(max({quoted(column)}) as timestamp) from {restrict.table(table)} where isfinite({quoted(column)})"
    )
    found: datetime | None = fetched(app, Query(text))[0][0]
    return found
