"""What a position remembers of a file: enough to tell whether it is unchanged, has grown, or is another one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from penstock.base.errors import FatalError
from penstock.base.record import record

if TYPE_CHECKING:
    from penstock.model.position import Position


@record
class Seen:
    """A file as far as its rows are in.

    `size` is where reading stopped, in bytes of the file; `mtime` the file's time then, in nanoseconds; `length`
    and `crc` are of its content, decompressed. `head` and `tail` seal its beginning and the bytes before `size`.
    `lines` counts line ends; `open` says that the last line had none; `inside` that an odd number of quotes was
    met, so that `size` may stand within a quoted field. `delimiter` is the one that was found out.
    """

    size: int
    mtime: int
    length: int = 0
    crc: int = 0
    head: str = ""
    tail: str = ""
    lines: int = 0
    open: bool = False
    inside: bool = False
    delimiter: str = ""

    def position(self) -> Position:
        """Return it as JSON; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value or name in ("size", "mtime")}


def seen(position: Position, partition: str) -> Seen | None:
    """Read a position; raises `FatalError` for what this source never gave out."""
    if position is None:
        return None
    try:
        found = Seen(**position)  # type: ignore[arg-type]
    except TypeError as error:
        raise _not_ours(position, partition) from error
    texts = [getattr(found, name) for name in ("head", "tail", "delimiter")]
    numbers = [getattr(found, name) for name in ("size", "mtime", "length", "crc", "lines")]
    if not all(isinstance(t, str) for t in texts) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise _not_ours(position, partition)
    return found


def _not_ours(position: Position, partition: str) -> FatalError:
    hint = "load the table anew"
    return FatalError("the committed position is none of a file", where=partition, got=str(position)[:200], hint=hint)
