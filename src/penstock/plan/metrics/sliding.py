"""Distinct values over stretches of time that slide along: a value enters and leaves, and is not counted anew."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.plan.metrics import formula

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.plan.canonical import Token


@record
class Sliding:
    """What is counted: names of common tables and of columns, all ready to stand in SQL.

    `known` has each day, called `day`, with the dimensions `by` and each `value` there once, or null. `stretches` has
    for each period, called `grain`, when its stretch ends and, where `starts`, when it starts: both only go forward.
    `name` is that of the table to be made, and with an ending of those on the way.
    """

    name: str
    known: str
    stretches: str
    grain: str
    by: tuple[str, ...]
    metric: str
    day: str
    value: str
    starts: bool

    def column(self, said: str) -> str:
        """Return a name for a column that no dimension, the period or the count has."""
        taken = {one.strip('"').lower() for one in (*self.by, self.grain, self.metric)}
        while said in taken:
            said += "_"
        return said


def counted(text: str) -> str:
    """Return what an aggregate counts the distinct values of, null for rows that it leaves out; empty for another one.

    >>> counted("count(distinct customer_id) filter (where kept)")
    'case when kept then customer_id end'
    >>> counted("count(customer_id)"), counted("count(distinct a) / 2")
    ('', '')
    """
    call = formula.is_one_call(text)
    if call is None or call.name != "count":
        return ""
    inside = text[call.inside : call.stop - 1]
    words = formula.words_of(inside)
    if not words or words[0].name != "distinct" or _has_more(words):
        return ""
    value = inside[words[0].start + len(words[0].text) :].strip()
    if call.condition is None:
        return value
    return f"case when {text[slice(*call.condition)].strip()} then {value} end"


def _has_more(words: Sequence[Token]) -> bool:
    """Tell whether there are several values, or an order of them."""
    depth = 0
    for word in words:
        depth += (word.text in "([{") - (word.text in ")]}")
        if not depth and (word.text == "," or word.name == "order"):
            return True
    return False


def tables(one: Sliding) -> dict[str, str]:
    """Return the common tables of which the last, called `name`, has each period, the dimensions and the count.

    A value is in all stretches from the first that reaches one of its days to the last; of two days whose stretches
    overlap, the second begins where the first ends. So it enters and leaves once for each time that it is there without
    a gap, and the count is the sum of what came and went. Dimensions are there in the same way, with whichever values:
    a stretch that has rows, and no value in any of them, counts 0.
    """
    step, enters, stays = one.column("step"), one.column("enters"), one.column("stays")
    steps, days, sums = f"{one.name}_steps", f"{one.name}_days", f"{one.name}_sums"
    moves, groups = f"{one.name}_moves", f"{one.name}_groups"
    by = "".join(f"{name}, " for name in one.by)
    from_start = f"each.{one.day} >= {steps}.starts and " if one.starts else ""
    values = f"(select * from {one.known} where {one.value} is not null)"
    present = f"(select distinct {by}{one.day} from {one.known})"
    found = {
        steps: f"select *, row_number() over (order by {one.grain}) as {step}\nfrom {one.stretches}",
        days: f"select {one.day}, min({step}) as {enters}, max({step}) as {stays}\n"
        f"from (select distinct {one.day} from {one.known}) as each\n"
        f"join {steps} on {from_start}each.{one.day} < {steps}.ends\ngroup by all",
        moves: _moved(one, values, days, [*one.by, one.value]),
        groups: _moved(one, present, days, one.by),
        sums: _sums(one, steps, moves, groups),
        one.name: f"select {one.grain}, {by}cast({one.metric} as bigint) as {one.metric}\nfrom {sums}\n"
        f"join {steps} using ({step})\nwhere {one.column('there')} > 0",
    }
    return {name: indent(text, "    ") for name, text in found.items()}


def _moved(one: Sliding, rows: str, days: str, beside: Sequence[str]) -> str:
    """Return when what is told apart by some columns enters and leaves."""
    enters, leaves, stays = one.column("enters"), one.column("leaves"), one.column("stays")
    by = "".join(f"{name}, " for name in one.by)
    return (
        f"select {by}{stays} + 1 as {leaves}, greatest({enters}, 1 + lag({stays}) over (\n"
        f"    {_apart(beside)}order by {one.day}\n)) as {enters}\n"
        f"from {rows}\njoin {days} using ({one.day})\nqualify {enters} < {leaves}"
    )


def _sums(one: Sliding, steps: str, moves: str, groups: str) -> str:
    """Return what is there at each step, of which every one is told for all dimensions."""
    step, change, there = one.column("step"), one.column("change"), one.column("there")
    enters, leaves = one.column("enters"), one.column("leaves")
    by = "".join(f"{name}, " for name in one.by)
    all_groups = f"(select distinct {', '.join(one.by)} from {one.known}), " if one.by else ""
    parts = [
        f"select {by}{step}, 0 as {change}, 0 as {there} from {all_groups}{steps}",
        f"select {by}{enters}, 1, 0 from {moves}", f"select {by}{leaves}, -1, 0 from {moves}",
        f"select {by}{enters}, 0, 1 from {groups}", f"select {by}{leaves}, 0, -1 from {groups}",
    ]  # fmt: skip
    over = f"over ({_apart(one.by)}order by {step})"
    united = "\n    union all\n    ".join(parts)
    return (
        f"select {by}{step}, sum(sum({change})) {over} as {one.metric}, sum(sum({there})) {over} as {there}\n"
        f"from (\n    {united}\n)\ngroup by {by}{step}"
    )


def _apart(columns: Sequence[str]) -> str:
    return f"partition by {', '.join(columns)} " if columns else ""
