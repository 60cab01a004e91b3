"""Names of tables: `schema.name`, or a bare name, which lives in the schema `main`."""

from __future__ import annotations

import re

MAIN = "main"
RESERVED_SCHEMAS = frozenset({"_penstock", "penstock", "information_schema", "pg_catalog", "temp", "system"})
HIDDEN = ("_rid", "_seq", "_part", "_gone")

# Words that SQL keeps for itself: a table of this name could be read in quotes only.
RESERVED_WORDS = frozenset(
    {
        "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof", "asymmetric",
        "at", "authorization", "binary", "both", "by", "case", "cast", "check", "collate", "collation",
        "column", "columns", "concurrently", "constraint", "create", "cross", "default", "deferrable",
        "desc", "describe", "distinct", "do", "else", "end", "except", "false", "fetch", "for",
        "foreign", "freeze", "from", "full", "generated", "glob", "group", "having", "ilike",
        "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lambda", "lateral",
        "leading", "left", "like", "limit", "map", "natural", "not", "notnull", "null", "offset", "on",
        "only", "or", "order", "outer", "overlaps", "pivot", "pivot_longer", "pivot_wider", "placing",
        "positional", "primary", "qualify", "references", "returning", "right", "select", "semi",
        "show", "similar", "some", "struct", "summarize", "symmetric", "table", "tablesample", "then",
        "to", "trailing", "true", "try_cast", "tuple", "union", "unique", "unpack", "unpivot", "using",
        "variadic", "verbose", "when", "where", "window", "with",
    }
)  # fmt: skip

_LOWER = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
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


def folded(name: str) -> str:
    """Return a name as all of its spellings have it: DuckDB takes A and a for one letter, and Ä and ä for two.

    >>> folded("Größe"), folded("ÄRGER")
    ('größe', 'Ärger')
    """
    return name.translate(_LOWER)


def is_hidden(name: str) -> bool:
    """Tell whether a relation is one that a plan keeps and nobody sees."""
    return name.startswith("@")


def is_plain(word: str) -> bool:
    """Tell whether a word can be a part of a name: lower case letters, digits and `_`."""
    return bool(_PLAIN.match(word))
