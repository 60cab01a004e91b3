"""The embedded engine: DuckDB in one file; the only room that knows DuckDB."""

from __future__ import annotations

from penstock.engines.duck.engine import DuckEngine, open_engine

__all__ = ["DuckEngine", "open_engine"]
