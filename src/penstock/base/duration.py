"""Spans of time as people write them: `5 minutes`, `1 day`, `90s`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "ms": 0.001, "millisecond": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hour": 3600, "d": 86400, "day": 86400, "w": 604800, "week": 604800,
}  # fmt: skip
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*,?")


def parse(text: str) -> timedelta:
    """Read a span of time; raises `ValueError` that names what can be written.

    >>> parse("1 hour 30 minutes")
    datetime.timedelta(seconds=5400)
    """
    seconds, at = 0.0, 0
    lowered = text.strip().lower()
    while at < len(lowered):
        match = _PART.match(lowered, at)
        factor = match and (_UNITS.get(match[2]) or _UNITS.get(match[2].removesuffix("s")))
        if not match or not factor:
            break
        seconds, at = seconds + float(match[1]) * factor, match.end()
    if not lowered or at < len(lowered):
        msg = f"'{text}' is not a span of time such as '30 seconds', '5 minutes', '1 day'"
        raise ValueError(msg)
    return timedelta(seconds=seconds)
