"""The web server's access log: visits to the shop, some of the lines broken, in rotated files."""

# ruff: noqa: PLR2004 - odds are this file's subject

from __future__ import annotations

import gzip
import os
from bisect import bisect_right
from datetime import datetime, time
from typing import TYPE_CHECKING

from penstock.cli.demo import setting
from penstock.cli.demo.setting import DAY

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

FIRST_DAY = setting.DAYS - 21
_WEEKS = tuple((FIRST_DAY + 7 * week) * DAY for week in range(3))  # when each file of the base begins
_NOON = DAY // 2
_OPENED = datetime.combine(setting.OPENED, time())
_VISITS = 195  # a day
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/133.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Version/18.2 Safari/605.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)
_AGENT_WEIGHTS = (16, 33, 30, 17, 4)
_BOT = len(_AGENTS) - 1
_REFERERS = {
    "google": "https://www.google.com/",
    "instagram": "https://l.instagram.com/",
    "newsletter": "-",
    "partners": "https://coffee-blog.example/reviews",
    "direct": "-",
}


def day_lines(seed: int, day: int) -> list[tuple[int, bytes]]:
    """Return a day's lines with the second of the day at which each was written, in order."""
    rng = setting.chance(seed, "web", day)
    date = setting.on(day)
    lines: list[tuple[int, str]] = []
    weight = setting.WEEKDAY_WEIGHTS[date.weekday()] / 100
    for start in _starts(rng, int(_VISITS * weight)):
        _visit(rng, start, f"{date.day:02}/{setting.MONTHS[date.month - 1]}/{date.year}", lines)
    lines.sort()
    made = [(second, line.encode()) for second, line in lines]
    for broken in _broken(rng, made, date.isoformat(), day):
        at = rng.randrange(1, len(made) - 1)
        made.insert(at, (made[at - 1][0], broken))
    return made


def _starts(rng: Random, count: int) -> list[int]:
    hours = rng.choices(range(24), setting.HOUR_WEIGHTS, k=count)
    return [hour * 3600 + int(3600 * rng.random()) for hour in hours]


def _visit(rng: Random, second: int, date: str, lines: list[tuple[int, str]]) -> None:
    """Append what one visitor asked for; the next page comes some seconds after the one before."""
    random = rng.random
    host = f"10.{int(random() * 40)}.{int(random() * 256)}.{int(random() * 256)}"
    agent = rng.choices(range(len(_AGENTS)), _AGENT_WEIGHTS)[0]
    channel = rng.choices(setting.CHANNELS, setting.CHANNEL_WEIGHTS)[0]
    referer = _REFERERS[channel]
    for request, status in _pages(rng, agent == _BOT, channel):
        if second >= DAY:
            return
        when = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        size = "-" if status == 304 else str(int(900 + 30_000 * random() ** 3))
        asked = f'"{request} HTTP/1.1" {status} {size} "{referer}" "{_AGENTS[agent]}"'
        lines.append((second, f"{host} - - [{date}:{when} +0000] {asked}"))
        second += 2 + int(70 * random() ** 2)
        referer = "https://shop.example/"


def _pages(rng: Random, bot: bool, channel: str) -> list[tuple[str, int]]:
    """Return what a visitor asks for, and the answers: from the landing page as far as the order."""
    random = rng.random

    def product() -> str:
        return f"/product/{1 + int(setting.PRODUCTS * random() ** 1.5)}"

    if bot:
        return [
            ("GET /robots.txt", 200),
            *[(f"GET {product()}", 200) for _ in range(6)],
            ("GET /wp-login.php", 404),
        ]
    tag = f"?utm_source={channel}" if channel != "direct" else ""
    pages = [(f"GET /{tag}" if random() < 0.4 else f"GET {product()}{tag}", 200)]
    pages += [(f"GET {product()}", 304 if random() < 0.06 else 200) for _ in range(int(5 * random() ** 1.4))]
    if random() < 0.30:
        pages.append(("POST /cart", 303))
        if random() < 0.58:
            pages.append(("GET /checkout", 200))
            if random() < 0.03:
                pages.append(("POST /checkout", 500))
            if random() < 0.72:
                pages += [("POST /checkout", 303), ("GET /thanks", 200)]
    return pages


