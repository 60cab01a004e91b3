"""Blocks that gather rows: group by in all its forms, distinct, windows, and what is first of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.property.engine import expressions as ex
from tests.property.engine.grammar import Body, Grammar, block, single
from tests.property.engine.schemas import Col

if TYPE_CHECKING:
    from tests.property.engine.grammar import Item

# family → aggregates with the family that comes of them, and whether the result is the same in any order
_EXACT: dict[str, tuple[tuple[str, str], ...]] = {
    "int": (
        ("sum({})", "int"), ("max({})", "int"), ("min({})", "int"), ("bit_xor({})", "int"), ("median({})", "real"),
        ("quantile_disc({}, 0.5)", "int"), ("max({}, 2)", "ints*"), ("histogram({})", "counted"), ("bit_or({})", "int"),
        ("approx_count_distinct({})", "int"), ("arg_max({0}, {0})", "int"),
    ),
    "text": (
        ("max({})", "text"), ("min({})", "text"), ("histogram({})", "counted"), ("approx_count_distinct({})", "int"),
    ),
    "real": (("sum({})", "real"), ("max({})", "real"), ("min({})", "real")),
    "dec": (("sum({})", "dec"), ("min({})", "dec"), ("max({})", "dec")),
    "bool": (("bool_and({})", "bool"), ("bool_or({})", "bool"), ("count_if({})", "int")),
    "map": (("count({})", "int"),),
}  # fmt: skip
_LOOSE: dict[str, tuple[str, ...]] = {
    "int": (
        "avg({})", "stddev_pop({})", "var_samp({})", "quantile_cont({}, 0.25)", "entropy({})", "avg(distinct {})",
        "favg({})", "skewness({})",
    ),
    "dec": ("avg({})", "var_pop({})"),
    "real": ("avg({})", "fsum({})"),
}  # fmt: skip
_SUMMED = ("int", "real", "dec")

# aggregates of which a state is kept; what comes of the loose ones may differ in its last digits
_STATES = (
    "bit_xor({})", "bit_or({})", "bit_and({})", "approx_count_distinct({})", "arg_max({0}, {0})", "arg_min({0}, {0})",
    "regr_count({0}, {0})",
)  # fmt: skip
_LOOSE_STATES = (
    "stddev_pop({})", "var_samp({})", "sem({})", "skewness({})", "kurtosis({})", "favg({})", "covar_pop({0}, {0} % 3)",
    "regr_slope({0}, {0} % 3)", "product({} % 3)",
)  # fmt: skip


def aggregate(g: Grammar, env: ex.Env) -> Item:
    """Make an aggregate of any kind."""
    if not env or g.choose.chance(15):
        return "count(*)", Col("n", "int")
    ref, col = g.choose.of(env)
    if not col.fine:
        return f"count({ref})", Col("", "int")
    if col.family in _LOOSE and not col.wild and g.choose.chance(20):
        return g.choose.of(_LOOSE[col.family]).format(ref), Col("", "real", fine=False)
    if col.wild and g.choose.chance(50):
        return f"{g.choose.of(('sum', 'avg'))}({ref})", Col("", "real", fine=False)
    if g.choose.chance(20):
        g.note("agg_distinct")
        if col.family in _SUMMED and not col.wild and g.choose.chance(40):
            return f"sum(distinct {ref})", Col("", col.family)
        return f"count(distinct {ref})", Col("", "int")
    if g.choose.chance(15) and col.family != "map":
        return ordered(g, ref, col)
    kinds = _EXACT.get(col.family, (("min({})", col.family), ("max({})", col.family), ("count({})", "int")))
    if col.wild:
        kinds = (("max({})", "real"), ("min({})", "real"), ("count({})", "int"))
    text, family = g.choose.of(kinds)
    return text.format(ref), Col("", "ints" if family == "ints*" else family, fine=family != "counted", wild=col.wild)


def stated(g: Grammar, env: ex.Env) -> list[Item]:
    """Make aggregates that are kept as states, where there are numbers to make them of."""
    numbers = [ref for ref, col in ex.fine(env, "int")]
    if not numbers:
        return []
    g.note("agg_state")
    found: list[Item] = [(g.choose.of(_LOOSE_STATES).format(g.choose.of(numbers)), Col("", "real", fine=False))]
    if g.choose.chance(50):
        found.append((g.choose.of(_STATES).format(g.choose.of(numbers)), Col("", "int")))
    if g.choose.chance(30):
        found.append(("count(*)", Col("n", "int")))
    return found


def ordered(g: Grammar, ref: str, col: Col) -> Item:
    """Make an aggregate whose rows have an order."""
    g.note("agg_ordered")
    way = g.choose.of(("", " desc", " nulls first"))
    if col.family == "text" and g.choose.chance(50):
        return f"string_agg({ref}, ',' order by {ref}{way})", Col("", "text")
    form = g.choose.of(
        ("list({0} order by {0}{1})", "first({0} order by {0}{1})", "list(distinct {0} order by {0}{1})")
    )
    if "distinct" in form and "nulls" in way:
        way = ""
    lists = {"int": "ints", "text": "texts"}
    return form.format(ref, way), Col(
        "", col.family if form[0] == "f" else lists.get(col.family, "list"), wild=col.wild
    )


def aggregates(g: Grammar, env: ex.Env, wanted: str = "") -> list[Item]:
    """Make one to three aggregates, some of them of the rows that a condition holds for."""
    found = stated(g, env) if wanted == "agg_state" or g.choose.chance(8) else []
    if found:
        return found
    for at in range(g.choose.of((1, 2, 3))):
        text, col = aggregate(g, env)
        if (wanted == "agg_filter" and at == 0) or g.choose.chance(15):
            g.note("agg_filter")
            text = f"{text} filter (where {ex.condition(g.choose, env)})"
        found.append((text, col))
    special = {"agg_distinct": "count(distinct {0})", "agg_ordered": "list({0} order by {0})"}
    usable = [r for r, c in ex.fine(env) if c.family != "map"]
    if wanted in special and usable:
        g.note(wanted)
        family = "int" if wanted == "agg_distinct" else "list"
        found.append((special[wanted].format(g.choose.of(usable)), Col("", family)))
    return found


def keys(g: Grammar, env: ex.Env, most: int = 2) -> list[Item]:
    """Choose what to group by: columns, sometimes an expression."""
    usable = ex.fine(env)
    found = g.choose.some(usable, 1, most) if usable else []
    if usable and g.choose.chance(25):
        g.note("group_expression")
        text, col = ex.scalar(g.choose, usable)
        if col.fine and col.family != "map":
            found = [*found[:1], (text, col)]
    return found


@block("group", "having", "agg_filter", "agg_distinct", "agg_ordered", "agg_state", "group_expression")
def group(g: Grammar, depth: int) -> Body:
    """Aggregates by keys."""
    wanted, src = g.wanted, g.source(depth)
    by = keys(g, src.env)
    if wanted == "group_expression":
        g.note(wanted)
        by = [*by[:1], ("1 + 1", Col("", "int"))]
    if not by:
        return whole(g, depth)
    g.note("group")
    tail = g.where(src.env, 30)
    tail += " group by all" if g.choose.chance(15) else f" group by {', '.join(text for text, _ in by)}"
    if wanted == "having" or g.choose.chance(10):
        g.note("having")
        tail += f" having {g.choose.of(('count(*) > 1', 'count(*) < 3', _least(src.env)))}"
    made = aggregates(g, src.env, wanted)
    return single(g, src, [*by, *made], tail, max(1, src.rel.size // 2))


def _least(env: ex.Env) -> str:
    usable = ex.fine(env, "int")
    return f"max({usable[0][0]}) > 0" if usable else "count(*) >= 1"


@block("global")
def whole(g: Grammar, depth: int) -> Body:
    """Aggregates of all rows, which are one row even where there are none."""
    src = g.source(depth)
    g.note("global")
    return single(g, src, aggregates(g, src.env), g.where(src.env, 40), 1)


@block("grouping_sets", "rollup", "cube")
def sets(g: Grammar, depth: int) -> Body:
    """Groups by several sets of keys at once."""
    wanted, src = g.wanted, g.source(depth)
    usable = [item for item in ex.fine(src.env) if item[1].family != "map"]
    if len(usable) < 2:
        return whole(g, depth)
    by = g.choose.some(usable, 2, 2)
    g.note(wanted)
    a, b = (ref for ref, _ in by)
    forms = {"grouping_sets": f"grouping sets (({a}, {b}), ({a}), ())"}
    tail = f" group by {forms.get(wanted, f'{wanted} ({a}, {b})')}"
    items = [*by, ("count(*)", Col("n", "int")), (f"grouping({a}, {b})", Col("", "int"))]
    return single(g, src, items, tail, src.rel.size * 2)


# -- distinct ----------------------------------------------------------------------------------------------------


@block("distinct")
def distinct(g: Grammar, depth: int) -> Body:
    """Each row once."""
    src = g.fine_source(depth)
    g.note("distinct")
    return single(g, src, g.items(src.env, 1, 3), g.where(src.env, 30), head="distinct ")


@block("distinct_on")
def distinct_on(g: Grammar, depth: int) -> Body:
    """The first row of each key."""
    src = g.fine_source(depth)
    g.note("distinct_on")
    by = g.choose.some([ref for ref, _ in src.env], 1, 2)
    order = g.order(src.env)
    inside = single(g, src, src.env, f" order by {', '.join(by)}, {order}", head=f"distinct on ({', '.join(by)}) ")
    return Body(f"select * from ({inside.sql})", inside.cols, max(1, src.rel.size // 2))


# -- windows -----------------------------------------------------------------------------------------------------


def window_function(g: Grammar, env: ex.Env, by: str, order: str) -> Item:
    """Make a window function."""
    over = f"over ({f'partition by {by} ' if by else ''}order by {order})"
    whole_of = f"over ({f'partition by {by}' if by else ''})"
    forms: list[Item] = [
        (f"row_number() {over}", Col("", "int")),
        (f"count(*) {whole_of}", Col("", "int")),
        (f"rank() {over}", Col("", "int")),
        (f"dense_rank() {over}", Col("", "int")),
        (f"ntile(2) {over}", Col("", "int")),
        (f"cume_dist() {over}", Col("", "real", fine=False)),
    ]
    usable = [(r, c) for r, c in ex.fine(env)]
    ref, col = g.choose.of(usable)
    forms += [
        (f"lag({ref}) {over}", Col("", col.family, wild=col.wild)),
        (f"lead({ref}, 2) {over}", Col("", col.family, wild=col.wild)),
        (f"first_value({ref}) {over}", Col("", col.family, wild=col.wild)),
        (f"last_value({ref} ignore nulls) {over}", Col("", col.family, wild=col.wild)),
        (f"max({ref}) {whole_of}", Col("", col.family, wild=col.wild)),
        (f"count(distinct {ref}) {whole_of}", Col("", "int")),
    ]
    numbers = [(r, c) for r, c in usable if c.family in _SUMMED and not c.wild]
    if numbers:
        ref, col = g.choose.of(numbers)
        frame = g.choose.of(
            ("", " rows between 1 preceding and current row", " rows between unbounded preceding and 1 following")
        )
        forms += [
            (f"sum({ref}) {over[:-1]}{frame})", Col("", col.family)),
            (f"sum({ref}) {whole_of}", Col("", col.family)),
        ]
    return g.choose.of(forms)


def _partition(g: Grammar, env: ex.Env, percent: int = 85) -> str:
    refs = [ref for ref, _ in ex.fine(env)]
    return ", ".join(g.choose.some(refs, 1, 2)) if g.choose.chance(percent) else ""


@block("window", "window_whole")
def window(g: Grammar, depth: int) -> Body:
    """Window functions over partitions, or over everything."""
    wanted, src = g.wanted, g.fine_source(depth)
    by = "" if wanted == "window_whole" else _partition(g, src.env)
    g.note("window" if by else "window_whole")
    order = g.order(src.env)
    made = [window_function(g, src.env, by, order) for _ in range(g.choose.of((1, 2)))]
    return single(g, src, [*g.choose.some(src.env, 1, 3), *made], g.where(src.env, 30))


@block("qualify", "top_per_group")
def qualify(g: Grammar, depth: int) -> Body:
    """The rows for which a window function holds, such as the first of each group."""
    wanted, src = g.wanted, g.fine_source(depth)
    by = _partition(g, src.env, 95) or src.env[0][0]
    g.note(wanted)
    order = g.order(src.env)
    number = f"row_number() over (partition by {by} order by {order})"
    forms = [f"{number} = 1", f"{number} <= 2"]
    if wanted == "qualify":
        forms = [f"count(*) over (partition by {by}) > 1", f"rank() over (partition by {by} order by {order}) > 1"]
    tail = f"{g.where(src.env, 30)} qualify {g.choose.of(forms)}"
    return single(g, src, g.items(src.env, 1, 4), tail)


@block("limit", "offset")
def limit(g: Grammar, depth: int) -> Body:
    """The first rows of all."""
    wanted, src = g.wanted, g.fine_source(depth)
    g.note("limit", wanted)
    rest = f" offset {g.choose.of((1, 2))}" if wanted == "offset" else ""
    count = g.choose.of((3, 1, 5, 0))
    text, cols = g.listed(src.env)
    inside = f"select {text} from {src.text}{g.where(src.env, 30)} order by {g.order(src.env)} limit {count}{rest}"
    return Body(f"select * from ({inside})", cols, 5)
