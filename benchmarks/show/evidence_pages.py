"""Our dashboards as pages of Evidence: to each tile the query that it shows as its own, and the nearest component."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.app.opened import open_project
from penstock.app.pages import dashboards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.opened import App
    from penstock.model.page import Block, Tile, TileData

_CHARTS = {"line": "LineChart", "area": "AreaChart", "bar": "BarChart", "stacked": "BarChart", "scatter": "ScatterPlot"}
_CONNECTION = "name: {name}\ntype: duckdb\noptions:\n  filename: ../shop.duckdb\n"
_CONFIG = """plugins:
  components:
    "@evidence-dev/core-components": {}
  datasources:
    "@evidence-dev/duckdb": {}
"""
# Its sources have no columns of columns.
_COLUMNS = {"raw.shipments": "* exclude (carrier), carrier.code as carrier_code"}
_BOX = """select {x}, min({y}) as low, quantile_cont({y}, 0.25) as q1, median({y}) as middle,
    quantile_cont({y}, 0.75) as q3, max({y}) as high
from (
{sql}
)
group by {x}"""
_FUNNEL = """select step, sum(people) as people
from (unpivot (
{sql}
) on {steps} into name step value people)
group by step
order by people desc"""


def write(shop: Path, root: Path, pages: int) -> None:
    """Write the pages, some of them more than once as ours are, and their tables as sources of a DuckDB file."""
    for name in ("pages", "sources", ".evidence", "build"):
        shutil.rmtree(root / name, ignore_errors=True)
        if name in ("pages", "sources"):
            (root / name).mkdir(parents=True)
    (root / "evidence.config.yaml").write_text(_CONFIG, encoding="utf-8")
    texts, tables = _texts(shop)
    names = [name for name in texts if not name.startswith("copy")]
    for at in range(pages):
        name = names[at] if at < len(names) else f"copy{at}"
        (root / "pages" / f"{name}.md").write_text(texts[names[at % len(names)]], encoding="utf-8")
    links = "".join(f"- [{page.stem}](/{page.stem}/)\n" for page in sorted((root / "pages").iterdir()))
    (root / "pages" / "index.md").write_text(f"# Shop\n\n{links}", encoding="utf-8")
    _sources(shop / ".penstock" / "warehouse.duckdb", root / "sources", tables)


def _texts(shop: Path) -> tuple[dict[str, str], set[str]]:
    """Return the text of each page and the tables that they read."""
    texts: dict[str, str] = {}
    tables: set[str] = set()
    with open_project(shop) as app:
        for info in dashboards.dashboards(app):
            queries: list[str] = []
            charts = list(_charts(app, info.name, dashboards.page(app, info.name).blocks, queries, tables))
            texts[info.name] = "\n".join([f"# {info.title}\n", *queries, *charts])
    return texts, tables


def _charts(app: App, page: str, blocks: Sequence[Block], queries: list[str], tables: set[str]) -> Iterator[str]:
    for block in blocks:
        for tile in block.tiles:
            data = dashboards.tile(app, page, tile.id)
            tables.update(data.tables)
            query, chart = _written(tile, data)
            queries.append(query)
            yield chart
        if block.tabs:
            yield "<Tabs>\n"
        for tab in block.tabs:
            yield f'<Tab label="{tab.label}">\n'
            yield from _charts(app, page, tab.blocks, queries, tables)
            yield "</Tab>\n"
        if block.tabs:
            yield "</Tabs>\n"


def _sources(warehouse: Path, root: Path, tables: set[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{root / 'shop.duckdb'}' as shop (storage_version 'v1.0.0')")
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        connection.execute("use warehouse")
        for table in sorted(tables):
            schema, name = table.split(".")
            connection.execute(f"create schema if not exists shop.{schema}")
            connection.execute(f"create table shop.{table} as select {_COLUMNS.get(table, '*')} from {table}")
            (root / schema).mkdir(exist_ok=True)
            (root / schema / "connection.yaml").write_text(_CONNECTION.format(name=schema), encoding="utf-8")
            (root / schema / f"{name}.sql").write_text(f"select * from {table}\n", encoding="utf-8")


def _written(tile: Tile, data: TileData) -> tuple[str, str]:
    """Return a tile's query and its component as they stand in a page."""
    name = tile.id.replace("-", "_")
    # What DuckDB-Wasm, some versions older, would take for ambiguous, and the column that was flattened above.
    sql = data.sql.replace("\norder by day", "\norder by 1").replace("carrier.code", "carrier_code")
    sql, chart = _chart(tile, data, sql)
    return f"```sql {name}\n{sql}\n```\n", f"<{chart.replace(' ', f' data={{{name}}} ', 1)}\n"


def _chart(tile: Tile, data: TileData, sql: str) -> tuple[str, str]:
    """Return a tile's query and its component."""
    roles: dict[str, str] = {}
    for column in data.columns:
        roles.setdefault(column.role, column.name)
    x, y, value = roles.get("x", ""), roles.get("y", ""), roles.get("value", "")
    title = f'title="{tile.title}" />'
    if tile.kind == "kpi":
        return sql, f"BigValue value={value} {title}"
    if tile.kind == "histogram":
        return sql, f"Histogram x={x} {title}"
    if tile.kind == "heatmap":
        sql = f"select * replace (cast({x} as varchar) as {x}, cast({y} as varchar) as {y}) from (\n{sql}\n)"
        return sql, f"Heatmap x={x} y={y} value={value} {title}"
    if tile.kind == "box":
        sql = _BOX.format(x=x, y=tile.options["y"], sql=sql)
        return sql, f"BoxPlot name={x} min=low intervalBottom=q1 midpoint=middle intervalTop=q3 max=high {title}"
    if tile.kind == "funnel":
        steps = tile.options["steps"]
        sql = _FUNNEL.format(steps=steps if isinstance(steps, str) else ", ".join(steps), sql=sql)
        return sql, f"FunnelChart nameCol=step valueCol=people {title}"
    if tile.kind == "table":
        return _table(data, sql, roles.get("spark"), title)
    series = roles.get("series", "series")
    split = "" if series == "series" else f"series={series} "
    return sql, f"{_CHARTS[tile.kind]} x={x} y={y} {split}{title}"


def _table(data: TileData, sql: str, spark: str | None, title: str) -> tuple[str, str]:
    """Return a table, without the lists behind sparklines: Evidence warns of them and draws none with this DuckDB."""
    if spark:
        sql = f"select * exclude ({spark}) from (\n{sql}\n)"
    shown = [(column.name, column.role) for column in data.columns if column.role != "spark"]
    forms = {"bar": "contentType=bar "}
    columns = "".join(f"  <Column id={name} {forms.get(role, '')}/>\n" for name, role in shown)
    return sql, f"DataTable {title.removesuffix(' />')}>\n{columns}</DataTable>"
