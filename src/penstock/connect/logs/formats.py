"""The forms of log lines: what columns they have, how times are written in them, and how text becomes batches."""

from __future__ import annotations

import json
import re
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.base.textfile import is_utf8, wide
from penstock.connect.logs import FORMATS, years
from penstock.connect.logs.years import FROM_FILE_TIME, Reached
from penstock.protocols.source import Format, Json, Lines, Time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.source import RawTable

_QUOTED = r'(?:[^"\\]|\\.)*'
# What is no `METHOD path PROTOCOL` stands in `request` alone: an empty one, or the first bytes of another protocol.
_REQUEST = rf'"(?P<request>(?P<method>[A-Z_-]+) (?P<path>[^\s"]+)(?: (?P<protocol>[A-Z]+/[0-9.]+))?|{_QUOTED})"'
_ACCESS = (
    r"(?P<host>\S+) (?P<ident>\S+) (?P<user>.+?) \[(?P<time>[^\]]+)\] "
    rf"{_REQUEST} (?P<status>\d{{3}}) (?P<size>\d+|-)"
)
_COMBINED = rf'^{_ACCESS} "(?P<referer>{_QUOTED})" "(?P<agent>{_QUOTED})"\s*$'
_COMMON = rf"^{_ACCESS}\s*$"
_APACHE_ERROR = (
    r"^\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}(?:\.\d+)? \d{4})\]"
    r" \[(?:(?P<module>[^\]:]*):)?(?P<level>[a-z0-9]+)\](?: \[pid (?P<pid>\d+)(?::tid (?P<tid>\d+))?\])?"
    r"(?: \[client (?P<client>[^\]]+)\])?(?: (?P<message>.*?))?\r*$"
)
_SYSLOG = (
    r"^(?P<time>[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}) (?P<host>\S+) +"
    r"(?:(?P<program>(?:-- )?[^\s:\[\]]+(?: [\d.]+)?)(?:\[(?P<pid>\d+)\])?:(?: |\r*$))?(?P<message>.*?)\r*$"
)
_FRACTION = re.compile(rb"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8}\.")
_ACCESS_TYPES = {"status": "smallint", "size": "bigint"}
_ACCESS_TIMES = {"time": Time("%d/%b/%Y:%H:%M:%S %z")}
_ERROR_TIME = "%a %b %d %H:%M:%S %Y"
_ERROR_TIME_FINE = "%a %b %d %H:%M:%S.%f %Y"

_KNOWN: dict[str, Lines] = {
    "combined": Lines(_COMBINED, _ACCESS_TYPES, _ACCESS_TIMES, ("-", "")),
    "common": Lines(_COMMON, _ACCESS_TYPES, _ACCESS_TIMES, ("-", "")),
    "apache_error": Lines(
        _APACHE_ERROR, {"pid": "integer", "tid": "bigint"}, {"time": Time(_ERROR_TIME)}, ("",)
    ),
    "syslog": Lines(_SYSLOG, {"pid": "integer"}, {"time": Time("%Y %b %d %H:%M:%S")}, ("",)),
}  # fmt: skip
_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_NOT_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!]|P=)|\\[1-9]")


@record
class Piece:
    """Whole lines that are parsed alike, and what year they reached."""

    text: bytes
    form: Format
    reached: Reached


@record
class LogForm:
    """What a raw table says about its lines."""

    kind: str
    form: Format
    year: int | str = 0
    encoding: str = ""
    optional: bool = False
    _python: re.Pattern[str] | None = field(default=None, repr=False)

    def pieces(self, block: bytes, reached: Reached, mtime_ns: int) -> Iterator[Piece]:
        """Cut whole lines into pieces that are parsed alike; nearly always one."""
        if self.kind == "syslog":
            cut = (
                years.by_file(block, mtime_ns)
                if self.year == FROM_FILE_TIME
                else years.by_first(block, int(self.year), reached)
            )
            for text, now in cut:
                yield Piece(text, self._timed(lambda t, y=now.year: replace(t, prefix=f"{y} ")), now)
        elif self.kind == "apache_error" and _FRACTION.match(block):
            yield Piece(block, self._timed(lambda t: replace(t, format=_ERROR_TIME_FINE)), reached)
        else:
            yield Piece(block, self.form, reached)

    def _timed(self, change: Any) -> Format:
        lines = self.form
        if not isinstance(lines, Lines) or "time" not in lines.times:
            return lines
        return replace(lines, times={**lines.times, "time": change(lines.times["time"])})

    def whole(self, line: bytes) -> bool:
        """Tell whether a line that may not be finished looks as if it were."""
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if isinstance(self.form, Json):
            try:
                return isinstance(json.loads(text), dict)
            except ValueError:
                return False
        return self._python is not None and self._python.search(text) is not None


