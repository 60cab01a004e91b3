"""Whether a relation's storage keeps the rules that everything else relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.text import plural
from penstock.engines.duck.words import buried, one, stored

if TYPE_CHECKING:
    import duckdb

    from penstock.model.relation import Relation


def unsound(con: duckdb.DuckDBPyConnection, relation: Relation, version: int, graves: bool) -> list[str]:
    """Return what of a relation's storage breaks its rules at a version, in words; nothing where it is sound.

    An id is that of one row at a time, no row is newer than the version or went before it came, and as many rows are
    there as were counted when they came and went.
    """
    live, grave = stored(relation.physical), buried(relation.physical)
    asked = [
        f"select count(*) - {relation.rows} from {live}",
        f"select count(*) - count(distinct _rid) from {live}",
        f"select count(*) from {live} where _seq > {version}",
    ]
    if graves:
        lives = f"select _rid, _seq, null::bigint as _gone from {live} union all select _rid, _seq, _gone from {grave}"
        turns = f"select _gone, lead(_seq) over (partition by _rid order by _seq, _gone) as again from ({lives})"
        asked += [
            f"select count(*) from {grave} where _gone <= _seq or _gone > {version}",
            f"select count(*) from ({turns}) where coalesce(_gone, {version} + 1) > again",
        ]
    row = one(con.execute(f"select {', '.join(f'({text})' for text in asked)}")) or ()
    return [f"{plural(abs(count), 'row')} {said}" for count, said in zip(row, _SAID, strict=False) if count]


_SAID = (
    "more or fewer than were counted when they came and went",
    "with the id of another",
    "newer than the last version",
    "that went before they came, or after the last version",
    "that went and are still there",
)
