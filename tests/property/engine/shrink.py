"""A failing case made small: fewest steps, then tables, rows, columns, and words of the queries."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from tests.property.engine.case import Case, Feed, Raw, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# what can be left out of a query without making its result depend on chance
_DROPPED = ("where", "having", "qualify", "joins", "with_", "with")


def shrink(case: Case, fails: Callable[[Case], bool], seconds: float = 60.0) -> Case:
    """Return the smallest case found that still fails, within about so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for smaller in _smaller(case):
            if time.monotonic() > until:
                return case
            if fails(smaller):
                case = smaller
                break
        else:
            return case
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Give cases that are a little smaller, the boldest first."""
    yield from _fewer_steps(case)
    yield from _fewer_tables(case)
    yield from _simpler_steps(case)
    yield from _fewer_rows(case)
    yield from _simpler_texts(case)
    yield from _fewer_columns(case)
    yield from _simpler_values(case)


def _fewer_steps(case: Case) -> Iterator[Case]:
    steps = case.steps
    for end in range(1, len(steps)):
        yield replace(case, steps=steps[:end])
    for at in range(1, len(steps)):
        yield replace(case, steps=(*steps[:at], *steps[at + 1 :]))
    for at in range(len(steps) - 1):
        if _plain(steps[at]) and _plain(steps[at + 1]):
            both = Step((*steps[at].feeds, *steps[at + 1].feeds))
            yield replace(case, steps=(*steps[:at], both, *steps[at + 2 :]))


def _plain(step: Step) -> bool:
    return step == Step(step.feeds)


def _fewer_tables(case: Case) -> Iterator[Case]:
    for name, _ in case.tables:
        tables = tuple(t for t in case.tables if t[0] != name)
        steps = tuple(
            replace(
                step,
                redefine=tuple(r for r in step.redefine if r[0] != name),
                only=tuple(n for n in step.only if n != name),
            )
            for step in case.steps
        )
        yield replace(case, tables=tables, steps=steps)
    for raw in case.raws:
        if len(case.raws) > 1:
            steps = tuple(
                replace(
                    step,
                    feeds=tuple(f for f in step.feeds if f.raw != raw.name),
                    wider=tuple(w for w in step.wider if w[0] != raw.name),
                )
                for step in case.steps
            )
            yield replace(case, raws=tuple(r for r in case.raws if r != raw), steps=steps)


def _simpler_steps(case: Case) -> Iterator[Case]:
    for at, step in enumerate(case.steps):
        for plainer in (
            replace(step, kill=None),
            replace(step, reopen=False),
            replace(step, only=()),
            replace(step, redefine=()),
            *(replace(step, feeds=(*step.feeds[:n], *step.feeds[n + 1 :])) for n in range(len(step.feeds))),
        ):
            if plainer != step:
                yield _with(case, at, plainer)


def _with(case: Case, at: int, step: Step) -> Case:
    return replace(case, steps=(*case.steps[:at], step, *case.steps[at + 1 :]))


def _with_feed(case: Case, at: int, number: int, feed: Feed) -> Case:
    step = case.steps[at]
    return _with(case, at, replace(step, feeds=(*step.feeds[:number], feed, *step.feeds[number + 1 :])))


def _feeds(case: Case) -> Iterator[tuple[int, int, Feed]]:
    for at, step in enumerate(case.steps):
        for number, feed in enumerate(step.feeds):
            yield at, number, feed


def _fewer_rows(case: Case) -> Iterator[Case]:
    for at, number, feed in _feeds(case):
        if len(feed.rows) > 1:
            half = len(feed.rows) // 2
            yield _with_feed(case, at, number, replace(feed, rows=feed.rows[:half]))
            yield _with_feed(case, at, number, replace(feed, rows=feed.rows[half:]))
        for n in range(len(feed.rows)):
            yield _with_feed(case, at, number, replace(feed, rows=(*feed.rows[:n], *feed.rows[n + 1 :])))


def _fewer_columns(case: Case) -> Iterator[Case]:
    if any(step.wider for step in case.steps):
        return
    for raw in case.raws:
        for at, (name, _) in enumerate(raw.columns):
            if name not in raw.key and len(raw.columns) > 1:
                yield _without(case, raw, at)


def _without(case: Case, raw: Raw, at: int) -> Case:
    def cut(feed: Feed) -> Feed:
        if feed.raw != raw.name or feed.kind == "delete":
            return feed
        return replace(feed, rows=tuple((*row[:at], *row[at + 1 :]) for row in feed.rows))

    steps = tuple(replace(step, feeds=tuple(cut(f) for f in step.feeds)) for step in case.steps)
    thinner = replace(raw, columns=(*raw.columns[:at], *raw.columns[at + 1 :]))
    return replace(case, raws=tuple(thinner if r == raw else r for r in case.raws), steps=steps)


def _simpler_values(case: Case) -> Iterator[Case]:
    for at, number, feed in _feeds(case):
        for n, row in enumerate(feed.rows):
            for column, value in enumerate(row):
                if value != "null" and not (feed.kind == "delete" or column == 0):
                    plainer = (*row[:column], "null", *row[column + 1 :])
                    rows = (*feed.rows[:n], plainer, *feed.rows[n + 1 :])
                    yield _with_feed(case, at, number, replace(feed, rows=rows))


# -- texts ---------------------------------------------------------------------------------------------------------


def _simpler_texts(case: Case) -> Iterator[Case]:
    for at, (name, text) in enumerate(case.tables):
        for plainer in _plainer(text):
            tables = (*case.tables[:at], (name, plainer), *case.tables[at + 1 :])
            yield replace(case, tables=tables)
    for at, step in enumerate(case.steps):
        for n, (name, text) in enumerate(step.redefine):
            for plainer in _plainer(text):
                redefine = (*step.redefine[:n], (name, plainer), *step.redefine[n + 1 :])
                yield _with(case, at, replace(step, redefine=redefine))


def _plainer(text: str) -> Iterator[str]:
    """Give queries with a part less; some of them make no sense, and then fail in no way that counts."""
    try:
        tree = sqlglot.parse_one(text, read="duckdb")
    except sqlglot.errors.SqlglotError:
        return
    for inner in tree.find_all(exp.Subquery, exp.CTE):
        yield inner.this.sql(dialect="duckdb")
    for number, node in enumerate(list(tree.walk())):
        for change in _changes(node):
            copy = tree.copy()
            target = list(copy.walk())[number]
            change(target)
            said = copy.sql(dialect="duckdb")
            if len(said) < len(text):
                yield said


def _changes(node: exp.Expression) -> Iterator[Callable[[exp.Expression], None]]:
    if isinstance(node, exp.Select):
        for part in _DROPPED:
            if node.args.get(part):
                yield lambda one, part=part: one.set(part, None)
        for at in range(len(node.expressions) if len(node.expressions) > 1 else 0):
            yield lambda one, at=at: one.set("expressions", [e for n, e in enumerate(one.expressions) if n != at])
        group = node.args.get("group")
        for at in range(len(group.expressions) if group is not None and len(group.expressions) > 1 else 0):
            yield lambda one, at=at: _drop_key(one, at)
    if isinstance(node, (exp.And, exp.Or)):
        yield lambda one: one.replace(one.this)
        yield lambda one: one.replace(one.expression)
    if isinstance(node, exp.Filter):
        yield lambda one: one.replace(one.this)
    if isinstance(node, (exp.Union, exp.Except, exp.Intersect)):
        yield lambda one: one.replace(one.this) if one.parent else None
    if isinstance(node, exp.Subquery) and isinstance(node.parent, (exp.From, exp.Join)):
        yield _to_table


def _drop_key(select: exp.Expression, at: int) -> None:
    group = select.args["group"]
    gone = group.expressions[at]
    group.set("expressions", [e for n, e in enumerate(group.expressions) if n != at])
    select.set("expressions", [e for e in select.expressions if e.unalias() != gone])


def _to_table(subquery: exp.Expression) -> None:
    """Put the first table of a subquery in its place."""
    table = subquery.this.find(exp.Table)
    if table is not None:
        inner = table.copy()
        inner.set("alias", subquery.args.get("alias"))
        subquery.replace(inner)
