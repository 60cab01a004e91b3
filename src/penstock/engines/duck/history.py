"""What a table's name has shown over time, as DuckDB reads it: spans, changes as rows, rows with their validity."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from penstock.engines.duck import layout
from penstock.engines.duck.words import SYSTEM, buried, ident, idents, one, stored
from penstock.model.relation import Span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    import duckdb

    from penstock.model.relation import Read

_FOREVER = 2**62
# Columns on the way have names that are reserved, so that no column of a table can be named so.
_SINCE, _UNTIL, _KIND, _COUNT = "_seq", "_gone", "_part", "_rid"


def spans(con: duckdb.DuckDBPyConnection, name: str) -> list[Span]:
    """Return what a name has shown and what of it is kept, the oldest first."""
    rows = con.execute(
        f"select rowid, built, retired from {SYSTEM}.relations where name = ? order by built", [name]
    ).fetchall()
    return [Span(layout.relations(con, f"rowid = {row}")[name], since, until) for row, since, until in rows]


def version_at(con: duckdb.DuckDBPyConnection, at: datetime) -> int | None:
    """Return the last version that was committed at an instant or before it, or None."""
    found = one(
        con.execute(
            f"select max(version) from {SYSTEM}.commits where committed_at <= ?::timestamp",
            [at.astimezone(UTC).replace(tzinfo=None).isoformat()],
        )
    )
    return int(found[0]) if found and found[0] is not None else None


def floors(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the first version at which a table can be read, of those from which something was vacuumed."""
    return dict(_noted(con, f"select name, version from {SYSTEM}.floors"))


def vacuumed(con: duckdb.DuckDBPyConnection) -> tuple[datetime, int] | None:
    """Return when the warehouse was last vacuumed and from which version on every commit is kept."""
    found = _noted(con, f"select vacuumed_at, version from {SYSTEM}.vacuums")
    return (found[0][0].replace(tzinfo=UTC), int(found[0][1])) if found else None


