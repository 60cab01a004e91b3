"""Routes about tables: how they stand, their pages, rows, versions, rejects, how they are kept fresh."""

from __future__ import annotations

from penstock.app import requests
from penstock.app.answers import Replayed
from penstock.app.profile import Profile
from penstock.app.serving import explains, tables
from penstock.app.serving.explains import TableExplained
from penstock.app.serving.shapes import Grid, TablePage, TableRow, TableVersion
from penstock.base.record import record
from penstock.web.route import Book, Call, number, text

BOOK = Book()
_MOST = 10_000
_FAR = 2**40


@record
class TableRows:
    """Every table, each after what it reads."""

    tables: tuple[TableRow, ...]


@record
class TableVersions:
    """Versions in which a table's rows changed, the newest first."""

    versions: tuple[TableVersion, ...]


@BOOK.get("/tables", TableRows)
def list_tables(call: Call) -> TableRows:
    """Every table and how it stands."""
    return TableRows(tuple(tables.rows(call.site.app)))


@BOOK.get("/tables/{name}", TablePage)
def get_table(call: Call) -> TablePage:
    """All that is said of one table."""
    return tables.page(call.site.app, call.path["name"])


@BOOK.get(
    "/tables/{name}/rows",
    Grid,
    number("limit", "Rows at most.", 50, 0, _MOST),
    number("offset", "Rows to leave out first.", 0, 0, _FAR),
    text("order", "A column to order by; with - before it, falling."),
    number("version", "The table as it was at this version.", None, 1, _FAR),
)
def get_table_rows(call: Call) -> Grid:
    """Rows of a table, as it is or as it was."""
    given = call.given
    return tables.shown(
        call.site.app, call.path["name"], given["limit"], given["offset"], given["order"], given["version"]
    )


@BOOK.get("/tables/{name}/versions", TableVersions, number("limit", "Versions at most.", 100, 1, 1_000))
def get_table_versions(call: Call) -> TableVersions:
    """The versions in which a table's rows changed."""
    return TableVersions(tuple(tables.versions(call.site.app, call.path["name"], call.given["limit"])))


@BOOK.get(
    "/tables/{name}/rejects",
    Grid,
    number("limit", "Rows at most.", 50, 0, _MOST),
    number("offset", "Rows to leave out first.", 0, 0, _FAR),
)
def get_table_rejects(call: Call) -> Grid:
    """Rows that could not be loaded, why, and where they came from."""
    return tables.rejects(call.site.app, call.path["name"], call.given["limit"], call.given["offset"])


@BOOK.get("/tables/{name}/explain", TableExplained)
def get_table_explain(call: Call) -> TableExplained:
    """How a table is kept fresh, block by block, and why."""
    return explains.explained(call.site.app, call.path["name"])


@BOOK.get("/tables/{name}/profile", Profile, text("columns", "Only these columns, between commas."))
def get_table_profile(call: Call) -> Profile:
    """What the columns of a table hold."""
    columns = tuple(part.strip() for part in call.given["columns"].split(",") if part.strip())
    return tables.profiled(call.site.app, call.path["name"], columns)


@BOOK.post("/tables/{name}/replay", Replayed, errors=(409,))
def post_table_replay(call: Call) -> Replayed:
    """Tries the rejected rows of a raw table again."""
    tables.find(call.site.app, call.path["name"])
    return requests.replay(call.site.app, call.path["name"], command=f"web: replay {call.path['name']}")
