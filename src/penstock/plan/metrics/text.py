"""The select that answers what is asked of metrics, laid out to be read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.model import names
from penstock.model.measure import span
from penstock.plan.metrics import formula, periods, sliding
from penstock.plan.metrics.resolve import Resolved, Stretch, express, filters
from penstock.plan.metrics.source import Source, ident, listed, schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.metric import Metric
    from penstock.plan.metrics.resolve import PartKey

_ALONE = frozenset({"sum", "count", "min", "max"})
_COARSE = ("day", "week", "month", "quarter", "year")


@dataclass
class Select:
    """One select: columns as (expression, name), and its clauses as lines."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    group: bool = False
    tail: list[str] = field(default_factory=list)

    def text(self, indent: str = "") -> str:
        """Return it as lines."""
        columns = listed(_as(said, name) for said, name in self.columns)
        lines = ["select", *columns.split("\n"), f"from {self.tables[0]}", *self.tables[1:]]
        lines += [("where " if not at else "    and ") + one for at, one in enumerate(self.where)]
        lines += ["group by all"] * self.group
        return "\n".join(indent + line for line in [*lines, *self.tail])


def _as(said: str, name: str) -> str:
    return said if name in ("", said) else f"{said} as {name}"


def _of(table: str, name: str) -> tuple[str, str]:
    """Return a column of a common table, which keeps its name."""
    return f"{table}.{name}", ""


def query(found: Resolved, *, ordered: bool = True) -> str:
    """Return the one select that gives the columns of `found`."""
    return _Writer(found).query(ordered)


