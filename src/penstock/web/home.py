"""Routes about the project as a whole: what it is, its first page, a search."""

from __future__ import annotations

from penstock._version import __version__
from penstock.app.pages import dashboards
from penstock.app.serving import home, words
from penstock.app.serving.home import Home
from penstock.app.serving.shapes import Found
from penstock.base.record import record
from penstock.web.route import Book, Call, text

BOOK = Book()


@record
class ProjectInfo:
    """What the project is; `tables`, `dashboards` and `metrics` are counts, `csrf` the key of state-changing calls."""

    name: str
    env: str
    version: int
    penstock: str
    timezone: str
    tables: int
    dashboards: int
    metrics: int
    csrf: str


@record
class Finds:
    """What a search found, the nearest first."""

    found: tuple[Found, ...]


@BOOK.get("/project", ProjectInfo)
def get_project(call: Call) -> ProjectInfo:
    """What the project is, and the key that state-changing calls name."""
    app = call.site.app
    project = app.project
    return ProjectInfo(
        project.name, project.env, app.engine.version, __version__, project.timezone or "UTC",
        len(project.order), len(dashboards.names(app)), len(project.metrics), call.site.settings.csrf,
    )  # fmt: skip


@BOOK.get("/home", Home)
def get_home(call: Call) -> Home:
    """What fails or is late, what is pinned, how fresh every table is."""
    return home.home(call.site.app, call.site.mistakes)


@BOOK.get("/search", Finds, text("q", "Words that are all in what is found."))
def get_search(call: Call) -> Finds:
    """Tables, columns, dashboards, metrics, runs and pages by words."""
    return Finds(tuple(words.search(call.site.app, call.given["q"])))