def log_form(table: RawTable) -> LogForm:
    """Read the options of a raw table; raises `ConfigError` for what is missing or makes no sense."""
    said = table.options
    kind, pattern = str(said.get("format", "")), str(said.get("pattern", ""))
    if bool(kind) == bool(pattern):
        got = "both" if kind else "neither"
        expected = f"`format` ({', '.join(FORMATS)}) or `pattern`"
        raise ConfigError("a log needs the form of its lines", where=table.at("format"), expected=expected, got=got)
    if kind and kind not in FORMATS:
        raise ConfigError(f"unknown format '{kind}'", where=table.at("format"), hint=did_you_mean(kind, FORMATS))
    encoding = _encoding(table)
    made = LogForm(kind, Json(lines=True), _year(table, kind), encoding, bool(said.get("optional", False)))
    if kind == "jsonl":
        types = {c.name: c.type for c in table.columns or ()} | dict.fromkeys(table.clean, "varchar")
        return replace(made, form=Json(lines=True, types=types))
    lines = _KNOWN[kind] if kind else _own(pattern, table)
    return replace(made, form=_fitted(lines, table), _python=_compiled(lines.pattern))


def _fitted(lines: Lines, table: RawTable) -> Lines:
    """Return the form with the table's own types, times, null words and zone; cleaned columns stay text."""
    names = _GROUP.findall(lines.pattern)
    times = {**lines.times, **{n: Time(str(f)) for n, f in dict(table.options.get("times", {})).items()}}
    types = {**lines.types, **{c.name: c.type for c in table.columns or () if c.name not in times}}
    unknown = [n for n in (*times, *types) if n not in names]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        where = table.at("times" if unknown[0] in times else "columns")
        raise ConfigError(f"the lines have no part '{unknown[0]}'", where=where, hint=hint)
    zone = _zone(table, times)
    if zone:
        times = {n: replace(t, zone="" if "%z" in t.format else zone) for n, t in times.items()}
    nulls = table.options.get("nulls", lines.nulls)
    return replace(
        lines,
        types={n: t for n, t in types.items() if n not in table.clean},
        times={n: t for n, t in times.items() if n not in table.clean},
        nulls=tuple(dict.fromkeys(("", *((nulls,) if isinstance(nulls, str) else map(str, nulls))))),
    )


def _own(pattern: str, table: RawTable) -> Lines:
    pattern = pattern.replace("(?<", "(?P<") if not _NOT_RE2.search(pattern) else pattern
    names = _GROUP.findall(pattern)
    bad = _NOT_RE2.search(pattern)
    if bad:
        hint = "regular expressions here are RE2's, which look neither ahead nor back"
        raise ConfigError(f"'{bad[0]}' cannot be used in `pattern`", where=table.at("pattern"), hint=hint)
    if not names:
        hint = r"such as (?P<time>\S+) (?P<message>.*)"
        raise ConfigError("`pattern` has no named group", where=table.at("pattern"), hint=hint)
    doubled = next((n for n in names if names.count(n) > 1), None)
    if doubled:
        raise ConfigError(f"`pattern` names '{doubled}' twice", where=table.at("pattern"))
    compiled = _compiled(pattern)
    if compiled is not None and compiled.groups != len(names):
        hint = "write (?:…) for a group that is no column"
        raise ConfigError("`pattern` has groups without a name", where=table.at("pattern"), hint=hint)
    return Lines(pattern, nulls=("",))


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return Python's form of a pattern; None for what only RE2 understands."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _year(table: RawTable, kind: str) -> int | str:
    year = table.options.get("year")
    if kind != "syslog":
        if year is not None:
            raise ConfigError(f"`year` means nothing for {kind or 'a pattern'}", where=table.at("year"))
        return 0
    if year == FROM_FILE_TIME or (isinstance(year, int) and not isinstance(year, bool) and year > 0):
        return year
    raise ConfigError(
        "syslog's times have no year", where=table.at("year"),
        expected=f"year = 2005 (of the first line), or year = '{FROM_FILE_TIME}'",
        got="nothing" if year is None else repr(year),
        hint=f"'{FROM_FILE_TIME}' takes the latest year in which a line is not after its file's time of change",
    )  # fmt: skip


def _zone(table: RawTable, times: Mapping[str, Time]) -> str:
    zone = str(table.options.get("zone", ""))
    if not zone:
        return ""
    if all("%z" in t.format for t in times.values()):
        raise ConfigError("`zone` means nothing here: the times have their own", where=table.at("zone"))
    import zoneinfo

    known = zoneinfo.available_timezones()
    if known and zone not in known:
        raise ConfigError(f"unknown time zone '{zone}'", where=table.at("zone"), hint=did_you_mean(zone, known)[:120])
    return zone


def _encoding(table: RawTable) -> str:
    encoding = str(table.options.get("encoding", ""))
    try:
        if not encoding or is_utf8(encoding):
            return ""
        if not wide(encoding):
            return encoding
    except LookupError as error:
        hint = "such as utf-8, latin-1, cp1252"
        raise ConfigError(f"unknown encoding '{encoding}'", where=table.at("encoding"), hint=hint) from error
    hint = 'read finished files of it with `from = "files"`'
    raise ConfigError(f"logs in {encoding} cannot be followed", where=table.at("encoding"), hint=hint)
