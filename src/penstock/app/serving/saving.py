"""A question kept in the project's files: as a tile of a dashboard, as a check of a table, or as a metric."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from penstock.app.serving import asking, tables
from penstock.base.durable import write_text
from penstock.base.errors import ConfigError, PenstockError, UnsupportedError
from penstock.model.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.app.opened import App

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?\Z")
_SELECT = re.compile(r"\s*\(*\s*(select|with|from|values)\b", re.IGNORECASE)
_PLAIN = re.compile(
    r"\s*select\s+(?P<what>.+?)\s+from\s+(?P<table>\w+(?:\.\w+)?)\s*(?:\bwhere\b\s*(?P<where>.+?))?\s*;?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_CHECKS = re.compile(r"^checks\s*=\s*\[", re.MULTILINE)
_HEADER_ENDS = re.compile(r"^---\s*\*/", re.MULTILINE)
_CHART = "{{ table %s }}"


def as_dashboard(app: App, sql: str, name: str) -> str:
    """Add a question with a table of its rows to a dashboard, a new one where there is none; returns the file."""
    _check_name(name, "dashboard")
    asking.reads(app, sql)
    file = f"dashboards/{name.replace('.', '/')}.md"
    path = app.root / file
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if before is None:
        title = name.rpartition(".")[2].replace("_", " ").capitalize()
        before_text = f"---\ntitle = {_quoted(title)}\n---\n# {title}\n"
    else:
        before_text = before.rstrip("\n") + "\n"
    taken = set(re.findall(r"^```sql\s+(\w+)", before_text, re.MULTILINE))
    query = next(f"question_{n}" for n in range(1, 10_000) if f"question_{n}" not in taken)
    fence = "`" * max(3, 1 + max((len(one) for one in re.findall("`+", sql)), default=0))
    text = f"{before_text}\n{fence}sql {query}\n{sql.strip().rstrip(';')}\n{fence}\n\n{_CHART % query}\n"
    _put(app, path, before, text)
    return file


def as_metric(app: App, sql: str, name: str, table: str) -> str:
    """Write a metric file: of an aggregate, or of a select of one aggregate from one table; returns the file."""
    _check_name(name, "metric")
    if name in app.project.metrics:
        raise ConfigError(f"there is a metric '{name}' already", hint="choose another name")
    plain = _PLAIN.match(sql)
    what = plain["what"] if plain else sql.strip().rstrip(";")
    found = (plain["table"].lower() if plain else "") or table
    where = plain["where"] if plain else None
    if plain is None and _SELECT.match(sql):
        raise ConfigError(
            "a metric is an aggregate of a table", expected="select AGGREGATE from TABLE where CONDITION",
            got="a select that is more than that", hint="joins and groups are said when a metric is asked",
        )  # fmt: skip
    if not found:
        raise ConfigError("a metric is of a table", expected="select AGGREGATE from TABLE, or a table beside it")
    tables.find(app, found)
    file = f"metrics/{name}.toml"
    filtered = f", filter = {_quoted(where)}" if where else ""
    text = f"table = {_quoted(found)}\n\n[metrics]\n{name} = {{ sql = {_quoted(what)}{filtered} }}\n"
    path = app.root / file
    if path.exists():
        raise ConfigError(f"there is a file {file} already", hint="choose another name")
    _put(app, path, None, text)
    return file


def as_check(app: App, sql: str, name: str, table: str) -> str:
    """Add a check to its table's file: a condition that every row meets, or a select of the rows that break it.

    Returns the file. Raises `UnsupportedError` for a table in Python.
    """
    plain = _PLAIN.match(sql)
    condition = sql.strip().rstrip(";")
    if plain:
        if not plain["where"]:
            raise ConfigError("the rows that break a check are chosen by a where", got="a select without one")
        condition, table = f"not ({plain['where']})", plain["table"].lower()
    elif _SELECT.match(sql):
        raise ConfigError(
            "a check is a condition on each row of a table", expected="select * from TABLE where CONDITION",
            got="a select that is more than that", hint="keep it as a table with the check rows = 0",
        )  # fmt: skip
    item = tables.find(app, table)
    if item.where is None or item.where.file.endswith(".py"):
        raise UnsupportedError(f"{table} is declared in Python", hint="write the check beside it: checks=[…]")
    said = f"{{ check = {_quoted(condition)}, name = {_quoted(name)} }}" if name else _quoted(condition)
    path = app.root / item.where.file
    before = path.read_text(encoding="utf-8")
    text = _in_header(before, said) if isinstance(item, Table) else _in_section(before, said, item.where.line)
    _put(app, path, before, text)
    return item.where.file


def _in_header(text: str, said: str) -> str:
    ends = _HEADER_ENDS.search(text)
    if ends is None:
        return f"/* ---\nchecks = [{said}]\n--- */\n{text}"
    has = _CHECKS.search(text, 0, ends.start())
    if has:
        return _into(text, has.end(), said)
    return f"{text[: ends.start()]}checks = [{said}]\n{text[ends.start() :]}"


def _in_section(text: str, said: str, line: int) -> str:
    lines = text.splitlines(keepends=True)
    start = len("".join(lines[:line]))
    end = next((len("".join(lines[:at])) for at in range(line, len(lines)) if lines[at].startswith("[")), len(text))
    has = _CHECKS.search(text, start, end)
    return _into(text, has.end(), said) if has else f"{text[:start]}checks = [{said}]\n{text[start:]}"


def _into(text: str, at: int, said: str) -> str:
    more = "" if text[at:].lstrip().startswith("]") else ", "
    return f"{text[:at]}{said}{more}{text[at:]}"


def _check_name(name: str, noun: str) -> None:
    if not _NAME.match(name):
        raise ConfigError(f"'{name[:100]}' is no name of a {noun}", expected="small letters, digits and _")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _put(app: App, path: Path, before: str | None, text: str) -> None:
    """Write a file and load the project with it; with a mistake in it, everything is as it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    try:
        app.reload()
    except PenstockError:
        if before is None:
            path.unlink()
        else:
            write_text(path, before)
        raise
