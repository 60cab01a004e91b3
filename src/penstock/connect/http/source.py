"""Reads an endpoint page by page; its position says which page comes next, and what was new last time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from penstock.base.errors import FatalError, RetryableError
from penstock.connect.http.body import Page, cursors, objects, page_of
from penstock.connect.http.client import Client, Refused
from penstock.connect.http.pages import Pages, Step
from penstock.protocols.source import Batch, Json, Kind, Reject, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.connect.http.settings import Settings, Since
    from penstock.model.position import Position
    from penstock.protocols.source import Context

_BATCH_BYTES = 8_000_000
_BATCH_PAGES = 20
_BATCH_SECONDS = 5.0  # of a slow API, what a pull that breaks off has to ask for again
_STALE_SECONDS = 3600.0


@dataclass(slots=True)
class _Newest:
    """The highest value of the cursor so far, and a sum over the records that have it, whatever their order."""

    value: str | int | float | None = None
    ties: int = 0
    others: bool = False

    def take(self, page: Page, column: str, where: str) -> None:
        """Look at the records of a page."""
        for record, value in zip(page.records, cursors(page, column, where), strict=True):
            if value is None:
                self.others = True
            elif value == self.value:
                self.ties += _sum(record)
            else:
                self.others = True
                if self.value is None or self._after(value, where):
                    self.value, self.ties = value, _sum(record)

    def _after(self, value: Any, where: str) -> bool:
        try:
            return bool(value > self.value)
        except TypeError as error:
            raise FatalError(
                "the column that says how new a record is holds texts and numbers",
                got=f"{self.value!r} and {value!r}",
                where=where,
            ) from error


@dataclass(slots=True)
class _Gathered:
    """The pages of one batch as they come in."""

    texts: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0
    rows: int = 0
    first: int = 0
    broken: RetryableError | None = None


class HttpSource:
    """One endpoint of an API."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = Client(settings, context.clock)
        self._moved = False
        self._name = settings.table.read or urlsplit(settings.url).path or settings.table.name

    @property
    def can(self) -> SourceCan:
        return SourceCan(kinds=frozenset({self._settings.kind}))

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        del known
        return [""]

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        del partition
        known: Mapping[str, Any] = after if isinstance(after, dict) else {}
        step = self._resumed(known)
        if step is not None:
            try:
                yield from self._pull(known, step)
                return
            except Refused as error:
                # A page's token that is no longer good: the pull begins anew, once.
                if error.status not in (400, 404, 410, 416, 422) or self._moved:
                    raise
        yield from self._pull(known, Step())

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del partition
        text = "".join(row.replace("\n", " ") + "\n" for row in rows).encode()
        kind = Kind.UPSERT if self._settings.table.key else Kind.APPEND
        return Batch(Text([text], Json(lines=True), name=self._name), None, kind)

    def close(self) -> None:
        self._client.close()

    def _resumed(self, known: Mapping[str, Any]) -> Step | None:
        """Return the page at which a pull broke off, unless that is so long ago that other records stand there now."""
        if "next" not in known:
            return None
        begun = datetime.fromisoformat(known["begun"])
        age = (self._context.clock.now() - begun).total_seconds()
        return Step(known["next"], int(known["seen"])) if 0 <= age < _STALE_SECONDS else None

    def _pull(self, known: Mapping[str, Any], step: Step) -> Iterator[Batch]:
        """Read from a page to the last one."""
        self._moved = False
        resumed = step.token is not None
        now = self._context.clock.now().astimezone(UTC).isoformat(timespec="seconds")
        begun = known["begun"] if resumed else now
        since = known.get("since")
        newest = _Newest(since)
        if resumed and "high" in known:
            newest = _Newest(known["high"], int(known["ties"], 16), others=True)
        pages = Pages(self._settings, self._since_param(since))
        following: Step | None = step
        restart = not resumed and self._settings.kind is Kind.SNAPSHOT
        # Once a position within the pull was given out, its end is told too, whether or not records came with it.
        owed = resumed or restart
        while following is not None:
            gathered, following = self._gather(pages, following, newest)
            position = self._position(since, newest, following, begun)
            old = not owed and following is None and self._is_known(known, newest)
            if (gathered.rows or gathered.rejects or owed) and not old:
                yield self._batch(gathered, position, restart=restart)
                owed, restart = True, False
            if gathered.broken is not None:
                raise gathered.broken

    def _gather(self, pages: Pages, step: Step, newest: _Newest) -> tuple[_Gathered, Step | None]:
        """Ask for pages until they make a batch, or one cannot be had for now; returns them and where to go on."""
        gathered = _Gathered(first=step.seen)
        following: Step | None = step
        clock = self._context.clock
        begun = clock.monotonic()
        for _ in range(_BATCH_PAGES):
            slow = bool(gathered.texts) and clock.monotonic() - begun >= _BATCH_SECONDS
            if following is None or gathered.size >= _BATCH_BYTES or slow:
                break
            try:
                answer = self._client.ask(pages.asked(following))
            except RetryableError as error:
                if not gathered.texts:
                    raise
                gathered.broken = error
                break
            self._moved = True
            where = answer.url.partition("?")[0]
            page = page_of(answer.body, answer.kind, self._settings.records, where)
            number = following.seen
            following = pages.after(following, page, answer)
            good, bad = objects(page)
            gathered.rejects += [Reject(raw, "not a JSON object", f"{self._name}:{number + at + 1}") for at, raw in bad]
            if self._settings.since:
                newest.take(good, self._settings.since.column, where)
            text = good.text
            gathered.texts.append(text)
            gathered.size += len(text)
            gathered.rows += len(good.records)
        return gathered, following

    def _position(self, since: Any, newest: _Newest, following: Step | None, begun: str) -> dict[str, Position]:
        position: dict[str, Position] = {}
        if following is not None:
            position = {"next": following.token, "seen": following.seen, "begun": begun}
        if self._settings.since and following is not None:
            position |= {"since": since, "high": newest.value, "ties": f"{newest.ties:x}"}
        elif self._settings.since:
            position |= {"since": newest.value, "ties": f"{newest.ties:x}"}
        else:
            position["done"] = following is None
        return position

    def _is_known(self, known: Mapping[str, Any], newest: _Newest) -> bool:
        """Tell whether a pull gave just the records that stood at the last value the time before."""
        if not self._settings.since or known.get("since") is None:
            return False
        same = newest.value == known["since"] and f"{newest.ties:x}" == known.get("ties")
        return same and not newest.others

    def _batch(self, gathered: _Gathered, position: Position, *, restart: bool) -> Batch:
        return Batch(
            rows=Text(gathered.texts, Json(lines=True), name=self._name, first_line=gathered.first + 1),
            position=position,
            kind=self._settings.kind,
            rejects=tuple(gathered.rejects),
            bytes=gathered.size,
            restart=restart,
        )

    def _since_param(self, value: str | float | None) -> dict[str, Any]:
        since = self._settings.since
        if since is None:
            return {}
        if value is None:
            return {} if since.start is None else {since.param: since.start}
        return {since.param: formatted(value, since)}


def formatted(value: str | float, since: Since) -> Any:
    """Return a cursor's value in the form in which the API wants it.

    >>> from penstock.connect.http.settings import Since
    >>> formatted("2024-05-01T10:00:00Z", Since("since", "at", "unix"))
    1714557600
    """
    if not since.format or not isinstance(value, str):
        return value
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise FatalError(f"the cursor's value '{value}' is no instant", expected="ISO 8601") from error
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    if since.format in ("unix", "unix_ms"):
        micros = round(instant.timestamp() * 1_000_000)
        return micros // (1_000_000 if since.format == "unix" else 1_000)
    return f"{instant.date()}" if since.format == "date" else instant.strftime(since.format)


def _sum(record: Any) -> int:
    return int.from_bytes(blake2b(record, digest_size=8).digest(), "big")