def refused(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the fingerprint of the definition that each table was rolled back from."""
    return dict(_noted(con, f"select name, fingerprint from {SYSTEM}.refused"))


def _noted(con: duckdb.DuckDBPyConnection, text: str) -> list[tuple[Any, ...]]:
    """Read a table that a warehouse made by an earlier version of Penstock has not; apart, for it may fail."""
    import duckdb

    with con.cursor() as cursor:
        try:
            return cursor.execute(text).fetchall()
        except duckdb.CatalogException:
            return []


def rows_of(read: Read, with_graves: AbstractSet[str]) -> str:
    """Return the select of a read in mode `changes` or `history`.

    The columns of ours that a column of the table is named like get a `_` more in front.
    """
    names = _columns(read)
    if read.mode == "changes":
        change, version, at = (ident(_free(name, names)) for name in ("_change", "_version", "_at"))
        return (
            f"select e.{_KIND} as {change}, e.{_SINCE} as {version}, {_time('t')} as {at}, {idents(names, 'e.')} "
            f"from ({_events(read, with_graves)}) e left join {_times(read.high)} t on t._version = e.{_SINCE}"
        )
    since, until = (ident(_free(name, names)) for name in ("valid_from", "valid_to"))
    return (
        f"select {idents(names, 'e.')}, {_time('f')} as {since}, {_time('u')} as {until} "
        f"from ({_lives(read, with_graves)}) e left join {_times(read.high)} f on f._version = e.{_SINCE} "
        f"left join {_times(read.high)} u on u._version = e.{_UNTIL}"
    )


def _free(name: str, taken: Iterable[str]) -> str:
    lower = {each.lower() for each in taken}
    while name in lower:
        name = f"_{name}"
    return name


def _columns(read: Read) -> list[str]:
    """Return the columns of all spans, those of the newest first."""
    found: dict[str, str] = {}
    for span in reversed(read.spans):
        for name in span.relation.schema.names:
            found.setdefault(name.lower(), name)
    return list(found.values())


def _time(commits: str) -> str:
    return f"{commits}.committed_at at time zone 'UTC'"


def _times(high: int) -> str:
    """Return the time of every version; of those whose commit was cleared away, that of the one kept before it."""
    return (
        f"(select r._version, c.committed_at from (select range as _version from range(1, {high + 1})) r "
        f"asof left join {SYSTEM}.commits c on r._version >= c.version)"
    )


def _events(read: Read, with_graves: AbstractSet[str]) -> str:
    """Return every row that came or went in the versions after `low` up to `high`.

    Within a span the rows say it themselves; where one relation took another's place, the two are compared.
    """
    none = f"'' as {_KIND}, 0::bigint as {_SINCE}"
    found = [
        f"select {idents(s.relation.schema.names)}, {none} from {stored(s.relation.physical)} where false"
        for s in read.spans
    ]
    before: Span | None = None
    for span in read.spans:
        low, high = read.low, min(read.high, (span.until or _FOREVER) - 1)
        if before is not None and low < span.since <= read.high:
            found.append(_swapped(before, span, with_graves))
        # Where nothing came before, all the rows that a relation was built with came then.
        low = max(low, span.since if before is not None else span.since - 1)
        before = span
        if low < high:
            found += _moves(span, low, high, with_graves)
    return " union all by name ".join(found)


def _moves(span: Span, low: int, high: int, with_graves: AbstractSet[str]) -> list[str]:
    relation = span.relation
    names, gone = idents(relation.schema.names), buried(relation.physical)
    came = f"select {names}, 'insert' as {_KIND}, _seq from"
    when = f"_seq > {low} and _seq <= {high}"
    found = [f"{came} {stored(relation.physical)} where {when}"]
    if relation.physical in with_graves:
        # A row that came and went within one version was never seen.
        found.append(f"{came} {gone} where {when} and _gone > _seq")
        found.append(
            f"select {names}, 'delete' as {_KIND}, _gone as _seq from {gone} "
            f"where _gone > {low} and _gone <= {high} and _gone > _seq"
        )
    return found


def _swapped(old: Span, new: Span, with_graves: AbstractSet[str]) -> str:
    """Return how two relations differ when one takes the other's place: as multisets of rows."""

    def rows(span: Span, version: int, sign: int) -> str:
        relation = span.relation
        here = f"select {idents(relation.schema.names)}, {sign} as {_COUNT} from {{}} where _seq <= {version}"
        live = here.format(stored(relation.physical))
        if relation.physical not in with_graves:
            return live
        return f"{live} union all {here.format(buried(relation.physical))} and _gone > {version}"

    came, went = rows(new, new.since, 1), rows(old, new.since - 1, -1)
    both = f"(select * from ({came}) union all by name select * from ({went}))"
    sums = f"select * exclude ({_COUNT}), sum({_COUNT})::bigint as {_COUNT} from {both}"
    return (
        f"select * exclude ({_COUNT}, {_UNTIL}), case when {_COUNT} > 0 then 'insert' else 'delete' end as {_KIND}, "
        f"{new.since}::bigint as {_SINCE} from ({sums} group by all having sum({_COUNT}) <> 0), "
        f"lateral (select unnest(range(abs({_COUNT}))) as {_UNTIL})"
    )


def _lives(read: Read, with_graves: AbstractSet[str]) -> str:
    """Return each row with the version it is valid from, and the one from which on it is no longer, or null."""
    found: list[str] = []
    for span in read.spans:
        relation = span.relation
        names = idents(relation.schema.names)
        until = span.until if span.until is not None else "null"
        end = span.until if span.until is not None else _FOREVER
        since = f"greatest(l._seq, {span.since})::bigint as {_SINCE}"
        found.append(
            f"select {names}, {since}, {until}::bigint as {_UNTIL} from {stored(relation.physical)} l "
            f"where l._seq < {end}"
        )
        if relation.physical in with_graves:
            last = f"case when l._gone < {end} then l._gone else {until} end::bigint as {_UNTIL}"
            found.append(
                f"select {names}, {since}, {last} from {buried(relation.physical)} l "
                f"where l._seq < {end} and l._gone > greatest(l._seq, {span.since})"
            )
    return " union all by name ".join(found)
