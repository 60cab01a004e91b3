"""Profiles: what the columns of a table hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.analyse.profile import ColumnProfile, Lengths, Profile
from penstock.analyse.profile import profile as found_in
from penstock.app import absent
from penstock.base.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.app.opened import App

__all__ = ["ColumnProfile", "Lengths", "Profile", "profile"]


def profile(app: App, table: str, columns: Sequence[str] = ()) -> Profile:
    """Profile a table, or some columns of it, in one scan.

    Raises `ConfigError` for an unknown table or column, with the nearest name.
    """
    name = table.lower().removeprefix("main.")
    absent.check_table(app, name)
    relations, version = app.engine.relations(), app.engine.version
    if name not in relations:
        raise UnsupportedError(f"{name} is a record of the warehouse, not a table", hint=f"penstock show {name}")
    return found_in(app.engine.read, relations[name], columns, version)
