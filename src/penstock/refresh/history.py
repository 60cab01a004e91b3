"""The past of tables: a version or a time becomes a read, or one clear error where it cannot."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, PenstockError, PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.names import is_hidden
from penstock.model.relation import Query, Read
from penstock.plan import asof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.base.clock import Clock
    from penstock.model.relation import Span
    from penstock.plan.asof import Asking, Past, Piece
    from penstock.protocols.engine import Engine

# A version, or a time: without an offset it is in UTC, as all times of the warehouse.
Point = int | str | date | datetime


@record
class Pasts:
    """What was, as far as a warehouse keeps it; `clock` says what is not yet."""

    engine: Engine
    clock: Clock

    def at(self, name: str, point: Point) -> Read:
        """Return the read of a table as it was.

        Raises `ConfigError` for an unknown table, `PlanError` where the version is not there, not yet or no longer.
        """
        spans = self._spans(name)
        version = self.version(point)
        self._check_kept(name, version)
        found = next((s for s in spans if s.since <= version and (s.until is None or version < s.until)), None)
        if found is None:
            raise self._not_there(name, version, spans)
        return Read(found.relation, "at", high=version)

    def changes(self, name: str, low: Point, high: Point | None = None) -> Read:
        """Return the read of what came and went after one version up to another, by default the present one."""
        spans = self._spans(name)
        first = 0 if low == 0 else self.version(low)
        last = self.engine.version if high is None else self.version(high)
        if first > last:
            raise PlanError(
                f"the changes of {name} are asked for backwards: from version {first} to {last}",
                expected="the earlier version first",
            )
        self._check_kept(name, first)
        if last < spans[0].since:
            raise self._not_there(name, last, spans)
        within = tuple(s for s in spans if s.since <= last and (s.until is None or s.until > first))
        return Read(within[-1].relation, "changes", first, last, spans=within)

    def history(self, name: str) -> Read:
        """Return the read of all rows that are kept, each with the times between which it was valid."""
        spans = tuple(self._spans(name))
        return Read(spans[-1].relation, "history", high=self.engine.version, spans=spans)

    def version(self, point: Point) -> int:
        """Return the version of a point in time; raises `PlanError` for one that is not there, or no longer exactly."""
        now = self.engine.version
        if isinstance(point, int):
            if not 1 <= point <= now:
                said = f"a version from 1 to {now}" if now else "a warehouse in which something was committed"
                raise PlanError(f"there is no version {point}", expected=said)
            return point
        at = instant(point)
        if at > self.clock.now():
            raise PlanError(f"{_said(at)} is still to come", expected=f"a time up to now, {_said(self.clock.now())}")
        found = self.engine.version_at(at)
        vacuumed = self.engine.vacuumed()
        if found is not None and (vacuumed is None or found >= vacuumed[1]):
            return found
        oldest = [c.at for c in self.engine.commits() if vacuumed is None or c.version >= vacuumed[1]]
        # To the next second, so that what is said can be typed.
        earliest = f"a time from {_said(oldest[-1] + timedelta(seconds=1))}" if oldest else ""
        if found is None:
            raise PlanError(f"nothing was committed at {_said(at)} or before", expected=earliest)
        raise PlanError(f"what was at {_said(at)} is no longer kept", expected=earliest, hint=_LONGER)

    def _spans(self, name: str) -> Sequence[Span]:
        spans = self.engine.spans(name)
        if not spans:
            known = [each for each in self.engine.relations() if not is_hidden(each)]
            raise ConfigError(f"no table '{name}'", hint=did_you_mean(name, known))
        return spans

    def _check_kept(self, name: str, version: int) -> None:
        kept = self.engine.kept_since(name)
        if version < kept:
            raise PlanError(
                f"what {name} was at version {version} is no longer kept",
                expected=f"version {kept} or later",
                hint=_LONGER,
            )

    def _not_there(self, name: str, version: int, spans: Sequence[Span]) -> PlanError:
        first = spans[0].since
        return PlanError(f"{name} was not there yet at version {version}", expected=f"version {first} or later")


_LONGER = 'history = "30 days" in penstock.toml keeps more from now on'


def instant(point: str | date | datetime) -> datetime:
    """Return a point in time with its offset; raises `PlanError` for a text that is none.

    >>> instant("2026-11-25 10:00").isoformat(), instant("2026-11-25T10:00+02:00").isoformat()
    ('2026-11-25T10:00:00+00:00', '2026-11-25T10:00:00+02:00')
    """
    if isinstance(point, str):
        try:
            point = datetime.fromisoformat(point.strip())
        except ValueError:
            raise PlanError(
                f"'{point}' is not a time", expected="such as 2026-11-25, 2026-11-25 10:00 or 2026-11-25T10:00+02:00"
            ) from None
    if not isinstance(point, datetime):
        point = datetime.combine(point, time())
    return point if point.tzinfo is not None else point.replace(tzinfo=UTC)


def _said(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def asked(pasts: Pasts, text: str) -> Query:
    """Return what a user asks as a query, its reads of the past found in the warehouse.

    Raises `PlanError`, with the place underlined, for a read of what is not there.
    """
    asking = asof.find(text)
    if not asking.found:
        return Query(text)
    reads = tuple((f"@{number}", _read(pasts, asking, past)) for number, past in enumerate(asking.found, 1))
    return Query(asking.with_names([name for name, _ in reads]), reads, shown=text)


def _read(pasts: Pasts, asking: Asking, past: Past) -> Read:
    points = [_point(pasts, asking, past.kind, argument) for argument in past.arguments]
    try:
        if past.kind == "changes":
            return pasts.changes(past.table.text, *points)
        if past.kind == "history":
            return pasts.history(past.table.text)
        return pasts.at(past.table.text, points[0])
    except ConfigError as error:
        raise _at(asking, past.table, error) from None
    except PlanError as error:
        raise _at(asking, past.arguments[0], error) from None


def _at(asking: Asking, piece: Piece, error: PenstockError) -> PlanError:
    return asking.error(error.subject, piece, expected=error.expected, got=error.got, hint=error.hint)


def _point(pasts: Pasts, asking: Asking, kind: str, argument: Piece) -> Point:
    """Work out an argument: the warehouse is asked what an expression gives."""
    try:
        value = _value(pasts.engine, argument.text)
        if kind == "version" and not isinstance(value, int):
            value = int(value) if isinstance(value, str) and value.strip().isdigit() else None
        if kind == "timestamp" and isinstance(value, int):
            value = None
        if isinstance(value, bool) or not isinstance(value, (int, str, date)):
            wanted = {"version": "a version", "timestamp": "a time"}.get(kind, "a version or a time")
            raise PlanError(f"this is not {wanted}", expected="such as 12" if kind == "version" else "")
        point: Point = instant(value) if isinstance(value, str) else value
        if not (kind == "changes" and point == 0):
            pasts.version(point)
    except PenstockError as error:
        raise _at(asking, argument, error) from None
    return point


def _value(engine: Engine, text: str) -> Any:
    if text.isdigit():
        return int(text)
    rows = engine.read(Query(f"select ({text}\n)"))
    try:
        return rows.fetch(1)[0][0]
    finally:
        rows.close()
