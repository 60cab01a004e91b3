"""A query cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.model import names
from penstock.plan.blocks import BODY, Arm, Block, Leaf, Merge, Plan
from penstock.plan.canonical import fingerprint
from penstock.plan.sql.apart import apart
from penstock.plan.sql.arms import arm, settled
from penstock.plan.sql.distincts import stops
from penstock.plan.sql.layers import column, has_window, kind_of, settle_windows, subquery
from penstock.plan.sql.merging import NUMBER, items_of, merge_of
from penstock.plan.sql.shaping import Shaping
from penstock.plan.sql.states import functions_of
from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import Unplanned, function_name, is_aggregate, shallow, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.model.schema import Schema
    from penstock.plan.sql.tree import Tree

PREFIX = "@"
_BY_OUTPUT = ("order", "having", "qualify")  # where outputs may be named
_ORDERED = frozenset(
    [
        "any_value", "arbitrary", "first", "last", "list", "array_agg", "string_agg", "listagg", "group_concat",
        "arg_min", "arg_max", "argmin", "argmax", "min_by", "max_by", "arg_min_null", "arg_max_null",
        "approx_quantile", "approx_top_k", "reservoir_quantile", "mode",
    ]
)  # fmt: skip


def cut(
    text: str,
    schemas: Mapping[str, Schema],
    columns: Sequence[str],
    name: str,
    states: str = "",
    dialect: str = "duckdb",
) -> Plan:
    """Cut a select over tables of these schemas into blocks; `columns` are the names of what it gives.

    `states` is the form in which the engine keeps states of aggregates, empty where it cannot. The plan has no blocks
    where the query is not understood, and says why.
    """
    try:
        found = tree(text, schemas)
        plan = _Cutter(found, schemas, dialect, states).plan(name, tuple(columns))
        if not found.could:
            return plan
        again = replace(tree(text, schemas), divides=True)
        return replace(plan, divided=_Cutter(again, schemas, dialect, states).plan(name, tuple(columns)))
    except (Unplanned, RecursionError) as reason:
        return Plan(words=(str(reason) or "a query nested this deep",))


@dataclass
class _Cutter:
    """A query on its way into blocks: those of hidden relations so far, by name."""

    tree: Tree
    schemas: Mapping[str, Schema]
    dialect: str
    states: str = ""
    hidden: dict[str, Block] = field(default_factory=dict)

    @property
    def shaping(self) -> Shaping:
        """Return what making arms needs."""
        return Shaping(self.tree, self.hide, self.dialect)

    def plan(self, name: str, columns: tuple[str, ...]) -> Plan:
        """Cut the whole query."""
        if not columns:
            raise Unplanned("no columns")
        if any(c.startswith(PREFIX) for c in columns):
            raise Unplanned("a column of a name that begins with @")
        if len({c.lower() for c in columns}) < len(columns):
            raise Unplanned("two columns of one name")
        root = self.tree.root
        _rename_outputs(root, columns)
        block = self.block(root, columns)
        block = replace(block, name=name, mark=_mark(block, self.schemas, self.states))
        return Plan((*self.hidden.values(), block))

    def hide(self, query: Any) -> tuple[str, tuple[str, ...]]:
        """Make a relation of its own of a query; returns its name and columns."""
        columns = outputs(query)
        block = self.block(query, columns)
        mark = _mark(block, self.schemas, self.states)
        name = f"{PREFIX}{mark}"
        self.hidden.setdefault(name, replace(block, name=name, mark=mark))
        return name, columns

    # -- kinds of block ----------------------------------------------------------------------------------------

    def block(self, query: Any, names: tuple[str, ...]) -> Block:
        """Return the block of a query, its columns called by `names`."""
        exp = sqlglot()
        query = settled(query, self.shaping)
        if isinstance(query, exp.SetOperation):
            return self.compound(query, names)
        if not isinstance(query, exp.Select):
            raise Unplanned(type(query).__name__.lower())
        kind = kind_of(query)
        grouped = _folded(query) if kind == "rows" else None
        if grouped is not None:
            return self.group(grouped, names)
        if kind == "rows":
            single = _is_single(query)
            return Block("", "rows", (arm(query, names, self.shaping),), names, single=single)
        if kind == "distinct":
            return self.distinct(self.arms(query.args["from_"].this.this, names), names)
        if kind == "limit":
            return self.limit(query, names)
        return self.group(query, names) if kind == "group" else self.window(query, names)

    def compound(self, query: Any, names: tuple[str, ...]) -> Block:
        """Return the block of a union, intersect or except."""
        exp = sqlglot()
        if query.args.get("order") or query.args.get("limit") or query.args.get("offset"):
            return self.block(self.over(query), names)
        if isinstance(query, exp.Union):
            arms = self.arms(query, names) if not query.args.get("distinct") else self.both(query, names)
            if not query.args.get("distinct"):
                return Block("", "rows", arms, names)
            return self.distinct(arms, names)
        left = tuple(replace(one, side=0) for one in self.arms(query.left, names))
        right = tuple(replace(one, side=1) for one in self.arms(query.right, names))
        word = "intersect" if isinstance(query, exp.Intersect) else "except"
        word += "" if query.args.get("distinct") else " all"
        shown = ", ".join(_ident(one) for one in names)
        outer = f'select {shown} from "@body0" {word} select {shown} from "@body1"'
        keys = tuple(_ident(one) for one in names)
        return Block("", "compound", (*left, *right), names, outer, keys, names)

    def both(self, query: Any, names: tuple[str, ...]) -> tuple[Arm, ...]:
        """Return the arms of both sides of a union."""
        return (*self.arms(query.left, names), *self.arms(query.right, names))

    def over(self, query: Any) -> Any:
        """Return a select over a compound that is ordered or limited."""
        exp = sqlglot()
        names = outputs(query)
        order, alias = query.args.get("order"), self.tree.alias()
        inner = query.copy()
        for key in ("order", "limit", "offset"):
            inner.set(key, None)
        if not query.args.get("limit") and not query.args.get("offset"):
            return inner
        outer = exp.Select(expressions=[named(column(alias, n), n) for n in names])
        outer.set("from_", exp.From(this=subquery(inner, alias)))
        for key in ("limit", "offset"):
            outer.set(key, query.args.get(key))
        outer.set("order", _positions(order, names))
        return outer

    def arms(self, query: Any, names: tuple[str, ...]) -> tuple[Arm, ...]:
        """Return the arms that give a query's rows: its own, or one that reads the relation it becomes."""
        exp = sqlglot()
        query = settled(query, self.shaping)
        bare = not any(query.args.get(key) for key in ("order", "limit", "offset"))
        if isinstance(query, exp.Union) and not query.args.get("distinct") and bare:
            return self.both(query, names)
        if isinstance(query, exp.Select) and kind_of(query) == "rows" and _folded(query) is None:
            return (arm(query, names, self.shaping),)
        name, columns = self.hide(query)
        number, alias = self.tree.number(name), self.tree.alias()
        items = ", ".join(f"{_ident(alias)}.{_ident(c)} as {_ident(n)}" for c, n in zip(columns, names, strict=True))
        text = f'select {items}, {_ident(alias)}."_rid" as "@h1" from "@{number}" as {_ident(alias)}'
        sources = tuple((n, number, c) for c, n in zip(columns, names, strict=True))
        return (Arm(text, names, (Leaf(number, name, True),), sources),)

    def distinct(self, arms: tuple[Arm, ...], names: tuple[str, ...]) -> Block:
        """Return the block of the different rows of some arms."""
        keys = tuple(_ident(one) for one in names)
        shown = ", ".join(keys)
        outer = f'select {shown}, count(*) as "@n" from {BODY} group by {shown}'
        finish = ", ".join(f'"@k{at}" as {key}' for at, key in enumerate(keys, 1))
        merge = Merge((NUMBER,), f'select {finish}, "@n" FROM "@parts"')
        return Block("", "distinct", arms, names, outer, keys, names, merge)

    def limit(self, query: Any, names: tuple[str, ...]) -> Block:
        """Return the block of the first rows by an order."""
        alias = query.args["from_"].this.alias
        inner = query.args["from_"].this.this
        arms = self.arms(inner, outputs(inner))
        outer = query.copy()
        outer.set("expressions", _as_named([_swapped(one, {}, alias) for one in outer.expressions], names))
        outer.set("order", _swapped(outer.args["order"], {}, alias))
        ordered = len(query.args["order"].expressions) > len(query.expressions)  # more than what settles ties
        words = ("order by … limit",) if ordered else ("limit",)
        return Block("", "limit", arms, names, self.over_body(outer), words=words, tied=True)

    def group(self, query: Any, names: tuple[str, ...]) -> Block:
        """Return the block of groups."""
        exp = sqlglot()
        keys = list(query.args["group"].expressions) if query.args.get("group") else []
        made = _Body(query, [*query.expressions, *keys])
        items, keys = made.parts[: len(query.expressions)], made.parts[len(query.expressions) :]
        held, extra = _held(items, names, keys)
        merge = self.merge(items, keys, names, held)
        outer = exp.Select(expressions=[*_as_named(items, names), *extra])
        if keys:
            outer.set("group", exp.Group(expressions=[k.copy() for k in keys]))
        text = self.over_body(outer)
        if merge is not None:
            text = text.replace(f" FROM {BODY}", f"{items_of(merge, names)} FROM {BODY}", 1)
        selects = apart(made.select, items, keys, self.tree) if merge is not None else [made.select]
        arms = tuple(arm(one, made.names, self.shaping) for one in selects)
        return Block(
            "", "group", arms, names, text, tuple(k.sql(self.dialect) for k in keys), held, merge,
            words=self.words(items, keys, merge), loose=_loose(items),
        )  # fmt: skip

    def merge(self, items: list[Any], keys: list[Any], names: tuple[str, ...], held: tuple[str, ...]) -> Merge | None:
        """Return how groups take a change in, noted where they only do if they are large."""
        small, large = (functions_of(self.dialect, large=one) if self.states else {} for one in (False, True))
        if self.tree.divides:
            return merge_of(items, keys, names, held, self.dialect, large)
        found = merge_of(items, keys, names, held, self.dialect, small)
        if found is None and merge_of(items, keys, names, held, self.dialect, large) is not None:
            self.tree.could = True
        return found

    def words(self, items: list[Any], keys: list[Any], merge: Merge | None) -> tuple[str, ...]:
        """Return what keeps groups from being added to, in words."""
        aggregates = [node for item in items for node in shallow(item) if is_aggregate(node)]
        undivided = stops(aggregates) if merge is None else ""
        return (*([undivided] if undivided else []), *([] if keys else ["one group of all rows"]))

    def window(self, query: Any, names: tuple[str, ...]) -> Block:
        """Return the block of window functions."""
        exp = sqlglot()
        qualify = query.args.get("qualify")
        wanted = [*query.expressions, *([qualify.this] if qualify else [])]
        made = _Body(query, wanted)
        items, rest = made.parts[: len(query.expressions)], made.parts[len(query.expressions) :]
        if rest:
            rest = [_resolved_outputs(rest[0], dict(zip(names, items, strict=True)), query)]
        loose = settle_windows([*items, *rest], made.names)
        open_ones = [*_loose([*items, *rest]), *(one for one in loose if "first" in one or "last" in one)]
        keys = _common_partition([*items, *rest])
        held, extra = _held(items, names, keys)
        outer = exp.Select(expressions=[*_as_named(items, names), *extra])
        if rest:
            outer.set("qualify", exp.Qualify(this=rest[0]))
        arms = (arm(made.select, made.names, self.shaping),)
        words = () if keys else ("a window without a partition that all windows share",)
        return Block(
            "", "window", arms, names, self.over_body(outer), tuple(k.sql(self.dialect) for k in keys), held,
            words=words, loose=tuple({one.partition("(")[0]: one for one in open_ones}.values()), tied=bool(loose),
        )  # fmt: skip

    def over_body(self, outer: Any) -> str:
        """Return a select's text with the body as its only source."""
        exp = sqlglot()
        outer.set("from_", exp.From(this=exp.Table(this=exp.to_identifier("@body", quoted=True))))
        outer.set("joins", None)
        outer.set("where", None)
        return str(outer.sql(self.dialect))


