"""Whatever is asked of metrics equals what Python makes of the same rows: any dimensions, grain, filter, comparison.

`PENSTOCK_EXAMPLES=4000` asks more than an everyday run.
"""

# ruff: noqa: DTZ001, DTZ901  # the times of periods are local ones

import os
from calendar import monthrange
from datetime import date, datetime, timedelta
from statistics import mean
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.load.metrics import all_declared, inherited
from penstock.model.measure import GRAINS, Filter, MetricAsk, Metrics, span
from penstock.model.schema import Schema
from penstock.plan.metrics.resolve import Known, resolve
from penstock.plan.metrics.text import query

ORDERS = Schema.of(
    [
        ("order_id", "integer"),
        ("customer_id", "varchar"),
        ("region", "varchar"),
        ("at", "timestamp"),
        ("amount", "bigint"),
    ]
)
CUSTOMERS = Schema.of([("customer_id", "varchar"), ("tier", "varchar"), ("region", "varchar")])
TIERS = {"a": "gold", "b": "tin", "c": None}
SAID = Metrics(
    "orders",
    {
        "revenue": "sum(amount)",
        "orders": "count(*)",
        "buyers": "count(distinct customer_id)",
        "average": "avg(amount)",
        "north": {"sql": "sum(amount)", "filter": "region = 'N'"},
        "each": "{revenue} / {orders}",
        "per_buyer": "({revenue} - {north}) / {buyers}",
        "mtd": {"of": "revenue", "cumulative": "month"},
        "buyers_ytd": {"of": "buyers", "cumulative": "year"},
        "ever": {"of": "each", "cumulative": "all"},
        "revenue_7": {"of": "revenue", "window": "7 days"},
        "buyers_1m": {"of": "buyers", "window": "1 month"},
        "largest_3h": {"of": "largest", "window": "3 hours"},
        "largest": "max(amount)",
        "change": {"of": "revenue", "compare": "1 year"},
        "earlier_mtd": {"of": "mtd", "compare": "1 year", "as": "before"},
        "balance": {"sql": "sum(amount)", "last": "day"},
        "held": {"sql": "sum(amount)", "last": "day", "per": "customer_id"},
        "balance_28": {"of": "balance", "window": "28 days"},
    },
    time={"column": "at", "grain": "minute"},
    joins={"customers": "customer_id"},
    dimensions={"region": {}, "tier": "customers.tier"},
)


def loaded():
    from penstock.base.errors import Place
    from penstock.load.loading import Loading
    from penstock.load.metrics import weave

    loading = Loading(lambda _: None)
    found = all_declared([SAID], Place("here"), loading)
    weave(found, frozenset({"orders", "customers"}), loading, lambda *_: "")
    loading.mistakes.raise_found()
    return inherited(found), {one.set.name: one.set for one in found}


METRICS, SETS = loaded()
KNOWN = Known(
    METRICS, SETS, {"orders": ORDERS, "customers": CUSTOMERS}, {"customers": (("customer_id",),)}, lambda *_: False
)


# ── what Python makes of it ────────────────────────────────────────────────────────────────────────────────


def begin(grain, at):
    """The beginning of the period in which a time lies."""
    day = datetime(at.year, at.month, at.day)
    return {
        "minute": lambda: at.replace(second=0, microsecond=0),
        "hour": lambda: at.replace(minute=0, second=0, microsecond=0),
        "day": lambda: day,
        "week": lambda: day - timedelta(days=day.weekday()),
        "month": lambda: day.replace(day=1),
        "quarter": lambda: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year": lambda: day.replace(month=1, day=1),
    }[grain]()


