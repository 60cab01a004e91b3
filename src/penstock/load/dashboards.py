"""Reads `dashboards/**/*.md`: settings in TOML, text, queries, charts; what is wrong is in the page, never raised."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, Place
from penstock.load import files, pagetext, toml
from penstock.load.calls import Source
from penstock.load.files import File
from penstock.load.mistakes import Mistakes
from penstock.load.section import Section, below
from penstock.model.dashboard import FILTER_KINDS, Dashboard, Filter, Mistake, Part
from penstock.model.names import is_plain

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "dashboards"
_MOST_BYTES = 2_000_000
_RULE = "---"


def listed(root: Path) -> dict[str, str]:
    """Return the path of each dashboard by its name; nothing is read. `dashboards/web/now.md` is `web.now`.

    Raises `ConfigError` where the folder cannot be looked into.
    """
    found = sorted(files.below(os.path.join(root, FOLDER), FOLDER, (".md",)))  # noqa: PTH118
    return {path[len(FOLDER) + 1 : -3].replace("/", "."): path for path in found}


def read(root: Path, name: str, path: str) -> Dashboard:
    """Read a dashboard's file; a file that cannot be read is a dashboard with that mistake."""
    try:
        data = (root / path).read_bytes()
    except OSError as error:
        return _broken(name, path, Mistake(f"the file cannot be read: {error.strerror}"))
    if len(data) > _MOST_BYTES:
        return _broken(name, path, Mistake("the file is too large", expected="at most 2 MB of text"))
    mistakes = Mistakes()
    text = files.text(File(path, data), mistakes)
    if text is None:
        return _broken(name, path, *(_of_error(error, Source("")) for error in mistakes.found))
    return parse(text, name, path)


def parse(text: str, name: str = "page", path: str = "page.md") -> Dashboard:
    r"""Read the text of a dashboard; never raises.

    >>> page = parse("---\ntitle = 'Sales'\n---\nHow it goes.\n{{ kpi revenue }} {{ lien revenue }}\n")
    >>> page.title, [chart.id for chart in page.charts], [(m.line, m.subject, m.hint) for m in page.mistakes]
    ('Sales', ['kpi-revenue'], [(5, "there is no chart 'lien'", "did you mean 'line'?")])
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace(pagetext.OPEN, "\ufffd").replace(pagetext.CLOSE, "\ufffd")
    source = Source(text)
    head, start, broken = _front(source, path)
    body = pagetext.Body(source, start)
    body.read()
    said = Mistakes()
    section = Section("the page", head.data if head else {}, _where(head, path), said)
    settings = _settings(section, name, body)
    wrong = [*broken, *(_of_error(error, source) for error in said.found)]
    lead = tuple(Part("mistake", one.line, mistake=one) for one in wrong)
    return Dashboard(
        name, path, text=text, parts=(*lead, *body.parts), queries=body.queries,
        mistakes=tuple(sorted([*wrong, *body.mistakes], key=lambda one: (one.line, one.column))), **settings,
    )  # fmt: skip


def _broken(name: str, path: str, *mistakes: Mistake) -> Dashboard:
    parts = tuple(Part("mistake", mistake=one) for one in mistakes)
    return Dashboard(name, path, name, parts=parts, mistakes=mistakes)


def _of_error(error: ConfigError, source: Source) -> Mistake:
    place = error.where if isinstance(error.where, Place) else Place("", 1, 1)
    return source.mistake_at(
        error.subject, place.line or 1, place.column or 1, expected=error.expected, got=error.got, hint=error.hint
    )


def _where(head: toml.Document | None, path: str) -> Any:
    return head.place if head else lambda *_, **__: Place(path, 1, 1)


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────


def _front(source: Source, path: str) -> tuple[toml.Document | None, int, list[Mistake]]:
    """Return the settings, where the body begins, and what is wrong with them."""
    lines = source.text.split("\n")
    if lines[0].rstrip() != _RULE:
        return None, 0, []
    last = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _RULE), 0)
    if not last:
        mistake = source.mistake(
            "the settings never close", 0, len(_RULE), expected="--- on a line of its own after the settings"
        )
        return None, len(lines[0]) + 1, [mistake]
    start = sum(len(line) + 1 for line in lines[: last + 1])
    inside = "\n".join(lines[1:last])
    try:
        return toml.parse(inside, path, 2), min(start, len(source.text)), []
    except ConfigError as error:
        mistake = _of_error(error, source)
        yaml = any(":" in line.partition("=")[0] for line in lines[1:last] if line.strip())
        if yaml:
            mistake = source.mistake_at(
                mistake.subject, mistake.line, mistake.column, hint='settings are TOML: title = "Sales"'
            )
        return None, min(start, len(source.text)), [mistake]


def _settings(section: Section, name: str, body: pagetext.Body) -> dict[str, Any]:
    pinned = section.take("pinned")
    if pinned is not None and not isinstance(pinned, bool):
        section.wrong("pinned", value=pinned, expected="true or false")
    found = {
        "title": section.text("title").strip() or _heading(body) or name,
        "owner": section.text("owner"),
        "description": section.text("description"),
        "pinned": pinned is True,
        "fresh": section.fresh("fresh", None),
        "timezone": _timezone(section),
        "filters": _filters(section),
    }
    section.refuse_rest()
    return found


def _timezone(section: Section) -> str:
    from zoneinfo import ZoneInfo

    name = section.text("timezone")
    if name:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            section.wrong("timezone", value=name, expected="a time zone such as Europe/Berlin")
            return ""
    return name


def _heading(body: pagetext.Body) -> str:
    """Return the page's first heading, where it says nothing that has to be computed."""
    for part in body.parts:
        for line in part.text.split("\n") if part.kind == "text" else ():
            if line.startswith("# ") and pagetext.OPEN not in line:
                return line[2:].strip().rstrip("#").strip()
    return ""


