"""JSON: read as it is where every value fits, and value by value where one does not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.base.errors import FatalError
from penstock.base.text import nearest
from penstock.engines.duck import lines
from penstock.engines.duck.cut import Cut, Field, typed
from penstock.engines.duck.words import ident, literal, one, options, ours
from penstock.model.schema import field_of, split_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_OBJECT = 256 * 1024 * 1024
NO_OBJECTS = "json"  # what DuckDB calls the only column of values that are no objects
_SAMPLE = 8192  # rows; they are looked at twice
_END = 64 * 1024  # bytes; more than blanks at the end take
_EXACT = 17  # characters of a whole number from which on a double may round it
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

    All rows are looked at. Whole numbers are `bigint`, unless `wide` asks for what the largest need: DuckDB says
    `hugeint` of numbers of both signs, however small.
    """
    types = _described(con, path, kind, compression, -1)
    mixed = [name for name, found in types.items() if found == "json"]
    if mixed:
        texts = reader(path, kind, compression, columns=dict.fromkeys(mixed, "JSON"))
        tests = ", ".join(f"bool_or(json_type({ident(n)}) in ('OBJECT', 'ARRAY'))" for n in mixed)
        row = one(con.execute(f"select {tests} from {texts}")) or ()
        types |= {n: "varchar" for n, nested in zip(mixed, row, strict=True) if not nested}
    types |= _large(con, path, kind, compression, [name for name, found in types.items() if found == "double"])
    narrow = {name: narrowed(found) for name, found in types.items()}
    if not wide:
        return narrow
    return {name: found if found == narrow[name] or _overflows(con, path, kind, compression, name, narrow[name])
            else narrow[name] for name, found in types.items()}  # fmt: skip


def _large(
    con: duckdb.DuckDBPyConnection, path: str, kind: str, compression: str, doubles: Sequence[str]
) -> dict[str, str]:
    """Return the types of columns of nothing but whole numbers that DuckDB would round, since they pass 64 bits."""
    if not doubles:
        return {}
    texts = reader(path, kind, compression, columns=dict.fromkeys(doubles, "JSON"))
    asked = []
    for name in doubles:
        text = f"nullif({ident(name)}::varchar, 'null')"
        asked.append(f"coalesce(bool_and(regexp_full_match({text}, '-?[0-9]+')), false)")
        asked.append(f"bool_and(try_cast({text} as hugeint) is not null or {text} is null)")
    found = one(con.execute(f"select {', '.join(asked)} from {texts}")) or ()
    pairs = zip(doubles, found[::2], found[1::2], strict=True)
    return {name: "hugeint" if fits else "varchar" for name, whole, fits in pairs if whole}


def narrowed(found: str) -> str:
    """Return a type with `bigint` for wider whole numbers.

    >>> narrowed("struct(x hugeint, y double)")
    'struct(x bigint, y double)'
    """
    return _WIDE.sub("bigint", found)


def _overflows(con: duckdb.DuckDBPyConnection, path: str, kind: str, compression: str, name: str, narrow: str) -> bool:
    """Tell whether a column has values that its narrower type does not hold."""
    call = reader(path, kind, compression, columns={name: narrow})
    try:
        one(con.execute(f"select count({ident(name)}) from {call}"))
    except duckdb.Error:
        return True
    return False


def sampled(con: duckdb.DuckDBPyConnection, path: str, compression: str) -> duckdb.DuckDBPyRelation:
    """Return the reading of JSON lines by the types of the first rows; it fails at a name that these lack.

    It fails, too, at a whole number beyond `bigint`.
    """
    how = {"sample_size": _SAMPLE, "map_inference_threshold": -1, "dateformat": "%Y-%m-%d"}
    call = reader(path, "newline_delimited", compression, **how)
    relation = con.sql(f"select * from {call}")
    types = {n: ours(str(t)) for n, t in zip(relation.columns, relation.types, strict=True)}
    if not any(_WIDE.search(found) for found in types.values()):
        return relation
    columns = ", ".join(f"{ident(n)}::{narrowed(t)} as {ident(n)}" for n, t in types.items())
    return con.sql(f"select {columns} from {call}")


def _described(con: duckdb.DuckDBPyConnection, path: str, kind: str, compression: str, sample: int) -> dict[str, str]:
    call = reader(path, kind, compression, sample_size=sample, map_inference_threshold=-1, dateformat="%Y-%m-%d")
    relation = con.sql(f"select * from {call}")
    return {n: ours(str(t)) for n, t in zip(relation.columns, relation.types, strict=True)}


def breaks_off(con: duckdb.DuckDBPyConnection, path: str, compression: str) -> bool:
    """Tell whether a document ends behind a comma: as an array, DuckDB takes it for a whole one.

    A packed one is parsed for that, which fails where it breaks off.
    """
    if compression:
        how = options({"format": "unstructured", "maximum_object_size": LARGEST_OBJECT, "compression": compression})
        one(con.execute(f"select count(*) from read_json_objects({literal(path)}{how})"))
        return False
    end = b""
    with Path(path).open("rb") as file:
        file.seek(max(Path(path).stat().st_size - _END, 0))
        while block := file.read(_END):
            end = block.rstrip() or end
    return end.endswith(b",")


