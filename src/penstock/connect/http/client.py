"""Asking an API: who asks, patience with what passes, and a clear word for what does not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from penstock.base.errors import FatalError, RetryableError
from penstock.base.record import record
from penstock.connect.http.body import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from penstock.base.clock import Clock
    from penstock.connect.http.settings import Settings

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_MOST_MOVES = 10
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 30.0
_LONGEST_ASKED = 60.0
_DENIED = (401, 403)


@record
class Asked:
    """One request: the address with its parameters, and the body of a POST."""

    url: str
    params: Mapping[str, Any]
    body: Mapping[str, Any] | None = None


@record
class Answer:
    """What came back: the body, what kind of text it is, and where the `Link` header says that it goes on."""

    body: bytes
    kind: str
    link: str
    url: str


class Refused(FatalError):  # noqa: N818 - it is the answer
    """The API refuses a request (a status from 400 to 499)."""

    def __init__(self, status: int, subject: str, **fields: Any) -> None:
        super().__init__(subject, **fields)
        self.status = status


class Client:
    """Asks one API; what passes (429, 5xx, a lost connection, a time-out) is tried again, later each time."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        scheme, host, port = _origin(settings.home)
        # A host that sends plain requests on to its own encrypted door is still the same host.
        self._own = {(scheme, host, port), *([("https", host, 443)] if (scheme, port) == ("http", 80) else [])}
        self._clients: dict[str, httpx2.Client] = {}
        self._chance = random.Random()  # noqa: S311

    def ask(self, asked: Asked) -> Answer:
        """Ask until there is an answer; raises `RetryableError` when patience ends, `FatalError` for a refusal."""
        attempts = self._settings.attempts
        for attempt in range(1, attempts + 1):
            try:
                return self._once(asked)
            except RetryableError as error:
                wait = self._wait(attempt) if error.after is None else error.after
                if attempt == attempts or wait > _LONGEST_ASKED:
                    error.subject += f" ({attempt} of {attempts} attempts)" if attempts > 1 else ""
                    raise
            self._clock.sleep(wait)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _wait(self, attempt: int) -> float:
        most: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1))
        return most / 2 + self._chance.random() * most / 2

    def _once(self, asked: Asked) -> Answer:
        response = self._send(asked)
        status, where = response.status_code, _shown(asked.url)
        if status < 300:  # noqa: PLR2004
            link = response.links.get("next", {}).get("url", "")
            kind = response.headers.get("content-type", "")
            return Answer(response.content, kind, urljoin(str(response.url), link) if link else "", str(response.url))
        said = f"{status} {response.reason_phrase}: {excerpt(response.content)}".rstrip(": ")
        if status in _PASSING or status > 500:  # noqa: PLR2004
            after = _seconds(response.headers.get("retry-after"), self._clock)
            raise RetryableError("the API is not ready", got=said, where=where, after=after)
        hint = "look at `auth` of the connection" if status in _DENIED else ""
        raise Refused(status, "the API refuses the request", got=said, where=where, hint=hint)

    def _send(self, asked: Asked) -> httpx2.Response:
        """Send a request and follow where it is sent on to; credentials stay with the host that they are for."""
        import httpx2

        method, url, params, body = self._settings.method, asked.url, dict(asked.params), asked.body
        for _ in range(_MOST_MOVES):
            own = _origin(url) in self._own
            headers = {"Accept": "application/json"}
            if own:
                headers |= {**self._settings.headers, **self._settings.auth.headers}
                params |= self._settings.auth.query
            try:
                merged = httpx2.URL(url).copy_merge_params(params) if params else httpx2.URL(url)
                response = self._client(url).request(method, merged, headers=headers, json=body)
            except httpx2.TimeoutException as error:
                got = f"no answer in {self._settings.timeout:g} seconds"
                raise RetryableError("the API does not answer in time", got=got, where=_shown(url)) from error
            except httpx2.TransportError as error:
                raise RetryableError(
                    "the API cannot be reached", got=str(error) or type(error).__name__, where=_shown(url)
                ) from error
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise FatalError("the API's answer cannot be read", got=str(error), where=_shown(url)) from error
            if response.status_code not in _MOVED or "location" not in response.headers:
                return response
            url, params = urljoin(str(response.url), response.headers["location"]), {}
            if response.status_code == 303 or (response.status_code < 303 and method == "POST"):  # noqa: PLR2004
                method, body = "GET", None
        raise FatalError(f"the API sends the request on more than {_MOST_MOVES} times", where=_shown(asked.url))

    def _client(self, url: str) -> httpx2.Client:
        """Return the connections for a scheme: certificates are loaded only where they are needed."""
        import httpx2

        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise FatalError("the API sends the request on to an address that is not on the web", got=_shown(url))
        if scheme not in self._clients:
            self._clients[scheme] = httpx2.Client(
                timeout=self._settings.timeout, verify=scheme == "https", follow_redirects=False
            )
        return self._clients[scheme]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _shown(url: str) -> str:
    """Return an address without its parameters, which may hold what nobody should see."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _seconds(asked: str | None, clock: Clock) -> float | None:
    """Read `Retry-After`: seconds, or a date."""
    from email.utils import parsedate_to_datetime

    if not asked:
        return None
    try:
        return max(float(asked), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(asked) - clock.now()).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
