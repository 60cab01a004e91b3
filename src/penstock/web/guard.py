"""Who may ask what: the host that was named, the page that asks, the token, and the size of what is sent."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.web.carry import encoded, error_shape

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from penstock.web.site import Settings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
COOKIE = "penstock"
MOST_BYTES = 1_000_000
_YEAR = 31_536_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_API = "/api/"
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{subject}</title>'
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>'
    "<body><main><h1>{subject}</h1><p>{hint}</p></main></body></html>"
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class RefusedError(ConfigError):
    """A request that is not carried out, whoever sent it."""


@record
class Refusal:
    """Why a request is refused: its status and the error."""

    status: int
    error: RefusedError


def token_of(folder: Path) -> str:
    """Return the project's token, made when it is first asked for, in a file that only its owner reads."""
    path = folder / "token"
    if path.is_file():
        known = path.read_text(encoding="ascii").strip()
        if known:
            return known
    folder.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(made + "\n", encoding="ascii")
    return made


class Guard:
    """Stands before everything the server answers, and adds its headers to all of it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._session = hashlib.sha256(f"penstock session {settings.token}".encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in HEADERS.items() if k.lower().encode() not in own),
                ]
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.refusal(scope["method"], scope["path"], headers)
        if refusal is None and self._settings.token and not self._is_known(headers):
            if await self._let_in(scope, sent):
                return
            refusal = Refusal(
                401, RefusedError("a token is needed", hint="open the address that penstock serve printed")
            )
        if refusal is not None:
            person = not scope["path"].startswith(_API) and "text/html" in headers.get("accept", "")
            await _refuse(refusal, sent, person=person)
            return
        await self._app(scope, _Bounded(receive), sent)

    def refusal(self, method: str, path: str, headers: dict[str, str]) -> Refusal | None:
        """Return why a request is refused, or None."""
        host = headers.get("host", "")
        if self._settings.is_open and name_of(host) not in LOOPBACK:
            hint = f"http://{self._settings.host}:{self._settings.port} is where it is"
            return Refusal(403, RefusedError(f"this server is not called '{host[:100]}'", hint=hint))
        if path.startswith(_API) and headers.get("sec-fetch-site") == "cross-site":
            return Refusal(403, RefusedError("another site's page cannot ask this server"))
        length = headers.get("content-length", "")
        if length and (not length.isdecimal() or int(length[:20]) > MOST_BYTES):
            return Refusal(413, RefusedError("the request is too large", expected=f"{MOST_BYTES:,} bytes at most"))
        if method in _SAFE:
            return None
        return self._of_change(headers, host)

    def _of_change(self, headers: dict[str, str], host: str) -> Refusal | None:
        """Return why a request that may change something is refused: only our own pages and programs may ask."""
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return Refusal(403, RefusedError("another site's page cannot change anything here", got=origin[:100]))
        if self._settings.token and self._has_bearer(headers):
            return None
        given = headers.get("x-penstock-csrf", "")
        if not hmac.compare_digest(given.encode(), self._settings.csrf.encode()):
            hint = "send X-Penstock-CSRF with the value of csrf from GET /api/v1/project"
            return Refusal(403, RefusedError("a state-changing call needs its key", hint=hint))
        return None

    def _has_bearer(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.encode(), self._settings.token.encode())

    def _is_known(self, headers: dict[str, str]) -> bool:
        if self._has_bearer(headers):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self._session.encode())

    async def _let_in(self, scope: Scope, send: Send) -> bool:
        """Give a cookie for a token in the address, and lead to the address without it; tells whether it did."""
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(asked).get("token", "")
        if scope["method"] != "GET" or not hmac.compare_digest(given.encode(), self._settings.token.encode()):
            return False
        rest = urlencode([(name, value) for name, value in asked if name != "token"])
        path = "/" + scope["path"].lstrip("/\\")
        to = path.encode("ascii", "ignore").decode() + (f"?{rest}" if rest else "")
        cookie = f"{COOKIE}={self._session}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Strict"
        headers = [(b"location", to.encode("latin-1")), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return True


def name_of(host: str) -> str:
    """Return the name in a Host header, without its port.

    >>> name_of("localhost:8000"), name_of("[::1]:80"), name_of("a.example")
    ('localhost', '::1', 'a.example')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


async def _refuse(refusal: Refusal, send: Send, *, person: bool) -> None:
    """Answer why not: a person's browser with a page, a program with JSON."""
    said = refusal.error
    body = (
        _PAGE.format(subject=escape(said.subject), hint=escape(said.hint)).encode()
        if person
        else encoded({"error": error_shape(said)})
    )
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"text/html; charset=utf-8" if person else b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Bounded:
    """Receives a request's body up to the limit, whatever its headers said."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def __call__(self) -> Any:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MOST_BYTES:
            raise TooLargeError("the request is too large", expected=f"{MOST_BYTES:,} bytes at most")
        return message


class TooLargeError(RefusedError):
    """More was sent than is read."""
