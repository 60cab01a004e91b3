"""Reads `metrics/*.toml`: the metrics of one table, with its time, its joins and its dimensions."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean, nearest
from penstock.load.section import Section, always, below
from penstock.model import names
from penstock.model.measure import GRAINS, Metrics, span
from penstock.model.metric import Dimension, Join, Metric, MetricSet
from penstock.plan import conditions
from penstock.plan.metrics import formula

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.base.errors import Place
    from penstock.load.loading import Loading
    from penstock.load.toml import Document
    from penstock.model.check import Check

_PATH = re.compile(r"\s*(\w+)\.(\w+)\.(\w+)\s*\Z")
_EQUAL = re.compile(r"\s*([\w.]+)\s*(?:=\s*(?:[\w.]+\.)?(\w+)\s*)?\Z")
_SHOWN = ("change", "difference", "before")
_GOOD = ("", "up", "down")
_RANGES = ("cumulative", "window", "compare")
_OVER = ("sql", "filter", "last", "per")


@record
class Read:
    """What one file says: what its metrics have in common, and the metrics."""

    set: MetricSet
    metrics: tuple[Metric, ...]


def read(document: Document, loading: Loading) -> Read:
    """Read a file; what is wrong is noted."""
    name = document.file.partition("/")[2].rpartition(".")[0]
    return _read(Section(f"'{document.file}'", document.data, document.place, loading.mistakes), name, loading)


def declared(said: Metrics, where: Place, loading: Loading) -> Read:
    """Read what was declared in Python, as a file of the same words would be."""
    values = {
        "table": said.table, "time": said.time, "timezone": said.timezone or None, "joins": said.joins or None,
        "dimensions": said.dimensions or None, "metrics": said.metrics, "owner": said.owner or None,
    }  # fmt: skip
    given = {key: value for key, value in values.items() if value is not None}
    subject = f"the metrics of '{said.table}'"
    return _read(Section(subject, given, always(said.where or where), loading.mistakes), said.name, loading)


def all_declared(said: Iterable[Metrics], where: Place, loading: Loading) -> list[Read]:
    """Read all that was declared in Python; of two of one table the second gets a name of its own."""
    found: dict[str, Read] = {}
    for one in said:
        read_one, number = declared(one, where, loading), 2
        name = read_one.set.name
        while name in found:
            name, number = f"{read_one.set.name}_{number}", number + 1
        own = tuple(replace(metric, set=name) for metric in read_one.metrics)
        found[name] = Read(replace(read_one.set, name=name), own)
    return list(found.values())


def _read(section: Section, name: str, loading: Loading) -> Read:
    table = _table_name(section.text("table", required="sales.orders"))
    time, grain, zone = _time(section)
    zone = section.text("timezone", zone)
    check_zone(zone, section, "timezone")
    owner = section.text("owner", loading.defaults.owner)
    made = MetricSet(
        name or table, table, time, grain, zone, _joins(section), _dimensions(section, loading), section.where("table")
    )
    found = tuple(_metrics(section, made, owner, loading))
    if not found and "metrics" not in section.values:
        loading.mistakes.add(
            f"{section.subject} has no metrics", section.where(), expected='[metrics] with revenue = "sum(amount)"'
        )
    section.refuse_rest()
    loading.places["metrics", made.name] = section.where("table", value=True)
    return Read(made, found)


def _table_name(text: str) -> str:
    return text.lower().removeprefix("main.")


def check_zone(zone: str, section: Section, key: str) -> None:
    """Note a time zone that is none."""
    if not zone:
        return
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        near = nearest(zone, available_timezones())
        section.wrong(
            key, value=zone, expected='a time zone such as "Europe/Berlin"', hint=f"did you mean '{near}'?" * bool(near)
        )


def _time(section: Section) -> tuple[str, str, str]:
    """Read the column of time, the finest grain and the time zone."""
    value = section.take("time")
    if value is None:
        return "", "day", ""
    if isinstance(value, str):
        return value, "day", ""
    if not isinstance(value, dict):
        section.wrong("time", value=value, expected='a column, or { column = "ordered_at", grain = "day" }')
        return "", "day", ""
    part = Section(f"'time' of {section.subject}", value, below(section.where, "time"), section.mistakes)
    column = part.text("column", required="ordered_at")
    zone = part.text("timezone")
    grain = part.choice("grain", ("day", *(grain for grain in GRAINS if grain != "day")))
    check_zone(zone, part, "timezone")
    part.refuse_rest()
    return column, grain, zone


def _joins(section: Section) -> dict[str, Join]:
    found: dict[str, Join] = {}
    for path, value in _flat(section, section.take("joins"), ("joins",)):
        name = ".".join(str(step) for step in path[1:]).lower()
        part = _part(section, value, path, f"join '{name}'", "on")
        if part is None:
            continue
        table = _table_name(part.text("table", name))
        pairs = tuple(_pair(one, path, section) for one in part.words("on"))
        part.refuse_rest()
        if not pairs:
            section.wrong(*path, subject=f"join '{name}' of {section.subject}", expected='a column: "customer_id"')
        alias = names.split(name)[1]
        if alias in found:
            section.wrong(*path, subject=f"there are two joins '{alias}'", hint="give one another name: table = …")
        found[alias] = Join(alias, table, tuple(pair for pair in pairs if pair[0]), section.where(*path, value=True))
    return found


def _flat(section: Section, value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give each join with its path: TOML takes the dot in `raw.customers` for a table within a table."""
    if value is None:
        return
    if not isinstance(value, dict):
        section.wrong(*path, value=value, expected='joins by table, such as { customers = "customer_id" }')
        return
    for key, inner in value.items():
        if isinstance(inner, dict) and "on" not in inner and "table" not in inner:
            yield from _flat(section, inner, (*path, key))
        else:
            yield (*path, key), inner


