"""A case as plain values: raw tables, tables, and steps in which rows come and go; what is printed can be run again."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeAlias

Row: TypeAlias = tuple[str, ...]  # values as SQL literals, which any engine and any reader understands


@dataclass(frozen=True)
class Raw:
    """A raw table: its columns with their types, and the key by which rows replace others."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """Rows that come from a source at once: `append`, `upsert`, `delete` (keys only) or `snapshot`."""

    raw: str
    kind: str
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Step:
    """What happens before a run, and to it.

    `redefine` gives tables new texts, `wider` gives raw tables a new column, `only` names the tables that are run,
    `kill` is a fault point (and which passing of it) where all is lost, `reopen` closes
    the warehouse first.
    """

    feeds: tuple[Feed, ...] = ()
    redefine: tuple[tuple[str, str], ...] = ()
    wider: tuple[tuple[str, str, str], ...] = ()
    only: tuple[str, ...] = ()
    kill: tuple[str, int] | None = None
    reopen: bool = False


@dataclass(frozen=True)
class Case:
    """Raw tables, tables over them (each after what it reads), and steps."""

    raws: tuple[Raw, ...]
    tables: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]


def written(value: object, indent: str = "") -> str:
    """Return a value as the Python that makes it, what is usual left out, one part a line."""
    if isinstance(value, (Case, Raw, Feed, Step)):
        usual = {f.name: f.default for f in fields(value)}
        parts = [(f.name, getattr(value, f.name)) for f in fields(value)]
        first = 2 if isinstance(value, (Raw, Feed)) else 0  # what needs no name in front
        said = [
            written(part, indent + "    ") if at < first else f"{name}={written(part, indent + '    ')}"
            for at, (name, part) in enumerate(parts)
            if part != usual[name] or at < first
        ]
        flat = f"{type(value).__name__}({', '.join(said)})"
        return flat if _fits(flat, indent) else _spread(f"{type(value).__name__}(", said, ")", indent)
    if isinstance(value, tuple):
        said = [written(part, indent + "    ") for part in value]
        flat = f"({', '.join(said)}{',' if len(said) == 1 else ''})"
        return flat if _fits(flat, indent) else _spread("(", said, ")", indent)
    if isinstance(value, str) and '"' not in value and "\\" not in value and value.isprintable():
        return f'"{value}"'
    return repr(value)


def _fits(text: str, indent: str) -> bool:
    return "\n" not in text and len(indent) + len(text) < 100


def _spread(begin: str, parts: list[str], end: str, indent: str) -> str:
    inner = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{begin}\n{inner}{indent}{end}"


def script(case: Case, why: str) -> str:
    """Return a test that runs a case, to be kept."""
    said = "\n".join(f"# {line}"[:118].rstrip() for line in why.splitlines()[:12])
    return (
        f"{said}\n\n"
        "from tests.property.engine.case import Case, Feed, Raw, Step\n"
        "from tests.property.engine.drive import hold\n\n"
        f"CASE = {written(case)}\n\n\n"
        "def test_the_tables_equal_their_queries_after_every_step() -> None:\n"
        "    hold(CASE)\n\n\n"
        'if __name__ == "__main__":\n'
        "    hold(CASE)\n"
    )