class _Body:
    """The rows under a block: a select of what its expressions use, and the expressions over that."""

    def __init__(self, query: Any, parts: Sequence[Any]) -> None:
        exp = sqlglot()
        self.used: dict[str, tuple[str, Any]] = {}
        self.parts = [self._taken(part.this if isinstance(part, exp.Alias) else part) for part in parts]
        if not self.used:
            self.used["1"] = ("@c0", exp.Literal.number(1))
        self.names = tuple(name for name, _ in self.used.values())
        self.select = exp.Select(expressions=[named(one, name) for name, one in self.used.values()])
        for key in ("from_", "joins", "where"):
            self.select.set(key, query.args.get(key))

    def _taken(self, part: Any) -> Any:
        exp = sqlglot()
        holder = exp.Paren(this=part.copy())
        waiting = [holder]
        while waiting:
            node = waiting.pop()
            whole = isinstance(node, exp.Column) and node.table
            if whole or isinstance(node, (exp.Subquery, exp.Exists)) or _with_query(node):
                text = node.sql()
                if text not in self.used:
                    self.used[text] = (f"@c{len(self.used) + 1}", node.copy())
                node.replace(exp.column(self.used[text][0], quoted=True))
                continue
            waiting += list(node.iter_expressions())
        return holder.this


def _with_query(node: Any) -> bool:
    exp = sqlglot()
    if isinstance(node, exp.In) and node.args.get("query"):
        return True
    sides = (node.this, node.expression) if isinstance(node, exp.Binary) else ()
    return any(isinstance(one, (exp.All, exp.Any)) for one in sides)


