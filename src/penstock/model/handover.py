"""Rows handed to other libraries: what becomes of types that Arrow, Polars or pandas have no name for.

The engine's Arrow is exact for its own sake: a boolean travels as `arrow.bool8`, a wide integer as opaque
bytes. Users get the nearest thing that says the same: `select` casts what SQL can cast, `plain` mends what
it cannot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.base.errors import UnsupportedError
from penstock.model.schema import Schema

if TYPE_CHECKING:
    import arro3.core
    import pandas as pd
    import polars as pl

_AS = {
    "hugeint": "bigint", "uhugeint": "ubigint", "uuid": "varchar", "json": "varchar", "timetz": "varchar",
    "bit": "varchar",
}  # fmt: skip
_AS_POLARS = {**_AS, "interval": "varchar"}
_WORD = re.compile(r'"(?:[^"]|"")*"|(?<![\w"])[a-z]\w*(?=[\[\],)]|\Z)')
_BOOL8 = b"arrow.bool8"
_EXTENSION = b"ARROW:extension:name"


def select(schema: Schema, *, polars: bool = False) -> str:
    """Return the select list that casts columns to what other libraries have.

    Whole numbers of 128 bits become 64 (the query fails where one does not fit); uuid, json, timetz and bit
    become text, and so do intervals for Polars.

    >>> print(select(Schema.of([("id", "bigint"), ("n", "hugeint"), ("u", "uuid[]")])))
    "id", cast("n" as bigint) as "n", cast("u" as varchar[]) as "u"
    """
    names = _AS_POLARS if polars else _AS
    parts = []
    for column in schema:
        quoted = '"' + column.name.replace('"', '""') + '"'
        kind = _WORD.sub(lambda found: names.get(found[0], found[0]), column.type)
        parts.append(quoted if kind == column.type else f"cast({quoted} as {kind}) as {quoted}")
    return ", ".join(parts)


def handed_type(kind: str) -> str:
    """Return the type in which values come back from another library that hands them through.

    >>> handed_type("uuid"), handed_type("date")
    ('varchar', 'date')
    """
    return _AS.get(kind, kind)


def plain(table: arro3.core.Table) -> arro3.core.Table:
    """Return an Arrow table whose booleans are Arrow's own, in lists and structs too; maps stay as they are."""
    from arro3.core import Schema as Fields

    fields = [table.schema.field(at) for at in range(table.num_columns)]
    wanted = [_plain(field) for field in fields]
    if all(new is old for new, old in zip(wanted, fields, strict=True)):
        return table
    columns = [
        table.column(at) if new is old else table.column(at).cast(new.type)
        for at, (new, old) in enumerate(zip(wanted, fields, strict=True))
    ]
    return type(table).from_arrays(columns, schema=Fields(wanted))


def _plain(field: Any) -> Any:
    from arro3 import core

    types: Any = core.DataType  # its own method `bool` hides from type checkers what its tests return
    kind = field.type
    if field.metadata.get(_EXTENSION) == _BOOL8:
        return field.with_type(types.bool()).remove_metadata()
    if types.is_struct(kind):
        parts = kind.fields
        mended = [_plain(part) for part in parts]
        same = all(new is old for new, old in zip(mended, parts, strict=True))
        return field if same else field.with_type(types.struct(mended))
    if types.is_list(kind):
        part = kind.value_field
        inner = _plain(part)
        return field if inner is part else field.with_type(types.list(inner))
    return field


def to_polars(rows: Any) -> pl.DataFrame:
    """Return rows (with `__arrow_c_stream__`) as a Polars frame; raises `UnsupportedError` without Polars."""
    try:
        import polars as pl
    except ModuleNotFoundError as error:
        raise _missing("Polars", "polars") from error
    return pl.DataFrame(rows)


def to_pandas(rows: Any) -> pd.DataFrame:
    """Return rows (with `__arrow_c_stream__`) as a pandas frame; raises `UnsupportedError` without pandas.

    Whole numbers and booleans among nulls get pandas' nullable types, since a float would round.
    """
    try:
        import pandas  # noqa: F401, ICN001
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise _missing("pandas", "pandas") from error
    found = pa.table(rows)
    frame: pd.DataFrame = found.to_pandas()
    for at, column in enumerate(found.columns):
        if column.null_count and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
            frame.isetitem(at, column.to_pandas(types_mapper=_nullable))
    return frame


def _nullable(kind: Any) -> Any:
    import pandas as pd

    word = str(kind)
    return pd.api.types.pandas_dtype("boolean" if word == "bool" else word.replace("int", "Int").replace("uI", "UI"))


def _missing(library: str, extra: str) -> UnsupportedError:
    return UnsupportedError(f"{library} is not installed", hint=f"pip install 'penstock[{extra}]'")
