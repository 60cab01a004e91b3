"""What is asked, looked up in what is defined: metrics become parts of one query, and expressions over these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.measure import GRAINS, OPERATORS, MeasuredColumn, MetricAsk, Span, span
from penstock.model.metric import Metric
from penstock.plan.metrics import formula, periods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from penstock.model.measure import Filter
    from penstock.model.metric import MetricSet
    from penstock.model.schema import Schema


@record
class Known:
    """What metrics are resolved against.

    `schemas` has the columns of every table that is there, `keys` the sets of columns by which its rows are declared
    to be unique, and `is_unique` asks the warehouse whether they are. `rows` are tables whose rows are
    others than those that stand in the warehouse, as parts of a `from`.
    """

    metrics: Mapping[str, Metric]
    sets: Mapping[str, MetricSet]
    schemas: Mapping[str, Schema]
    keys: Mapping[str, tuple[tuple[str, ...], ...]]
    is_unique: Callable[[str, tuple[str, ...]], bool]
    timezone: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)


@record
class Stretch:
    """Over what of time a metric is read, seen from a period: the period, a window up to its end, or since a beginning.

    `shifts` are how far back the period is moved first, one after another.
    """

    window: str = ""
    cumulative: str = ""
    shifts: tuple[Span, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is the period itself, perhaps an earlier one."""
        return not self.window and not self.cumulative


@record
class PartKey:
    """What aggregates must agree in to be read by one select."""

    set: str
    stretch: Stretch
    last: str = ""
    per: tuple[str, ...] = ()


@dataclass(slots=True)
class Resolved:
    """An ask, looked up: its parts with the simple metrics that each reads, and what each column of the answer is."""

    ask: MetricAsk
    known: Known
    by: tuple[str, ...]
    grain: str
    zone: str
    start: datetime | None
    end: datetime | None
    parts: dict[PartKey, dict[str, Metric]] = field(default_factory=dict)
    columns: list[tuple[MeasuredColumn, Metric | None, Stretch]] = field(default_factory=list)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell the rows of the answer apart."""
        return ((self.grain,) if self.grain else ()) + self.by

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that are read."""
        return tuple(dict.fromkeys(part.set for part in self.parts))

    def zone_of(self, name: str) -> str:
        """Return the time zone in which a set is read."""
        return self.ask.timezone or self.known.sets[name].timezone or self.known.timezone


def resolve(ask: MetricAsk, known: Known) -> Resolved:
    """Look up what is asked; raises `ConfigError` or `PlanError` with the nearest name for what is not there."""
    if not ask.metrics:
        raise ConfigError("no metric is asked for", hint=did_you_mean("", known.metrics))
    for name in ask.metrics:
        find(name, known)
    by, grain = _by(ask, known)
    found = Resolved(ask, known, by, grain, _zone(ask, known), None, None)
    found.start = periods.bound(ask.start, found.zone, end=False)
    found.end = periods.bound(ask.end, found.zone, end=True)
    if found.start and found.end and found.start >= found.end:
        raise ConfigError("the period ends before it begins", got=f"from {ask.start} to {ask.end}")
    shift = _compare(ask)
    if grain:
        found.columns.append((MeasuredColumn(grain, "", "time", grain.capitalize()), None, Stretch()))
    for name in by:
        found.columns.append((MeasuredColumn(name, "", "dimension", _label(name, ask, known)), None, Stretch()))
    for name in dict.fromkeys(ask.metrics):
        metric = known.metrics[name]
        said = MeasuredColumn(name, "", "metric", metric.label, metric.format)
        found.columns.append((said, metric, Stretch()))
        if shift:
            label = f"{metric.label}, {shift} before"
            said = MeasuredColumn(f"{name}_before", "", "compared", label, metric.format)
            found.columns.append((said, metric, Stretch(shifts=(shift,))))
    for _, wanted, stretch in found.columns:
        if wanted is not None:
            express(wanted, stretch, found, lambda *_: "")
    _check_whole(found)
    _check_order(found)
    return found


def find(name: str, known: Known) -> Metric:
    """Return a metric; raises `ConfigError` with the nearest name."""
    if name not in known.metrics:
        hint = did_you_mean(name, known.metrics) or "declare one in metrics/*.toml"
        raise ConfigError(f"no metric '{name}'", hint=hint)
    return known.metrics[name]


def base(metric: Metric, known: Known) -> list[Metric]:
    """Return the simple metrics that a metric is made of."""
    if metric.kind == "simple":
        return [metric]
    names = (metric.of,) if metric.of else [name for name, _, _ in formula.named(metric.sql)]
    return [simple for name in names for simple in base(known.metrics[name], known)]


def dimensions(metric: Metric, known: Known) -> tuple[str, ...]:
    """Return what a metric can be asked by: the dimensions that all tables it is made of have."""
    sets = [known.sets[simple.set] for simple in base(metric, known)]
    return tuple(name for name in sets[0].dimensions if all(name in other.dimensions for other in sets))


def _by(ask: MetricAsk, known: Known) -> tuple[tuple[str, ...], str]:
    """Return the dimensions, and the grain, which may stand among them."""
    grain, by = ask.grain, list[str]()
    for name in dict.fromkeys(ask.by):
        if name in GRAINS and (not grain or grain == name):
            grain = name
        else:
            by.append(name)
    if grain and grain not in GRAINS:
        raise ConfigError(f"no grain '{grain}'", expected=", ".join(GRAINS), hint=_near(grain))
    for name in (*by, *(one.dimension for one in ask.where)):
        for metric in ask.metrics:
            has = dimensions(known.metrics[metric], known)
            if name not in has:
                hint = did_you_mean(name, has) or f"name it under [dimensions] in the file of '{metric}'"
                raise ConfigError(f"'{metric}' has no dimension '{name}'", hint=hint)
    for one in ask.where:
        if one.op not in OPERATORS:
            raise ConfigError(f"no comparison '{one.op}'", expected=", ".join(OPERATORS))
    return tuple(by), grain


