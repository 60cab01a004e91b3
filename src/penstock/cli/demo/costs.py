"""What marketing cost, as people type it: a CSV a quarter, dates and amounts in any form that came to hand."""

# ruff: noqa: PLR2004 - odds are this file's subject

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING

from penstock.cli.demo import setting

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

_HEADER = "Date,Channel,Campaign,Cost,Currency,Clicks\n"
_PLANS = {  # channel: (campaigns, days of the week on which it is booked, euros a booking)
    "google": ("brand shopping", range(7), 310),
    "instagram": ("stories reels", range(7), 240),
    "newsletter": ("weekly", (3,), 260),
    "partners": ("reviews", (0,), 900),
}
_ODD = {9: "soon", 38: "31.02.2026", 71: "2026-03-??"}  # a day's date that nobody can read
_UNKNOWN = {23: "tbd", 55: "see invoice"}  # an amount that is none


def _day_rows(seed: int, day: int) -> list[str]:
    """Return the lines of a day; the last of a month has the month's total, which is no cost of its own."""
    rng = setting.chance(seed, "costs", day)
    when = setting.on(day)
    rows = [
        _row(rng, day, when, channel, rng.choice(campaigns.split()), euros)
        for channel, (campaigns, weekdays, euros) in _PLANS.items()
        if when.weekday() in weekdays
    ]
    if setting.on(day + 1).month != when.month:
        rows.append(f',TOTAL,,"{rng.randrange(12, 30)}.{rng.randrange(100, 999)},00 €",EUR,')
    return rows


def _row(rng: Random, day: int, when: date, channel: str, campaign: str, euros: int) -> str:
    written = rng.choice((channel, channel, channel.title(), f" {channel.upper()} ", f"{channel} "))
    cost = euros * rng.uniform(0.5, 1.9) * (4 if rng.random() < 0.08 else 1)
    clicks = str(int(cost * rng.uniform(1.2, 2.6))) if rng.random() > 0.05 else "n/a"
    shown = _date(rng, when)
    currency = "USD" if rng.random() < 0.2 else "EUR"
    amount = _amount(rng, round(cost * 100), "$" if currency == "USD" else "€")
    currency = rng.choice((currency, currency.lower(), f"{currency} "))
    if channel == "google":
        shown, amount = _ODD.get(day, shown), _UNKNOWN.get(day, amount)
    return f"{shown},{written},{campaign},{amount},{currency},{clicks}"


def _date(rng: Random, when: date) -> str:
    forms = (
        when.isoformat(),
        f"{when:%d.%m.%Y}",
        f"{when.day} {setting.MONTHS[when.month - 1]} {when.year}",
        f'"{setting.MONTHS[when.month - 1]} {when.day}, {when.year}"',
        f"{when:%Y/%m/%d}",
    )
    return rng.choices(forms, (8, 5, 2, 2, 3))[0]


def _amount(rng: Random, cents: int, sign: str) -> str:
    """Write an amount as people in different countries do; now and then it is missing."""
    whole, rest = divmod(cents, 100)
    american = f"{whole:,}.{rest:02}"
    german = american.translate(str.maketrans(",.", ".,"))
    forms = (
        f'"{german} {sign}"',
        f'"{german}"',
        f'"{sign}{american}"',
        f'"{american}"',
        f"{whole}.{rest:02}",
        "",
    )
    return rng.choices(forms, (8, 3, 5, 2, 5, 1))[0]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────


def _file_name(day: int) -> str:
    when = setting.on(day)
    return f"costs-{when.year}-q{(when.month + 2) // 3}.csv"


def make(folder: Path, seed: int) -> int:
    """Write the quarters of the base; returns the size of the file that the next day's lines go to."""
    folder.mkdir(parents=True)
    texts: dict[str, str] = {}
    for day in range(setting.DAYS):
        text = "".join(f"{row}\n" for row in _day_rows(seed, day))
        texts[_file_name(day)] = texts.get(_file_name(day), _HEADER) + text
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(texts.get(_file_name(setting.DAYS), "").encode())


def tick(folder: Path, seed: int, number: int, size: int) -> int:
    """Add a day's lines to its quarter's file; returns the size of the file that the next day's lines go to.

    `size` is that of the file before the tick; after a kill the same call brings it to the same state.
    """
    day = setting.day_of(number)
    text = "" if size else _HEADER
    text += "".join(f"{row}\n" for row in _day_rows(seed, day))
    path = folder / _file_name(day)
    with path.open("r+b" if size else "wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    return size + len(text.encode()) if _file_name(day + 1) == _file_name(day) else 0
