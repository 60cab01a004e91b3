"""Blocks of several queries: set operations, subqueries of every kind, shared expressions, recursion, and pivots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.property.engine import expressions as ex
from tests.property.engine.grammar import Body, Grammar, Rel, Src, block, single
from tests.property.engine.rows import matched
from tests.property.engine.schemas import Col

if TYPE_CHECKING:
    from tests.property.engine.grammar import Item

_SETS = ("union_all", "union", "intersect", "intersect_all", "except", "except_all")


@block(*_SETS, "union_by_name")
def combined(g: Grammar, depth: int) -> Body:
    """Two queries as one, by columns of the same families."""
    wanted = g.wanted
    left, right = g.fine_source(depth), g.fine_source(max(0, depth - 1))
    pairs: list[tuple[Item, Item]] = []
    for item in left.env:
        partner = next((o for o in right.env if _alike(item[1], o[1]) and o not in [p for _, p in pairs]), None)
        if partner is not None and len(pairs) < 3:
            pairs.append((item, partner))
    if not pairs:
        right = Src(g.alias(), left.rel)
        pairs = list(zip(left.env, right.env, strict=True))[:2]
    g.note(wanted)
    words = wanted.replace("_", " ")
    wild = [a[1].wild or b[1].wild for a, b in pairs]
    names = [f"u{at}" for at in range(len(pairs))]
    first = ", ".join(f"{a[0]} as {n}" for (a, _), n in zip(pairs, names, strict=True))
    second = ", ".join(f"{b[0]} as {n}" for (_, b), n in zip(pairs, names, strict=True))
    cols = tuple(Col(n, a[1].family, wild=w) for n, (a, _), w in zip(names, pairs, wild, strict=True))
    parts = f"{first} from {left.text}{g.where(left.env, 30)}", f"{second} from {right.text}{g.where(right.env, 40)}"
    return Body(f"select {parts[0]} {words} select {parts[1]}", cols, left.rel.size + right.rel.size)


def _alike(one: Col, two: Col) -> bool:
    return one.family == two.family and one.family not in ("real", "list")


# -- subqueries --------------------------------------------------------------------------------------------------


def _other(g: Grammar, depth: int) -> Src:
    g.quiet += 1  # a shared expression cannot be named from within
    try:
        return g.source(min(depth, 1), 200)
    finally:
        g.quiet -= 1


@block("scalar_subquery", "correlated")
def scalars(g: Grammar, depth: int) -> Body:
    """A value that another query gives, for all rows or for each."""
    wanted, src, other = g.wanted, g.source(depth, 200), _other(g, depth - 1)
    g.note(wanted)
    usable = ex.fine(other.env, "int", "text", "dec", "ts")
    value, col = g.choose.of(usable) if usable else ("1", Col("", "int"))
    text, made = g.choose.of(
        (
            ("count(*)", Col("", "int")),
            (f"max({value})", Col("", col.family)),
            (f"count(distinct {value})", Col("", "int")),
        )
    )
    inside = f" where {matched(g, src, other, equal=True)}" if wanted == "correlated" else g.where(other.env, 40)
    query = f"(select {text} from {other.text}{inside})"
    if g.choose.chance(35):
        return single(g, src, g.items(src.env, 1, 3), f" where {query} {_against(made.family)}")
    return single(g, src, [*g.choose.some(src.env, 1, 3), (query, made)])


def _against(family: str) -> str:
    return {"int": "> 1", "text": "<> 'a'", "dec": "> 0", "ts": "> timestamp '2024-01-01 12:00:00'"}[family]


@block("exists", "not_exists")
def exists(g: Grammar, depth: int) -> Body:
    """Rows for which another query has a row, or has none."""
    wanted, src, other = g.wanted, g.source(depth, 200), _other(g, depth - 1)
    g.note(wanted)
    where = matched(g, src, other, equal=True)
    if g.choose.chance(30):
        where += f" and {ex.condition(g.choose, other.env)}"
    test = f"{wanted.replace('_', ' ')} (select 1 from {other.text} where {where})"
    if g.choose.chance(25):
        return single(g, src, [*g.choose.some(src.env, 1, 3), (test, Col("", "bool"))])
    also = f" and {ex.condition(g.choose, src.env)}" if g.choose.chance(25) else ""
    return single(g, src, g.items(src.env, 1, 3), f" where {test}{also}")


@block("in", "not_in", "any", "all")
def within(g: Grammar, depth: int) -> Body:
    """Rows whose value is, or is not, among those of another query, with nulls on both sides."""
    wanted, src, other = g.wanted, g.source(depth, 200), _other(g, depth - 1)
    pairs = [
        (a, b)
        for a, one in ex.fine(src.env, "int", "text", "dec", "ts", "date")
        for b, two in ex.fine(other.env, "int", "text", "dec", "ts", "date")
        if one.family == two.family
    ]
    if not pairs:
        return exists_instead(g, src, other)
    g.note(wanted)
    a, b = g.choose.of(pairs)
    sign = {"in": "in", "not_in": "not in", "any": "= any", "all": "> all"}[wanted]
    inside = g.where(other.env, 40)
    if wanted == "not_in" and g.choose.chance(50):
        inside = f" where {b} is not null"
    test = f"{a} {sign} (select {b} from {other.text}{inside})"
    if g.choose.chance(25):
        return single(g, src, [*g.choose.some(src.env, 1, 3), (test, Col("", "bool"))])
    return single(g, src, g.items(src.env, 1, 3), f" where {test}")


def exists_instead(g: Grammar, src: Src, other: Src) -> Body:
    """Return rows where the other query has any row at all."""
    g.note("exists")
    return single(g, src, g.items(src.env, 1, 3), f" where exists (select 1 from {other.text})")


# -- shared and recursive ----------------------------------------------------------------------------------------


@block("shared_cte")
def shared(g: Grammar, depth: int) -> Body:
    """One query used twice."""
    body = g.query(max(0, depth - 1))
    if body.size > 40:
        body = Body(f"select * from {g.tables[0].text}", g.tables[0].cols, g.tables[0].size)
    name = g.alias("c")
    g.note("shared_cte")
    rel = Rel(name, body.cols, body.size)
    left, right = Src(g.alias(), rel), Src(g.alias(), rel)
    items = [*g.choose.some(left.env, 1, 2), *g.choose.some(right.env, 1, 2)]
    text, cols = g.listed(items)
    kind = g.choose.of(("join", "left join"))
    on = matched(g, left, right)
    outer = f"select {text} from {left.text} {kind} {right.text} on {on}"
    if g.quiet or g.choose.chance(50):
        return Body(f"with {name} as ({body.sql}) {outer}", cols, body.size**2)
    g.ctes.append(f"{name} as ({body.sql})")
    return Body(outer, cols, body.size**2)


@block("recursive_cte")
def recursive(g: Grammar, depth: int) -> Body:
    """A query over itself, for a few rounds."""
    src = g.source(max(0, depth - 1))
    whole = ex.fine(src.env, "int")
    if not whole:
        return single(g, src, g.items(src.env, 1, 3))
    g.note("recursive_cte")
    name = g.alias("r")
    first = f"select cast({whole[0][0]} as bigint) as num, 0 as lap from {src.text}"
    again = f"select num + 1, lap + 1 from {name} where lap < 2"
    word = g.choose.of(("union all", "union"))
    sql = f"with recursive {name}(num, lap) as ({first} {word} {again}) select num, lap from {name}"
    return Body(sql, (Col("num", "int"), Col("lap", "int")), src.rel.size * 3)


# -- pivots ------------------------------------------------------------------------------------------------------


@block("pivot")
def pivot(g: Grammar, depth: int) -> Body:
    """Values as columns, for a given list of values."""
    src = g.fine_source(depth)
    texts, numbers = ex.fine(src.env, "text"), ex.fine(src.env, "int")
    if not texts or not numbers:
        return single(g, src, g.items(src.env, 1, 3))
    g.note("pivot")
    (on, _), (by, _), (value, _) = g.choose.of(texts), g.choose.of(numbers), g.choose.of(numbers)
    form = g.choose.of(("count(*)", "sum(val)", "max(val)"))
    inside = f"(select {on} as word, {by} as key, {value} as val from {src.text})"
    sql = f"select * from (pivot {inside} on word in ('a', 'b') using {form} group by key)"
    return Body(sql, (Col("key", "int"), Col("a", "int"), Col("b", "int")), max(1, src.rel.size // 2))


@block("unpivot")
def unpivot(g: Grammar, depth: int) -> Body:
    """Columns as rows."""
    src = g.fine_source(depth)
    numbers = ex.fine(src.env, "int")
    if len(numbers) < 2:
        return single(g, src, g.items(src.env, 1, 3))
    g.note("unpivot")
    taken = g.choose.some(numbers, 2, 2)
    listed = ", ".join(f"cast({ref} as bigint) as p{at}" for at, (ref, _) in enumerate(taken))
    other = next((ref for ref, c in src.env if c.family != "map"), taken[0][0])
    family = next((c.family for ref, c in src.env if ref == other), "int")
    nulls = g.choose.of(("", "include nulls "))
    inside = f"(select {other} as keep, {listed} from {src.text})"
    sql = f"select * from (unpivot {inside} on p0, p1 into name part value val)"
    if nulls:
        sql = f"select * from {inside} unpivot {nulls}(val for part in (p0, p1))"
    return Body(sql, (Col("keep", family), Col("part", "text"), Col("val", "int")), src.rel.size * 2)