def holds(con: duckdb.DuckDBPyConnection, path: str, kind: str, compression: str, types: Mapping[str, str]) -> bool:
    """Tell whether every number and truth value is written as its type has it.

    DuckDB reads 1.5 into a bigint as 2, true as 1, and 1 into a boolean as true, without a word.
    """
    looked = [(name, *_written(ident(name), found, 0)) for name, found in types.items()]
    tested = {name: (shape, test) for name, shape, test in looked if test}
    if not tested:
        return True
    call = reader(path, kind, compression, columns={name: shape for name, (shape, _) in tested.items()})
    tests = " and ".join(f"coalesce({test}, true)" for _, test in tested.values())
    return not one(con.execute(f"select 1 from {call} where not ({tests}) limit 1"))


def _written(value: str, kind: str, depth: int) -> tuple[str, str]:
    """Return the type that keeps what was written of a value, and the test of it; no test where none is needed."""
    if kind.endswith("[]"):
        each = f"_{depth}"
        shape, test = _written(each, kind[:-2], depth + 1)
        some = f"len(list_filter({value}, lambda {each}: not coalesce({test}, true))) = 0"
        return f"{shape}[]", some if test else ""
    if kind.startswith("struct("):
        fields = [field_of(part) for part in split_list(kind[len("struct(") : -1])]
        inner = [(name, *_written(f"{value}.{ident(name)}", of, depth)) for name, of in fields]
        tested = [(name, shape, test) for name, shape, test in inner if test]
        shape = ", ".join(f"{ident(name)} {shape}" for name, shape, _ in tested)
        return f"struct({shape})", " and ".join(f"coalesce({test}, true)" for _, _, test in tested)
    if kind in ("double", "float"):  # begins like a number; comparing is a third of what a pattern costs
        text = f"{value}::varchar"
        number = f"({text} >= '0' and {text} < ':' or {text} >= '-' and {text} < '-:' or {text} = 'null')"
        return (
            "json",
            f"{number} and (strlen({text}) < {_EXACT} or contains({text}, '.') or regexp_matches({text}, '[eE]'))",
        )
    pattern = _patterns(kind)
    return "json", f"regexp_full_match({value}::varchar, '{pattern}|null')" if pattern else ""


def _patterns(kind: str) -> str:
    if kind == "boolean":
        return "true|false"
    if kind.startswith("decimal("):
        scale = kind[:-1].split(",")[1].strip()
        number = rf"-?[0-9]+([.][0-9]{{0,{scale}}})?"
        return f'{number}|"{number}"'
    return '-?[0-9]+|"-?(0|[1-9][0-9]*)"' if kind.endswith("int") or kind == "integer" else ""


def strict(path: str, kind: str, compression: str, types: Mapping[str, str]) -> str:
    """Return the select that reads all values, or fails at the first that does not fit."""
    columns = ", ".join(ident(n) for n in types)
    return f"select {columns} from {reader(path, kind, compression, columns=dict(types))}"


def to_lines(con: duckdb.DuckDBPyConnection, path: str, compression: str, records: str, to: str, name: str) -> None:
    """Write the rows of a document, an element of its array each, as JSON lines into the file `to`."""
    parts = records.split(".") if records else []
    how = options({"format": "unstructured", "maximum_object_size": LARGEST_OBJECT, "compression": compression or None})
    call = f"read_json_objects({literal(path)}{how})"
    found = _at(parts)
    try:
        shapes = con.execute(f"select json_type({found}) from {call}").fetchall()
    except duckdb.Error as error:
        said = str(error).split("\n")[0]
        raise FatalError("not valid JSON", where=name, got=said, hint="mend the file and run again") from error
    for (shape,) in shapes:
        if shape not in ("ARRAY", "OBJECT"):
            raise _astray(con, call, parts, shape or "nothing", name)
    each = f"case json_type({found}) when 'ARRAY' then from_json({found}, '[\"JSON\"]') else [{found}] end"
    con.execute(
        f"copy (select cast(unnest({each}) as varchar) as line from {call}) to {literal(to)} "
        "(format csv, header false, delimiter '\x1f', quote '', escape '')"
    )


def _astray(con: duckdb.DuckDBPyConnection, call: str, parts: Sequence[str], got: str, name: str) -> FatalError:
    """Return the error of a path that leads to no rows, with what there is where it goes astray."""
    hint = ""
    for depth in reversed(range(len(parts))):
        row = one(con.execute(f"select json_keys({_at(parts[:depth])}) from {call} limit 1"))
        if row and row[0]:
            near = nearest(parts[depth], row[0])
            got = f"{got}; {'.'.join(parts[:depth]) or 'the document'} has: {', '.join(row[0])}"
            hint = f"did you mean '{near}'?" if near else ""
            break
    said = f"no rows at '{'.'.join(parts)}'"
    return FatalError(said, where=name, expected="an array of objects", got=got, hint=hint)


def _at(parts: Sequence[str]) -> str:
    """Return the SQL of what stands in a document, called `json`, at a path."""
    return f"json_extract(json, {literal('$' + ''.join(f'.{json.dumps(part)}' for part in parts))})"


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
