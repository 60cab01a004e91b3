"""JSON: read as it is where every value fits, and value by value where one does not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import duckdb

from penstock.base.errors import FatalError
from penstock.engines.duck import lines
from penstock.engines.duck.cut import Cut, Field, typed
from penstock.engines.duck.words import ident, literal, one, options, ours
from penstock.model.schema import field_of, split_list

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_OBJECT = 256 * 1024 * 1024
NO_OBJECTS = "json"  # what DuckDB calls the only column of values that are no objects
_SAMPLE = 20480
_WIDE = re.compile(r"\b(?:ubigint|hugeint)\b")
_NESTED = ("struct(", "map(", "json")


def reader(path: str, kind: str, compression: str, **more: object) -> str:
    """Return the call that reads a JSON text; `kind` is `newline_delimited`, `array` or `unstructured`."""
    arguments = options(
        {
            "format": kind, "compression": compression or None,
            "maximum_object_size": None if kind == "newline_delimited" else LARGEST_OBJECT, **more,
        }
    )  # fmt: skip
    return f"read_json({literal(path)}{arguments})"


def describe(
    con: duckdb.DuckDBPyConnection, path: str, kind: str, compression: str, *, wide: bool = False
) -> dict[str, str]:
    """Return the columns of a JSON text; mixed plain values are `varchar`.

    The first rows give the types; all rows are looked at for names that these lack, and where there are any, for
    types too. A later value that does not fit its type fails the strict reading. Whole numbers are `bigint`, unless
    `wide` asks for what the largest need.
    """
    types = _described(con, path, kind, compression, _SAMPLE)
    whole = wide or kind != "newline_delimited" or _more_names(con, path, compression, types)
    if whole:
        types = _described(con, path, kind, compression, -1)
    mixed = [name for name, found in types.items() if found == "json"]
    if mixed:
        texts = reader(path, kind, compression, columns=dict.fromkeys(mixed, "JSON"))
        tests = ", ".join(f"bool_or(json_type({ident(n)}) in ('OBJECT', 'ARRAY'))" for n in mixed)
        row = one(con.execute(f"select {tests} from {texts}")) or ()
        types |= {n: "varchar" for n, nested in zip(mixed, row, strict=True) if not nested}
    return types if wide else {name: _WIDE.sub("bigint", found) for name, found in types.items()}


def _described(con: duckdb.DuckDBPyConnection, path: str, kind: str, compression: str, sample: int) -> dict[str, str]:
    call = reader(path, kind, compression, sample_size=sample, map_inference_threshold=-1, dateformat="%Y-%m-%d")
    relation = con.sql(f"select * from {call}")
    return {n: ours(str(t)) for n, t in zip(relation.columns, relation.types, strict=True)}


def _more_names(con: duckdb.DuckDBPyConnection, path: str, compression: str, types: Mapping[str, str]) -> bool:
    """Tell whether an object somewhere has a name that the types do not know, however deep it stands."""
    known = {path: names for path, names in _objects("$", f"struct({', '.join(_members(types))})") if names}
    lists = ", ".join(f"json_keys(json, {literal(path)}) as {ident(path)}" for path in known)
    arguments = options({"compression": compression or None})
    tests = " or ".join(
        f"len(list_filter({_flat(path)}, lambda k: k is not null and k not in {_texts(names)})) > 0"
        for path, names in known.items()
    )
    found = one(
        con.execute(
            f"select count(*) from (select distinct {lists} from read_ndjson_objects({literal(path)}{arguments})) "
            f"where {tests}"
        )
    )
    return found is None or bool(found[0])


def _members(types: Mapping[str, str]) -> list[str]:
    return [f"{ident(name)} {kind}" for name, kind in types.items()]


def _texts(names: list[str]) -> str:
    return "(" + ", ".join(literal(n) for n in names) + ")"


def _flat(path: str) -> str:
    """Return the names found at a path as one list; a wildcard gives a list for each object."""
    return f"flatten({ident(path)})" if "*" in path else ident(path)


def _objects(path: str, kind: str) -> list[tuple[str, list[str]]]:
    """Return the path of every object in a type, with the names that it has.

    >>> _objects("$", 'struct("a" bigint, "b" struct("c" varchar)[])')
    [('$', ['a', 'b']), ('$."b"[*]', ['c'])]
    """
    if kind.endswith("[]"):
        return _objects(f"{path}[*]", kind[:-2])
    if not kind.startswith("struct("):
        return []
    fields = [field_of(part) for part in split_list(kind[len("struct(") : -1])]
    found = [(path, [name for name, _ in fields])]
    for name, inner in fields:
        found += _objects(f"{path}.{json.dumps(name, ensure_ascii=False)}", inner)
    return found


def strict(path: str, kind: str, compression: str, types: Mapping[str, str]) -> str:
    """Return the select that reads all values, or fails at the first that does not fit."""
    columns = ", ".join(ident(n) for n in types)
    return f"select {columns} from {reader(path, kind, compression, columns=dict(types))}"


def to_lines(con: duckdb.DuckDBPyConnection, path: str, compression: str, records: str, to: str, name: str) -> None:
    """Write the rows of a document, an element of its array each, as JSON lines into the file `to`."""
    keys = "".join(f".{json.dumps(part)}" for part in records.split(".")) if records else ""
    how = options({"format": "unstructured", "maximum_object_size": LARGEST_OBJECT, "compression": compression or None})
    call = f"read_json_objects({literal(path)}{how})"
    found = f"json_extract(json, {literal('$' + keys)})"
    try:
        shapes = con.execute(f"select json_type({found}), json_keys(json) from {call}").fetchall()
    except duckdb.Error as error:
        said = str(error).split("\n")[0]
        raise FatalError("not valid JSON", where=name, got=said, hint="mend the file and run again") from error
    for shape, there in shapes:
        if shape not in ("ARRAY", "OBJECT"):
            got = f"{shape or 'nothing'}; the document has: {', '.join(there or ())}"
            raise FatalError(f"no rows at '{records}'", where=name, expected="an array of objects", got=got)
    each = f"case json_type({found}) when 'ARRAY' then from_json({found}, '[\"JSON\"]') else [{found}] end"
    con.execute(
        f"copy (select cast(unnest({each}) as varchar) as line from {call}) to {literal(to)} "
        "(format csv, header false, delimiter '\x1f', quote '', escape '')"
    )


def careful(con: duckdb.DuckDBPyConnection, path: str, compression: str, where: tuple[str, int], table: str) -> None:
    """Cut JSON lines into `table`; what is no JSON object goes to `{table}_bad`."""
    name, first = where
    lines.read(con, path, compression, name, first, table)
    broken = "not (case when json_valid(_raw) then json_type(_raw) = 'OBJECT' else false end)"
    con.execute(
        f"insert into {table}_bad select {place(name, first)}, _raw, 'not a JSON object' "
        f"from {table} where {broken} and trim(_raw) <> '' order by _n"
    )
    con.execute(f"delete from {table} where {broken}")


def place(name: str, first: int) -> str:
    """Return the SQL of a line's place."""
    return f"{literal(name + ':')} || (_n + {first - 1})"


def cut(types: Mapping[str, str], where: str, table: str) -> tuple[Cut, dict[str, str]]:
    """Return the cut of lines in `table`, and the SQL of each column's text."""
    fields, texts = [], {}
    for name, kind in types.items():
        path = literal(f'$."{name}"')
        texts[name] = f"(_raw->>{path})"
        if kind.endswith("]") or kind.startswith(_NESTED):
            fields.append(_nested(name, kind, f"(_raw->{path})"))
        else:
            fields.append(typed(name, kind, texts[name], sniffed=False))
    return Cut(table, tuple(fields), where), texts


def _nested(name: str, kind: str, value: str) -> Field:
    if kind == "json":
        return Field(name, kind, f"cast({value} as json)")
    made = f"try_cast({value} as {kind})"
    failed = f"({value} is not null and json_type({value}) <> 'NULL' and {made} is null)"
    return Field(name, kind, made, failed, f"{literal(name + ': ')} || {value}::varchar || {literal(f' is no {kind}')}")
