"""A section: named settings with places, read one key at a time, each mistake noted where it stands."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from penstock.base import duration
from penstock.base.text import did_you_mean, nearest
from penstock.model.check import Check
from penstock.model.schema import Schema, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from penstock.base.errors import Place
    from penstock.load.mistakes import Mistakes
    from penstock.model.option import Option

_MISSING = object()
_VERY_NEAR = 0.85
_NEAR = 0.7  # `form` is near `from`, `format` is not
_SEVERITIES = ("error", "warn")
_COMMON_TYPES = (
        "boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double",
        "decimal(18,2)", "varchar", "text", "blob", "date", "time", "timestamp", "timestamptz",
        "interval", "uuid", "json",
)  # fmt: skip
_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,), "number": (int, float), "boolean": (bool,), "list": (list, tuple), "table": (dict,),
}  # fmt: skip


@dataclass(slots=True)
class Section:
    """The settings of one thing.

    `subject` names it in messages; `where(*path, value=…)` gives the place of a key or a value; `secret`
    settings are never shown.
    """

    subject: str
    values: Mapping[str, Any]
    where: Callable[..., Place]
    mistakes: Mistakes
    secret: bool = False
    taken: set[str] = field(default_factory=set)

    def take(self, key: str) -> Any:
        """Return a value and count its key as known; `None` where it is not given."""
        self.taken.add(key)
        return self.values.get(key)

    def wrong(self, *path: str | int, subject: str = "", value: Any = _MISSING, **fields: str) -> None:
        """Note that the value at `path` is not what it should be."""
        if value is not _MISSING:
            fields["got"] = kind_of(value) if self.secret else shown(value)
        said = subject or f"'{path[0]}' of {self.subject} is not right"
        self.mistakes.add(said, self.where(*path, value=True), **fields)

    def lacks(self, key: str, **fields: str) -> None:
        """Note that a key is missing: at the key that was meant to be it, if there is one."""
        meant = difflib.get_close_matches(key, [one for one in self.values if one not in self.taken], 1, _NEAR)
        if meant:
            self.taken.add(meant[0])
            self.mistakes.add(
                f"unknown key '{meant[0]}' of {self.subject}", self.where(meant[0]), hint=f"did you mean '{key}'?"
            )
        else:
            self.mistakes.add(f"{self.subject} has no '{key}'", self.where(), got="nothing", **fields)

    def text(self, key: str, default: str = "", *, required: str = "") -> str:
        """Return a text; `required` is an example of one that must be given."""
        value = self.take(key)
        if value is None:
            if required:
                self.lacks(key, expected=f'{key} = "{required}"')
            return default
        if not isinstance(value, str):
            self.wrong(key, value=value, expected="a text")
            return default
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """Return names, written as a list or as one text with commas."""
        value = self.take(key)
        if value is None:
            return ()
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
            self.wrong(key, value=value, expected='a list of texts, or one text such as "a, b"')
            return ()
        found = tuple(part.strip() for part in parts)
        if not all(found):
            self.wrong(key, value=value, expected="a name between the commas")
        return tuple(part for part in found if part)

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """Return one of some words, the first where it is not given."""
        value = self.take(key)
        if value is None:
            return choices[0]
        if value not in choices:
            hint = did_you_mean(value, choices) if isinstance(value, str) and nearest(value, choices) else ""
            self.wrong(key, value=value, expected=" or ".join(f'"{c}"' for c in choices), hint=hint)
            return choices[0]
        return str(value)

    def count(self, key: str, default: int) -> int:
        """Return a whole number that is not negative."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.wrong(key, value=value, expected="a whole number from 0")
            return default
        return value

    def fresh(self, key: str, default: timedelta | None) -> timedelta | None:
        """Return a span of time, None for `manual`."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, timedelta):
            return value
        if value == "manual":
            return None
        try:
            span = duration.parse(value) if isinstance(value, str) else timedelta()
        except (ValueError, OverflowError):
            span = timedelta()
        if span <= timedelta():
            self.wrong(key, value=value, expected='a span of time such as "5 minutes" or "1 day", or "manual"')
            return default
        return span

    def span(self, key: str, default: timedelta | None) -> timedelta | None:
        """Return a span of time that may be nothing, None for `forever`."""
        value = self.take(key)
        if value is None or isinstance(value, timedelta):
            return default if value is None else value
        if value == "forever":
            return None
        try:
            return duration.parse(value if isinstance(value, str) else "")
        except (ValueError, OverflowError):
            self.wrong(key, value=value, expected='a span of time such as "7 days" or "12 hours", or "forever"')
            return default

    def checks(self, key: str, default: tuple[Check, ...]) -> tuple[Check, ...]:
        """Return checks: texts, or tables with `check`, `severity` and `name`."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, str | Check):
            return tuple(self._check(value, (key,)))
        if not isinstance(value, list | tuple):
            self.wrong(key, value=value, expected="a list of checks")
            return default
        return tuple(check for i, one in enumerate(value) for check in self._check(one, (key, i)))

    def _check(self, value: Any, path: tuple[str | int, ...]) -> Iterable[Check]:
        where = self.where(*path, value=True)
        if isinstance(value, Check):
            value = {"check": value.text, "severity": value.severity, "name": value.name}
        if isinstance(value, str):
            value = {"check": value}
        if not isinstance(value, dict):
            self.wrong(
                *path,
                subject=f"a check of {self.subject} is not right",
                value=value,
                expected="a text or a table",
            )
            return
        part = Section(f"a check of {self.subject}", value, below(self.where, *path), self.mistakes)
        text = part.text("check", required="amount >= 0")
        severity, name = part.choice("severity", _SEVERITIES), part.text("name")
        part.refuse_rest()
        if text.strip():
            yield Check(text.strip(), severity, name, where)
        elif "check" in value:
            part.wrong("check", value=value["check"], expected="a condition such as amount >= 0")

    def texts(self, key: str) -> dict[str, str]:
        """Return a table from names to texts."""
        value = self.take(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(key, value=value, expected="a table from column to text")
            return {}
        for name, text in value.items():
            if not isinstance(text, str):
                self.wrong(key, name, subject=f"'{name}' in '{key}' of {self.subject}", value=text, expected="a text")
        return {name: text for name, text in value.items() if isinstance(text, str)}

    def columns(self, key: str) -> Schema | None:
        """Return a schema, written as a table from column to type."""
        pairs = []
        for name, kind in self.texts(key).items():
            try:
                pairs.append((name, canonical(kind)))
            except ValueError:
                near = nearest(kind, _COMMON_TYPES)
                self.wrong(
                    key, name, subject=f"column '{name}' of {self.subject}", value=kind,
                    expected="a type such as bigint, varchar, decimal(18,2), timestamp",
                    hint=f"did you mean '{near}'?" if near else "",
                )  # fmt: skip
        return Schema.of(pairs) if pairs else None

    def options(self, takes: tuple[Option, ...], of: str) -> dict[str, Any]:
        """Return what is left as the options of a connector; `of` names what they are options of."""
        known = {option.name: option for option in takes}
        found = {key: value for key, value in self.values.items() if key not in self.taken}
        self.refuse_rest(known)
        for key, value in found.items():
            if key in known:
                self._check_option(known[key], value)
        unknown = [key for key in found if key not in known]
        self.taken.update(found)
        for option in takes:
            absent = option.required and option.name not in self.values
            if absent and not difflib.get_close_matches(option.name, unknown, cutoff=_NEAR):
                self.lacks(option.name, expected=f"{option.name}: {option.doc}", hint=f"{of} needs it")
        return {key: value for key, value in found.items() if key in known}

    def _check_option(self, option: Option, value: Any) -> None:
        fits = any(
            isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
            for kind in option.type.split("|")
        )
        if not fits:
            words = " or ".join(f"a {kind}" for kind in option.type.split("|"))
            self.wrong(option.name, value=value, expected=f"{words} ({option.doc})")
        elif option.choices and value not in option.choices and not _is_variable(value):
            hint = did_you_mean(value, option.choices) if isinstance(value, str) else ""
            self.wrong(option.name, value=value, expected=" or ".join(f'"{c}"' for c in option.choices), hint=hint)

    def suspect_rest(self) -> None:
        """Note the keys that look like known ones, where all the known ones cannot be said."""
        for key in self.values:
            if key not in self.taken and difflib.get_close_matches(key, self.taken, cutoff=_VERY_NEAR):
                self.mistakes.add(
                    f"unknown key '{key}' of {self.subject}",
                    self.where(key),
                    hint=did_you_mean(key, self.taken),
                )

    def refuse_rest(self, known: Iterable[str] = ()) -> None:
        """Note every key that was not taken and is not known."""
        expected = {*self.taken, *known}
        for key in self.values:
            if key not in expected:
                self.mistakes.add(
                    f"unknown key '{key}' of {self.subject}",
                    self.where(key),
                    hint=did_you_mean(key, expected),
                )


def always(where: Place) -> Callable[..., Place]:
    """Return a `where` for settings that all stand in one place."""
    return lambda *_, **__: where


def below(where: Callable[..., Place], *base: str | int) -> Callable[..., Place]:
    """Return a `where` for the settings under a path."""

    def inner(*path: str | int, value: bool = False, content: bool = False) -> Place:
        return where(*base, *path, value=value, content=content)

    return inner


def _is_variable(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def kind_of(value: Any) -> str:
    """Name the kind of a value, as people who write TOML know it."""
    if isinstance(value, bool):
        return "true or false"
    named = {
        str: "a text",
        int: "a number",
        float: "a number",
        dict: "a table",
        list: "a list",
        tuple: "a list",
    }
    named |= {datetime: "a time", date: "a date", time: "a time"}
    return named.get(type(value), f"a {type(value).__name__}")


def shown(value: Any) -> str:
    """Return a value for a message: short, and with its kind where that is what matters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    if isinstance(value, dict | list | tuple):
        return kind_of(value)
    return text if len(text) <= 80 else text[:77] + "…"  # noqa: PLR2004
