"""A query made ready to be cut: every name resolved, every input numbered, every alias used once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from penstock.model import names
from penstock.plan.sql import usings
from penstock.plan.sql.text import named, parsed, sqlglot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.schema import Schema

_MOST_NODES = 20_000
_SAID = {"rand": "random"}  # what sqlglot calls otherwise than DuckDB
_KNOWN = "input_"  # of an input while names are resolved: sqlglot takes no @ there
AGGREGATES = frozenset(
    [
        "any_value",
        "approx_count_distinct",
        "approx_quantile",
        "approx_top_k",
        "arbitrary",
        "arg_max",
        "arg_max_null",
        "arg_max_nulls_last",
        "arg_min",
        "arg_min_null",
        "arg_min_nulls_last",
        "argmax",
        "argmin",
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "bitstring_agg",
        "bool_and",
        "bool_or",
        "combine_aggr",
        "corr",
        "count",
        "count_if",
        "count_star",
        "countif",
        "covar_pop",
        "covar_samp",
        "entropy",
        "favg",
        "first",
        "fsum",
        "group_concat",
        "histogram",
        "histogram_exact",
        "kahan_sum",
        "kurtosis",
        "kurtosis_pop",
        "last",
        "list",
        "listagg",
        "mad",
        "max",
        "max_by",
        "mean",
        "median",
        "min",
        "min_by",
        "mode",
        "product",
        "quantile",
        "quantile_cont",
        "quantile_disc",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "reservoir_quantile",
        "sem",
        "skewness",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "string_agg",
        "sum",
        "sum_no_overflow",
        "sumkahan",
        "var_pop",
        "var_samp",
        "variance",
    ]
)
VOLATILE = frozenset(
    [
        "random",
        "uuid",
        "uuidv4",
        "uuidv7",
        "gen_random_uuid",
        "nextval",
        "currval",
        "now",
        "today",
        "current_date",
        "current_time",
        "current_timestamp",
        "current_localtime",
        "current_localtimestamp",
        "localtime",
        "localtimestamp",
        "get_current_time",
        "get_current_timestamp",
        "transaction_timestamp",
        "statement_timestamp",
        "txid_current",
        "setseed",
        "current_setting",
        "getvariable",
        "current_schema",
        "current_database",
        "current_query",
        "rand",
        "age_now",
    ]
)


OPEN_PIVOT = "a pivot that takes its columns from the rows"


class Unplanned(Exception):  # noqa: N818  # not an error: the query is computed in full
    """A query, or a part of one, that is not understood well enough; the text says which words caused it."""


@dataclass
class Tree:
    """A query with its numbered inputs: `tables` says which table stands under each number.

    `divides` says that groups are large: then aggregates of different values become groups of groups, and states that
    only pay there are kept. `could` says that this makes a difference.
    """

    root: Any
    tables: dict[int, str]
    aliases: int = 0
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    divides: bool = False
    could: bool = False

    def alias(self) -> str:
        """Return an alias that nothing else has."""
        self.aliases += 1
        return f"s{self.aliases}"

    def number(self, table: str) -> int:
        """Return a new number for an input."""
        number = max(self.tables, default=0) + 1
        self.tables[number] = table
        return number


def tree(text: str, schemas: Mapping[str, Schema], *, volatile: bool = False) -> Tree:
    """Parse a select over tables of these schemas; raises `Unplanned` for what is not understood.

    `volatile` lets functions pass that give another answer each time.
    """
    exp = sqlglot()
    root = parsed(text)
    if root is None:
        raise Unplanned("the query could not be parsed")
    root = root.copy()
    for node in root.walk():
        node.comments = None  # what is said beside a query is no part of what it computes
    _refuse(root, volatile)
    root = _inlined(root, {})
    found = Tree(root, {})
    for node in list(root.find_all(exp.Table)):
        _number(node, found, schemas)
    usings.prepare(root)
    known = {
        f"{_KNOWN}{number}": {names.folded(c.name): "varchar" for c in schemas[table]}
        for number, table in found.tables.items()
    }
    for node in root.find_all(exp.Select):
        _name_apart(node)
    found.root = _qualified(root, known)
    usings.mend(found.root, lambda source: _columns_of(source, known))
    for node in found.root.find_all(exp.Table):
        if _is_name(node):
            node.set("this", exp.to_identifier("@" + node.name.removeprefix(_KNOWN), quoted=True))
    for node in list(found.root.find_all(exp.Select)):
        node.set("expressions", [_aliased(one) for one in node.expressions])
    for node in list(found.root.find_all(exp.Exists)):
        _ask_for_rows(node.this)
    _unique(found, found.root, {})
    return found


def _ask_for_rows(query: Any) -> None:
    """Let a query of which only the rows matter ask for no columns, which would have to be read."""
    exp = sqlglot()
    while isinstance(query, exp.Subquery):
        query = query.this
    bare = isinstance(query, exp.Select) and not any(query.args.get(key) for key in ("distinct", "group", "having"))
    if bare and all(isinstance(one.unalias(), (exp.Column, exp.Literal)) for one in query.expressions):
        query.set("expressions", [named(exp.Literal.number(1), "one")])


def _name_apart(select: Any) -> None:
    """Give outputs without an alias that sqlglot would call by a part of theirs, or as another, a name of their own.

    DuckDB calls `x::int` not `x` and `'x'` not `x`, and the second of two columns otherwise than the first: by that
    name something else is meant.
    """
    exp = sqlglot()
    taken: set[str] = set()
    for at, item in enumerate(list(select.expressions)):
        called = isinstance(item, exp.Column) and item.name.lower() in taken and not item.is_star
        text = isinstance(item, exp.Literal) and item.is_string
        if called or text or isinstance(item, (exp.Cast, exp.Bracket, exp.Dot)):
            item.replace(named(item.copy(), f"_unnamed_{at}"))
        else:
            taken.add(item.alias_or_name.lower())


def _aliased(item: Any) -> Any:
    """Return an output whose alias stands outside of it, that of a subquery, too."""
    exp = sqlglot()
    if not isinstance(item, exp.Subquery) or not item.alias:
        return item
    name = item.alias
    item.set("alias", None)
    return named(item, name)


def _columns_of(source: Any, known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the columns of a source whose names are resolved."""
    exp = sqlglot()
    given = source.args["alias"].columns if source.args.get("alias") else []
    if given or not isinstance(source, exp.Subquery):
        return [one.name for one in given] or list(known.get(source.name, ()))
    return list(source.this.named_selects)