def _pair(text: str, path: tuple[str, ...], section: Section) -> tuple[str, str]:
    match = _EQUAL.match(text)
    if match is None:
        section.wrong(*path, value=text, expected="a column, or two: customer_id = id")
        return "", ""
    return match[1], match[2] or ""


def _part(section: Section, value: Any, path: tuple[str, ...], subject: str, key: str) -> Section | None:
    """Return a value as a section of its own: a text, or a list, counts as its key `key`."""
    if isinstance(value, str | list | tuple):
        return Section(subject, {key: value}, always(section.where(*path, value=True)), section.mistakes)
    if isinstance(value, dict):
        return Section(subject, value, below(section.where, *path), section.mistakes)
    section.wrong(*path, subject=f"{subject} is not right", value=value, expected=f"a text, or a table with '{key}'")
    return None


def _dimensions(section: Section, loading: Loading) -> dict[str, Dimension]:
    found: dict[str, Dimension] = {}
    for name, part in _each(section, "dimensions", "dimension", loading):
        text = part.text("sql", name)
        match = _PATH.match(text)
        text = f"{match[2]}.{match[3]}" if match else text
        found[name] = Dimension(
            name, text.strip(), part.text("label") or label_of(name), part.text("description"), part.where()
        )
        _check_expression(part, "sql", text)
        part.refuse_rest()
    return found


def _each(section: Section, key: str, noun: str, loading: Loading) -> Iterator[tuple[str, Section]]:
    value = section.take(key)
    if value is not None and not isinstance(value, dict):
        section.wrong(key, value=value, expected=f"{noun}s by name")
        return
    for name, inner in (value or {}).items():
        part = _part(section, inner, (key, name), f"{noun} '{name}'", "sql")
        if part is None:
            continue
        if name in GRAINS:
            loading.mistakes.add(
                f"the name '{name}' is taken", section.where(key, name), hint="this is what a grain is called"
            )
        elif loading.check_name(name, section.where(key, name)):
            yield name, part


def label_of(name: str) -> str:
    """Return what people call a thing whose label was not given.

    >>> label_of("new_customers")
    'New customers'
    """
    said = name.replace("_", " ").strip()
    return said[:1].upper() + said[1:]


def _check_expression(part: Section, key: str, text: str) -> None:
    why = formula.broken(text) if text else ""
    if why:
        part.wrong(key, subject=f"{part.subject} cannot be read: {why}", got=text)


def _metrics(section: Section, made: MetricSet, owner: str, loading: Loading) -> Iterator[Metric]:
    for name, part in _each(section, "metrics", "metric", loading):
        if name in made.dimensions:
            loading.mistakes.add(
                f"'{name}' is a metric and a dimension", section.where("metrics", name), expected="a name for each"
            )
            continue
        metric = Metric(
            name, made.name, "", part.text("sql").strip(), part.text("filter").strip(), part.text("of"),
            part.text("cumulative"), part.text("window"), part.text("compare"), part.choice("as", _SHOWN),
            part.text("last"), part.words("per"), part.text("label") or label_of(name), part.text("format"),
            part.choice("good", _GOOD), part.text("description"), part.text("owner", owner), part.where(),
        )  # fmt: skip
        part.refuse_rest()
        kind = _kind(metric, made, part)
        if kind:
            shown = "percent" if kind == "compared" and metric.shown == "change" else ""
            yield replace(metric, kind=kind, format=metric.format or shown)
        else:
            loading.broken.add(("metric", name))


