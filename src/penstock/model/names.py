"""Names of tables: `schema.name`, or a bare name, which lives in the schema `main`."""

from __future__ import annotations

import re

MAIN = "main"
RESERVED_SCHEMAS = frozenset({"_penstock", "penstock", "information_schema", "pg_catalog", "temp", "system"})
HIDDEN = ("_rid", "_seq", "_part", "_gone")

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def split(name: str) -> tuple[str, str]:
    """Return schema and bare name of a table.

    >>> split("raw.orders"), split("spend")
    (('raw', 'orders'), ('main', 'spend'))
    """
    schema, _, bare = name.rpartition(".")
    return (schema or MAIN, bare)


def full(schema: str, bare: str) -> str:
    """Return a table's name as people write it: without the schema `main`."""
    return bare if schema in ("", MAIN) else f"{schema}.{bare}"


def is_hidden(name: str) -> bool:
    """Tell whether a relation is one that a plan keeps and nobody sees."""
    return name.startswith("@")


def is_plain(word: str) -> bool:
    """Tell whether a word can be a part of a name: lower case letters, digits and `_`."""
    return bool(_PLAIN.match(word))
