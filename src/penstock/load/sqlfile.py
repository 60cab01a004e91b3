"""Reads `tables/**/*.sql`: a header in TOML within the first comment, and one select."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, Place, PlanError
from penstock.base.record import record
from penstock.load import toml
from penstock.load.section import Section, always
from penstock.model.table import Table
from penstock.plan import sql
from penstock.plan.canonical import canonical

if TYPE_CHECKING:
    from penstock.load.loading import Loading

_OPENS = re.compile(r"(?:\s|--(?![ \t]*-)[^\n]*\n)*/\*\s*---")
_CLOSES = re.compile(r"---\s*\*/")
_TABLE_PATH_PARTS = (1, 2)


@record
class Draft:
    """A table as its own file declares it, before it is known what else there is.

    `code` is the canonical form of what computes it; `reads` are the tables it names and where.
    """

    table: Table
    code: str
    reads: tuple[tuple[str, Place], ...] = ()


def table_name(path: str, mistakes_to: Loading) -> str | None:
    """Return the name that a path below `tables` stands for; None, and a mistake, where it stands for none.

    `tables/sales/daily.sql` is `sales.daily`.
    """
    parts = path.rpartition(".")[0].split("/")[1:]
    if len(parts) not in _TABLE_PATH_PARTS:
        mistakes_to.mistakes.add(
            "the file lies too deep",
            Place(path),
            expected="tables/NAME.sql or tables/SCHEMA/NAME.sql",
            got=path,
        )
        return None
    return ".".join(parts[1:] if parts[0] == "main" and len(parts) > 1 else parts)


def read(path: str, text: str, loading: Loading) -> Draft | None:
    """Read a file; what is wrong is noted, and None returned where no table remains."""
    name = table_name(path, loading)
    if name is None or not loading.check_name(name, Place(path)):
        return None
    draft = _draft(name, path, text, loading)
    if draft is None:
        loading.broken.add(("table", name))
    return draft


def _draft(name: str, path: str, text: str, loading: Loading) -> Draft | None:
    if not text.strip():
        loading.mistakes.add("the file is empty", Place(path), expected="one select")
        return None
    end, document = _header(path, text, loading)
    if end < 0:
        return None
    table = _declared(name, path, document, loading)
    blank = "".join(char if char in "\r\n" else " " for char in text[:end])
    try:
        select, line = sql.check_select(blank + text[end:], path)
        found = sql.references(select, path, line)
    except PlanError as error:
        loading.mistakes.take(error)
        return None
    reads = tuple((one.name, Place(path, one.line, one.column)) for one in found)
    return Draft(replace(table, sql=select, line=line), canonical(select), reads)


def _header(path: str, text: str, loading: Loading) -> tuple[int, toml.Document | None]:
    """Return where the header ends (0 without one, -1 where it is wrong) and what it says."""
    opens = _OPENS.match(text)
    if opens is None:
        return 0, None
    closes = _CLOSES.search(text, opens.end())
    comment_end = text.find("*/", opens.end())
    if closes is None or comment_end < closes.end() - 2:
        start = text.index("/*", 0 if opens.start() == 0 else opens.start())
        loading.mistakes.add(
            "the header never closes", _place(path, text, start), expected="--- */ after the settings",
            got="the end of the file" if comment_end < 0 else "*/ without ---",
        )  # fmt: skip
        return -1, None
    place = _place(path, text, opens.end())
    try:
        inside = text[opens.end() : closes.start()]
        return closes.end(), toml.parse(inside, path, place.line, place.column)
    except ConfigError as error:
        loading.mistakes.take(error)
        return closes.end(), None


def _place(path: str, text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(path, before.count("\n") + 1, offset - before.rfind("\n"))


def _declared(name: str, path: str, document: toml.Document | None, loading: Loading) -> Table:
    section = Section(
        f"table '{name}'",
        document.data if document else {},
        document.place if document else always(Place(path)),
        loading.mistakes,
    )
    table = common(name, section, loading, Place(path, 1))
    section.refuse_rest()
    return table


def common(name: str, section: Section, loading: Loading, where: Place) -> Table:
    """Read what every table may say, whether it is SQL or Python."""
    defaults = loading.defaults
    key = section.words("key")
    loading.check_columns(section, "key", key)
    return Table(
        name,
        key=key,
        fresh=section.fresh("fresh", defaults.fresh),
        checks=section.checks("checks", defaults.checks),
        description=section.text("description"),
        owner=section.text("owner", defaults.owner),
        tags=section.words("tags") or defaults.tags,
        where=where,
    )
