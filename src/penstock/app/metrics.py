"""Requests about metrics: which there are, what they measure, and the SQL that this becomes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.analyse import metrics as measuring
from penstock.app.limits import limited
from penstock.base.errors import ConfigError, ConfigErrors, PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.measure import Filter, MeasuredColumn, MetricAsk
from penstock.model.metric import Metric
from penstock.model.relation import Query
from penstock.plan.metrics import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from penstock.app.opened import App
    from penstock.plan.metrics.call import Asking, Called
    from penstock.protocols.engine import Rows

__all__ = [
    "Filter", "Measured", "MeasuredColumn", "MetricAsk", "MetricInfo", "adds_up", "measure", "metric_sql",
    "metric_values", "metrics",
]  # fmt: skip
_SUM = re.compile(r"(?i)sum\((?!\s*distinct\b)(?:[^()]|\([^()]*\))*\)|count\((?!\s*distinct\b)[^()]*\)")


@record
class MetricInfo:
    """A metric as it is shown: where it comes from, what it can be asked by.

    `table` is the table of its first part, `tables` are all that it reads; `sql` is the definition as it was written,
    `time` the column of time or None, `grain` the finest at which it can be asked.
    """

    name: str
    label: str
    table: str
    tables: tuple[str, ...]
    sql: str
    kind: str
    dimensions: tuple[str, ...]
    time: str | None
    grain: str
    timezone: str
    format: str
    good: str
    description: str
    owner: str
    file: str
    line: int


@record
class Measured:
    """What was measured: the SQL, the columns with what each is, and the rows."""

    sql: str
    columns: tuple[MeasuredColumn, ...]
    rows: Rows


def metrics(app: App) -> list[MetricInfo]:
    """Return every metric, by name; the warehouse is not asked."""
    found = _declared(app)
    return [_info(found.metrics[name], found) for name in sorted(found.metrics)]


def _declared(app: App) -> resolve.Known:
    project = app.project
    return resolve.Known(project.metrics, project.metric_sets, {}, {}, lambda *_: False, project.timezone)


def _info(metric: Metric, known: resolve.Known) -> MetricInfo:
    sets = list(dict.fromkeys(one.set for one in resolve.base(metric, known)))
    made = known.sets[sets[0]]
    tables = [known.sets[name].table for name in sets]
    tables += [join.table for name in sets for join in known.sets[name].joins.values()]
    place = metric.where
    return MetricInfo(
        metric.name, metric.label, made.table, tuple(dict.fromkeys(tables)), _said(metric), metric.kind,
        resolve.dimensions(metric, known), made.time or None, made.grain, made.timezone or known.timezone or "UTC",
        metric.format, metric.good, metric.description, metric.owner, place.file if place else "",
        place.line if place else 0,
    )  # fmt: skip


def adds_up(app: App, name: str) -> bool:
    """Tell whether the values of a metric for the parts of something sum to its value for the whole."""
    metric = app.project.metrics[name]
    if metric.kind in ("cumulative", "windowed"):
        return adds_up(app, metric.of)
    return metric.kind == "simple" and not metric.per and _SUM.fullmatch(metric.sql.strip()) is not None


def _said(metric: Metric) -> str:
    """Say what a metric is, as its definition does."""
    if metric.kind == "cumulative":
        since = "the beginning" if metric.cumulative == "all" else f"the beginning of the {metric.cumulative}"
        return f"{{{metric.of}}} since {since}"
    if metric.kind == "windowed":
        return f"{{{metric.of}}} over {metric.window}"
    if metric.kind == "compared":
        how = {"change": "change of", "difference": "difference of", "before": ""}[metric.shown]
        return f"{how} {{{metric.of}}} {'against' if how else 'as of'} {metric.compare} before".strip()
    said = metric.sql + (f" where {metric.filter}" if metric.filter else "")
    return said + (f" on the last {metric.last}" if metric.last else "")


def measure(app: App, ask: MetricAsk) -> Measured:
    """Measure what is asked; raises `ConfigError` or `PlanError`, with the nearest name, for what cannot be."""
    found = resolve.resolve(ask, measuring.known(app.project, app.engine))
    said, rows = measuring.read(found, app.engine)
    columns = tuple(
        replace(column, type=own.type) for (column, _, _), own in zip(found.columns, rows.schema, strict=True)
    )
    return Measured(said, columns, limited(rows))


def asked(
    name: str | Sequence[str], *, by: str | Sequence[str], where: Mapping[str, Any] | None, **said: Any
) -> MetricAsk:
    """Return what people say in Python as an ask: one name or several, one value of a dimension or several."""
    filters = tuple(
        Filter(dimension, tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,))
        for dimension, value in (where or {}).items()
    )
    names = (name,) if isinstance(name, str) else tuple(name)
    return MetricAsk(names, (by,) if isinstance(by, str) else tuple(by), where=filters, **said)


def metric_sql(app: App, ask: MetricAsk) -> str:
    """Return the select that an ask becomes, laid out to be read; it is not run."""
    return measuring.sql(resolve.resolve(ask, measuring.known(app.project, app.engine)))


def metric_values(app: App, metric: str, dimension: str, limit: int = 100) -> list[Any]:
    """Return the values that a dimension of a metric has, in order, null last; at most `limit`."""
    known = _declared(app)
    simple = resolve.base(resolve.find(metric, known), known)[0]
    has = resolve.dimensions(known.metrics[metric], known)
    if dimension not in has:
        raise ConfigError(f"'{metric}' has no dimension '{dimension}'", hint=did_you_mean(dimension, has))
    found = measure(app, MetricAsk((simple.name,), by=(dimension,), limit=limit))
    try:
        return [row[0] for row in found.rows.fetch()]
    finally:
        found.rows.close()


def rewritten(app: App, text: str) -> Query:
    """Return what a user asks as a query in which every `metric(…)` is the select that it stands for."""
    from penstock.plan.metrics import call

    asking = call.find(text)
    if not asking.found:
        return Query(text)
    known = measuring.known(app.project, app.engine)
    names = asking.names()
    made = tuple((name, _select(asking, one, known)) for name, one in zip(names, asking.found, strict=True))
    return Query(asking.with_names(names), shown=text, made=made)


def _select(asking: Asking, one: Called, known: resolve.Known) -> str:
    try:
        return measuring.sql(resolve.resolve(one.ask, known), ordered=False)
    except (ConfigError, PlanError) as error:
        raise asking.error_at(one, error) from None


def mistakes(app: App, tables: Collection[str] | None = None) -> list[PlanError]:
    """Return what the warehouse does not understand of the metrics of some tables, by default of all that are built."""
    project = app.project
    if not project.metrics:
        return []
    known = measuring.known(project, app.engine)
    return [
        error
        for made in project.metric_sets.values()
        if tables is None or made.table in tables
        for error in measuring.set_mistakes(made, known, app.engine)
    ]


def raise_mistakes(app: App, tables: Collection[str] | None = None) -> None:
    """Raise what `mistakes` finds: one as itself, several together."""
    found = mistakes(app, tables)
    if len(found) > 1:
        raise ConfigErrors(in_files(found))
    if found:
        raise found[0]


def in_files(found: Sequence[PlanError]) -> list[ConfigError]:
    """Return mistakes of metrics as mistakes of the project's files, to be told with others of them."""
    return [ConfigError(**_fields(error)) for error in found]


def _fields(error: PlanError) -> dict[str, Any]:
    names = ("subject", "expected", "got", "where", "hint", "excerpt")
    return {name: getattr(error, name) for name in names}
