"""The shop's world: when it opened, what it sells, where its customers live, and its one source of chance."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from random import Random

SEED = 7
OPENED = date(2026, 1, 1)
DAYS = 90  # of business before the first tick
DAY = 86_400

CUSTOMERS = 2_000
PRODUCTS = 150
ORDERS = 20_000

CHANNELS = ("google", "instagram", "newsletter", "partners", "direct")
CHANNEL_WEIGHTS = (34, 22, 12, 8, 24)
COUNTRIES = ("DE", "FR", "NL", "AT", "US", "GB", "CH", "SE")
COUNTRY_WEIGHTS = (35, 15, 10, 8, 12, 10, 6, 4)
CURRENCY = {
    "DE": "EUR", "FR": "EUR", "NL": "EUR", "AT": "EUR", "US": "USD", "GB": "GBP", "CH": "CHF", "SE": "SEK",
}  # fmt: skip
LIST_PRICE = {
    "EUR": 1.0,
    "USD": 1.12,
    "GBP": 0.89,
    "CHF": 0.99,
    "SEK": 11.4,
}  # a euro's worth, as the shop prices it
RATE = {"USD": 0.9120, "GBP": 1.1650, "CHF": 1.0480, "SEK": 0.0884}  # euros for one unit, on the first day
CARRIERS = ("dhl", "dpd", "ups", "post")
CARRIER_WEIGHTS = (40, 25, 15, 20)
CARRIER_DAYS = {"dhl": 2, "dpd": 3, "ups": 2, "post": 4}  # promised

HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 12, 12, 12, 13, 15, 18, 19, 15, 9, 4)
WEEKDAY_WEIGHTS = (100, 96, 95, 98, 104, 118, 122)


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


MONTHS = _words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
FIRST_NAMES = _words(
    "Ada Alma Anna Ben Carla Chloe Clara David Elena Elias Emil Emma Eva Felix Finn Freya Greta Hanna Hugo",
    "Ines Jakob Jan Jonas Julia Karl Kira Lars Lea Leo Lina Lotte Luca Lucia Maja Marie Mats Max Mia Mila",
    "Nina Noah Nora Olga Oskar Otto Paul Pia Rosa Ruth Sara Sofia Theo Tilda Tom Vera Viktor Wim Zoe",
)
LAST_NAMES = _words(
    "Adler Andersson Bach Baker Becker Bernard Blanc Bosch Brandt Carter Dubois Engel Evans Fischer Fournier",
    "Frank Garcia Girard Graf Gruber Haas Hall Hansen Hoffmann Huber Jansen Johansson Keller Klein Koch",
    "Lang Larsson Lefevre Lindqvist Maier Martin Mercier Meyer Miller Moreau Moser Nilsson Petit Richter",
    "Roux Schmid Schulz Simon Smit Taylor Turner Vogel Wagner Walker Weber Winter Wolf Wood",
)

# category: (nouns, lowest and highest price in cents)
RANGE = {
    "beans": ("Espresso Filter Decaf Sumatra Yirgacheffe Huila Antigua Kivu", 890, 2490),
    "brewers": ("Dripper Press Moka Siphon Kettle Chemist", 1990, 11900),
    "grinders": ("Hand-Grinder Mill Burr-Set Doser", 3900, 34900),
    "machines": ("Single-Boiler Lever Twin-Boiler Capsule-Free", 18900, 149900),
    "cups": ("Cup Mug Tumbler Glass Saucer", 590, 2990),
    "care": ("Descaler Brush Tamper Scale Filter-Paper Cloth", 390, 6900),
}
DEMAND = {"beans": 4.0, "brewers": 0.9, "grinders": 0.15, "machines": 0.02, "cups": 1.6, "care": 1.8}
MAKES = _words("Alba Brio Corvo Duna Faro Lido Mondo Nube Onda Prato Rivo Sasso Terra Vento")


def chance(*parts: object) -> Random:
    """Return a generator of chance that depends on nothing but `parts`, on whatever machine."""
    return Random("/".join(map(str, parts)))  # noqa: S311 - the shop keeps no secrets


def day_of(tick: int) -> int:
    """Return the number (0: the opening) of the day that a tick adds; tick 0 is the last of the base."""
    return DAYS - 1 + tick


def on(day: int) -> date:
    """Return the date of a day's number."""
    return OPENED + timedelta(days=day)


_MINUTES = [f" {hour:02}:{minute:02}:" for hour in range(24) for minute in range(60)]
_SECONDS = [f"{second:02}" for second in range(60)]


@cache
def iso(day: int) -> str:
    """Return the date of a day's number as text."""
    return on(day).isoformat()


def stamp(second: int) -> str:
    """Return an instant, in seconds since the opening, as the shop writes it.

    >>> stamp(86_400 + 61)
    '2026-01-02 00:01:01'
    """
    minute, second = divmod(second, 60)
    day, minute = divmod(minute, 1440)
    return iso(day) + _MINUTES[minute] + _SECONDS[second]
