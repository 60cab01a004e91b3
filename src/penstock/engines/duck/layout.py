"""The warehouse's own tables and views, and what of them is known at opening."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from penstock.engines.duck.words import SYSTEM, ident, one
from penstock.model.position import Position, decode
from penstock.model.relation import Relation
from penstock.model.schema import Column, Schema

LAYOUT = 2

# What a warehouse made by an earlier version has not: made there when it is first written to.
LATER_TABLES = f"""
create table if not exists {SYSTEM}.floors (name varchar, version bigint);
create table if not exists {SYSTEM}.refused (name varchar, fingerprint varchar, version bigint);
create table if not exists {SYSTEM}.vacuums (vacuumed_at timestamp, version bigint);
"""
_TABLES = f"""
create schema {SYSTEM};
create schema penstock;
create table {SYSTEM}.layout (number integer);
create table {SYSTEM}.commits (
    version bigint, committed_at timestamp, run varchar, next_rid bigint, tables varchar, positions varchar);
create table {SYSTEM}.relations (
    name varchar, physical varchar, fingerprint varchar, columns varchar, key varchar, partitioned boolean,
    built bigint, changed bigint, seen bigint, rows bigint, retired bigint,
    lost bigint default 0, hidden varchar default '[]', layout varchar default '', parts varchar default '[]',
    costs varchar default '[]', passed varchar default '[]');
create table {SYSTEM}.deliveries (sink varchar, epoch bigint);
create table {SYSTEM}.positions (source varchar, partition varchar, position varchar, version bigint);
create table {SYSTEM}.pages (
    source varchar, partition varchar, position varchar, columns varchar, rows bigint, physical varchar);
create table {SYSTEM}.rejected (
    id bigint, source varchar, partition varchar, place varchar, row varchar, reason varchar,
    version bigint, replayed bigint);
create table {SYSTEM}.schema_changes (
    source varchar, column_name varchar, old_type varchar, new_type varchar, version bigint);
create view penstock.commits as
    select version, committed_at at time zone 'UTC' as committed_at, run, tables::json as tables,
        positions::json as positions
    from {SYSTEM}.commits;
create view penstock.rejected as
    select r.id, r.source as "table", r.partition, r.place as position, r.row, r.reason,
        c.committed_at at time zone 'UTC' as committed_at, r.version, r.replayed
    from {SYSTEM}.rejected r left join {SYSTEM}.commits c using (version);
create view penstock.schema_changes as
    select s.source as "table", s.column_name as "column", s.old_type, s.new_type, s.version,
        c.committed_at at time zone 'UTC' as committed_at
    from {SYSTEM}.schema_changes s left join {SYSTEM}.commits c using (version);
insert into {SYSTEM}.layout values ({LAYOUT});
{LATER_TABLES}"""


def prepare(con: duckdb.DuckDBPyConnection) -> bool:
    """Make the warehouse's own tables in a new file, all or nothing; returns whether it was new."""
    try:  # the cheapest question: the list of tables takes 10 ms to make
        found = con.execute(f"from {SYSTEM}.layout").fetchall()
    except duckdb.CatalogException:
        pass
    else:
        if found[0][0] < LAYOUT:
            _renew(con)
        return False
    con.execute("begin")
    con.execute(_TABLES)
    con.execute("commit")
    return True


def _renew(con: duckdb.DuckDBPyConnection) -> None:
    """Give the warehouse's own tables the columns that came since the file was made."""
    con.execute("begin")
    for column in _SINCE_1:
        con.execute(f"alter table {SYSTEM}.relations add column {column}")
    con.execute(f"update {SYSTEM}.layout set number = {LAYOUT}")
    con.execute("commit")


_SINCE_1 = (
    "lost bigint default 0",
    "hidden varchar default '[]'",
    "layout varchar default ''",
    "parts varchar default '[]'",
    "costs varchar default '[]'",
    "passed varchar default '[]'",
)


def relations(con: duckdb.DuckDBPyConnection, condition: str = "retired is null") -> dict[str, Relation]:
    """Return the relations that a condition holds for, by name."""
    found = con.execute(
        "select name, columns, fingerprint, physical, key, partitioned, built, changed, seen, rows, lost, hidden, "
        "layout, parts, costs, passed "
        f"from {SYSTEM}.relations where {condition}"
    ).fetchall()
    return {row[0]: _relation(row) for row in found}


def _relation(row: tuple[Any, ...]) -> Relation:
    name, columns, fingerprint, physical, key, partitioned = row[:6]
    built, changed, seen, rows, lost, hidden, layout, parts, costs, passed = row[6:]
    return Relation(
        name, read_schema(columns), fingerprint, physical, tuple(json.loads(key)), partitioned, built, changed, seen,
        rows, lost, read_schema(hidden), layout, tuple(json.loads(parts)), tuple(json.loads(costs)),
        tuple(json.loads(passed)),
    )  # fmt: skip


def positions(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Position]]:
    """Return the committed position of every partition, by raw table."""
    found: dict[str, dict[str, Position]] = {}
    for source, partition, text in con.execute(
        f"select source, partition, position from {SYSTEM}.positions"
    ).fetchall():
        found.setdefault(source, {})[partition] = decode(text)
    return found


def counters(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return the last version and the next row id."""
    row = one(con.execute(f"select max(version), max_by(next_rid, version) from {SYSTEM}.commits"))
    return (int(row[0]), int(row[1])) if row and row[0] is not None else (0, 1)


def write_schema(schema: Schema) -> str:
    """Return a schema as the text that is stored."""
    return json.dumps([[c.name, c.type] for c in schema], ensure_ascii=False)


def read_schema(text: str) -> Schema:
    """Read a schema from its stored text."""
    return Schema(tuple(Column(name, kind) for name, kind in json.loads(text)))


def physical(name: str, version: int, number: int) -> str:
    """Return the name of new storage; opaque, but with the table's name for whoever debugs."""
    return f"{name}@{version}.{number}"


def columns_ddl(schema: Schema) -> str:
    """Return column definitions; unquoted, null is no type of a column but a constraint."""
    return ", ".join(f"{ident(c.name)} {ident(c.type) if c.type == 'null' else c.type}" for c in schema)
