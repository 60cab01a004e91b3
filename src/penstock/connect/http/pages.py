"""From page to page: what to ask next, as a small value from which a killed pull goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from penstock.base.errors import FatalError
from penstock.base.record import record
from penstock.connect.http.body import peek
from penstock.connect.http.client import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.connect.http.body import Page
    from penstock.connect.http.client import Answer
    from penstock.connect.http.settings import Paginate, Settings

Token: TypeAlias = "str | int | None"  # noqa: S105


_LOOPS = 2  # one page that comes again may be chance, two in turn are none


@record
class Step:
    """Where a pull stands: the token of the page to ask for (None: the first), and how many records came so far."""

    token: Token = None
    seen: int = 0


class Pages:
    """Asks for pages one after the other; raises `FatalError` when an API leads back to where it was."""

    def __init__(self, settings: Settings, since: Mapping[str, Any]) -> None:
        self._settings = settings
        self._since = since
        self._paginate = settings.paginate
        self._passed: set[int] = set()
        self._last = ""
        self._read: set[str] = set()
        self._again = 0

    def asked(self, step: Step) -> Asked:
        """Return the request for a page."""
        settings, paginate = self._settings, self._paginate
        params = {**settings.params, **self._since}
        url = settings.url
        if paginate.size is not None:
            params[paginate.size_param] = paginate.size
        if paginate.by in ("page", "offset"):
            params[paginate.param] = self._number(step)
        elif paginate.by == "cursor" and (step.token is not None or paginate.start is not None):
            params[paginate.param] = paginate.start if step.token is None else step.token
        elif step.token is not None:
            url, params = str(step.token), {}
        if settings.method == "POST":
            return Asked(url, {}, {**settings.body, **params})
        return Asked(url, params)

    def after(self, step: Step, page: Page, answer: Answer) -> Step | None:
        """Return where to go on after a page, or None at the end."""
        self._refuse_repeat(page, answer)
        found = _NEXT[self._paginate.by](self._paginate, step, page, answer)
        if found is None:
            return None
        if self._paginate.by in ("cursor", "link", "next"):
            self._refuse_loop(found.token, answer)
        return replace(found, seen=step.seen + len(page.records))

    def _number(self, step: Step) -> int:
        return int(self._paginate.start or 0) if step.token is None else int(step.token)

    def _refuse_repeat(self, page: Page, answer: Answer) -> None:
        digest = page.digest if page.records and self._paginate.by != "none" else ""
        if digest and digest == self._last:
            raise FatalError(
                "the API loops: it gives the same page twice in a row",
                where=answer.url.partition("?")[0],
                hint=f"does it know the parameter '{self._paginate.param}'?" if self._paginate.param else "",
            )
        self._last = digest
        self._again = self._again + 1 if digest and digest in self._read else 0
        self._read.add(digest)
        if self._again >= _LOOPS:
            raise FatalError(
                "the API loops: it gives pages again that were read before",
                where=answer.url.partition("?")[0],
                hint="say where it ends with paginate = { until = … }, or page it in another way",
            )

    def _refuse_loop(self, token: Token, answer: Answer) -> None:
        if hash(token) in self._passed:
            raise FatalError(
                "the API loops: it leads back to a page that was read before",
                got=str(token)[:200],
                where=answer.url.partition("?")[0],
            )
        self._passed.add(hash(token))


def _one(paginate: Paginate, step: Step, page: Page, answer: Answer) -> Step | None:
    del paginate, step, page, answer
    return None


def _page(paginate: Paginate, step: Step, page: Page, answer: Answer) -> Step | None:
    del answer
    number = int(paginate.start or 0) if step.token is None else int(step.token)
    until = peek(page.body, paginate.until) if paginate.until else None
    if _ended(until, number) or (not page.records and until is not True):
        return None
    return Step(number + 1)


def _offset(paginate: Paginate, step: Step, page: Page, answer: Answer) -> Step | None:
    del answer
    number = int(paginate.start or 0) if step.token is None else int(step.token)
    reached = number + len(page.records)
    until = peek(page.body, paginate.until) if paginate.until else None
    if _ended(until, reached) or not page.records:
        return None
    return Step(reached)


def _ended(until: Any, reached: int) -> bool:
    """Tell whether the answer says that nothing follows: a flag that is false, or a number that is reached."""
    if until is None:
        return False
    return until is False if isinstance(until, bool) else reached >= float(until)


def _cursor(paginate: Paginate, step: Step, page: Page, answer: Answer) -> Step | None:
    del step, answer
    until = peek(page.body, paginate.until) if paginate.until else None
    token = peek(page.body, paginate.path)
    if token in (None, "", False) or until is False:
        return None
    if not isinstance(token, str | int):
        raise FatalError(f"the answer's '{paginate.path}' is no text and no number", got=str(token)[:200])
    return Step(token)


def _link(paginate: Paginate, step: Step, page: Page, answer: Answer) -> Step | None:
    del paginate, step, page
    return Step(answer.link) if answer.link else None


def _next(paginate: Paginate, step: Step, page: Page, answer: Answer) -> Step | None:
    del step
    url = peek(page.body, paginate.path)
    if url in (None, "", False):
        return None
    if not isinstance(url, str):
        raise FatalError(f"the answer's '{paginate.path}' is no address", got=str(url)[:200])
    return Step(urljoin(answer.url, url))


_NEXT: dict[str, Callable[[Paginate, Step, Page, Answer], Step | None]] = {
    "none": _one, "page": _page, "offset": _offset, "cursor": _cursor, "link": _link, "next": _next,
}  # fmt: skip
