"""Queries cut into blocks: their kinds and keys, what they share, and the words that keep one from following."""

import ast
import re
from pathlib import Path

import pytest

import penstock
from penstock.model.schema import Schema
from penstock.plan.sql.cut import cut

SCHEMAS = {
    "raw.a": Schema.of([("id", "bigint"), ("k", "varchar"), ("g", "integer"), ("v", "integer")]),
    "raw.b": Schema.of([("id", "bigint"), ("k", "varchar"), ("w", "integer")]),
}


def planned(text, *columns, schemas=SCHEMAS):
    return cut(text, schemas, columns, "t")


def shape(block):
    return block.kind, block.held, block.merge is not None


def marks(text, *columns, schemas=SCHEMAS):
    return [block.mark for block in planned(text, *columns, schemas=schemas).blocks]


# The blocks of a query: the kind of each, the columns that hold its keys, and whether it takes changes in by merging.
BLOCKS = {
    "rows": ("select id from raw.a where v > 1", "id", [("rows", (), False)]),
    "an inner join": ("select a.id from raw.a join raw.b using (k)", "id", [("rows", (), False)]),
    "united rows": ("select id from raw.a union all select id from raw.b", "id", [("rows", (), False)]),
    "rows with texts that are called as columns": (
        "select id, 'v' as w, k from raw.a union all select id, 'k', k from raw.a", "id w k", [("rows", (), False)],
    ),
    "rows that give a column twice": (
        "select k, id::varchar as v from raw.a union all select k, k from raw.b", "k v", [("rows", (), False)],
    ),
    "groups": ("select k, sum(v) as s from raw.a group by k", "k s", [("group", ("k",), True)]),
    "groups that cannot merge": ("select k, median(v) as s from raw.a group by all", "k s", [("group", ("k",), False)]),
    "keys that are not shown": (
        "select sum(v) as s from raw.a group by k, g % 2", "s", [("group", ("@k1", "@k2"), True)],
    ),
    "a key that is computed": (
        "select g % 2 as p, count(*) as n from raw.a group by 1", "p n", [("group", ("p",), True)],
    ),
    "one group of all": ("select count(*) as n from raw.a", "n", [("group", (), True)]),
    "distinct": ("select distinct k, g from raw.a", "k g", [("distinct", ("k", "g"), True)]),
    "a union": ("select k from raw.a union select k from raw.b", "k", [("distinct", ("k",), True)]),
    "an intersection": ("select k from raw.a intersect select k from raw.b", "k", [("compound", ("k",), False)]),
    "a window": ("select id, sum(v) over (partition by k) as s from raw.a", "id s", [("window", ("@k1",), False)]),
    "windows that share a part": (
        "select k, g, sum(v) over (partition by k, g) as s, max(v) over (partition by g) as m from raw.a", "k g s m",
        [("window", ("g",), False)],
    ),
    "windows that share nothing": (
        "select id, sum(v) over (partition by k) as s, max(v) over (partition by g) as m from raw.a", "id s m",
        [("window", (), False)],
    ),
    "a window by a constant": (
        "select id, sum(v) over (partition by 1) as s from raw.a", "id s", [("window", (), False)],
    ),
    "the first few": ("select id from raw.a order by v limit 3", "id", [("limit", (), False)]),
    "groups of groups": (
        "select n, count(*) as c from (select k, count(*) as n from raw.a group by k) group by n", "n c",
        [("group", ("k",), True), ("group", ("n",), True)],
    ),
    "a condition on groups": (
        "select k from raw.a group by k having sum(v) > 1", "k", [("group", ("@g1",), True), ("rows", (), False)]
    ),
    "groups by two keys and a condition": (
        "select k, g from raw.a group by k, g having sum(v) > 1", "k g",
        [("group", ("@g1", "@g2"), True), ("rows", (), False)],
    ),
    "a full join": (
        "select a.id, b.w from raw.a full join raw.b on a.k = b.k", "id w", [("rows", (), False), ("rows", (), False)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_a_query_has_blocks(name):
    text, columns, wanted = BLOCKS[name]
    plan = planned(text, *columns.split())
    assert [shape(block) for block in plan.blocks] == wanted
    assert plan.blocks[-1].name == "t"
    assert plan.blocks[-1].columns == tuple(columns.split())


# What keeps a query, or the last block of it, from following changes.
WORDS = {
    "with recursive r as (select 1 as x union all select x from r where x < 1) select x from r": "a recursive query",
    "select now() as x from raw.a": "now(), which gives another answer each time",
    "select id, random() as x from raw.a": "random(), which gives another answer each time",
    "select id, uuid() as x from raw.a": "uuid(), which gives another answer each time",
    "select current_date as x from raw.a": "current_date(), which gives another answer each time",
    "pivot raw.a on k in ('x', 'y') using sum(v)": "pivot and unpivot",
    "unpivot raw.a on g, v": "pivot and unpivot",
    "pivot raw.a on k using sum(v)": "a pivot that takes its columns from the rows",
    "select k, sum(v) as s from raw.a group by rollup(k)": "rollup",
    "select k, sum(v) as s from raw.a group by cube(k)": "cube",
    "select k, sum(v) as s from raw.a group by grouping sets ((k), ())": "grouping sets",
    "select a.id from raw.a positional join raw.b": "a positional join",
    "select a.id from raw.b asof right join raw.a on a.k = b.k and a.v >= b.w": "a right asof join",
    "select id from raw.a union all by name select id from raw.b": "by name",
    "select id from raw.a using sample 10": "a sample",
    "select id from raw.a order by id limit (select count(*) from raw.b)": "limit by a subquery",
    "select a.id, x.w from raw.a, lateral (select w from raw.b where b.k = a.k) x": "lateral",
    "select a.id from raw.a join raw.b on b.id = (select max(id) from raw.b)": "a subquery in a join's condition",
    "select count(*) as n from raw.a group by 'x'": "a group by a constant or a subquery",
    "select distinct on (k) k, count(*) as n from raw.a group by k": "distinct on over groups or windows",
    "select distinct k from raw.a order by v limit 3": "distinct, ordered by what is not selected",
    "select sum(v) over w2 as s from raw.a window w as (partition by k), w2 as (w order by id)":
        "a window made of another",
    "select a.z from raw.a as a(z)": "columns renamed in an alias",
    "select id from nowhere": "the table nowhere",
    "select columns('i.*') from raw.a": "columns(…)",
    "select [x for x in [v]] as l from raw.a": "a list comprehension",
    "select v, k from raw.a group by k": "the column v, which is neither grouped nor aggregated",
    "select k from raw.a union select k from raw.b order by k || 'x' limit 2":
        "a compound ordered by what it does not give",
    "select k collate nocase as c, count(*) as n from raw.a group by all": "collate",
    "select pi() as p, count(*) as n from raw.a group by 1": "a group by a constant or a subquery",
    "select as struct id from raw.a": "select as struct",
    "selec": "the query could not be parsed",
}  # fmt: skip
OF_BLOCKS = {
    "select id from raw.a order by v limit 3": "order by … limit",
    "select id from raw.a limit 3": "limit",
    "select median(v) as m from raw.a": "one group of all rows",
    "select id, sum(v) over () as s from raw.a": "a window without a partition that all windows share",
}


def columns_of(text):
    """Return the columns of a query of the tables above: names behind `as`, else the words after the select."""
    items = re.search(r"\bselect (?:distinct |as struct )?(?:on \(k\) )?(.*?) from", text)
    return [re.split(r" as |\.", one)[-1] for one in re.split(r", (?![^(]*\))", items[1])] if items else ["x"]


@pytest.mark.parametrize("text", WORDS)
def test_a_query_that_is_not_understood_is_not_cut(text):
    plan = planned(text, *columns_of(text))
    assert plan.blocks == ()
    assert plan.words == (WORDS[text],)


@pytest.mark.parametrize("name", BLOCKS)
def test_an_input_has_a_number_of_its_own_in_each_arm(name):
    """What is looked up for one arm is told from that of another by it."""
    text, columns, _ = BLOCKS[name]
    arms = [arm for block in planned(text, *columns.split()).blocks for arm in block.arms]
    numbers = [leaf.number for arm in arms for leaf in arm.leaves]
    assert len(set(numbers)) == len(numbers)


def test_an_unknown_column_is_named():
    plan = planned("select nothing from raw.a", "nothing")
    assert plan.words[0].startswith("a name could not be resolved: Column 'nothing'")


@pytest.mark.parametrize("text", OF_BLOCKS)
def test_a_block_that_is_computed_in_full_says_why(text):
    assert planned(text, *columns_of(text)).blocks[-1].words == (OF_BLOCKS[text],)


@pytest.mark.parametrize(
    ("columns", "word"),
    [(("id", "ID"), "two columns of one name"), (("@x", "y"), "a column of a name that begins with @"),
     ((), "no columns"), (("x",), "columns whose number was not found out")],
)  # fmt: skip
def test_columns_that_cannot_be_kept(columns, word):
    assert planned("select id, k from raw.a", *columns).words == (word,)


# What the query leaves open, and what is settled by the columns.
LOOSE = {
    "select k, first(v) as x from raw.a group by k": ("first() without an order of its own",),
    "select k, list(v) as x from raw.a group by k": ("list() without an order of its own",),
    "select k, list(v order by id) as x from raw.a group by k": (),
    "select k, first_value(v) over (partition by k order by g) as x from raw.a": ("first_value() over ties",),
    "select k, first(v) over (partition by k order by g) as x from raw.a": ("first() over ties",),
    "select k, list(v) over (partition by k order by g) as x from raw.a": ("list() without an order of its own",),
    "select k, list(v order by id) over (partition by k order by g) as x from raw.a": (),
    "select k, row_number() over (partition by k order by g) as x from raw.a": (),
}


@pytest.mark.parametrize("text", LOOSE)
def test_what_a_query_leaves_open(text):
    assert planned(text, "k", "x").blocks[-1].loose == LOOSE[text]


def test_ties_in_a_window_are_settled_by_all_columns():
    text = "select id, k, row_number() over (partition by k order by v) as n from raw.a"
    block = planned(text, "id", "k", "n").blocks[0]
    order = re.search(r"ORDER BY ([^)]*)\)", block.outer)
    assert order is not None
    assert set(block.arms[0].columns) <= set(re.findall(r'"([^"]*)"', order[1]))


def test_ties_among_the_first_few_are_settled_by_all_columns():
    block = planned("select id, k from raw.a order by v limit 3", "id", "k").blocks[0]
    assert block.outer.endswith('ORDER BY "@o1", "id", "k" LIMIT 3')


# -- marks ---------------------------------------------------------------------------------------------------------

SAME = (
    "select k, count(*) as n from raw.a where v > 1 group by k",
    "SELECT  k,\n  COUNT(*) AS n -- how many\nFROM raw.a /* all */ WHERE v > 1\nGROUP BY k",
    "select x.k, count(*) as n from raw.a as x where x.v > 1 group by x.k",
    "select k, count(*) as n from raw.a where v > 1 group by all",
)


@pytest.mark.parametrize("text", SAME[1:])
def test_formatting_comments_and_aliases_leave_the_mark(text):
    assert marks(text, "k", "n") == marks(SAME[0], "k", "n")


@pytest.mark.parametrize(
    "text",
    [
        "select k, count(*) as n from raw.a where v > 2 group by k",
        "select k, count(v) as n from raw.a where v > 1 group by k",
        "select k, count(*) as n from raw.a group by k",
        "select k, count(*) as n from raw.b where w > 1 group by k",
    ],
)
def test_another_meaning_has_another_mark(text):
    assert marks(text, "k", "n") != marks(SAME[0], "k", "n")


def test_another_type_of_a_column_that_is_read_has_another_mark():
    wide = Schema.of([("id", "bigint"), ("k", "varchar"), ("g", "integer"), ("v", "double")])
    further = Schema.of([*((c.name, c.type) for c in SCHEMAS["raw.a"]), ("later", "date")])
    text = "select k, sum(v) as s from raw.a group by k"
    mine = marks(text, "k", "s")
    assert marks(text, "k", "s", schemas=SCHEMAS | {"raw.a": wide}) != mine
    assert marks(text, "k", "s", schemas=SCHEMAS | {"raw.a": further}) == mine
    of_counts = "select k, count(*) as n from raw.a group by k"
    assert marks(of_counts, "k", "n", schemas=SCHEMAS | {"raw.a": wide}) == marks(of_counts, "k", "n")


def test_a_column_whose_name_has_a_capital_beyond_ascii_is_followed():
    schemas = {"raw.a": Schema.of([("Übersicht", "integer"), ("Größe", "integer")])}
    plan = planned('select "Übersicht", sum(GRößE) as s from raw.a group by all', "Übersicht", "s", schemas=schemas)
    assert [shape(block) for block in plan.blocks] == [("group", ("Übersicht",), True)]
    wide = {"raw.a": Schema.of([("Übersicht", "bigint"), ("Größe", "integer")])}
    text = 'select "Übersicht" as u from raw.a'
    assert marks(text, "u", schemas=schemas) != marks(text, "u", schemas=wide)


def test_a_comment_in_a_table_does_not_have_it_computed_anew_after_a_restart():
    assert marks("select k /* who */ from raw.a -- everybody", "k") == marks("select k from raw.a", "k")


def test_tables_with_the_same_subquery_share_a_hidden_relation():
    groups = "select k, count(*) as n from raw.a group by k"
    one = planned(f"select n, count(*) as c from ({groups}) group by n", "n", "c")
    again = "select x.k, count(*) as n from raw.a as x group by 1"
    two = planned(f"select b.id, x.n from raw.b join ({again}) x on x.k = b.k", "id", "n")
    assert len(one.blocks) == len(two.blocks) == 2
    assert one.blocks[0].mark == two.blocks[0].mark
    assert one.blocks[0].name == two.blocks[0].name
    assert two.blocks[0].name in two.blocks[1].tables


def test_a_subquery_twice_in_a_query_is_one_hidden_relation():
    groups = "(select k, count(*) as n from raw.a group by k)"
    plan = planned(f"select x.k, y.n from {groups} x join {groups} y on x.n = y.n", "k", "n")
    assert [block.kind for block in plan.blocks] == ["group", "rows"]


def test_a_plan_says_nothing_of_an_engine():
    folder = Path(penstock.__file__).parent / "plan"
    named = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named |= {one.name for one in node.names} if isinstance(node, ast.Import) else set()
            named |= {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
    assert named
    assert not {name for name in named if name.partition(".")[0] == "duckdb" or name.startswith("penstock.engines")}