def _qualified(root: Any, known: dict[str, dict[str, str]]) -> Any:
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify

    try:
        return qualify(root, schema=dict(known), dialect="duckdb", quote_identifiers=True, identify=True)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise Unplanned(f"a name could not be resolved: {str(error).splitlines()[0]}") from error


@cache
def _not_planned() -> dict[Any, str]:
    exp = sqlglot()
    return {
        exp.Pivot: "pivot and unpivot", exp.TableSample: "a sample", exp.Lateral: "lateral",
        exp.MatchRecognize: "match_recognize", exp.Parameter: "a parameter", exp.Placeholder: "a parameter",
        exp.Cube: "cube", exp.Rollup: "rollup", exp.GroupingSets: "grouping sets", exp.Columns: "columns(…)",
        exp.Comprehension: "a list comprehension", exp.Collate: "collate",
    }  # fmt: skip


def _refuse(root: Any, volatile: bool) -> None:
    """Raise for what is always computed in full."""
    exp = sqlglot()
    for node in root.walk():
        word = OPEN_PIVOT if _finds_columns(node) else _not_planned().get(type(node))
        if word:
            raise Unplanned(word)
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise Unplanned("a recursive query")
        if isinstance(node, exp.Join) and (node.args.get("method") or "").upper() not in ("", "ASOF", "NATURAL"):
            raise Unplanned(f"a {node.args['method'].lower()} join")
        if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
            raise Unplanned("by name")
        if isinstance(node, (exp.Limit, exp.Offset, exp.Fetch)) and node.find(exp.Query):
            raise Unplanned("limit by a subquery")
        if isinstance(node, exp.Select) and node.args.get("kind"):
            raise Unplanned("select as struct")
        name = function_name(node)
        if name in VOLATILE and not volatile:
            raise Unplanned(f"{_SAID.get(name, name)}(), which gives another answer each time")


def _finds_columns(node: Any) -> bool:
    """Tell whether a node is a pivot that makes a column of each value that there is."""
    exp = sqlglot()
    if not isinstance(node, exp.Pivot) or node.args.get("unpivot"):
        return False
    listed = node.args.get("fields") or node.expressions
    return not all(isinstance(one, exp.In) for one in listed)


def function_name(node: Any) -> str:
    """Return the name of a function, in lower case, or nothing for what is none."""
    exp = sqlglot()
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if isinstance(node, exp.Func):
        return str(node.sql_name()).lower()
    return ""


def is_aggregate(node: Any) -> bool:
    """Tell whether a node is an aggregate as a whole, with its filter and order."""
    exp = sqlglot()
    if isinstance(node, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        return is_aggregate(node.this)
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in AGGREGATES
    return isinstance(node, exp.AggFunc)


def shallow(node: Any, into: bool = False) -> Iterator[Any]:
    """Walk the nodes of an expression without going into queries in it; `into` says whether those are given."""
    exp = sqlglot()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, exp.Query) and one is not node:
            if into:
                yield one
            continue
        yield one
        waiting += reversed(list(one.iter_expressions()))


