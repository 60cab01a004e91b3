"""The data of a tile, of metrics or of a query; whatever goes wrong with it is its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.limits import TooSlowError, within
from penstock.app.pages import metrictiles, tiles
from penstock.app.pages.asking import MissingError
from penstock.app.pages.kept import pages
from penstock.app.pages.measured import shows_metrics
from penstock.base.errors import PenstockError
from penstock.model.page import TileData

if TYPE_CHECKING:
    from penstock.app.pages.tiles import Setting
    from penstock.model.dashboard import Chart


def data(setting: Setting, chart: Chart) -> TileData:
    """Return the data of a tile; whatever goes wrong is its state, never raised."""
    try:
        tiles.span(chart)
        with within(None):
            if shows_metrics(setting.app, setting.page, chart):
                found = metrictiles.data(setting, chart)
            else:
                found = tiles.drawn(setting, chart, tiles.asked(setting, chart))
    except MissingError as error:
        state = pages(setting.app).standing(setting.app).get(error.table)
        if state is not None and state.state == "failed":
            said = f"'{error.table}' has no rows yet: its last run failed: {state.message or 'it is not known why'}"
            return _told(setting, chart, "failed", PenstockError(said, hint=error.hint), (error.table,))
        building = state is not None and state.state == "building"
        return _told(setting, chart, "building" if building else "missing", error, (error.table,))
    except TooSlowError as error:
        return _told(setting, chart, "slow", error)
    except PenstockError as error:
        return _told(setting, chart, "failed", tiles.placed(setting.page, chart, error))
    return found


def _told(setting: Setting, chart: Chart, state: str, error: PenstockError, tables: tuple[str, ...] = ()) -> TileData:
    return TileData(
        chart.id, chart.kind, state, error.subject, error.fields(), tiles.title(chart),
        str(chart.option("subtitle", "")), definition=f"{setting.page.file}:{chart.line}", tables=tables,
        version=setting.app.engine.version, options={"hint": error.hint},
    )  # fmt: skip
