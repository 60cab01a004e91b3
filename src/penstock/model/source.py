"""Sources: where a raw table's rows come from."""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from typing import Any

from penstock.base.errors import Place
from penstock.base.record import record
from penstock.model.check import Check
from penstock.model.schema import Schema


@record
class Connection:
    """A named external system.

    `kind` names the connector (`sqlite`, `http`, `files` …), `address` is what follows the scheme in its URL (for
    `http` and `https` the whole URL), `options` are the further settings; secrets in both are filled in already.
    """

    name: str
    kind: str
    address: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    where: Place | None = None


@record
class RawTable:
    """The declaration of a raw table.

    `read` is what to read from the connection (a table, a path, a glob, an endpoint) and `options` what only the
    connector understands. `fresh` of None means manual. `select` transforms before the load, over the relation
    `batch`, and begins in line `line` of its file; `clean` names cleaning functions by column; `columns` declares
    types. `places` says where its settings stand.
    """

    name: str
    connection: Connection
    read: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    cursor: str = ""
    fresh: timedelta | None = None
    select: str = ""
    clean: dict[str, str] = field(default_factory=dict)
    columns: Schema | None = None
    checks: tuple[Check, ...] = ()
    retries: int = 3
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    fingerprint: str = ""
    where: Place | None = None
    line: int = 1
    places: dict[str, Place] = field(default_factory=dict)

    def at(self, setting: str) -> Place | None:
        """Return where a setting stands, or the table where it has none of that name."""
        return self.places.get(setting, self.where)
