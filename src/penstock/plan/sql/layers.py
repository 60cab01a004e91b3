"""A select taken apart into selects in one another, each of which groups, or numbers, or orders, or only picks rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.sql.distincts import divided
from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import Unplanned, function_name, is_aggregate, shallow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.plan.sql.tree import Tree

_NAVIGATES = frozenset({"row_number", "ntile", "lag", "lead"})
_BY_FRAME = frozenset({"first_value", "last_value", "nth_value", "first", "last"})


def kind_of(select: Any) -> str:
    """Return what a select does beside picking rows: `rows`, `group`, `window`, `distinct` or `limit`."""
    if any(select.args.get(key) for key in ("limit", "offset")):
        return "limit"
    if select.args.get("distinct"):
        return "distinct"
    parts = [*select.expressions, select.args.get("qualify"), select.args.get("having")]
    if select.args.get("group") or any(has_aggregate(part) for part in parts if part is not None):
        return "group"
    if select.args.get("qualify") or any(has_window(part) for part in select.expressions):
        return "window"
    return "rows"


def has_window(node: Any) -> bool:
    """Tell whether an expression has a window function of its own."""
    return any(isinstance(one, sqlglot().Window) for one in shallow(node))


def has_aggregate(node: Any) -> bool:
    """Tell whether an expression has an aggregate that is no window function."""
    exp = sqlglot()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, exp.Query):
            continue
        if isinstance(one, exp.Window):
            function = one.this
            while isinstance(function, (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)):
                function = function.this
            waiting += [*function.iter_expressions(), *(v for v in one.iter_expressions() if v is not one.this)]
            continue
        if is_aggregate(one):
            return True
        waiting += one.iter_expressions()
    return False


def layered(select: Any, tree: Tree) -> Any:
    """Return the select as selects in one another, each of one kind."""
    _name_outputs(select)
    _inline_windows(select)
    if select.args.get("distinct") and select.args["distinct"].args.get("on"):
        return layered(_first_of_each(select), tree)
    if not any(select.args.get(key) for key in ("limit", "offset")):
        select.set("order", None)
    kind = kind_of(select)
    if kind == "limit":
        return _limit(select, tree)
    if kind == "distinct":
        return _distinct(select, tree)
    if kind == "group":
        return _group(select, tree)
    return select


def _name_outputs(select: Any) -> None:
    exp = sqlglot()
    names = [one.alias_or_name.lower() for one in select.expressions]
    if len(set(names)) < len(names) or not all(names):
        raise Unplanned("two columns of one name in a subquery")
    select.set(
        "expressions",
        [one if isinstance(one, exp.Alias) else named(one, one.alias_or_name) for one in select.expressions],
    )


def _inline_windows(select: Any) -> None:
    """Write each named window where it is used."""
    exp = sqlglot()
    named = {one.this.name: one for one in select.args.get("windows") or ()}
    if not named:
        return
    for part in (*select.expressions, select.args.get("qualify"), select.args.get("order")):
        for node in list(shallow(part)) if part is not None else ():
            if isinstance(node, exp.Window) and node.alias:
                base = named.get(node.alias)
                if base is None or base.alias:
                    raise Unplanned("a window made of another")
                for key in ("partition_by", "order", "spec"):
                    if not node.args.get(key) and base.args.get(key):
                        value = base.args[key]
                        node.set(key, [v.copy() for v in value] if isinstance(value, list) else value.copy())
                node.set("alias", None)
    select.set("windows", None)


def _first_of_each(select: Any) -> Any:
    """Return `distinct on` as the first row by number."""
    exp = sqlglot()
    on = select.args["distinct"].args["on"].expressions
    outputs = {one.alias.lower(): one.this for one in select.expressions}
    order = select.args.get("order")
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_resolved(one, outputs) for one in on],
        order=_resolved(order, outputs) if order else None,
    )
    if select.args.get("qualify") or kind_of(_without(select, "distinct", "order", "limit", "offset")) != "rows":
        raise Unplanned("distinct on over groups or windows")
    select.set("qualify", exp.Qualify(this=exp.EQ(this=number, expression=exp.Literal.number(1))))
    select.set("distinct", None)
    if not select.args.get("limit"):
        select.set("order", None)
    return select


def _resolved(node: Any, outputs: dict[str, Any]) -> Any:
    """Return an expression with the names of outputs replaced by what they stand for."""
    exp = sqlglot()

    def found(one: Any) -> Any:
        if isinstance(one, exp.Column) and not one.table and one.name.lower() in outputs:
            return outputs[one.name.lower()].copy()
        return one

    return node.copy().transform(found)


def _without(select: Any, *keys: str) -> Any:
    copy = select.copy()
    for key in keys:
        copy.set(key, None)
    return copy


def _over(tree: Tree, inner: Any, outputs: Iterable[str]) -> tuple[Any, str]:
    """Return a select of columns of an inner one, and the alias under which it stands."""
    exp = sqlglot()
    alias = tree.alias()
    items = [named(column(alias, name), name) for name in outputs]
    outer = exp.Select(expressions=items)
    outer.set("from_", exp.From(this=subquery(inner, alias)))
    return outer, alias


def subquery(query: Any, alias: str) -> Any:
    """Return a query as a source."""
    exp = sqlglot()
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def column(alias: str, name: str) -> Any:
    """Return a column of a source."""
    return sqlglot().column(name, table=alias, quoted=True)


def _limit(select: Any, tree: Tree) -> Any:
    exp = sqlglot()
    order, names = select.args.get("order"), [one.alias for one in select.expressions]
    inner = _without(select, "order", "limit", "offset")
    outputs = {one.alias.lower(): one.this for one in select.expressions}
    terms = []
    for at, term in enumerate(order.expressions if order else (), 1):
        wanted = _resolved(term.this, outputs)
        name = next((one.alias for one in select.expressions if one.this == wanted), None)
        if name is None:
            if select.args.get("distinct"):
                raise Unplanned("distinct, ordered by what is not selected")
            name = f"@o{at}"
            inner.append("expressions", named(wanted, name))
        terms.append((term, name))
    outer, alias = _over(tree, layered(inner, tree), names)
    sorted_by = [
        exp.Ordered(this=column(alias, name), desc=term.args.get("desc"), nulls_first=term.args.get("nulls_first"))
        for term, name in terms
    ]
    sorted_by += [exp.Ordered(this=column(alias, name)) for name in names]
    outer.set("order", exp.Order(expressions=sorted_by))
    for key in ("limit", "offset"):
        outer.set(key, select.args[key].copy() if select.args.get(key) else None)
    return outer


def _distinct(select: Any, tree: Tree) -> Any:
    exp = sqlglot()
    inner = layered(_without(select, "distinct"), tree)
    outer, _ = _over(tree, inner, [one.alias for one in select.expressions])
    outer.set("distinct", exp.Distinct())
    return outer


def _group(select: Any, tree: Tree) -> Any:
    """Return the groups with what is asked of them in one select, and what is made of that in another over it."""
    exp = sqlglot()
    keys = _keys(select)
    found: dict[str, Any] = {}
    upper = tree.alias()

    def lifted(node: Any, nested: bool = False) -> Any:
        for at, key in enumerate(keys, 1):
            if node == key:
                return column(upper, f"@g{at}")
        nested = nested or isinstance(node, exp.Query)
        if not nested and is_aggregate(node):
            text = node.sql("duckdb")
            found.setdefault(text, node.copy())
            return column(upper, f"@a{list(found).index(text) + 1}")
        if isinstance(node, exp.Window) and not nested:
            function = node.this
            while isinstance(function, (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)):
                function = function.this
            _each(function, lifted)  # the window's own function is no aggregate, what is in it may be
            return _each(node, lifted, node.this)
        return _each(node, lambda part: lifted(part, nested))

    parts = {key: select.args[key].copy() for key in ("having", "qualify") if select.args.get(key)}
    items = [lifted(one.copy()) for one in select.expressions]
    parts = {key: lifted(value) for key, value in parts.items()}
    inner = _without(select, "having", "qualify", "order", "distinct")
    inner.set("group", exp.Group(expressions=[k.copy() for k in keys]) if keys else None)
    chosen = [named(key.copy(), f"@g{at}") for at, key in enumerate(keys, 1)]
    chosen += [named(one, f"@a{at}") for at, one in enumerate(found.values(), 1)]
    inner.set("expressions", chosen)
    _check_grouped([*items, *parts.values()], upper, inner)
    inner = _divided(inner, keys, list(found.values()), tree) or inner
    outer = exp.Select(expressions=items)
    outer.set("from_", exp.From(this=subquery(inner, upper)))
    if "having" in parts:
        outer.set("where", exp.Where(this=parts["having"].this))
    if "qualify" in parts:
        outer.set("qualify", parts["qualify"])
    return outer


def _divided(select: Any, keys: list[Any], aggregates: list[Any], tree: Tree) -> Any | None:
    """Return groups with aggregates of different values as groups over these values; None where there are none."""
    exp = sqlglot()
    alias = tree.alias()
    found = divided(select, keys, aggregates, alias)
    if found is None:
        return None
    tree.could = True
    if not tree.divides:
        return None
    below, above = found
    by = [column(alias, f"@g{at}") for at in range(1, len(keys) + 1)]
    chosen = [named(one.copy(), f"@g{at}") for at, one in enumerate(by, 1)]
    outer = exp.Select(expressions=[*chosen, *(named(one, f"@a{at}") for at, one in enumerate(above, 1))])
    outer.set("from_", exp.From(this=subquery(layered(below, tree), alias)))
    outer.set("group", exp.Group(expressions=by) if by else None)
    return outer


def _each(node: Any, change: Callable[[Any], Any], kept: Any = None) -> Any:
    """Change the parts of a node, all but one that is kept."""
    exp = sqlglot()
    for key, value in list(node.args.items()):
        if isinstance(value, list):
            node.set(key, [change(v) if isinstance(v, exp.Expression) else v for v in value])
        elif isinstance(value, exp.Expression) and value is not kept:
            node.set(key, change(value))
    return node


def _keys(select: Any) -> list[Any]:
    exp = sqlglot()
    group = select.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        wanted = [one.this for one in select.expressions if not has_aggregate(one) and not has_window(one)]
    else:
        outputs = {one.alias.lower(): one.this for one in select.expressions}
        listed = [one for term in group.expressions for one in (term if isinstance(term, exp.Tuple) else [term])]
        wanted = [_resolved(one, outputs) for one in listed]
    unique: list[Any] = []
    for one in wanted:
        plain = one.unnest() if isinstance(one, exp.Paren) else one
        if plain.find(exp.Column) is None or any(isinstance(n, exp.Query) for n in plain.walk()):
            raise Unplanned("a group by a constant or a subquery")
        if plain not in unique:
            unique.append(plain)
    return unique


def _check_grouped(parts: list[Any], upper: str, inner: Any) -> None:
    """Raise where something of the rows is left that is neither a key nor in an aggregate."""
    exp = sqlglot()
    below = {node.alias_or_name for node in inner.find_all(exp.Table, exp.Subquery, exp.Unnest) if node.alias_or_name}
    for part in parts:
        for node in part.find_all(exp.Column):
            if node.table in below and node.table != upper:
                raise Unplanned(f"the column {node.name}, which is neither grouped nor aggregated")


# ── what a window leaves open ───────────────────────────────────────────────────────────────────────────


def settle_windows(nodes: Iterable[Any], columns: Iterable[str]) -> list[str]:
    """Let ties in windows be settled by all columns of the rows; returns the functions that would be open else."""
    exp = sqlglot()
    names = list(columns)
    found = []
    for start in nodes:
        for node in list(shallow(start)):
            if not isinstance(node, exp.Window):
                continue
            function = node.this
            while isinstance(function, (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)):
                function = function.this
            name, order = function_name(function), node.args.get("order")
            spec = node.args.get("spec")
            by_rows = spec is not None and str(spec.args.get("kind", "")).lower() == "rows"
            if name in _NAVIGATES or (order is not None and by_rows):
                terms = list(order.expressions) if order is not None else []
                terms += [exp.Ordered(this=exp.column(one, quoted=True)) for one in names]
                node.set("order", exp.Order(expressions=terms))
                found.append(f"{name}() over ties")
            elif name in _BY_FRAME or by_rows:
                found.append(f"{name}() over ties")
    return found