def moved(at, length, sign):
    """A time moved by a span of the calendar; a day that a month does not have is its last one."""
    days = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7}.get(length.unit)
    if days:
        return at + sign * timedelta(days=days) * length.count
    months = at.year * 12 + at.month - 1 + sign * length.count * {"month": 1, "quarter": 3, "year": 12}[length.unit]
    year, month = divmod(months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


def after(grain, at):
    return moved(at, span(grain), 1)


class Oracle:
    def __init__(self, rows, ask, start, end):
        self.ask, self.start, self.end = ask, start, end
        zone = ZoneInfo(ask.timezone or "UTC")
        self.rows = [SimpleNamespace(**vars(row)) for row in rows]
        for row in self.rows:
            row.tier = TIERS.get(row.customer_id)
            if row.at:
                row.at = row.at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None)
        times = [row.at for row in self.rows if row.at]
        unit = ask.grain if ask.grain in ("minute", "hour") else "day"
        self.known_end = after(unit, begin(unit, max(times))) if times else None
        self.first = min(times, default=None)
        self.seen = set()

    def passes(self, row):
        return all((getattr(row, one.dimension) in one.values) == (one.op == "in") for one in self.ask.where)

    def upto(self, *times):
        return min(one for one in (*times, self.end, self.known_end) if one)

    def periods(self):
        if not self.ask.grain or self.known_end is None:
            return [] if self.ask.grain else [None]
        at = begin(self.ask.grain, max(self.first, self.start) if self.start else self.first)
        found = []
        while at < self.upto():
            found.append(at)
            at = after(self.ask.grain, at)
        return found

    def stretch(self, period, kind, said, shifts):
        """From when to when rows count; None where there is no bound."""
        grain = self.ask.grain
        if grain:
            for shift in shifts:
                period = begin(grain, moved(period, shift, -1))
            low, high = period, after(grain, period)
            if kind == "plain" and not shifts:
                return max(low, self.start or low), min(high, self.end or high)
            if kind == "plain":
                return low, high
            high = self.upto(high)
        else:
            low, high = self.start, self.end
            if kind == "plain" and not shifts:
                return low, high
            high = self.upto() if self.known_end else None
            for shift in shifts:
                low, high = low and moved(low, shift, -1), high and moved(high, shift, -1)
        if high is None:
            return None, datetime.min
        if kind == "window":
            low = moved(high, span(said), -1)
        elif kind == "cumulative":
            low = None if said == "all" else begin(said, high - timedelta(microseconds=1))
        return low, high

    def within(self, low, high):
        timed = low is not None or high is not None or self.ask.grain
        return [
            row for row in self.rows
            if not timed or (row.at and (low is None or row.at >= low) and (high is None or row.at < high))
        ]  # fmt: skip

    def value(self, name, key, period, kind="plain", said="", shifts=()):
        metric = METRICS[name]

        def ask(other, kind=kind, said=said, shifts=shifts):
            return self.value(other, key, period, kind, said, shifts)

        if metric.kind == "cumulative":
            return ask(metric.of, "cumulative", metric.cumulative)
        if metric.kind == "windowed":
            return ask(metric.of, "window", metric.window)
        if metric.kind == "compared":
            now, before = ask(metric.of), ask(metric.of, shifts=(*shifts, span(metric.compare)))
            if metric.shown == "before":
                return before
            return None if now is None or before in (None, 0) else (now - before) / abs(before)
        if name == "each":
            return over(ask("revenue"), ask("orders"))
        if name == "per_buyer":
            revenue, north = ask("revenue"), ask("north")
            return over(None if None in (revenue, north) else revenue - north, ask("buyers"))
        rows = self.within(*self.stretch(period, kind, said, shifts))
        rows = self.last(rows, metric)
        rows = [row for row in rows if self.passes(row) and tuple(getattr(row, by) for by in self.by) == key]
        if not rows and (self.by or self.ask.grain):
            return None
        self.seen.add((period, key))
        return simple(name, rows)

    def last(self, rows, metric):
        if not metric.last:
            return rows
        days = {}
        for row in rows:
            if row.at:
                of = row.customer_id if metric.per else None
                days[of] = max(days.get(of, row.at.date()), row.at.date())
        return [row for row in rows if row.at and row.at.date() == days.get(row.customer_id if metric.per else None)]

    def answer(self):
        self.by = tuple(by for by in self.ask.by)
        keys = {tuple(getattr(row, by) for by in self.by) for row in self.rows if self.passes(row)}
        if not self.by:
            keys = {()}
        found = []
        for period in self.periods():
            for key in keys:
                values = []
                for name in self.ask.metrics:
                    values.append(self.value(name, key, period))
                    if self.ask.compare:
                        values.append(self.value(name, key, period, shifts=(span(self.ask.compare),)))
                if (period, key) in self.seen or not (self.by or self.ask.grain):
                    shown = period.date() if period and self.ask.grain not in ("minute", "hour") else period
                    found.append(((shown,) if self.ask.grain else ()) + key + tuple(values))
        return found


def over(one, other):
    return None if one is None or not other else one / other


def simple(name, rows):
    amounts = [row.amount for row in rows if row.amount is not None]
    return {
        "orders": lambda: len(rows),
        "buyers": lambda: len({row.customer_id for row in rows if row.customer_id is not None}),
        "average": lambda: mean(amounts) if amounts else None,
        "largest": lambda: max(amounts, default=None),
        "north": lambda: total([r.amount for r in rows if r.region == "N" and r.amount is not None]),
    }.get(name, lambda: total(amounts))()


