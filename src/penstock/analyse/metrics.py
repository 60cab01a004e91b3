"""Metrics measured in a warehouse: definitions meet the columns and keys that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import PenstockError, PlanError
from penstock.model.measure import MetricAsk
from penstock.model.relation import Query
from penstock.plan.metrics import resolve, text
from penstock.plan.metrics.known import known_by
from penstock.plan.metrics.resolve import Known, Resolved
from penstock.plan.metrics.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.metric import Metric, MetricSet
    from penstock.model.project import Project
    from penstock.protocols.engine import Engine, Rows


def known(project: Project, engine: Engine) -> Known:
    """Return what metrics are resolved against in a warehouse as it stands."""
    schemas = {name: relation.schema for name, relation in engine.relations().items()}
    return known_by(project, schemas, engine.read)


def sql(found: Resolved, *, ordered: bool = True) -> str:
    """Return the select that answers what was resolved; raises `PlanError` for a join that counts rows twice."""
    return text.query(found, ordered=ordered)


def read(found: Resolved, engine: Engine) -> tuple[str, Rows]:
    """Return the select of what was resolved, and its rows.

    Raises `PlanError` with the place of the definition that the warehouse does not understand.
    """
    said = sql(found)
    try:
        return said, engine.read(Query(said))
    except PlanError as error:
        for name in found.ask.metrics:
            wrong = next(mistakes(found.known.metrics[name], found.known, engine), None)
            if wrong is not None:
                raise wrong from error
        raise


def mistakes(metric: Metric, known: Known, engine: Engine) -> Iterator[PlanError]:
    """Find what the warehouse does not understand of a metric's definition, without running it."""
    if metric.kind != "simple":
        for one in resolve.base(metric, known):
            yield from mistakes(one, known, engine)
        return
    wrong = _wrong(MetricAsk((metric.name,)), known, engine)
    if wrong is not None:
        yield _placed(wrong, f"metric '{metric.name}'", metric.where, metric.sql)
        return
    made = known.sets[metric.set]
    for dimension in made.dimensions.values():
        wrong = _wrong(MetricAsk((metric.name,), by=(dimension.name,)), known, engine)
        if wrong is not None:
            yield _placed(wrong, f"dimension '{dimension.name}'", dimension.where, dimension.sql)
    if made.time:
        wrong = _wrong(MetricAsk((metric.name,), grain="year"), known, engine)
        if wrong is not None:
            yield wrong


def set_mistakes(made: MetricSet, known: Known, engine: Engine) -> Iterator[PlanError]:
    """Find joins that would count rows twice, and the mistakes of a set's metrics; nothing where no table is built."""
    tables = (made.table, *(join.table for join in made.joins.values()))
    if any(table not in known.schemas for table in tables):
        return
    source = Source(made, known, "")
    for join in made.joins.values():
        try:
            source.checked(join)
        except PlanError as error:
            yield error
            return
    simple = [metric for metric in known.metrics.values() if metric.set == made.name and metric.kind == "simple"]
    if not simple:
        return
    whole = MetricAsk(tuple(one.name for one in simple), tuple(made.dimensions), "year" if made.time else "")
    if _wrong(whole, known, engine) is None:  # nearly always: all at once is far cheaper than each by itself
        return
    seen: set[str] = set()
    for metric in simple:
        for wrong in mistakes(metric, known, engine):
            if str(wrong) not in seen:
                seen.add(str(wrong))
                yield wrong


def _wrong(ask: MetricAsk, known: Known, engine: Engine) -> PlanError | None:
    try:
        engine.read(Query(sql(resolve.resolve(ask, known)))).close()
    except PlanError as error:
        return error
    return None


def _placed(error: PenstockError, subject: str, where: object, got: str) -> PlanError:
    from penstock.base.errors import Place

    if isinstance(error.where, Place) and error.where.file not in ("", "query"):
        return PlanError(error.subject, where=error.where, expected=error.expected, got=error.got, hint=error.hint)
    place = where if isinstance(where, Place) else None
    return PlanError(
        f"{subject}: {error.subject}", where=place, got=error.got or got, hint=error.hint, expected=error.expected
    )