def _near(grain: str) -> str:
    from penstock.base.text import nearest

    near = nearest(grain, GRAINS)
    return f"did you mean '{near}'?" if near else ""


def _zone(ask: MetricAsk, known: Known) -> str:
    if ask.timezone:
        from zoneinfo import ZoneInfo, available_timezones

        try:
            ZoneInfo(ask.timezone)
        except (ValueError, OSError, KeyError):
            raise ConfigError(
                f"no time zone '{ask.timezone}'", expected="such as Europe/Berlin",
                hint=did_you_mean(ask.timezone, available_timezones())[:80],
            ) from None  # fmt: skip
        return ask.timezone
    first = base(known.metrics[ask.metrics[0]], known)[0]
    return known.sets[first.set].timezone or known.timezone


def _compare(ask: MetricAsk) -> Span | None:
    if not ask.compare:
        return None
    found = span(ask.compare)
    if found is None:
        raise ConfigError(f"'{ask.compare}' is no span of time", expected="such as 1 week, 28 days, 1 year")
    return found


def _label(name: str, ask: MetricAsk, known: Known) -> str:
    first = base(known.metrics[ask.metrics[0]], known)[0]
    return known.sets[first.set].dimensions[name].label


def express(
    metric: Metric, stretch: Stretch, found: Resolved, name_of: Callable[[PartKey, str], str], *, inner: bool = False
) -> str:
    """Return the expression of a metric over the columns of the parts, which are noted on the way."""
    known = found.known.metrics
    if metric.kind == "simple":
        key = PartKey(metric.set, stretch, metric.last, metric.per)
        found.parts.setdefault(key, {})[metric.name] = metric
        return name_of(key, metric.name)
    if metric.kind == "derived":
        text = formula.with_named(
            formula.guarded(metric.sql),
            lambda name: express(known[name], stretch, found, name_of, inner=True),
        )
        return f"({text})" if inner else text
    of = known[metric.of]
    if metric.kind == "cumulative":
        return express(of, Stretch("", metric.cumulative, stretch.shifts), found, name_of, inner=inner)
    if metric.kind == "windowed":
        return express(of, Stretch(metric.window, "", stretch.shifts), found, name_of, inner=inner)
    return _compared(metric, of, stretch, found, name_of)


def _compared(
    metric: Metric, of: Metric, stretch: Stretch, found: Resolved, name_of: Callable[[PartKey, str], str]
) -> str:
    by = span(metric.compare) or Span(1, "day")
    earlier = Stretch(stretch.window, stretch.cumulative, (*stretch.shifts, by))
    now = express(of, stretch, found, name_of, inner=True)
    before = express(of, earlier, found, name_of, inner=True)
    return {
        "before": before,
        "difference": f"({now} - {before})",
        "change": f"(({now} - {before}) / nullif(abs({before}), 0))",
    }[metric.shown]


def _check_whole(found: Resolved) -> None:
    """Refuse what needs a time that there is none of, or a finer one than there is."""
    for key, metrics in found.parts.items():
        made, name = found.known.sets[key.set], next(iter(metrics))
        timed = found.grain or found.start or found.end or key.stretch != Stretch()
        if timed and not made.time:
            raise PlanError(
                f"'{name}' has no time, so it cannot be asked for a grain, a period or a comparison",
                where=made.where, hint='say time = "ordered_at" at the top of its file',
            )  # fmt: skip
        if found.grain and periods.is_finer(found.grain, made.grain):
            raise PlanError(
                f"'{name}' cannot be asked by {found.grain}: its time is by {made.grain}", where=made.where,
                hint=f'if {made.time} is that fine: time = {{ column = "{made.time}", grain = "{found.grain}" }}',
            )  # fmt: skip
        for shift in key.stretch.shifts:
            if found.grain and _days(shift) < _days(Span(1, found.grain)):
                raise PlanError(
                    f"a {found.grain} cannot be compared with what was {shift} before: they overlap",
                    expected=f"a comparison of 1 {found.grain} or more, or a finer grain",
                )  # fmt: skip


# In days, at least.
_LENGTHS = dict(zip(GRAINS, (1 / 1440, 1 / 24, 1, 7, 28, 3 * 28, 12 * 28), strict=True))


def _days(length: Span) -> float:
    return length.count * _LENGTHS[length.unit]


def _check_order(found: Resolved) -> None:
    name = found.ask.order.removeprefix("-")
    names = [column.name for column, _, _ in found.columns]
    if name and name not in names:
        raise ConfigError(f"there is no column '{name}' to order by", hint=did_you_mean(name, names))
    twice = next((one for one in names if names.count(one) > 1), "")
    if twice:
        raise ConfigError(f"two columns of the answer would be called '{twice}'")


def filters(found: Resolved, set_name: str) -> list[tuple[Filter, str]]:
    """Return what is asked for of dimensions, with the expression of each in a set."""
    own = found.known.sets[set_name].dimensions
    return [(one, own[one.dimension].sql) for one in found.ask.where]
