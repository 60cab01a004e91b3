"""How words look on a terminal: colour for state only, and none where nobody watches."""

from __future__ import annotations

import os
from typing import Any

from penstock.base.record import record

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "amber": "33"}
STATES = {
    "failed": "red",
    "fails": "red",
    "differs": "red",
    "warned": "amber",
    "warns": "amber",
    "rejects": "amber",
    "interrupted": "amber",
    "skipped": "amber",
    "changed": "amber",
}


@record
class Paint:
    """Colours words, or leaves them as they are."""

    on: bool = False

    @classmethod
    def of(cls, stream: Any) -> Paint:
        """Colour for a stream that a person watches, unless NO_COLOR is set."""
        return cls(is_terminal(stream) and not os.environ.get("NO_COLOR"))

    def __call__(self, text: str, look: str) -> str:
        """Return the text in a look: `bold`, `dim`, `red`, `green` or `amber`; "" leaves it."""
        code = _CODES.get(look)
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and code and text else text

    def state(self, word: str) -> str:
        """Return the word for a state in the colour of that state."""
        return self(word, STATES.get(word.strip(), ""))


def is_terminal(stream: Any) -> bool:
    """Tell whether a person watches this stream, on something that understands colour and width."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