def _filters(section: Section) -> tuple[Filter, ...]:
    given = section.take("filters")
    if given is None:
        return ()
    if not isinstance(given, dict):
        section.wrong("filters", value=given, expected='a table such as { region = "orders.region" }')
        return ()
    found = []
    for name, value in given.items():
        if not is_plain(name.lower()):
            section.wrong(
                "filters", name, subject=f"'{name}' cannot be the name of a filter", expected="letters, digits and _"
            )
            continue
        one = _filter(name, value, section)
        if one is not None:
            found.append(one)
    return tuple(found)


def _filter(name: str, value: Any, section: Section) -> Filter | None:
    where = section.where("filters", name)
    if isinstance(value, list):
        value = {"values": value}
    if isinstance(value, str):
        value = {"default": value} if name == "period" else {"from": value}
    if not isinstance(value, dict):
        section.wrong(
            "filters", name, subject=f"the filter '{name}' is not right", value=value,
            expected='a column such as "orders.region", a list of values, or a table',
        )  # fmt: skip
        return None
    part = Section(f"the filter '{name}'", value, below(section.where, "filters", name), section.mistakes)
    kinds = ("period", *FILTER_KINDS) if name == "period" else FILTER_KINDS
    kind = part.choice("kind", tuple(dict.fromkeys(kinds)))
    table, column = _column(part, name, kind)
    listed = part.take("values")
    values = tuple(str(one) for one in listed) if isinstance(listed, list) else ()
    if listed is not None and not isinstance(listed, list):
        part.wrong("values", value=listed, expected='a list such as ["North", "West"]')
    made = Filter(name, kind, table, column, values, _default(part, kind), part.text("label"), where.line)
    part.refuse_rest()
    return made


def _column(part: Section, name: str, kind: str) -> tuple[str, str]:
    """Return the table and column in which a filter's values are found."""
    source = part.text("from")
    if not source:
        return "", "" if kind == "period" else name
    table, _, column = source.rpartition(".")
    if not table or not column:
        part.wrong("from", value=source, expected="a table and a column of it, as in orders.region")
        return "", name
    return table.lower(), column


def _default(part: Section, kind: str) -> str:
    from penstock.plan.period import SUCH, Period

    value = part.take("default")
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    if isinstance(value, dict | bool):
        part.wrong("default", value=value, expected="a text")
        return ""
    if kind == "period":
        with suppress(ValueError):
            Period.of(str(value))
            return str(value)
        part.wrong("default", value=value, expected=SUCH)
        return ""
    return str(value)