def total(amounts):
    return sum(amounts) if amounts else None


# ── asks and rows at random ───────────────────────────────────────────────────────────────────────────────


TIMES = st.one_of(
    st.none(),
    st.datetimes(datetime(2025, 1, 25), datetime(2025, 3, 5)),
    st.datetimes(datetime(2025, 12, 25), datetime(2026, 3, 31)),
    # Where summer begins in Berlin, and midnights.
    st.datetimes(datetime(2026, 3, 28, 22), datetime(2026, 3, 29, 4)),
    st.dates(date(2025, 12, 28), date(2026, 1, 5)).map(lambda day: datetime(day.year, day.month, day.day)),
)
ROWS = st.lists(
    st.builds(
        SimpleNamespace, customer_id=st.sampled_from(["a", "b", "c", "d", None]),
        region=st.sampled_from(["N", "S", None]),
        at=TIMES, amount=st.one_of(st.none(), st.integers(-50, 100)),
    ),
    max_size=14,
)  # fmt: skip
DAYS = st.one_of(
    st.none(), st.none(), st.dates(date(2025, 12, 28), date(2026, 3, 20)), st.dates(date(2025, 1, 20), date(2026, 4, 5))
)  # fmt: skip
WHERE = st.lists(
    st.one_of(
        st.builds(
            Filter, st.just("region"), st.lists(st.sampled_from(["N", "S", None]), min_size=1, max_size=2).map(tuple),
            st.sampled_from(["in", "not in"]),
        ),
        st.builds(Filter, st.just("tier"), st.sampled_from([("gold",), ("gold", None)]), st.just("in")),
    ),
    max_size=2,
)  # fmt: skip


@st.composite
def asks(draw):
    grain = draw(st.sampled_from(["", "", "", *GRAINS[1:]]))
    metrics = draw(st.lists(st.sampled_from(sorted(METRICS)), min_size=1, max_size=4, unique=True))
    spans = {"quarter": ["3 months", "1 year"], "year": ["1 year", "2 years"], "month": ["1 month", "1 year"]}
    compare = draw(st.sampled_from(["", "", *spans.get(grain, ["1 week", "10 days", "1 month", "1 year"])]))
    start, end = draw(DAYS), draw(DAYS)
    if start and end and start > end:
        start, end = end, start
    by = draw(st.lists(st.sampled_from(["region", "tier"]), unique=True))
    if grain == "hour":  # months of hours take Python too long
        start = date(2026, 3, 27) if start is None else max(start, date(2026, 3, 27))
        end = max(end, start) if end else None
    return MetricAsk(
        tuple(metrics), tuple(by), grain, start, end, tuple(draw(WHERE)), compare,
        timezone=draw(st.sampled_from(["", "Europe/Berlin", "America/New_York"])),
    )  # fmt: skip


@pytest.fixture(scope="module")
def con():
    found = duckdb.connect(config={"TimeZone": "UTC", "autoinstall_known_extensions": "false"})
    found.execute(
        'create table orders (order_id integer, customer_id varchar, region varchar, "at" timestamp, amount bigint)'
    )
    found.execute(
        "create table customers as from "
        "(values ('a','gold','x'), ('b','tin','y'), ('c',null,'z')) t(customer_id, tier, region)"
    )
    yield found
    found.close()


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("PENSTOCK_EXAMPLES", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, ask=asks())
def test_what_is_asked_of_metrics_is_what_python_makes_of_the_rows(con, rows, ask):
    con.execute("delete from orders")
    for number, row in enumerate(rows):
        con.execute(
            "insert into orders values (?, ?, ?, ?, ?)", [number, row.customer_id, row.region, row.at, row.amount]
        )
    found = resolve(ask, KNOWN)
    text = query(found)
    got = con.execute(text).fetchall()
    wanted = Oracle(rows, ask, found.start, found.end).answer()
    assert sorted(map(plain, got), key=repr) == sorted(map(plain, wanted), key=repr), text
    if len(got) > 1 and found.keys:
        width = len(found.keys)
        keys = [tuple((value is None, value) for value in row[:width]) for row in got]
        assert keys == sorted(keys), "the rows are in the order of their keys"


def plain(row):
    return tuple(round(float(value), 6) + 0.0 if isinstance(value, int | float) else value for value in row)
