"""Queries at random, block by block: what is determined by its input, so that there is one right answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from tests.property.engine import expressions as ex
from tests.property.engine.schemas import Col

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.property.engine.choose import Choose

MOST_ROWS = 1_500  # by a rough estimate: what multiplies more is not joined


@dataclass(frozen=True)
class Rel:
    """Something that can stand behind `from`: its text, its columns, and about how many rows it has."""

    text: str
    cols: tuple[Col, ...]
    size: int


@dataclass(frozen=True)
class Src:
    """A relation with its alias in a query."""

    alias: str
    rel: Rel

    @property
    def text(self) -> str:
        """How it stands behind `from`."""
        return f"{self.rel.text} {self.alias}"

    @property
    def env(self) -> ex.Env:
        """Its columns, by the names they have here."""
        return [(f"{self.alias}.{col.name}", col) for col in self.rel.cols]


Item: TypeAlias = tuple[str, Col]  # an expression, and the column that comes of it


@dataclass(frozen=True)
class Body:
    """A query without what stands around it."""

    sql: str
    cols: tuple[Col, ...]
    size: int


Block: TypeAlias = "Callable[[Grammar, int], Body]"
BLOCKS: dict[str, Block] = {}


def block(*names: str) -> Callable[[Block], Block]:
    """Let a function be known as the maker of blocks of these names; it notes the one that it made."""

    def known(make: Block) -> Block:
        for name in names:
            BLOCKS[name] = make
        return make

    return known


@dataclass
class Grammar:
    """What a query is made with: choices, and the tables that it may read. `noted` are the blocks it came to have."""

    choose: Choose
    tables: Sequence[Rel]
    noted: set[str] = field(default_factory=set)
    wanted: str = ""
    number: int = 0
    ctes: list[str] = field(default_factory=list)
    quiet: int = 0

    # -- queries -------------------------------------------------------------------------------------------------

    def whole(self, depth: int, wanted: str = "") -> Body:
        """Make a query with so many levels of nesting; with `wanted`, its outermost block is that one."""
        self.ctes = []
        body = self.query(depth, wanted)
        if self.choose.chance(4) and not wanted:
            self.noted.add("order")
            body = replace(body, sql=f"select * from ({body.sql}) order by all")
        if self.ctes:
            self.noted.add("cte")
            inner = f"select * from ({body.sql})" if body.sql.startswith("with ") else body.sql
            body = replace(body, sql=f"with {', '.join(self.ctes)} {inner}")
        return body

    def query(self, depth: int, wanted: str = "") -> Body:
        """Make a query; its sources are tables, or queries of one level less."""
        name = wanted or self.choose.of(_WEIGHTED)
        self.wanted = name
        body = BLOCKS[name](self, depth)
        self.noted.add(f"level {depth}")
        return body

    def note(self, *names: str) -> None:
        """Note that the query has blocks of these names."""
        self.noted.update(names)

    # -- sources -------------------------------------------------------------------------------------------------

    def alias(self, letter: str = "s") -> str:
        """Return a name that nothing else has."""
        self.number += 1
        return f"{letter}{self.number}"

    def source(self, depth: int, most: int = MOST_ROWS) -> Src:
        """Return a source: a table, or a query as a subquery or a shared expression."""
        if depth > 0 and self.choose.chance(75):
            body = self.query(depth - 1)
            if body.size <= most:
                return self.derived(body)
        small = [t for t in self.tables if t.size <= most] or [min(self.tables, key=lambda t: t.size)]
        return Src(self.alias(), self.choose.of(small))

    def derived(self, body: Body) -> Src:
        """Return a query as a source."""
        if self.choose.chance(20) and not self.quiet:
            name = self.alias("c")
            self.ctes.append(f"{name} as ({body.sql})")
            return Src(self.alias(), Rel(name, body.cols, body.size))
        return Src(self.alias(), Rel(f"({body.sql})", body.cols, body.size))

    def fine_source(self, depth: int, most: int = MOST_ROWS) -> Src:
        """Return a source all of whose columns may be compared: only so are its rows in one order."""
        src = self.source(depth, most)
        if all(col.fine for col in src.rel.cols):
            return src
        kept = tuple(col for col in src.rel.cols if col.fine)
        if not kept:
            return Src(self.alias(), Rel("(select 1 as one)", (Col("one", "int"),), 1))
        names = ", ".join(col.name for col in kept)
        return Src(self.alias(), Rel(f"(select {names} from {src.text})", kept, src.rel.size))

    # -- what is selected ----------------------------------------------------------------------------------------

    def items(self, env: ex.Env, least: int = 1, most: int = 4) -> list[Item]:
        """Choose columns and expressions."""
        found = [(ref, col) for ref, col in self.choose.some(env, least, most)]
        for _ in range(self.choose.of((0, 0, 1, 2))):
            self.note("expression")
            found.append(ex.scalar(self.choose, env))
        return found or [(env[0][0], env[0][1])]

    def listed(self, items: Sequence[Item]) -> tuple[str, tuple[Col, ...]]:
        """Return a select list and its columns, each with a name of its own."""
        taken: set[str] = set()
        parts, cols = [], []
        for expression, col in items:
            name = col.name or self.alias("e")
            while name in taken:
                name = self.alias("e")
            taken.add(name)
            parts.append(f"{expression} as {name}")
            cols.append(replace(col, name=name))
        return ", ".join(parts), tuple(cols)

    def where(self, env: ex.Env, percent: int = 50) -> str:
        """Return a where clause, or nothing."""
        if not self.choose.chance(percent):
            return ""
        self.note("filter")
        return f" where {ex.condition(self.choose, env)}"

    def order(self, env: ex.Env) -> str:
        """Return an order that leaves no ties but between equal rows."""
        refs = [ref for ref, col in ex.fine(env)]
        first = self.choose.some(refs, 0, 2)
        ways = ("", " desc", " nulls first", " desc nulls last")
        return ", ".join(f"{ref}{self.choose.of(ways)}" for ref in [*first, *(r for r in refs if r not in first)])


def single(
    g: Grammar, src: Src, items: Sequence[Item], tail: str = "", size: int | None = None, head: str = ""
) -> Body:
    """Return a select over one source."""
    text, cols = g.listed(items)
    return Body(f"select {head}{text} from {src.text}{tail}", cols, src.rel.size if size is None else size)


# what is chosen how often: a block is in the list as often as it weighs
_WEIGHTS = {
    "project": 4, "inner_join": 6, "left_join": 5, "group": 8, "distinct": 3, "window": 4, "union_all": 3,
    "semi_join": 2, "anti_join": 2, "full_join": 2, "right_join": 2, "asof_join": 2, "having": 3, "in": 2, "not_in": 2,
    "exists": 2, "not_exists": 2, "correlated": 2, "top_per_group": 2, "qualify": 2, "limit": 2, "global": 3,
}  # fmt: skip
_WEIGHTED: list[str] = []


def settle() -> None:
    """Fill in how often each block is chosen, once all are known."""
    for name in BLOCKS:
        _WEIGHTED.extend([name] * _WEIGHTS.get(name, 1))
    _WEIGHTED.sort(key=lambda name: name != "project")