def _mark(block: Block, schemas: Mapping[str, Schema], states: str) -> str:
    """Return the mark of a block: equal for blocks that compute and keep the same of the same tables, as they are."""
    form = [states] if block.merge is not None and block.merge.states else []  # another form cannot be read
    parts = [block.kind, *block.columns, "\n", block.outer, *form]
    for one in block.arms:
        tables = {leaf.number: at for at, leaf in enumerate(one.leaves)}
        text = one.text
        for number, at in tables.items():
            text = text.replace(f'"@{number}"', f'"#{at}"').replace(f'"@r{number}"', f'"#r{at}"')
        parts += [_same_aliases(text), str(one.side)]
        for leaf in one.leaves:
            known = schemas[leaf.table].columns if leaf.table in schemas else ()
            used = (f"{names.folded(c.name)} {c.type}" for c in known if _ident(names.folded(c.name)) in one.text)
            parts.append(" ".join((leaf.table, *used)))
    return fingerprint(*parts).partition(":")[2]


def _same_aliases(text: str) -> str:
    """Return a text with its generated aliases numbered from one."""
    import re

    seen: dict[str, str] = {}
    return re.sub(r'"s\d+"', lambda m: seen.setdefault(m[0], f'"s#{len(seen) + 1}"'), text)


def outputs(query: Any) -> tuple[str, ...]:
    """Return the names of a query's columns."""
    exp = sqlglot()
    while isinstance(query, (exp.Subquery, exp.SetOperation)):
        query = query.this
    names = tuple(one.alias_or_name for one in query.expressions)
    if len({n.lower() for n in names}) < len(names) or not all(names):
        raise Unplanned("two columns of one name in a subquery")
    return names


