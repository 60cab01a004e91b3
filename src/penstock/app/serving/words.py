"""What an editor of SQL completes, and what a search over the whole project finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.app import metrics
from penstock.app.fetched import fetched
from penstock.app.pages import dashboards
from penstock.app.pages.kept import pages
from penstock.app.serving.shapes import Found, GridColumn, WordFunction, WordMetric, Words, WordTable
from penstock.model.relation import Query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.opened import App

_PAGES = (
    ("Home", "what fails or is late", "/"),
    ("Dashboards", "pages with text and charts", "/dashboards"),
    ("Data", "every table and how it stands", "/data"),
    ("Runs", "what ran, and what came of it", "/runs"),
    ("SQL", "ask the warehouse", "/sql"),
    ("Lineage", "what is made from what", "/lineage"),
)
_RUNS = 200
_FUNCTIONS = """
select function_name, any_value(parameters), any_value(parameter_types), any_value(coalesce(description, '')),
    any_value(coalesce(return_type, ''))
from duckdb_functions()
where function_type in ('scalar', 'aggregate', 'macro', 'table_macro') and regexp_matches(function_name, '^[a-z]\\w*$')
group by 1 order by 1
"""
_KEYWORDS = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved' order by 1"


def words(app: App) -> Words:
    """Return what an editor of SQL can complete."""
    tables = tuple(
        WordTable(name, tuple(GridColumn(c.name, c.type) for c in relation.schema))
        for name, relation in sorted(app.engine.relations().items())
        if not name.startswith("@")
    )
    functions, keywords = pages(app).kept("words", lambda: _known(app))
    measured = tuple(WordMetric(one.name, one.label, one.dimensions) for one in metrics.metrics(app))
    return Words(tables, functions, measured, keywords)


def _known(app: App) -> tuple[tuple[WordFunction, ...], tuple[str, ...]]:
    """Return the warehouse's functions and keywords: they stay what they are."""
    functions = tuple(_function(*row) for row in fetched(app, Query(_FUNCTIONS)))
    return functions, tuple(row[0] for row in fetched(app, Query(_KEYWORDS)))


def _function(name: str, parameters: Any, types: Any, description: str, gives: str) -> WordFunction:
    def texts(given: Any) -> list[str]:
        return [str(one) for one in given] if isinstance(given, list | tuple) else []

    kinds = texts(types)
    said = [f"{one} {kinds[at].lower()}" if at < len(kinds) else one for at, one in enumerate(texts(parameters))]
    arrow = f" → {gives.lower()}" if gives else ""
    return WordFunction(name, f"{name}({', '.join(said)}){arrow}", description)


def search(app: App, asked: str, limit: int = 40) -> list[Found]:
    """Return what has all words of `asked` in its name or what is said of it; the nearest names first."""
    parts = asked.lower().split()
    if not parts:
        return []
    found = []
    for at, one in enumerate(_all(app)):
        name, text = one.name.lower(), f"{one.kind} {one.name} {one.detail}".lower()
        if all(part in text for part in parts):
            whole = " ".join(parts)
            rank = 0 if name == whole else 1 if name.startswith(whole) else 2 if whole in name else 3
            found.append((rank, at, one))
    return [one for _, _, one in sorted(found, key=lambda ranked: ranked[:2])[:limit]]


def _all(app: App) -> Iterator[Found]:
    for title, detail, to in _PAGES:
        yield Found("page", title, detail, to)
    for item in app.project:
        yield Found("table", item.name, item.description, f"/data/{item.name}")
    for name, relation in app.engine.relations().items():
        if not name.startswith("@"):
            for column in relation.schema:
                yield Found("column", f"{name}.{column.name}", column.type, f"/data/{name}#{column.name}")
    for page in dashboards.dashboards(app):
        yield Found("dashboard", page.title, page.description, f"/dashboards/{page.name}")
    for metric in metrics.metrics(app):
        said = metric.label if metric.label.lower() != metric.name else metric.sql
        yield Found("metric", metric.name, metric.description or said, f"/metrics/{metric.name}")
    for run in app.journal.runs(_RUNS):
        yield Found("run", run.id, f"{run.state} {run.command}".strip(), f"/runs/{run.id}")
