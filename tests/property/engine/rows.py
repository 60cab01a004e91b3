"""Blocks that go row by row: select, filter, star, joins of every kind, unnest and lateral."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.property.engine import expressions as ex
from tests.property.engine.grammar import MOST_ROWS, Body, Grammar, Rel, Src, block, single
from tests.property.engine.schemas import Col

if TYPE_CHECKING:
    from tests.property.engine.grammar import Item


@block("project", "filter", "expression")
def project(g: Grammar, depth: int) -> Body:
    """Some columns of one source, under a condition."""
    wanted, src = g.wanted, g.source(depth)
    g.note("project")
    items = g.items(src.env, 1, 5)
    if wanted == "expression":
        g.note("expression")
        items.append(ex.scalar(g.choose, src.env))
    return single(g, src, items, g.where(src.env, 100 if wanted == "filter" else 50))


@block("star", "exclude", "replace")
def star(g: Grammar, depth: int) -> Body:
    """All columns, all but some, or all with some replaced."""
    wanted, src = g.wanted, g.source(depth)
    g.note("star")
    cols, words = list(src.rel.cols), ""
    if wanted == "exclude" and len(cols) > 1:
        g.note("exclude")
        out = g.choose.of(cols)
        cols.remove(out)
        words = f" exclude ({out.name})"
    whole = [c for c in cols if c.fine and c.family in ("int", "text")]
    if wanted == "replace" and whole:
        g.note("replace")
        col = g.choose.of(whole)
        new = f"{col.name} + 1" if col.family == "int" else f"upper({col.name})"
        words += f" replace ({new} as {col.name})"
    tail = g.where(src.env)
    return Body(f"select *{words} from {src.text}{tail}", tuple(cols), src.rel.size)


# -- joins -------------------------------------------------------------------------------------------------------


def pair(g: Grammar, depth: int) -> tuple[Src, Src]:
    """Return two sources that are small enough to be joined; sometimes the same table twice."""
    left = g.source(depth)
    most = max(4, MOST_ROWS * 3 // max(left.rel.size, 1))
    if left.rel.size <= most and g.choose.chance(20):
        g.note("self_join")
        return left, Src(g.alias(), left.rel)
    return left, g.source(max(0, depth - 1), most)


def matched(g: Grammar, left: Src, right: Src, *, equal: bool = False) -> str:
    """Return a join condition: columns of one family, and sometimes more."""
    pairs = [(a, b) for a, one in ex.fine(left.env) for b, two in ex.fine(right.env) if one.family == two.family]
    named = [(a, b) for a, b in pairs if a.split(".")[1] == b.split(".")[1]]
    if not pairs:
        return "true"
    a, b = g.choose.of(named or pairs)
    text = f"{a} = {b}"
    if g.choose.chance(20):
        c, d = g.choose.of(pairs)
        text += f" and {c} = {d}"
    if not equal and g.choose.chance(15):
        text += f" and {ex.condition(g.choose, [*left.env, *right.env])}"
    elif not equal and g.choose.chance(10):
        text = f"{a} is not distinct from {b}"
    return text


def joined(g: Grammar, left: Src, right: Src, words: str, on: str, *, only_left: bool = False) -> Body:
    """Return a select over two sources."""
    env = left.env if only_left else [*left.env, *right.env]
    items: list[Item] = g.choose.some(left.env, 1, 3)
    if not only_left:
        items = items + g.choose.some(right.env, 1, 3)
    if g.choose.chance(25):
        g.note("expression")
        items = [*items, ex.scalar(g.choose, env)]
    text, cols = g.listed(items)
    factor = 1 if only_left else max(1, right.rel.size // 3)
    size = left.rel.size * factor + (0 if only_left else right.rel.size)
    return Body(f"select {text} from {left.text} {words} {right.text}{on}{g.where(env, 35)}", cols, size)


@block("inner_join", "left_join", "right_join", "full_join")
def join(g: Grammar, depth: int) -> Body:
    """An inner or outer join on equal columns."""
    wanted = g.wanted
    left, right = pair(g, depth)
    g.note(wanted)
    return joined(g, left, right, wanted.replace("_", " "), f" on {matched(g, left, right)}")


@block("self_join")
def self_join(g: Grammar, depth: int) -> Body:
    """A table joined with itself."""
    left = g.source(depth, 40)
    right = Src(g.alias(), left.rel)
    g.note("self_join")
    return joined(g, left, right, g.choose.of(("join", "left join")), f" on {matched(g, left, right)}")


@block("using_join")
def using_join(g: Grammar, depth: int) -> Body:
    """A join by columns of the same name."""
    left, right = pair(g, depth)
    shared = [
        c
        for c in left.rel.cols
        if c.fine and any(c.name == d.name and c.family == d.family and d.fine for d in right.rel.cols)
    ]
    if not shared:
        g.note("inner_join")
        return joined(g, left, right, "join", f" on {matched(g, left, right)}")
    g.note("using_join")
    by = g.choose.of(shared)
    kind = g.choose.of(("join", "left join", "full join"))
    items: list[Item] = [(by.name, by)]
    items += [i for i in g.choose.some(left.env, 0, 2) if i[1].name != by.name]
    items += [i for i in g.choose.some(right.env, 1, 2) if i[1].name != by.name]
    text, cols = g.listed(items)
    size = left.rel.size * max(1, right.rel.size // 3) + right.rel.size
    return Body(f"select {text} from {left.text} {kind} {right.text} using ({by.name})", cols, size)


@block("comma_join", "cross_join")
def cross(g: Grammar, depth: int) -> Body:
    """All pairs of rows, or those under a condition."""
    wanted = g.wanted
    left = g.source(depth, 40)
    right = g.source(0, 40)
    g.note(wanted)
    words = " cross join " if wanted == "cross_join" else ", "
    env = [*left.env, *right.env]
    text, cols = g.listed([*g.choose.some(left.env, 1, 3), *g.choose.some(right.env, 1, 2)])
    tail = f" where {matched(g, left, right)}" if wanted == "comma_join" else g.where(env)
    return Body(f"select {text} from {left.text}{words}{right.text}{tail}", cols, left.rel.size * right.rel.size)


@block("semi_join", "anti_join")
def semi(g: Grammar, depth: int) -> Body:
    """Rows that have, or have not, a partner."""
    wanted = g.wanted
    left, right = pair(g, depth)
    g.note(wanted)
    on = f" on {matched(g, left, right, equal=True)}"
    return joined(g, left, right, wanted.replace("_", " "), on, only_left=True)


_TIMES = ("ts", "int", "date")


@block("asof_join")
def asof(g: Grammar, depth: int) -> Body:
    """The newest row before: of several at one time, which it is must not matter, so the right is grouped first."""
    left, right = g.source(depth), g.source(0)
    found = [
        (a, b)
        for a, one in ex.fine(left.env, *_TIMES)
        for b, two in ex.fine(right.env, *_TIMES)
        if one.family == two.family
    ]
    if not found:
        g.note("semi_join")
        on = f" on {matched(g, left, right, equal=True)}"
        return joined(g, left, right, "semi join", on, only_left=True)
    g.note("asof_join")
    a, b = g.choose.of(found)
    time = b.split(".")[1]
    by = [c.name for c in right.rel.cols if c.name in ("k", "g") and c.name != time and c.fine]
    by = [n for n in by if any(c.name == n and c.fine for c in left.rel.cols)][: g.choose.of((1, 0))]
    rest = [c for c in right.rel.cols if c.fine and c.name not in (time, *by) and c.family != "map"][:2]
    parts = [*by, time, *(f"min({c.name}) as {c.name}" for c in rest)]
    kept = tuple(c for c in right.rel.cols if c.name in (*by, time)) + tuple(rest)
    kept = tuple(sorted(kept, key=lambda c: [*by, time, *(r.name for r in rest)].index(c.name)))
    grouped = f"(select {', '.join(parts)} from {right.text} group by {', '.join([*by, time])})"
    right = Src(g.alias(), Rel(grouped, kept, right.rel.size))
    equal = "".join(f"{left.alias}.{n} = {right.alias}.{n} and " for n in by)
    kind = g.choose.of(("asof join", "asof left join"))
    sign = g.choose.of((">=", ">", "<="))
    text, cols = g.listed([*g.choose.some(left.env, 1, 3), *g.choose.some(right.env, 1, 3)])
    on = f"{equal}{a} {sign} {right.alias}.{time}"
    return Body(f"select {text} from {left.text} {kind} {right.text} on {on}", cols, left.rel.size)


# -- lists and lateral -------------------------------------------------------------------------------------------


@block("unnest", "unnest_join")
def unnest(g: Grammar, depth: int) -> Body:
    """A row for each value of a list."""
    wanted, src = g.wanted, g.source(depth)
    lists = [(r, c) for r, c in src.env if c.family in ("ints", "texts")]
    if lists:
        ref, col = g.choose.of(lists)
        inner = Col("u", "int" if col.family == "ints" else "text")
    else:
        whole = ex.fine(src.env, "int")
        ref = f"[{whole[0][0]}, 1, null]" if whole else "[1, 2, 2]"
        inner = Col("u", "int")
    g.note(wanted)
    items = g.choose.some(src.env, 1, 3)
    if wanted == "unnest":
        return single(g, src, [*items, (f"unnest({ref})", inner)], g.where(src.env, 30), src.rel.size * 2)
    text, cols = g.listed([*items, ("u.u", inner)])
    return Body(f"select {text} from {src.text}, unnest({ref}) u(u)", cols, src.rel.size * 2)


@block("lateral")
def lateral(g: Grammar, depth: int) -> Body:
    """A subquery behind `from` that sees the row beside it."""
    left, right = g.source(depth, 60), g.source(0, 60)
    g.note("lateral")
    on = matched(g, left, right, equal=True)
    name = g.alias("l")
    whole = ex.fine(right.env, "int")
    total = f", sum({whole[0][0]}) as total" if whole else ""
    inner = f"(select count(*) as n{total} from {right.text} where {on})"
    new: list[Item] = [(f"{name}.n", Col("n", "int"))]
    if whole:
        new.append((f"{name}.total", Col("total", "int")))
    text, cols = g.listed([*g.choose.some(left.env, 1, 3), *new])
    return Body(f"select {text} from {left.text}, lateral {inner} {name}", cols, left.rel.size)
