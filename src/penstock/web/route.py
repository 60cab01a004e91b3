"""What a route of the API is: declared once, and from that both served and described."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.base.errors import ConfigError
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from penstock.web.site import Site

    F = TypeVar("F", bound=Callable[..., Any])

    class Declares(Protocol):
        """Takes a route's function, and gives it back."""

        def __call__(self, does: F, /) -> F:
            """Declare it."""
            ...


_LONGEST = 2_000


class AskError(ConfigError):
    """A request is not what the route takes."""


@record
class Param:
    """A parameter of the query: its kind (`text` or `number`), what it is when it is not given, and its bounds."""

    name: str
    about: str
    kind: str = "text"
    default: Any = ""
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()

    def read(self, given: Mapping[str, str]) -> Any:
        """Return its value; raises `AskError` for one that it cannot have."""
        text = given.get(self.name)
        if text is None:
            return self.default
        return self._number(text) if self.kind == "number" else self._text(text)

    def _number(self, text: str) -> int:
        plain = text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20  # noqa: PLR2004
        if not plain or not self.low <= int(text) <= self.high:
            raise AskError(
                f"'{self.name}' cannot be '{text[:40]}'", expected=f"a whole number from {self.low:,} to {self.high:,}"
            )
        return int(text)

    def _text(self, text: str) -> str:
        if len(text) > _LONGEST:
            raise AskError(f"'{self.name}' is too long", expected=f"{_LONGEST:,} characters at most")
        if "\0" in text:
            raise AskError(f"'{self.name}' has a zero byte in it")
        if self.choices and text not in self.choices:
            raise AskError(f"'{self.name}' cannot be '{text[:40]}'", expected=", ".join(filter(None, self.choices)))
        return text


@record
class Call:
    """A request as a route's function gets it: the parts of its path, its parameters, its body."""

    site: Site
    path: Mapping[str, str]
    given: Mapping[str, Any]
    query: Mapping[str, str]
    body: Any = None
    accept: str = ""


@record
class Route:
    """A route of the API: `answer` is the type of what its function returns, `body` that of what it is sent."""

    method: str
    path: str
    answer: Any
    does: Callable[[Call], Any]
    about: str
    params: tuple[Param, ...] = ()
    body: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    open_query: bool = False

    @property
    def name(self) -> str:
        """Its name in the description: that of its function."""
        return self.does.__name__


@record
class Book:
    """The routes of one part of the API, in the order in which they were declared."""

    routes: list[Route] = field(default_factory=list)

    def get(
        self, path: str, answer: Any, *params: Param, errors: Sequence[int] = (), open_query: bool = False
    ) -> Declares:
        """Declare what answers a GET; the first line of the function's docstring says what it gives."""
        return self._declare("GET", path, answer, params, None, 200, errors, open_query)

    def post(self, path: str, answer: Any, body: Any = None, status: int = 200, errors: Sequence[int] = ()) -> Declares:
        """Declare what answers a POST."""
        return self._declare("POST", path, answer, (), body, status, errors, open_query=False)

    def delete(self, path: str, answer: Any, errors: Sequence[int] = ()) -> Declares:
        """Declare what answers a DELETE."""
        return self._declare("DELETE", path, answer, (), None, 200, errors, open_query=False)

    def _declare(
        self,
        method: str,
        path: str,
        answer: Any,
        params: Sequence[Param],
        body: Any,
        status: int,
        errors: Sequence[int],
        open_query: bool,
    ) -> Declares:
        def declared(does: F) -> F:
            about = (does.__doc__ or "").partition("\n")[0]
            self.routes.append(
                Route(method, path, answer, does, about, tuple(params), body, status, tuple(errors), open_query)
            )
            return does

        return declared


def number(name: str, about: str, default: int | None, low: int = 0, high: int = 2**53) -> Param:
    """Make a parameter that is a whole number."""
    return Param(name, about, "number", default, low, high)


def text(name: str, about: str, default: str = "", choices: Sequence[str] = ()) -> Param:
    """Make a parameter that is a text."""
    return Param(name, about, "text", default, choices=tuple(choices))