def _kind(metric: Metric, made: MetricSet, part: Section) -> str:
    """Return what kind of metric this is, nothing where it is none, which is noted."""
    before = len(part.mistakes.found)
    ranges = [key for key in _RANGES if getattr(metric, key)]
    if metric.of:
        kind = _over_another(metric, made, ranges, part)
    elif not metric.sql:
        part.mistakes.add(f"{part.subject} has no 'sql'", part.where(), expected='sql = "sum(amount)"', got="nothing")
        kind = ""
    else:
        kind = _own(metric, made, ranges, part)
    return kind if len(part.mistakes.found) == before else ""


def _over_another(metric: Metric, made: MetricSet, ranges: list[str], part: Section) -> str:
    for key in _OVER:
        if getattr(metric, key):
            part.wrong(key, subject=f"{part.subject} has both 'of' and '{key}'", hint=f"give '{key}' to '{metric.of}'")
    if len(ranges) != 1:
        part.mistakes.add(
            f"{part.subject} does not say what of '{metric.of}' it is", part.where(),
            expected='one of cumulative = "month", window = "28 days", compare = "1 week"',
            got=" and ".join(ranges) or "none",
        )  # fmt: skip
        return ""
    if not made.time:
        part.wrong(ranges[0], subject=f"{part.subject} needs a time", hint='say time = "ordered_at" at the top')
    if ranges[0] == "cumulative":
        _check_choice(part, "cumulative", metric.cumulative, ("all", *GRAINS[2:]))
    elif span(getattr(metric, ranges[0])) is None:
        part.wrong(ranges[0], value=getattr(metric, ranges[0]), expected='a span such as "28 days" or "1 month"')
    return {"cumulative": "cumulative", "window": "windowed", "compare": "compared"}[ranges[0]]


def _own(metric: Metric, made: MetricSet, ranges: list[str], part: Section) -> str:
    for key in ranges:
        part.wrong(
            key, subject=f"{part.subject} has both 'sql' and '{key}'",
            hint=f"make it two metrics: one of sql, one with of and {key}",
        )  # fmt: skip
    for key in ("sql", "filter"):
        _check_expression(part, key, getattr(metric, key))
    if formula.named(metric.sql):
        return _derived(metric, part)
    if not formula.aggregates(metric.sql):
        part.wrong(
            "sql", subject=f"{part.subject} is no aggregate", value=metric.sql,
            expected="such as sum(amount), count(*), or {revenue} / {orders} of other metrics",
        )  # fmt: skip
    if metric.last:
        _check_choice(part, "last", metric.last, GRAINS)
        if not made.time:
            part.wrong("last", subject=f"{part.subject} needs a time", hint='say time = "day" at the top')
    elif metric.per:
        part.wrong("per", subject=f"{part.subject} has 'per' without 'last'", expected='last = "day"')
    return "simple"


def _derived(metric: Metric, part: Section) -> str:
    calls = formula.aggregates(metric.sql)
    if calls:
        part.wrong(
            "sql", subject=f"{part.subject} mixes other metrics with {calls[0].name}(…)", value=metric.sql,
            hint=f"make {calls[0].name}(…) a metric of its own, and name it in braces",
        )  # fmt: skip
    for key in ("filter", "last"):
        if getattr(metric, key):
            part.wrong(key, subject=f"{part.subject} is of other metrics and has '{key}'", hint="give it to those")
    return "derived"