def _inlined(node: Any, known: dict[str, Any]) -> Any:
    """Return a query with its common table expressions in the places where they are named."""
    exp = sqlglot()
    ctes = node.args.get("with_") if isinstance(node, exp.Query) else None
    if ctes:
        known = dict(known)
        for cte in ctes.expressions:
            body = _inlined(cte.this.copy(), known)
            alias = cte.args.get("alias")
            known[cte.alias.lower()] = (body, list(alias.columns) if alias and alias.columns else [])
        node.set("with_", None)
        if sum(1 for _ in node.walk()) > _MOST_NODES:
            raise Unplanned("a query of this size")
    for child in list(node.iter_expressions()):
        if isinstance(child, exp.Table):
            held = known.get(child.name.lower()) if not child.args.get("db") and _is_name(child) else None
            if held is not None:
                child.replace(_in_place(child, *held))
                continue
        _inlined(child, known)
    return node


def _in_place(table: Any, body: Any, columns: list[Any]) -> Any:
    exp = sqlglot()
    alias = table.args.get("alias")
    name = alias.this if alias is not None and alias.this else exp.to_identifier(table.name, quoted=True)
    given = list(alias.columns) if alias is not None and alias.columns else columns
    return exp.Subquery(
        this=body.copy(), alias=exp.TableAlias(this=name.copy(), columns=[c.copy() for c in given] or None)
    )


def _is_name(table: Any) -> bool:
    return isinstance(table.this, sqlglot().Identifier)


def _number(node: Any, found: Tree, schemas: Mapping[str, Schema]) -> None:
    exp = sqlglot()
    if not _is_name(node):
        return
    db = node.args.get("db")
    name = names.full(db.name.lower(), node.name.lower()) if db else node.name.lower()
    if name not in schemas:
        raise Unplanned(f"the table {name}")
    alias = node.args.get("alias")
    shown = alias.this.copy() if alias is not None and alias.this else exp.to_identifier(node.name, quoted=True)
    columns = [c.copy() for c in alias.columns] if alias is not None and alias.columns else None
    if columns:
        raise Unplanned("columns renamed in an alias")
    number = found.number(name)
    node.set("this", exp.to_identifier(f"{_KNOWN}{number}", quoted=True))
    node.set("db", None)
    node.set("catalog", None)
    node.set("alias", exp.TableAlias(this=shown))


# ── one alias each ──────────────────────────────────────────────────────────────────────────────────────


def _unique(found: Tree, query: Any, outer: dict[str, str]) -> None:
    """Give every source an alias of its own, so that a column says by itself which source it is of."""
    exp = sqlglot()
    if isinstance(query, exp.Subquery):
        _unique(found, query.this, outer)
        return
    if isinstance(query, exp.SetOperation):
        for side in (query.left, query.right):
            _unique(found, side, outer)
        _columns(found, [query.args.get("order"), query.args.get("limit")], {})
        return
    if not isinstance(query, exp.Select):
        raise Unplanned(type(query).__name__.lower())
    env = dict(outer)
    for node in sources(query):
        if isinstance(node, exp.Subquery):
            _unique(found, node.this, outer)
        alias = node.args.get("alias")
        if alias is None or not alias.this:
            raise Unplanned("a source without a name")
        fresh = found.alias()
        env[alias.this.name] = fresh
        alias.set("this", exp.to_identifier(fresh, quoted=True))
    _columns(found, list(_own(query)), env)


def sources(select: Any) -> list[Any]:
    """Return the sources of a select, the first one first."""
    start = select.args.get("from_")
    found = [start.this] if start else []
    return found + [join.this for join in select.args.get("joins") or ()]


def _own(select: Any) -> Iterator[Any]:
    """Give the expressions of a select that are not its sources, and those of sources that are no queries."""
    exp = sqlglot()
    for key, value in select.args.items():
        if key == "from_":
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Join):
                yield one.args.get("on")
            elif isinstance(one, exp.Expression):
                yield one
    for node in sources(select):
        if not isinstance(node, (exp.Subquery, exp.Table)) or not _plain(node):
            yield node


def _plain(node: Any) -> bool:
    exp = sqlglot()
    return isinstance(node, exp.Subquery) or isinstance(node.this, exp.Identifier)


def _columns(found: Tree, nodes: list[Any], env: dict[str, str]) -> None:
    exp = sqlglot()
    for start in nodes:
        if start is None:
            continue
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if isinstance(node, exp.Query):
                _unique(found, node, env)
                continue
            if isinstance(node, exp.Column) and node.table:
                if node.table not in env:
                    raise Unplanned(f"the name {node.table}")
                node.set("table", exp.to_identifier(env[node.table], quoted=True))
                node.set("db", None)
            waiting += node.iter_expressions()
