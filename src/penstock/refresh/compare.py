"""Whether two queries give the same rows: as multisets, types exact, floats up to what the order of adding does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.model.relation import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.relation import Read
    from penstock.model.schema import Schema
    from penstock.protocols.engine import Rows

# Floats differ where they are apart by more than this part of their size, and by more than rounding the largest value
# of their column does.
NEAR = 1e-9
_FLOOR = 1e-14
_FLOATS = ("double", "float")
_INNER = re.compile(r'(?<!")\bdouble\b(?!")')


@record
class Difference:
    """How many rows are missing and how many too many, and some of each."""

    missing: int = 0
    extra: int = 0
    missing_rows: tuple[dict[str, Any], ...] = ()
    extra_rows: tuple[dict[str, Any], ...] = ()

    @property
    def same(self) -> bool:
        """Whether there is none."""
        return not self.missing and not self.extra


def comparing(wanted: Query, stored: Query, schema: Schema, limit: int) -> Query:
    """Return the query of the rows that two queries of these columns do not share.

    It gives 1 for a row of `wanted` alone and -1 for one of `stored`, how many of these there are, and the row; at most
    `limit` of each.
    """
    columns = [f"c{at}" for at in range(1, len(schema) + 1)]
    floats = [name for name, column in zip(columns, schema, strict=True) if column.type in _FLOATS]
    exact = [name for name in columns if name not in floats]
    items = ", ".join(_comparable(name, column.type) for name, column in zip(columns, schema, strict=True))
    shown = ", ".join(columns)
    both = (
        f'select {items}, 1 as "@s" from (\n{wanted.text}\n) as "@wanted"({shown})\nunion all\n'
        f'select {items}, -1 from (\n{stored.text}\n) as "@stored"({shown})'
    )
    apart = f'select {shown}, sum("@s") as "@n" from ({both}) as "@both" group by {shown} having sum("@s") <> 0'
    steps = [
        f'"@w" as materialized ({apart})',
        f'"@r" as (select {shown}, sign("@n")::integer as "@s", unnest(range(abs("@n")::bigint)) from "@w")',
        *_near(columns, exact, floats, stored),
    ]
    counted = (
        f'select "@s", count(*) over (partition by "@s") as "@total", {shown}, '
        f'row_number() over (partition by "@s" order by {shown}) as "@k" from "@d"'
    )
    text = (
        f'select * from (with {", ".join(steps)}\nselect "@s", "@total", {shown} from ({counted}) as "@c" '
        f'where "@k" <= {max(limit, 1)} order by "@s" desc, "@k") as "@out"'
    )
    return Query(text, _reads(wanted, stored))


def _near(columns: Sequence[str], exact: Sequence[str], floats: Sequence[str], stored: Query) -> list[str]:
    """Return the steps that pair what is left by its exact columns and the order of its floats, and drop near pairs."""
    if not floats:
        return ['"@d" as (from "@r")']
    shown = ", ".join(columns)
    order = [f"try_cast({name} as float)" for name in floats] + list(floats)
    group = ['"@s"', *exact]
    most = ", ".join(f"coalesce(max(abs({f})) filter (where isfinite({f})), 0) * {_FLOOR} as {f}" for f in floats)
    same = [f"p.{name} is not distinct from m.{name}" for name in exact] + ['p."@k" = m."@k"']
    for f in floats:
        apart = f"abs(p.{f} - m.{f}) <= greatest({NEAR} * greatest(abs(p.{f}), abs(m.{f})), f.{f})"
        finite = f"isfinite(p.{f}) and isfinite(m.{f})"
        same.append(f"(p.{f} is not distinct from m.{f} or ({finite} and {apart}))")
    pairs = f'"@k" as p join "@k" as m on p."@s" = 1 and m."@s" = -1 and {" and ".join(same[: len(exact) + 1])}'
    numbered = f"row_number() over (partition by {', '.join(group)} order by {', '.join(order)})"
    near = " and ".join(same[len(exact) + 1 :])
    found = f'select p."@id" as one, m."@id" as other from {pairs}, "@f" as f where {near}'
    return [
        f'"@k" as materialized (select *, {numbered} as "@k", row_number() over () as "@id" from "@r")',
        f'"@f" as (select {most} from (\n{stored.text}\n) as "@stored"({shown}))',
        f'"@same" as materialized ({found})',
        '"@d" as (from "@k" where "@id" not in (select one from "@same" union all select other from "@same"))',
    ]


def _comparable(name: str, kind: str) -> str:
    """Return a column as it is compared: floats within lists and structs as texts of single precision."""
    if kind in _FLOATS or not _INNER.search(kind):
        return name
    single = f"try_cast({name} as {_INNER.sub('float', kind)})"  # null where a value is too large for it
    return f"coalesce(cast({single} as varchar), cast({name} as varchar)) as {name}"


def _reads(wanted: Query, stored: Query) -> tuple[tuple[str, Read], ...]:
    return tuple({**dict(wanted.reads), **dict(stored.reads)}.items())


def difference(rows: Rows, names: Sequence[str], limit: int) -> Difference:
    """Return what the rows of a comparison say, with at most `limit` rows of each side under the names of columns."""
    counts = {1: 0, -1: 0}
    found: dict[int, list[dict[str, Any]]] = {1: [], -1: []}
    try:
        for side, total, *values in rows.fetch():
            counts[side] = int(total)
            found[side].append(dict(zip(names, values, strict=True)))
    finally:
        rows.close()
    return Difference(counts[1], counts[-1], tuple(found[1][:limit]), tuple(found[-1][:limit]))