class _Writer:
    def __init__(self, found: Resolved) -> None:
        self.found = found
        self.known = found.known
        self.grain = found.grain
        self.ctes: dict[str, str] = {}
        self.taken = {names.split(table)[1] for table in found.known.schemas}
        self.names = {key: self._name(key) for key in found.parts}

    def query(self, ordered: bool) -> str:
        alone = len(self.names) == 1
        outputs = self._outputs(alone=alone)
        simple = alone and all(said == name for said, name in outputs)
        keys = [ident(key) for key in self.found.keys]
        if simple:
            (key,) = self.found.parts
            final = self._part(key)
            final.columns.sort(key=lambda one: [name for _, name in outputs].index(one[1]))
        else:
            for key, name in self.names.items():
                self._put(name, self._part(key).text("    "))
            final = Select(outputs, self._together(keys))
        final.tail += self._tail(keys) if ordered else []
        if not self.ctes:
            return final.text()
        parts = ",\n\n".join(f"{name} as (\n{text}\n)" for name, text in self.ctes.items())
        return f"with {parts}\n\n{final.text()}"

    def _outputs(self, *, alone: bool) -> list[tuple[str, str]]:
        def name_of(key: PartKey, name: str) -> str:
            return ident(name) if alone else f"{self.names[key]}.{ident(name)}"

        before = "" if alone else f"{'keys' if len(self.names) > 1 else ''}."
        outputs = []
        for column, metric, stretch in self.found.columns:
            name = ident(column.name)
            said = f"{before}{name}" if metric is None else express(metric, stretch, self.found, name_of)
            outputs.append((said, "" if not alone and said.endswith(f".{name}") and " " not in said else name))
        return outputs

    def _together(self, keys: Sequence[str]) -> list[str]:
        """Return the parts, joined by what tells rows apart: a row that only one of them has stands, too."""
        parts = list(self.names.values())
        if len(parts) == 1:
            return parts
        if not keys:
            return [parts[0], *(f"cross join {name}" for name in parts[1:])]
        each = [f"    select {', '.join(keys)} from {name}" for name in parts]
        self._put("keys", "\n    union\n".join(each))
        joins = [f"left join {name} on {' and '.join(self._same(name, key) for key in keys)}" for name in parts]
        return ["keys", *joins]

    def _same(self, name: str, key: str) -> str:
        """Return that a key agrees: a dimension may be null, the period of a grain never is."""
        return f"{name}.{key} {'=' if key == ident(self.grain) else 'is not distinct from'} keys.{key}"

    def _tail(self, keys: Sequence[str]) -> list[str]:
        ask, lines = self.found.ask, list[str]()
        if ask.order:
            way = " desc" if ask.order.startswith("-") else ""
            first = ident(ask.order.removeprefix("-"))
            lines.append(", ".join([f"order by {first}{way} nulls last", *(key for key in keys if key != first)]))
        elif keys:
            lines.append(f"order by {', '.join(keys)}")
        return lines + ([f"limit {int(ask.limit)}"] if ask.limit is not None else [])

    def _name(self, key: PartKey) -> str:
        """Name a part by what it holds."""
        stretch = key.stretch
        said = "measured"
        if stretch.window:
            said = f"last_{stretch.window.replace(' ', '_')}"
        elif stretch.cumulative:
            said = "to_date" if stretch.cumulative == "all" else f"{stretch.cumulative}_to_date"
        said += "_balance" if key.last else ""
        said += "".join(f"_{str(shift).replace(' ', '_')}_before" for shift in stretch.shifts)
        if len(self.found.sets) > 1:
            said = f"{self.known.sets[key.set].table.replace('.', '_')}_{said}"
        return self._free(said)

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _put(self, name: str, text: str) -> str:
        self.ctes.setdefault(name, text)
        return name

    # ── one part ────────────────────────────────────────────────────────────────────────────────────────

    def _source(self, key: PartKey, beside: Sequence[str] = ()) -> Source:
        """Return the table of a part, with the joins that its metrics, dimensions and filters need."""
        made = self.known.sets[key.set]
        others = {*beside, *([self.grain] if beside or key.last else [])}
        others |= {"last_at", *(name.lower() for name in key.per)} if key.last else set()
        source = Source(made, self.known, self.found.zone_of(key.set), frozenset(others))
        source.need(made.time if key.stretch != Stretch() or self._is_timed else "")
        source.need(*(made.dimensions[name].sql for name in self.found.by))
        source.need(*(text for _, text in filters(self.found, key.set)))
        for metric in self.found.parts[key].values():
            source.need(metric.sql, metric.filter)
        return source

    @property
    def _is_timed(self) -> bool:
        return bool(self.grain or self.found.start or self.found.end)

    def _dimensions(self, source: Source) -> list[tuple[str, str]]:
        return [(source.own(source.made.dimensions[name].sql), ident(name)) for name in self.found.by]

    def _values(self, key: PartKey, source: Source) -> list[tuple[str, str]]:
        metrics = self.found.parts[key].values()
        return [(source.own(measure(metric)), ident(metric.name)) for metric in metrics]

    def _conditions(self, key: PartKey, source: Source) -> list[str]:
        return [source.condition(one, text) for one, text in filters(self.found, key.set)]

    def _part(self, key: PartKey) -> Select:
        if key.stretch.is_plain and not key.stretch.shifts:
            return self._plain(key)
        if not self.grain:
            return self._at_once(key)
        if key.stretch.is_plain:
            return self._earlier(key)
        return self._ranged(key)

    def _plain(self, key: PartKey) -> Select:
        """The rows of each period, counted where they lie."""
        source = self._source(key)
        times: list[str] = []
        if self._is_timed:
            time, _ = source.time()
            times = self._between(time)
        return self._grouped(key, source, times)

    def _between(self, time: str) -> list[str]:
        start, end = self.found.start, self.found.end
        found = [f"{time} >= {periods.literal(start)}"] if start else []
        found += [f"{time} < {periods.literal(end)}"] if end else []
        return found or [f"{time} is not null"]

    def _grouped(self, key: PartKey, source: Source, times: list[str]) -> Select:
        select = Select(group=bool(self.found.keys))
        bucket = ""
        if self.grain:
            bucket = periods.bucket(self.grain, *source.time())
            select.columns.append((bucket, ident(self.grain)))
        select.columns += [*self._dimensions(source), *self._values(key, source)]
        select.tables = source.tables()
        if key.last:
            select.tables += self._last(key, source, times, bucket)
        select.where = times + self._conditions(key, source)
        return select

    def _last(self, key: PartKey, source: Source, times: list[str], bucket: str) -> list[str]:
        """Return the join that keeps of each period its last day only, or the last of each `per`."""
        own = [(source.own(ident(name)), ident(name)) for name in key.per]
        day = periods.bucket(key.last, *source.time())
        select = Select(group=bool(bucket or own))
        select.columns = [*([(bucket, ident(self.grain))] if bucket else []), *own, (f"max({day})", "last_at")]
        alone = Source(source.made, source.known, source.zone)
        alone.need(source.made.time)
        select.tables, select.where = alone.tables(), times or [f"{source.time()[0]} is not null"]
        name = self._put(f"{self.names[key]}_last", select.text("    "))
        equal = [f"{name}.last_at = {day}"]
        equal += [f"{name}.{ident(self.grain)} = {bucket}"] if bucket else []
        equal += [f"{name}.{column} is not distinct from {source.alias}.{column}" for _, column in own]
        return [f"join {name} on {' and '.join(equal)}"]

    # ── what is read over another stretch of time than the period ────────────────────────────────────────────

    def _extent(self, key: PartKey) -> str:
        """Return the common table with the first time that is known and the end of the last day."""
        made = self.known.sets[key.set]
        source = Source(made, self.known, self.found.zone_of(key.set))
        source.need(made.time)
        time, _ = source.time()
        unit = periods.end_unit(self.grain)
        end = f"date_trunc('{unit}', max({time})) + {periods.one(unit)}"
        select = Select([(f"min({time})", "first_at"), (end, "end_at")], source.tables())
        return self._put(self._prefixed("extent", key), select.text("    "))

    def _prefixed(self, name: str, key: PartKey) -> str:
        return f"{key.set.replace('.', '_').replace('/', '_')}_{name}" if len(self.found.sets) > 1 else name

    def _least(self, *times: str) -> str:
        end = self.found.end
        said = [*times, *([periods.literal(end)] if end else [])]
        return f"least({', '.join(said)})" if len(said) > 1 else said[0]

    def _all_periods(self, key: PartKey) -> str:
        """Return the common table of all periods between the first time and the last, or of what is asked."""
        extent = self._extent(key)
        first = f"greatest(first_at, {periods.literal(self.found.start)})" if self.found.start else "first_at"
        last = f"{self._least('end_at')} - interval '1 microsecond'"
        series = f"generate_series(date_trunc('{self.grain}', {first}), {last}, {periods.one(self.grain)})"
        said = f"unnest({series})" if self.grain in ("minute", "hour") else f"cast(unnest({series}) as date)"
        select = Select([(said, ident(self.grain))], [extent])
        return self._put(self._prefixed(f"{self.grain}s", key), select.text("    "))

    def _earlier(self, key: PartKey) -> Select:
        """Each period with what the one so far before it had."""
        inner = self._by_period(key)
        series = self._all_periods(key)
        grain = ident(self.grain)
        earlier = periods.shifted(self.grain, f"{series}.{grain}", key.stretch.shifts)
        columns = [_of(series, grain)]
        columns += [_of(inner, ident(name)) for name in (*self.found.by, *self.found.parts[key])]
        return Select(columns, [series, f"join {inner} on {inner}.{grain} = {earlier}"])

    def _by_period(self, key: PartKey) -> str:
        """Return the common table of the values of each period; it may be there already, as a part of its own."""
        plain = replace(key, stretch=Stretch())
        there = self.names.get(plain, "")
        bounded = self.found.start or self.found.end
        if there in self.ctes and not bounded and set(self.found.parts[key]) <= set(self.found.parts[plain]):
            return there
        source = self._source(key)
        time, _ = source.time()
        text = self._grouped(key, source, [f"{time} is not null"]).text("    ")
        return self._put(f"{self.names[key]}_by_{self.grain}", text)

    def _at_once(self, key: PartKey) -> Select:
        """One stretch of time: up to the end of what is asked, or of what is known."""
        source = self._source(key)
        extent = self._extent(key)
        time, _ = source.time()
        back = "".join(f" - {periods.interval(shift)}" for shift in key.stretch.shifts)
        ends = self._least(f"(select end_at from {extent})") + back
        starts = self._starts(key, ends)
        if key.stretch.is_plain and self.found.start:
            starts = periods.literal(self.found.start) + back
        times = ([f"{time} >= {starts}"] if starts else []) + [f"{time} < {ends}"]
        return self._grouped(key, source, times)

    def _starts(self, key: PartKey, ends: str) -> str:
        stretch = key.stretch
        if stretch.window:
            length = span(stretch.window)
            return f"{ends} - {periods.interval(length)}" if length else ""
        if stretch.cumulative and stretch.cumulative != "all":
            return f"date_trunc('{stretch.cumulative}', {ends} - interval '1 microsecond')"
        return ""

    def _ranged(self, key: PartKey) -> Select:
        """Each period with the rows of the stretch that ends with it."""
        stretches = self._stretches(key)
        grain = ident(self.grain)
        source = self._source(key, beside=("starts", "ends"))
        time, kind = source.time()
        within = [f"{time} < {stretches}.ends"]
        if key.stretch.cumulative != "all":
            within.insert(0, f"{time} >= {stretches}.starts")
        if not key.last and self._in_days(key):
            if all(_adds(metric) for metric in self.found.parts[key].values()):
                return self._from_days(key, stretches)
            (metric, *others) = self.found.parts[key].values()
            value = sliding.counted(measure(metric))
            if value and not others:
                return self._sliding(key, stretches, metric, value)
        select = Select(group=True)
        select.columns = [_of(stretches, grain), *self._dimensions(source), *self._values(key, source)]
        tables = source.tables()
        select.tables = [tables[0], f"join {stretches} on {' and '.join(within)}", *tables[1:]]
        if key.last:
            select.tables += self._last_of(key, source, stretches, within, periods.bucket(key.last, time, kind))
        select.where = self._conditions(key, source)
        return select

    def _last_of(self, key: PartKey, source: Source, stretches: str, within: list[str], day: str) -> list[str]:
        grain = ident(self.grain)
        own = [(source.own(ident(name)), ident(name)) for name in key.per]
        alone = Source(source.made, source.known, source.zone)
        alone.need(source.made.time)
        tables = alone.tables()
        joined = [tables[0], *tables[1:], f"join {stretches} on {' and '.join(within)}"]
        last = Select([_of(stretches, grain), *own, (f"max({day})", "last_at")], joined, group=True)
        name = self._put(f"{self.names[key]}_last", last.text("    "))
        equal = [f"{name}.last_at = {day}", f"{name}.{grain} = {stretches}.{grain}"]
        equal += [f"{name}.{column} is not distinct from {source.alias}.{column}" for _, column in own]
        return [f"join {name} on {' and '.join(equal)}"]

    def _stretches(self, key: PartKey) -> str:
        """Return the common table that says when the stretch of each period starts and ends."""
        series = self._all_periods(key)
        extent = self._extent(key)
        grain = ident(self.grain)
        begins = periods.shifted(self.grain, f"{series}.{grain}", key.stretch.shifts)
        ends = self._least(f"{begins} + {periods.one(self.grain)}", f"{extent}.end_at")
        starts = self._starts(key, ends)
        columns = [_of(series, grain), *([(starts, "starts")] if starts else []), (ends, "ends")]
        text = Select(columns, [series, f"cross join {extent}"]).text("    ")
        return self._put(f"{self.names[key]}_stretches", text)

    def _in_days(self, key: PartKey) -> bool:
        """Tell whether stretches are of whole days: then days may be read, and not rows over and over."""
        window = span(key.stretch.window)
        return self.grain in _COARSE and (window is None or window.unit in _COARSE)

    def _sliding(self, key: PartKey, stretches: str, metric: Metric, value: str) -> Select:
        """Each period with the number of distinct values in its stretch."""
        source = self._source(key)
        time, kind = source.time()
        by = tuple(ident(one) for one in self.found.by)
        name = self._free(f"{self.names[key]}_distinct")
        known = self._free(f"{self.names[key]}_values")
        one = sliding.Sliding(
            name, known, stretches, ident(self.grain), by, ident(metric.name), "", "", key.stretch.cumulative != "all"
        )
        one = replace(one, day=one.column("at_day"), value=one.column("its_value"))
        days = Select(group=True, tables=source.tables())
        days.columns = [(periods.bucket("day", time, kind), one.day), *self._dimensions(source)]
        days.columns.append((source.own(value), one.value))
        days.where = [f"{time} is not null", *self._conditions(key, source)]
        self._put(known, days.text("    "))
        for made, text in sliding.tables(one).items():
            self._put(made, text)
        return Select([_of(name, column) for column in (one.grain, *by, one.metric)], [name])

    def _from_days(self, key: PartKey, stretches: str) -> Select:
        source = self._source(key)
        time, kind = source.time()
        days = Select(group=True, tables=source.tables())
        days.columns = [(periods.bucket("day", time, kind), "at_day"), *self._dimensions(source)]
        days.columns += self._values(key, source)
        days.where = [f"{time} is not null", *self._conditions(key, source)]
        name = self._put(f"{self.names[key]}_by_day", days.text("    "))
        grain = ident(self.grain)
        within = [f"{name}.at_day < {stretches}.ends"]
        if key.stretch.cumulative != "all":
            within.insert(0, f"{name}.at_day >= {stretches}.starts")
        columns = [_of(stretches, grain), *(_of(name, ident(one)) for one in self.found.by)]
        columns += [(_again(metric, name), ident(metric.name)) for metric in self.found.parts[key].values()]
        return Select(columns, [stretches, f"join {name} on {' and '.join(within)}"], group=True)


def measure(metric: Metric) -> str:
    """Return the aggregate of a simple metric: filtered, and safe from division by zero."""
    text = formula.guarded(metric.sql)
    return formula.filtered(text, metric.filter) if metric.filter else text


def _adds(metric: Metric) -> bool:
    call = formula.is_one_call(metric.sql)
    if call is None or call.name not in _ALONE:
        return False
    inside = formula.words_of(metric.sql[call.inside : call.stop - 1])
    return not any(token.name in ("distinct", "order") or token.text == "," for token in inside)


def _again(metric: Metric, days: str) -> str:
    """Return the aggregate that makes of each day's value that of several days."""
    call = formula.is_one_call(metric.sql)
    column = f"{days}.{ident(metric.name)}"
    if call is not None and call.name == "count":
        return f"cast(sum({column}) as bigint)"
    return f"{call.name if call else 'sum'}({column})"


__all__ = ["measure", "query", "schema_of"]