def _rename_outputs(root: Any, columns: tuple[str, ...]) -> None:
    exp = sqlglot()
    query = root
    while isinstance(query, (exp.Subquery, exp.SetOperation)):
        query = query.this
    if len(query.expressions) != len(columns):
        raise Unplanned("columns whose number was not found out")
    called = {one.alias_or_name: name for one, name in zip(query.expressions, columns, strict=True)}
    items = [one.this if isinstance(one, exp.Alias) else one for one in query.expressions]
    query.set("expressions", [named(one, name) for one, name in zip(items, columns, strict=True)])
    for part in (one.args.get(key) for one in {id(root): root, id(query): query}.values() for key in _BY_OUTPUT):
        for node in part.find_all(exp.Column) if part is not None else ():
            if not node.table and node.name in called:
                node.set("this", exp.to_identifier(called[node.name], quoted=True))


def _folded(query: Any) -> Any | None:
    """Return groups and what is made of them as one select, where nothing but expressions stands between."""
    exp = sqlglot()
    start = query.args.get("from_")
    inner = start.this.this if start is not None and isinstance(start.this, exp.Subquery) else None
    if not isinstance(inner, exp.Select) or kind_of(inner) != "group" or query.args.get("joins"):
        return None
    if query.args.get("where") or not all(one.alias.startswith(("@g", "@a")) for one in inner.expressions):
        return None
    if any(isinstance(n, exp.Query) or has_window(one) for one in query.expressions for n in shallow(one, into=True)):
        return None
    meaning = {one.alias: one.this for one in inner.expressions}
    folded = inner.copy()
    alias = start.this.alias
    folded.set("expressions", [_swapped(one, meaning, alias) for one in query.expressions])
    return folded