def _broken(rng: Random, lines: list[tuple[int, bytes]], date: str, day: int) -> list[bytes]:
    """Return what should not stand in an access log, but does."""
    found = [lines[rng.randrange(len(lines))][1][: rng.randrange(12, 30)]]
    if day % 3 == 0:
        found.append(f"{date} 03:14:07 [error] 211#0: *{day} upstream timed out while reading response".encode())
    if day % 10 == 0:
        found.append(b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03\xb4\xff\xfe")
    return found


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────


def make(folder: Path, seed: int) -> int:
    """Write the three files of the base: two weeks of history and the present log, whose size is returned."""
    folder.mkdir(parents=True)
    size = 0
    for week, start in enumerate(_WEEKS):
        days = range(start // DAY, start // DAY + 7)
        text = b"".join(line + b"\n" for day in days for _, line in day_lines(seed, day))
        _write(folder / _file_name(len(_WEEKS) - 1 - week), text)
        size = len(text)
    return size


def tick(folder: Path, seed: int, number: int, size: int) -> int:
    """Add a day: lines to the present log until noon, a rotation, the rest to a new one; returns its size.

    `size` is that of the present log before; after a kill the same call brings all to the same state.
    """
    day = setting.day_of(number)
    lines = day_lines(seed, day)
    cut = next(at for at, (second, _) in enumerate(lines) if second >= _NOON)
    present = _present(folder, number + 1)
    with present.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(b"".join(line + b"\n" for _, line in lines[:cut]))
        file.flush()
        os.fsync(file.fileno())
    rest = b"".join(line + b"\n" for _, line in lines[cut:])
    _settle(folder, number + 2)
    _write(folder / _file_name(0), rest)
    return len(rest)


def _begin(segment: int) -> int:
    """Return when a file of the log begins, in seconds since the opening; each tick begins one at noon."""
    if segment < len(_WEEKS):
        return _WEEKS[segment]
    return setting.day_of(segment - len(_WEEKS) + 1) * DAY + _NOON


def _file_name(age: int) -> str:
    if age < 2:
        return "access.log.1" if age else "access.log"
    return f"access.log.{age}.gz"


def _segment(path: Path) -> int:
    """Return the number of the file in the log's history, told by the time in its first line."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        stamp = file.readline().split(b"[", 1)[1].split(b"]", 1)[0].decode()
    date, hour, minute, second = stamp[:20].split(":")
    day, month, year = date.split("/")
    number = (datetime(int(year), setting.MONTHS.index(month) + 1, int(day)) - _OPENED).days  # noqa: DTZ001
    at = number * DAY + int(hour) * 3600 + int(minute) * 60 + int(second)
    return bisect_right(range(10_000), at, key=_begin) - 1


def _present(folder: Path, segment: int) -> Path:
    return next(path for path in folder.glob("access.log*") if path.suffix != ".tmp" and _segment(path) == segment)


def _settle(folder: Path, newest: int) -> None:
    """Bring every file to the name that it has when `newest` is the present log, whatever a kill left behind.

    The oldest goes first: a name that a file is to take has by then been left by the file before it.
    """
    for left in folder.glob("*.tmp"):
        left.unlink()
    files = sorted(folder.glob("access.log*"), key=lambda path: (_segment(path), path.suffix == ".gz"))
    for path in files:
        target = folder / _file_name(newest - _segment(path))
        if path == target:
            continue
        if target.suffix == ".gz" and path.suffix != ".gz":
            _write(target, path.read_bytes())
            path.unlink()
        else:
            path.replace(target)


def _write(path: Path, text: bytes) -> None:
    """Write a file, whole or not at all; one whose name ends in `.gz` is compressed, the same each time."""
    beside = path.with_name(path.name + ".tmp")
    with beside.open("wb") as file:
        file.write(gzip.compress(text, 6, mtime=0) if path.suffix == ".gz" else text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
