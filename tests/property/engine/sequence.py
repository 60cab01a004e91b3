"""A whole case at random: raw tables, a few tables over them and over each other, and what happens then."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.property.engine import changes, grammar, groups, nested, rows, schemas
from tests.property.engine import expressions as ex
from tests.property.engine.case import Case
from tests.property.engine.grammar import BLOCKS, Grammar, Rel

if TYPE_CHECKING:
    from tests.property.engine.case import Raw
    from tests.property.engine.choose import Choose

grammar.settle()
__all__ = ["ALL_BLOCKS", "Made", "make"]
_FROM = (groups, nested, rows)  # whose blocks are known by being imported
ROWS_OF_RAW = 12
# what a query can be noted for beside the blocks that it can be made of
ALL_BLOCKS = frozenset(BLOCKS) | {"cte", "order", "level 0", "level 1", "level 2", "over a table"}
SHALLOW = frozenset({"agg_state"})  # how these merge is seen where nothing under them merges, too
_TABLE = re.compile(r"\bt\d\b")


@dataclass
class Made:
    """A case, and the blocks that each text of its tables has."""

    case: Case
    blocks: dict[str, frozenset[str]] = field(default_factory=dict)


def make(choose: Choose, wanted: str = "", *, tables: int = 4, steps: int = 9) -> Made:
    """Make a case; its first table has the block `wanted`. At most so many tables and steps."""
    raws = schemas.raw_tables(choose)
    rels = [Rel(raw.name, schemas.cols(raw), ROWS_OF_RAW) for raw in raws]
    made = Made(Case(raws, (), ()))
    texts: dict[str, str] = {}
    for number in range(1, choose.number(1, tables) + 1):
        name = f"t{number}"
        rel = _table(choose, made, rels, wanted if number == 1 else "")
        texts[name] = rel.text
        rels.append(replace(rel, text=name))
    made.case = Case(raws, tuple(texts.items()), _steps(choose, made, raws, rels, texts, steps))
    return made


def _table(choose: Choose, made: Made, rels: list[Rel], wanted: str = "") -> Rel:
    """Make a query over what there is; the newest tables are the likeliest to be read."""
    over = [*rels, *[r for r in rels if r.text.startswith("t")]]
    g = Grammar(choose, over)
    depth = choose.of((0, 0, 0, 1, 2) if wanted in SHALLOW else (0, 1, 1, 2, 2))
    body = g.whole(depth, wanted)
    blocks = g.noted | ({"over a table"} if _TABLE.search(body.sql) else set())
    made.blocks[body.sql] = frozenset(blocks)
    return Rel(body.sql, body.cols, min(body.size, 300))


def _steps(choose: Choose, made: Made, raws: tuple[Raw, ...], rels: list[Rel], texts: dict[str, str], most: int):
    how = changes.habits(choose, raws)
    reopens = choose.chance(6)
    found = [changes.first(choose, raws, how)]
    now = dict(texts)
    for _ in range(choose.number(2, most - 1)):
        step = changes.later(choose, raws, how, list(texts), reopens=reopens)
        if choose.chance(6):
            name = choose.of(list(texts))
            now[name] = _other(choose, made, raws, rels, name, now)
            step = replace(step, redefine=((name, now[name]),))
        found.append(step)
    return tuple(found)


def _other(choose: Choose, made: Made, raws: tuple[Raw, ...], rels: list[Rel], name: str, now: dict[str, str]) -> str:
    """Return another text for a table that what reads it can still read."""
    read = any(re.search(rf"\b{name}\b", text) for text in now.values())
    at = next(at for at, rel in enumerate(rels) if rel.text == name)
    if not read and choose.chance(50):
        new = _table(choose, made, rels[:at])
        rels[at] = replace(new, text=name)
        return new.text
    env: ex.Env = [(f"z.{col.name}", col) for col in rels[at].cols]
    word = choose.of((f"where {ex.condition(choose, env)}", "/* and nothing else */"))
    text = f"select z.* from ({now[name]}) z {word}"
    made.blocks[text] = made.blocks[now[name]] | {"filter"}
    return text