def _check_choice(part: Section, key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = did_you_mean(value, choices) if nearest(value, choices) else ""
        part.wrong(key, value=value, expected=" or ".join(f'"{c}"' for c in choices), hint=hint)


def weave(reads: list[Read], known: frozenset[str], loading: Loading, nearest_table: Callable[..., str]) -> None:
    """Note what does not fit together: unknown tables and metrics, two of one name, circles."""
    from penstock.base import graph

    first: dict[str, Metric] = {}
    for one in reads:
        _check_tables(one.set, known, loading, nearest_table)
        for metric in one.metrics:
            if metric.name in first:
                loading.mistakes.add(
                    f"there are two metrics '{metric.name}'", metric.where, expected="one",
                    got=f"the other: {first[metric.name].where}",
                )  # fmt: skip
            first.setdefault(metric.name, metric)
    for metric in first.values():
        for name in names_in(metric):
            _check_named(metric, name, first, loading)
    circle = graph.circle({name: [n for n in names_in(one) if n in first] for name, one in first.items()})
    if circle:
        loading.mistakes.add(
            f"the metrics are made of each other in a circle: {' → '.join(circle)}", first[circle[0]].where,
            expected="no metric that is made of itself",
        )  # fmt: skip
        return
    for metric in first.values():
        _check_ranges(metric, first, loading)


def check_named(table: str, check: Check, reads: list[Read], loading: Loading, *, is_raw: bool) -> None:
    """Note what is wrong with the metrics that a check of a table names."""
    try:
        condition = conditions.read(check)
    except PlanError:  # it is told when the check is carried out, as for every other check
        return
    if not isinstance(condition, conditions.Measured):
        return
    known = {metric.name: metric for one in reads for metric in one.metrics}
    sets = {one.set.name: one.set for one in reads}
    for name in condition.metrics:
        subject = f"a check of '{table}' names the metric '{name}'"
        if name not in known:
            if not loading.is_broken("metric", name):
                loading.mistakes.add(f"{subject}, which there is not", check.where, hint=did_you_mean(name, known))
        elif is_raw:
            hint = f"check a table that reads {table}"
            loading.mistakes.add(f"{subject}: a raw table's check cannot", check.where, hint=hint)
        elif tables_of(known[name], known, sets) - {table}:
            of = ", ".join(sorted(tables_of(known[name], known, sets)))
            loading.mistakes.add(f"{subject}, which is of {of}", check.where, expected=f"a metric of {table}")


def tables_of(metric: Metric, known: dict[str, Metric], sets: dict[str, MetricSet]) -> set[str]:
    """Return the tables that a metric is computed from, joins left out."""
    found, waiting, seen = set[str](), [metric.name], set[str]()
    while waiting:
        one = known.get(waiting.pop())
        if one is not None and one.name not in seen:
            seen.add(one.name)
            found |= {sets[one.set].table} if one.kind == "simple" else set()
            waiting += names_in(one)
    return found


def inherited(reads: list[Read]) -> dict[str, Metric]:
    """Return all metrics by name; what is made of one other metric is shown as that one, unless it says how."""
    found = {metric.name: metric for one in reads for metric in one.metrics}

    def shown(metric: Metric) -> Metric:
        if not metric.of:
            return metric
        above = shown(found[metric.of])
        return replace(metric, format=metric.format or above.format, good=metric.good or above.good)

    return {name: shown(metric) for name, metric in found.items()}


def _check_tables(made: MetricSet, known: frozenset[str], loading: Loading, nearest_table: Callable[..., str]) -> None:
    if made.table and made.table not in known and not loading.is_broken("table", made.table):
        place = loading.places.get(("metrics", made.name), made.where)
        loading.mistakes.add(
            f"there is no table '{made.table}' for these metrics", place, hint=nearest_table(made.table, known)
        )
    for join in made.joins.values():
        if join.table not in known and not loading.is_broken("table", join.table):
            loading.mistakes.add(
                f"there is no table '{join.table}' to join", join.where, hint=nearest_table(join.table, known)
            )
        for own, _ in join.on:
            alias, dot, _ = own.rpartition(".")
            if dot and alias not in made.joins:
                loading.mistakes.add(
                    f"join '{join.alias}' begins at '{alias}', which is no join", join.where,
                    hint=did_you_mean(alias, made.joins),
                )  # fmt: skip
    _check_join_circle(made, loading)


def _check_join_circle(made: MetricSet, loading: Loading) -> None:
    from penstock.base import graph

    above = {
        join.alias: [own.rpartition(".")[0] for own, _ in join.on if own.rpartition(".")[0] in made.joins]
        for join in made.joins.values()
    }
    circle = graph.circle(above)
    if circle:
        where = made.joins[circle[0]].where
        loading.mistakes.add(f"the joins begin at each other in a circle: {' → '.join(circle)}", where)


def names_in(metric: Metric) -> tuple[str, ...]:
    """Return the metrics that a metric is made of."""
    if metric.of:
        return (metric.of,)
    return tuple(dict.fromkeys(name for name, _, _ in formula.named(metric.sql))) if metric.kind == "derived" else ()


def _check_named(metric: Metric, name: str, known: dict[str, Metric], loading: Loading) -> None:
    if name not in known and not loading.is_broken("metric", name) and "metric" not in loading.unread:
        loading.mistakes.add(
            f"there is no metric '{name}', which '{metric.name}' is made of", metric.where,
            hint=did_you_mean(name, [one for one in known if one != metric.name]),
        )  # fmt: skip


def _check_ranges(metric: Metric, known: dict[str, Metric], loading: Loading) -> None:
    """Note a metric over a span that is made of another over a span: it would be read in two ways."""
    if metric.kind not in ("cumulative", "windowed"):
        return
    waiting, seen = [metric.of], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        inner = known[name]
        if inner.kind in ("cumulative", "windowed", "compared"):
            loading.mistakes.add(
                f"metric '{metric.name}' is {metric.kind} over '{name}', which is {inner.kind} itself", metric.where,
                expected="a metric of single periods",
            )  # fmt: skip
            return
        waiting += names_in(inner)