def _is_single(select: Any) -> bool:
    """Tell whether a select gives at most one row for rows of its linear inputs: nothing in it makes several of one."""
    exp = sqlglot()
    many = any(join.side and not join.method for join in select.args.get("joins") or ())
    made = (exp.Unnest, exp.Explode, exp.Posexplode, exp.Lateral, exp.Values, exp.GenerateSeries)
    called = any(
        isinstance(one, made) or function_name(one) in ("unnest", "range", "generate_series") for one in select.walk()
    )
    tables = all(isinstance(one.this, exp.Identifier) for one in select.find_all(exp.Table))
    return not many and not called and tables


def _swapped(node: Any, meaning: dict[str, Any], alias: str) -> Any:
    """Return an expression with the columns of a source put as what they mean, or as bare names."""
    exp = sqlglot()

    def swap(one: Any) -> Any:
        if isinstance(one, exp.Column) and one.table == alias:
            stands = meaning.get(one.name)
            if stands is None:
                return exp.column(one.name, quoted=True)
            return exp.Paren(this=stands.copy()) if isinstance(stands, (exp.Binary, exp.Unary)) else stands.copy()
        return one

    return node.copy().transform(swap)


def _as_named(items: Sequence[Any], names: Sequence[str]) -> list[Any]:
    exp = sqlglot()
    plain = [one.this if isinstance(one, exp.Alias) else one for one in items]
    return [named(one.copy(), name) for one, name in zip(plain, names, strict=True)]


def _held(items: Sequence[Any], names: Sequence[str], keys: Sequence[Any]) -> tuple[tuple[str, ...], list[Any]]:
    """Return the column that holds each key, and the items to add for those that no column is."""
    held, extra = [], []
    for at, key in enumerate(keys, 1):
        name = next((n for one, n in zip(items, names, strict=True) if _bare(one) == _bare(key)), None)
        if name is None:
            name = f"@k{at}"
            extra.append(named(key.copy(), name))
        held.append(name)
    return tuple(held), extra


def _bare(node: Any) -> Any:
    exp = sqlglot()
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _common_partition(nodes: Sequence[Any]) -> list[Any]:
    exp = sqlglot()
    shared: list[Any] | None = None
    for start in nodes:
        for node in shallow(start):
            if isinstance(node, exp.Window):
                mine = [_bare(one) for one in node.args.get("partition_by") or ()]
                shared = mine if shared is None else [one for one in shared if one in mine]
    unique: list[Any] = []
    for one in shared or ():
        if one not in unique and not isinstance(one, exp.Literal):
            unique.append(one)
    return unique


def _resolved_outputs(node: Any, items: dict[str, Any], query: Any) -> Any:
    """Return a `qualify` with the outputs that it names put as what they are."""
    exp = sqlglot()
    by_name = {one.alias.lower(): item for one, item in zip(query.expressions, items.values(), strict=True)}

    def found(one: Any) -> Any:
        if isinstance(one, exp.Column) and not one.table and one.name.lower() in by_name:
            return exp.Paren(this=by_name[one.name.lower()].copy())
        return one

    return node.transform(found)


def _positions(order: Any, names: tuple[str, ...]) -> Any:
    """Return an order with positions put as names."""
    exp = sqlglot()
    if order is None:
        return None
    copy = order.copy()
    for term in copy.expressions:
        if isinstance(term.this, exp.Literal) and not term.this.is_string:
            term.set("this", exp.column(names[int(term.this.name) - 1], quoted=True))
        if not isinstance(term.this, exp.Column) or term.this.name.lower() not in {n.lower() for n in names}:
            raise Unplanned("a compound ordered by what it does not give")
    return copy


def _loose(items: Sequence[Any]) -> tuple[str, ...]:
    """Return the aggregates whose answer depends on the order of the rows, where no order is said."""
    exp = sqlglot()
    found = []
    for item in items:
        for node in shallow(item):
            name = {"groupconcat": "string_agg", "arrayagg": "list"}.get(
                type(node).__name__.lower(), function_name(node)
            )
            open_order = name in _ORDERED and node.find(exp.Order) is None
            if open_order and is_aggregate(node) and not isinstance(node, exp.Filter):
                found.append(f"{name}() without an order of its own")
    return tuple(dict.fromkeys(found))


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
