"""Whether what a tile shows stays as it is for as long as its tables do, whatever the time is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.app.pages import controls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.app.opened import App
    from penstock.model.dashboard import Dashboard
    from penstock.model.page import TileData

# Words of SQL whose value is another one later, or each time; a metric's own SQL is not seen where a query asks for it.
MOVING = re.compile(
    r"\b(now|today|yesterday|tomorrow|ago|age|current_\w+|localtime\w*|get_current_\w+|transaction_timestamp|random"
    r"|setseed|\w*uuid\w*|nextval|currval|setval|getvariable|txid_current|in_search_path|pg_\w+|user|session_user"
    r"|sleep_ms|write_log|stats|vector_type|error|\w*sample|metric|duckdb_\w+|read_\w+|glob)\b",
    re.IGNORECASE,
)


def lasts(app: App, page: Dashboard, params: Mapping[str, str], tile: TileData) -> bool:
    """Tell whether a tile that was made now is the same later: nothing in it hangs on the time."""
    if tile.state not in ("ok", "late") or not tile.tables or MOVING.search(tile.sql):
        return False
    if tile.options.get("partial"):  # whether its last period is over
        return False
    chosen = controls.chosen(app, page, params)
    if chosen.low is None and chosen.high is None:
        return True
    return controls.newest(app, page) < app.clock.now().replace(tzinfo=None)  # else periods count back from now
