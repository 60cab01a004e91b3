"""Values as people read them in a page: `€4.92M`, `61,204`, `2.7 %`, `31 Mar 2026`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

_SIGNS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥"}
_CODES = frozenset({"chf", "sek", "nok", "dkk", "pln", "czk", "cad", "aud", *_SIGNS})
_LARGE = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
_THOUSAND, _DAY = 1000, 86_400
NOTHING = "–"


def written(value: Any, form: str = "", *, exact: bool = False) -> str:
    """Return a value in the form that a column or metric has; `exact` gives all digits of large numbers.

    >>> written(4_921_300.5, "usd"), written(61204, "integer"), written(0.0271, "percent"), written(None)
    ('$4.92M', '61,204', '2.7 %', '–')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime | date) or form in ("date", "time"):
        return _time(value, form)
    if isinstance(value, int | float):
        return _number(value, form, exact)
    return ", ".join(written(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _number(value: float, form: str, exact: bool) -> str:
    if form == "percent":
        return f"{_rounded(value * 100, 1)} %"
    if form == "duration":
        return _duration(value)
    if form == "bytes":
        from penstock.base.text import size

        return size(value)
    sign = "−" if value < 0 else ""
    shown = _plain(abs(value), form, exact)
    if form in _SIGNS:
        return f"{sign}{_SIGNS[form]}{shown}"
    return f"{sign}{shown} {form.upper()}" if form in _CODES else f"{sign}{shown}"


def _plain(value: float, form: str, exact: bool) -> str:
    if not exact:
        for unit, letter in _LARGE:
            if value >= unit:
                return f"{value / unit:.3g}{letter}"
    if form.startswith("decimal"):
        digits = int(form[7:]) if form[7:].isdigit() else 2
        return f"{value:,.{min(digits, 12)}f}"
    if isinstance(value, int) or form == "integer" or (float(value).is_integer() and form not in _CODES):
        return f"{value:,.0f}"
    if form in _CODES:
        return f"{value:,.0f}" if value >= 10_000 and not exact else f"{value:,.2f}"  # noqa: PLR2004  # cents
    return f"{value:,.6f}".rstrip("0").rstrip(".") if exact else _rounded(value, 2)


def _rounded(value: float, digits: int) -> str:
    said = f"{value:,.{digits}f}"
    return said.replace("-", "−")


def _duration(seconds: float) -> str:
    if abs(seconds) < _THOUSAND / 1000:
        return f"{seconds * 1000:.0f} ms"
    for unit, size in (("d", _DAY), ("h", 3600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _time(given: date | str | float, form: str) -> str:
    value = given
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(given)
    if not isinstance(value, date):
        return str(given)
    day = f"{value.day} {value:%b} {value.year}"
    return f"{day}, {value:%H:%M}" if isinstance(value, datetime) and form != "date" else day
