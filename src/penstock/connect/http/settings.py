"""What a project says about an endpoint, read into values; what makes no sense together is refused."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.protocols.source import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from penstock.model.source import RawTable

_AUTH = ("bearer", "key", "basic")
_PARAMS = {"page": "page", "offset": "offset", "cursor": "cursor", "link": "", "next": ""}
_SIZES = {"page": "per_page", "offset": "limit", "cursor": "limit", "link": "per_page", "next": "per_page"}


@record
class Auth:
    """How a request says who asks; `headers` and `query` go to the connection's own host only."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@record
class Paginate:
    """How one comes from page to page: `by` is `none`, `page`, `offset`, `cursor`, `link` or `next`."""

    by: str = "none"
    param: str = ""
    start: int | None = None
    size: int | None = None
    size_param: str = ""
    path: str = ""
    until: str = ""


@record
class Since:
    """How one asks only for what is new: the parameter, the column that says so, and the form of its value."""

    param: str
    column: str
    format: str = ""
    start: str | int | float | None = None


@record
class Settings:
    """One endpoint; `url` is where the first page is asked for, `home` is the host that credentials are for."""

    table: RawTable
    url: str
    home: str
    kind: Kind
    auth: Auth
    headers: Mapping[str, str]
    timeout: float
    attempts: int
    params: Mapping[str, Any]
    method: str
    body: Mapping[str, Any]
    records: str
    paginate: Paginate
    since: Since | None


def settings_of(table: RawTable) -> Settings:
    """Read the settings of a raw table and of its connection; raises `ConfigError`."""
    connection, options = table.connection, table.options
    url = urljoin(connection.address.rstrip("/") + "/", table.read.lstrip("/")) if table.read else connection.address
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise _wrong(table, "address", expected="http:// or https:// and a host", got=url)
    since = _since(table)
    method = str(options.get("method", "GET")).upper()
    if options.get("body") and method != "POST":
        raise _wrong(table, "body", expected='method = "POST"', got=f'method = "{method}"')
    return Settings(
        table=table,
        url=url,
        home=connection.address,
        kind=_kind(table, since),
        auth=_auth(table),
        headers=dict(connection.options.get("headers", {})),
        timeout=float(connection.options.get("timeout", 30)),
        attempts=max(int(connection.options.get("attempts", 5)), 1),
        params=dict(options.get("params", {})),
        method=method,
        body=dict(options.get("body", {})),
        records=str(options.get("records", "")),
        paginate=_paginate(table),
        since=since,
    )


def _wrong(table: RawTable, what: str, *, expected: str, got: str = "", hint: str = "") -> ConfigError:
    where = table.connection.where if what in ("auth", "address") and table.connection.where else table.at(what)
    said = f"raw table '{table.name}': `{what}` makes no sense"
    return ConfigError(said, expected=expected, got=got, where=where, hint=hint)


def _known(table: RawTable, what: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise _wrong(table, what, expected=", ".join(known), got=name, hint=did_you_mean(name, known))


def _auth(table: RawTable) -> Auth:
    import base64
    from urllib.parse import quote, quote_plus

    from penstock.base.secrets import hide

    given = table.connection.options.get("auth") or {}
    _known(table, "auth", given, (*_AUTH, "header", "query"))
    ways = [way for way in _AUTH if way in given]
    if given and len(ways) != 1:
        raise _wrong(table, "auth", expected="one of bearer, key, basic", got=" and ".join(ways))
    if not given:
        return Auth()
    secret = str(given[ways[0]])
    if ways == ["basic"]:
        coded = base64.b64encode(secret.encode()).decode()
        secrets = (coded, secret, secret.partition(":")[2])
        auth = Auth(headers={"Authorization": f"Basic {coded}"}, secrets=secrets)
    elif ways == ["bearer"]:
        auth = Auth(headers={"Authorization": f"Bearer {secret}"}, secrets=(secret,))
    elif ("header" in given) == ("query" in given):
        raise _wrong(table, "auth", expected="header = name or query = name beside the key")
    elif "header" in given:
        auth = Auth(headers={str(given["header"]): secret}, secrets=(secret,))
    else:
        secrets = (secret, quote(secret), quote_plus(secret))
        auth = Auth(query={str(given["query"]): secret}, secrets=secrets)
    for shown in auth.secrets:
        hide(shown)
    return auth


def _paginate(table: RawTable) -> Paginate:
    given = table.options.get("paginate") or {}
    names = ("by", "param", "size", "size_param", "cursor_path", "next_path", "start", "until")
    _known(table, "paginate", given, names)
    if not given:
        return Paginate()
    by = str(given.get("by", ""))
    if by not in _PARAMS:
        raise _wrong(table, "paginate", expected="by = " + ", ".join(_PARAMS), got=by, hint=did_you_mean(by, _PARAMS))
    path = str(given.get(f"{by}_path", ""))
    if by in ("cursor", "next") and not path:
        raise _wrong(table, "paginate", expected=f"{by}_path: where the answer says what comes next")
    size = given.get("size")
    if size is not None and (not isinstance(size, int) or size < 1):
        raise _wrong(table, "paginate", expected="size = a whole number from 1", got=str(size))
    start = given.get("start", {"page": 1, "offset": 0}.get(by))
    return Paginate(
        by=by,
        param=str(given.get("param", _PARAMS[by])),
        start=start,
        size=size,
        size_param=str(given.get("size_param", _SIZES[by])) if size is not None else "",
        path=path,
        until=str(given.get("until", "")),
    )


def _since(table: RawTable) -> Since | None:
    given = table.options.get("since") or {}
    _known(table, "since", given, ("param", "from", "format", "start"))
    if not given:
        return None
    column = str(given.get("from", table.cursor))
    if not given.get("param") or not column:
        raise _wrong(table, "since", expected="param = the parameter's name, and from = a column or a cursor")
    return Since(str(given["param"]), column, str(given.get("format", "")), given.get("start"))


def _kind(table: RawTable, since: Since | None) -> Kind:
    said = table.options.get("kind")
    if said == Kind.APPEND:
        if since is None:
            raise _wrong(table, "kind", expected="`since`, or every run would add all records once more", got="append")
        return Kind.APPEND
    if said == Kind.SNAPSHOT and since:
        raise _wrong(table, "kind", expected="upsert or append, since `since` gives a part of the records", got=said)
    wants = said == Kind.UPSERT or since or table.cursor
    if wants and not table.key:
        raise _wrong(
            table,
            "since" if since else "kind" if said else "cursor",
            expected="a key, so that a record that comes again replaces itself",
            hint='add key = …, or kind = "append" if no record ever comes twice',
        )
    return Kind.UPSERT if wants else Kind.SNAPSHOT
