"""Reasons: the words of a query that keep a table from following changes, or leave its answer open, with what to do."""

from __future__ import annotations

import re

from penstock.base.record import record
from penstock.plan.canonical import tokens
from penstock.plan.sql.tree import VOLATILE


@record
class Reason:
    """Words of a query, and how to write it instead; `advice` is empty where nothing helps."""

    words: str
    advice: str = ""


# Functions that are written without brackets.
_BARE = frozenset(name for name in VOLATILE if name.startswith(("current_", "local")))

_APART = "a with of its own, grouped by the same, and join them: large groups are then added to"

# What each reason begins with, as a pattern, and what to write instead.
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"(random|rand|uuid\w*|gen_random_uuid|nextval|currval|setseed)\(\), which",
        "make it of the row itself: hash(id) % 100 picks one row in a hundred, md5(id::varchar) makes an id",
    ),
    (r"\w+\(\), which gives", "keep rows of all times here, and filter when you read: where day > current_date - 7"),
    (r"by name", "list the columns of both sides in one order, and write union all"),
    (r"a pivot that", "write a column for each value: sum(x) filter (where kind = 'a') as a"),
    (r"pivot", "write a column for each value: sum(x) filter (where kind = 'a') as a; instead of unpivot, union all"),
    (r"(cube|rollup|grouping sets)", "write one select for each grouping, and unite them with union all"),
    (r"a recursive query", "keep what it walks over small, in a table of its own: only that is then computed in full"),
    (r"lateral", "join to a subquery that is grouped by the columns in which the two meet"),
    (r"a sample", "pick rows by their key: where hash(id) % 100 = 0"),
    (r"columns\(…\)", "list the columns"),
    (r"a positional join", "join on a key"),
    (r"a \w+ asof join", "put the table whose rows are all kept first, and write asof left join"),
    (r"a .*join\Z", "write it as an inner or a left join"),
    (r"a subquery in a join's condition", "put the condition into where, or join to the subquery"),
    (r"a subquery in a table function", "compute what goes into the function in a subquery in from"),
    (r"select as struct", "list the columns, and make the struct of them where it is read"),
    (r"two columns of one name", "give each column a name of its own: a.id as a_id, b.id as b_id"),
    (r"columns renamed in an alias", "name the columns in the select: select id as key, instead of as t(key)"),
    (r"columns whose number|no columns", "list the columns instead of *"),
    (r"a column of a name that begins with @", "give it another name"),
    (r"a window made of another", "write the whole window where it is used: over (partition by … order by …)"),
    (r"distinct on over", "put the groups into a with, and write distinct on over that"),
    (r"distinct, ordered by", "select what it is ordered by, too"),
    (r"a group by a constant", "compute it in a with, under a name, and group by that name"),
    (r"the column .*, which is neither", "add it to group by, or write max(…) of it"),
    (r"a compound ordered by", "order by a column that both sides give"),
    (r"a name could not be resolved|the name |a source without a name",
     "give every source an alias, and write it before each column: o.amount"),
    (r"the query could not be parsed", "write it more plainly, or divide it into two tables"),
    (r"a query (of this size|nested)", "divide it into several tables"),
    (r"a list comprehension", "write list_transform(…) or list_filter(…)"),
    (r"collate", "compare and group by lower(…) or strip_accents(…)"),
    (r"match_recognize", "write it with window functions"),
    (r"its plan gives other types", "cast the columns to the types that you mean"),
    (r"order by … limit",
     "where the first of each group will do, qualify row_number() over (partition by … order by …) <= 10"),
    (r"limit by a subquery", "number the rows in a with, and compare: where place <= (select …)"),
    (r"limit", "say which rows: add order by"),
    (r"one group of all rows", "count, sum, avg, min and max can be added to; others can where they are grouped"),
    (r"distinct over two", f"write each in {_APART}"),
    (r"avg\(\) beside", "write sum(x) / count(x) for it: large groups are then added to"),
    (r"\w+\(\) beside", f"write it in {_APART}"),
    (r"several columns under", "count(*) over a with that has select distinct of the groups and these columns"),
    (r"a window without a partition", "add partition by with a column that all windows share"),
    (r"a subquery that has no equality",
     "write an equality with a row outside: exists (select 1 … where o.id = c.id); or filter when you read"),
    (r"floats in a sum", "cast them to decimal in the sum: those can be taken out again exactly"),
    (r"(first|last|nth)\w*\(\) over ties", "order by more columns, until no two rows are equal in them"),
    (r"(list|array_agg|string_agg|listagg|group_concat|first|last)\(\) without",
     "write the order into it: list(x order by id)"),
    (r"(any_value|arbitrary)\(\) without", "write min(x) or max(x)"),
    (r"(arg_|argm|min_by|max_by)\w*\(\) without", "write the whole order into it: first(x order by t, id)"),
    (r"mode\(\) without", "count each value in a with, and take the first by count and value"),
    (r"(approx_|reservoir_)\w*\(\) without", "write the exact one: quantile_cont, count(distinct …)"),
)  # fmt: skip


def reason(words: str) -> Reason:
    """Return words of a plan with what to write instead.

    >>> reason("by name").advice
    'list the columns of both sides in one order, and write union all'
    """
    advice = next((advice for pattern, advice in _ADVICE if re.match(pattern, words)), "")
    return Reason(words, advice)


def volatile(text: str) -> str:
    """Return the function in a text of SQL that gives another answer each time, or nothing where there is none.

    >>> volatile("select now() - t from a"), volatile("select now from a"), volatile("select 'now()'")
    ('now()', '', '')
    """
    before = ""
    for token in tokens(text):
        if token.kind == "comment":
            continue
        if before and token.text == "(":
            return f"{before}()"
        name = token.name if token.kind == "word" else ""
        if name in _BARE:
            return name
        before = name if name in VOLATILE else ""
    return ""
