"""Options that a connector takes, so that a project's files can be checked before anything runs."""

from __future__ import annotations

from penstock.base.record import record


@record
class Option:
    """One setting of a connection, a source or a sink.

    `type` is `text`, `number`, `boolean`, `list`, `table` or several of them joined by `|`; `choices` are the only
    allowed values where there are any.
    """

    name: str
    doc: str
    type: str = "text"
    choices: tuple[str, ...] = ()
    required: bool = False


@record
class Options:
    """What a connector takes on its connection, on a raw table, on a sink; None where it is no source or no sink."""

    connection: tuple[Option, ...] = ()
    source: tuple[Option, ...] | None = None
    sink: tuple[Option, ...] | None = None
