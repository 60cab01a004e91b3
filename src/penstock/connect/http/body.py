"""Answers into records: JSON is cut into one line a record, without making Python objects of the records."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError
from penstock.base.record import record
from penstock.base.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

_SHOWN = 200
_LINES = ("ndjson", "jsonl", "json-seq", "jsonlines")


@record
class Page:
    """The records of one answer, each as the bytes of one line, and the whole answer."""

    records: Sequence[Any]
    body: bytes
    lines: bool = False

    @property
    def text(self) -> bytes:
        """The records as JSON lines."""
        joined = b"\n".join(self.records)
        # A line end in JSON stands between values only: in a text it is written as an escape.
        if joined.count(b"\n") >= len(self.records) or b"\r" in joined:
            joined = b"\n".join(_one_line(record) for record in self.records)
        return joined + b"\n" if self.records else b""

    @property
    def digest(self) -> str:
        """A text that tells whether two pages have the same records."""
        return blake2b(self.text, digest_size=16).hexdigest()


def page_of(body: bytes, kind: str, records: str, where: str) -> Page:
    """Find the records of an answer; raises `FatalError` for what is no JSON or has none at the path `records`."""
    import msgspec

    lowered = kind.lower()
    if any(word in lowered for word in _LINES) and not records:
        return Page([line for line in body.split(b"\n") if line.strip()], body, lines=True)
    if not body.strip():
        return Page([], body)
    if "html" in lowered or body.lstrip()[:1] == b"<":
        raise FatalError(
            "the API answers a web page, not JSON",
            got=excerpt(body),
            where=where,
            hint="is the address that of the API, and is the login still good?",
        )
    try:
        found = value_at(body, records, where)
        return Page(_elements(found), body)
    except msgspec.DecodeError as error:
        raise FatalError("the API's answer is not valid JSON", got=f"{error}: {excerpt(body)}", where=where) from error


def value_at(body: bytes, path: str, where: str) -> bytes | msgspec.Raw:
    """Return the value that stands at a path; raises `FatalError` naming what there is instead."""
    import msgspec

    value: Any = body
    steps = path.split(".") if path else []
    for at, step in enumerate(steps):
        try:
            there = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        except msgspec.ValidationError:
            there = {}
        if step not in there:
            above = ".".join(steps[:at]) or "the answer"
            raise FatalError(
                f"the answer has nothing at '{path}'",
                expected=f"'{step}' in {above}",
                got=", ".join(there) or excerpt(bytes(value)),
                where=where,
                hint=did_you_mean(step, there) if there else "",
            )
        value = there[step]
    found: bytes | msgspec.Raw = value
    return found


def peek(body: bytes, path: str) -> Any:
    """Return the plain value at a path, or None where there is none."""
    import msgspec

    value: Any = body
    for step in path.split("."):
        try:
            there = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError:
            return None
        if step not in there:
            return None
        value = there[step]
    return msgspec.json.decode(value)


def _elements(value: Any) -> Sequence[Any]:
    import msgspec

    first = bytes(memoryview(value)[:64]).lstrip()[:1]
    if first == b"[":
        found: list[msgspec.Raw] = msgspec.json.decode(value, type=list[msgspec.Raw])
        return found
    if first == b"n":
        return []
    msgspec.json.decode(value)
    return [bytes(value).strip()]


def objects(page: Page) -> tuple[Page, list[tuple[int, str]]]:
    """Part the records that are objects from those that are not, each of these with its number from 0."""
    bad = [(at, bytes(r)) for at, r in enumerate(page.records) if bytes(memoryview(r)[:1]) != b"{"]
    if not bad:
        return page, []
    numbers = {at for at, _ in bad}
    good = [r for at, r in enumerate(page.records) if at not in numbers]
    return Page(good, page.body, page.lines), [(at, raw.decode("utf-8", "replace")) for at, raw in bad]


def cursors(page: Page, column: str, where: str) -> list[Any]:
    """Return the value of one column of all records; raises `FatalError` where it is no text and no number."""
    import msgspec

    value = ("value", str | int | float | None, msgspec.field(default=None, name=column))
    row: Any = msgspec.defstruct("Row", [value])
    try:
        found = msgspec.json.decode(b"[" + b",".join(page.records) + b"]", type=list[row])
    except msgspec.DecodeError as error:
        raise FatalError(
            f"the column '{column}', which says how new a record is, is no text and no number",
            got=str(error),
            where=where,
        ) from error
    return [one.value for one in found]


def excerpt(body: bytes) -> str:
    """Return the beginning of a body for a person to read, in one line."""
    text = " ".join(body[: _SHOWN * 2].decode("utf-8", "replace").split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " …"


def _one_line(record: Any) -> bytes:
    return bytes(record).replace(b"\n", b" ").replace(b"\r", b" ")
