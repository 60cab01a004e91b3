"""Reads `penstock.toml`: the name, the warehouse, connections, environments, variables and defaults."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.base import secrets
from penstock.base.errors import ConfigError, Place
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.load.files import SETTINGS
from penstock.load.loading import Defaults
from penstock.load.section import Section, always, below
from penstock.model.project import PAGE_LIMIT
from penstock.model.source import Connection

if TYPE_CHECKING:
    from penstock.load.loading import Loading
    from penstock.load.toml import Document

DEFAULT_ENV = "default"
_EXAMPLE_URLS = "kind:address, such as duckdb:data/shop.duckdb or sqlite:data/store.db"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9_+-]*):(.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_ENV_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")


@record
class Settings:
    """What `penstock.toml` says for one environment, beside what went into the `Loading`."""

    name: str
    warehouse: str
    history: timedelta | None
    timezone: str = ""
    page_limit: timedelta | None = PAGE_LIMIT


def read(document: Document, env: str | None, loading: Loading) -> Settings:
    """Read the settings of an environment; connections, variables and defaults go into `loading`.

    Raises `ConfigError` where there is no such environment.
    """
    top = Section(SETTINGS, document.data, document.place, loading.mistakes)
    name = top.text("name", required="shop")
    top.text("description")
    env = env or DEFAULT_ENV
    chosen = _environment(top, env)
    warehouse = top.text("warehouse", "duckdb:.penstock/warehouse.duckdb")
    warehouse_where = top
    if env != DEFAULT_ENV:
        warehouse = f"duckdb:.penstock/{env}.duckdb"
    if "warehouse" in chosen.values:
        warehouse, warehouse_where = chosen.text("warehouse", warehouse), chosen
    _check_url("warehouse", warehouse, warehouse_where)
    if warehouse_where is chosen or env == DEFAULT_ENV:
        loading.ask(warehouse_where, "warehouse")
    history = chosen.span("history", top.span("history", timedelta(days=7)))
    page_limit = _page_limit(chosen, _page_limit(top, PAGE_LIMIT))
    timezone = chosen.text("timezone", top.text("timezone"))
    if timezone:
        from penstock.load.metrics import check_zone

        check_zone(timezone, chosen if "timezone" in chosen.values else top, "timezone")
    loading.variables |= {**top.texts("vars"), **chosen.texts("vars")}
    _connections(top, chosen, loading)
    loading.defaults = _defaults(_inner(chosen, "defaults"), _defaults(_inner(top, "defaults"), Defaults()))
    chosen.refuse_rest()
    _check_others(top, env)
    top.refuse_rest()
    return Settings(name, warehouse, history, timezone, page_limit)


def _page_limit(section: Section, default: timedelta | None) -> timedelta | None:
    given = section.values.get("page_limit")
    found = section.span("page_limit", default)
    if found is not None and not found:
        section.wrong("page_limit", value=given, expected="more than nothing")
        return default
    return found


def _inner(section: Section, key: str) -> Section:
    """Return the table under `key` as a section of its own, empty where there is none."""
    value = section.take(key)
    if value is not None and not isinstance(value, dict):
        section.wrong(key, value=value, expected="a table")
        value = None
    return Section(
        f"[{key}]",
        value or {},
        below(section.where, key),
        section.mistakes,
    )


def _environment(top: Section, env: str) -> Section:
    environments = _inner(top, "env")
    if env != DEFAULT_ENV and (env not in environments.values or not _ENV_NAME.match(env)):
        known = [DEFAULT_ENV, *environments.values]
        raise ConfigError(f"there is no environment '{env}'", where=Place(SETTINGS), hint=did_you_mean(env, known))
    for name in environments.values:
        if not _ENV_NAME.match(name):
            top.mistakes.add(
                f"'{name}' cannot be the name of an environment", environments.where(name),
                expected="letters, digits, - and _",
            )  # fmt: skip
    chosen = _inner(environments, env)
    chosen.subject = f"environment '{env}'"
    return chosen


def _check_others(top: Section, chosen: str) -> None:
    """Note what is wrong in the environments that are not chosen; their connections are read where they are chosen."""
    environments = _inner(top, "env")
    for name in environments.values:
        if name == chosen:
            continue
        other = _inner(environments, name)
        other.subject = f"environment '{name}'"
        if "warehouse" in other.values:
            _check_url("warehouse", other.text("warehouse"), other)
        other.span("history", None)
        _page_limit(other, None)
        other.text("timezone")
        other.texts("vars")
        _inner(other, "connections")
        _defaults(_inner(other, "defaults"), Defaults())
        other.refuse_rest()


def _defaults(section: Section, above: Defaults) -> Defaults:
    found = Defaults(
        section.fresh("fresh", above.fresh),
        section.count("retries", above.retries),
        section.checks("checks", above.checks),
        section.text("owner", above.owner),
        section.words("tags") or above.tags,
    )
    section.refuse_rest()
    return found


def _connections(top: Section, chosen: Section, loading: Loading) -> None:
    parts = (_inner(top, "connections"), _inner(chosen, "connections"))
    winner = {name: part for part in parts for name in part.values}
    for name, part in winner.items():
        found = _connection(name, part.values[name], part, loading)
        if found is None:
            loading.broken.add(("connection", name))
        else:
            loading.connections[name] = found


def _connection(name: str, value: Any, part: Section, loading: Loading) -> Connection | None:
    subject = f"connection '{name}'"

    if isinstance(value, str):
        section = Section(subject, {"url": value}, always(part.where(name, value=True)), loading.mistakes)
    elif isinstance(value, dict):
        section = Section(subject, value, below(part.where, name), loading.mistakes)
    else:
        part.wrong(name, subject=f"{subject} is not right", value=value, expected="a URL, or a table with 'url'")
        return None
    section.secret = True
    url = section.text("url", required="sqlite:data/store.db")
    kind, address = split_url(reveal(url, loading))
    if not kind:
        loading.ask(section, "url")
        known = {*loading.variables, *loading.environ}
        if url and known.issuperset(secrets.variables(url)):
            section.wrong("url", expected=_EXAMPLE_URLS)
        return None
    takes = loading.options(kind, section.where("url", value=True))
    options = section.options(takes.connection, f"a connection of kind '{kind}'") if takes else {}
    loading.ask(section, *section.values)
    if "${" in url.partition(":")[0]:
        address = url  # its kind is in the variable, and is looked at again when the variable is filled
        loading.late[name] = kind
    else:
        address = split_url(url)[1]
    return Connection(name, kind, address, options, part.where(name, value=True))


def _check_url(key: str, url: str, section: Section) -> None:
    if not split_url(url)[0] and "${" not in url:
        section.wrong(key, expected=_EXAMPLE_URLS)


def reveal(text: str, loading: Loading) -> str:
    """Fill what variables are known, for looking only; unknown ones stay, and are noted elsewhere."""
    values = {**loading.variables, **loading.environ}
    return _VARIABLE.sub(lambda match: values.get(match[1], match[2] or match[0]), text)


def split_url(url: str) -> tuple[str, str]:
    """Return the kind and the address of a connection's URL; no kind where it is none.

    >>> split_url("sqlite:data/store.db"), split_url("https://api.example.org/v1")
    (('sqlite', 'data/store.db'), ('http', 'https://api.example.org/v1'))
    """
    match = _URL.match(url.strip())
    if match is None:
        return "", ""
    kind = match[1].lower()
    return ("http", url.strip()) if kind in ("http", "https") else (kind, match[2])
