"""The store's database after the first ninety days: customers, products, orders and their lines."""

# ruff: noqa: PLR2004 - odds and spans are this file's subject

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from penstock.cli.demo import setting
from penstock.cli.demo.setting import DAY, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from random import Random

TABLES = """
create table customers (
  customer_id integer primary key,
  name        text not null,
  email       text,
  country     text not null,
  channel     text not null,
  created_at  timestamp not null,
  updated_at  timestamp not null
);
create table products (
  product_id  integer primary key,
  name        text not null,
  category    text not null,
  price_cents integer not null,
  cost_cents  integer not null,
  stock       integer not null
);
create table orders (
  order_id    integer primary key,
  customer_id integer not null,
  status      text not null,
  currency    text not null,
  ordered_at  timestamp not null,
  updated_at  timestamp not null
);
create table order_lines (
  line_id     integer primary key,
  order_id    integer not null,
  product_id  integer not null,
  quantity    integer not null,
  unit_cents  integer not null,
  updated_at  timestamp not null
);
create table api.shipments (
  shipment_id  text primary key,
  order_id     integer not null,
  carrier      text not null,
  service      text not null,
  promised_on  text not null,
  shipped_at   text not null,
  delivered_at text,
  updated_at   text not null
);
create table api.rates (
  day        text not null,
  currency   text not null,
  eur        text not null,
  updated_at text not null,
  primary key (day, currency)
);
"""
INSERT = {
    "customers": "insert into customers values (?, ?, ?, ?, ?, ?, ?)",
    "products": "insert into products values (?, ?, ?, ?, ?, ?)",
    "orders": "insert into orders values (?, ?, ?, ?, ?, ?)",
    "lines": "insert into order_lines values (?, ?, ?, ?, ?, ?)",
    "shipments": "insert into api.shipments values (?, ?, ?, ?, ?, ?, ?, ?)",
    "rates": "insert into api.rates values (?, ?, ?, ?)",
}

Product = tuple[int, str, str, int, int, int]
Line = tuple[int, int, int, int, int, str]


def fill(con: sqlite3.Connection, seed: int) -> None:
    """Fill the tables of the store and of its API with the first ninety days."""
    products = _products(setting.chance(seed, "products"))
    starts, customers = _customers(setting.chance(seed, "customers"))
    orders, shipments = _orders(setting.chance(seed, "orders"), starts, customers)
    basket = Basket(products, setting.chance(seed, "lines"))
    lines: list[Line] = []
    for order in orders:
        basket.fill(order[0], order[3], order[4], lines)
    con.executemany(INSERT["products"], products)
    con.executemany(INSERT["customers"], customers)
    con.executemany(INSERT["orders"], orders)
    con.executemany(INSERT["lines"], lines)
    con.executemany(INSERT["shipments"], shipments)
    con.executemany(INSERT["rates"], _rates(setting.chance(seed, "rates")))


def _products(rng: Random) -> list[Product]:
    made: list[Product] = []
    categories = list(setting.RANGE)
    for number in range(1, setting.PRODUCTS + 1):
        category = categories[number % len(categories)]
        nouns, low, high = setting.RANGE[category]
        name = f"{rng.choice(setting.MAKES)} {rng.choice(nouns.split())} {number}"
        price = int(low * (high / low) ** rng.random()) // 10 * 10
        made.append((number, name, category, price, int(price * rng.uniform(0.42, 0.78)), rng.randrange(20, 420)))
    return made


def customer(rng: Random, number: int, second: int) -> tuple[int, str, str, str, str, str, str]:
    """Return a new customer who signed up at an instant; some e-mails are typed carelessly."""
    first, last = rng.choice(setting.FIRST_NAMES), rng.choice(setting.LAST_NAMES)
    email = f"{first}.{last}{number}@example.com".lower()
    if rng.random() < 0.06:
        email = f"  {email.upper()} "
    country = rng.choices(setting.COUNTRIES, setting.COUNTRY_WEIGHTS)[0]
    channel = rng.choices(setting.CHANNELS, setting.CHANNEL_WEIGHTS)[0]
    at = stamp(second)
    return number, f"{first} {last}", email, country, channel, at, at


def _customers(rng: Random) -> tuple[list[int], list[tuple[int, str, str, str, str, str, str]]]:
    """Return the day on which each signs up, growing, and the customers."""
    starts = sorted(int(setting.DAYS * rng.random() ** 1.6) for _ in range(setting.CUSTOMERS))
    return starts, [customer(rng, i + 1, day * DAY + rng.randrange(8 * 3600)) for i, day in enumerate(starts)]


def seconds_of_day(rng: Random, count: int) -> list[int]:
    """Return instants within a day, more of them in the evening."""
    hours = rng.choices(range(24), setting.HOUR_WEIGHTS, k=count)
    return [hour * 3600 + second for hour, second in zip(hours, rng.choices(range(3600), k=count), strict=True)]


class Basket:
    """Puts products into orders: some sell far more than others, and some are bought together."""

    def __init__(self, products: list[Product], rng: Random, first_line: int = 1) -> None:
        self._rng = rng
        self._next = first_line
        self._ids = [product[0] for product in products]
        self._together = {one: self._ids[(at * 7 + 3) % len(self._ids)] for at, one in enumerate(self._ids)}
        self._reach = list(
            accumulate(setting.DEMAND[product[2]] / (5 + (product[0] * 37) % 113) for product in products)
        )
        self._price = {
            currency: {product[0]: int(product[3] * factor) for product in products}
            for currency, factor in setting.LIST_PRICE.items()
        }

    def fill(self, order: int, currency: str, at: str, lines: list[Line]) -> None:
        """Append the lines of an order to `lines`; no product stands in it twice."""
        random, price, chosen = self._rng.random, self._price[currency], 0
        taken: list[int] = []
        for _ in range(1 + int(3.9 * random() ** 1.35)):
            if chosen and random() < 0.3:
                chosen = self._together[chosen]
            else:
                chosen = self._ids[bisect_right(self._reach, random() * self._reach[-1])]
            if chosen in taken:
                continue
            taken.append(chosen)
            pieces = 1 if (r := random()) < 0.8 else 2 if r < 0.95 else 4
            lines.append((self._next, order, chosen, pieces, price[chosen], at))
            self._next += 1


def _orders(
    rng: Random, starts: list[int], customers: list[tuple[int, str, str, str, str, str, str]]
) -> tuple[list[tuple[int, int, str, str, str, str]], list[tuple[object, ...]]]:
    """Return the orders and the parcels that were sent for them."""
    weights = [setting.WEEKDAY_WEIGHTS[setting.on(d).weekday()] * (60 + d) for d in range(setting.DAYS)]
    days = rng.choices(range(setting.DAYS), weights, k=setting.ORDERS)
    times = sorted(d * DAY + s for d, s in zip(days, seconds_of_day(rng, setting.ORDERS), strict=True))
    buyers = _buyers(rng, starts)
    currency = [setting.CURRENCY[customer[3]] for customer in customers]
    orders: list[tuple[int, int, str, str, str, str]] = []
    shipments: list[tuple[object, ...]] = []
    carriers = rng.choices(setting.CARRIERS, setting.CARRIER_WEIGHTS, k=setting.ORDERS)
    for number, second in enumerate(times, 1):
        who = buyers(second // DAY)
        carrier, express = carriers[number - 1], number % 9 == 0
        status, changed, shipped, delivered = _fate(rng, second, 0 if express else setting.CARRIER_DAYS[carrier])
        at = stamp(changed)
        orders.append((number, who + 1, status, currency[who], stamp(second), at))
        if shipped:
            shipments.append(shipment(number, carrier, shipped, delivered, express))
    return orders, shipments


def _buyers(rng: Random, starts: list[int]) -> Callable[[int], int]:
    """Return what picks a customer for a day: some buy often, some once, and many stop after a while."""
    numbers = range(len(starts))
    often = list(accumulate(1 / (0.03 + rng.random()) for _ in numbers))
    ends = [start + int(rng.expovariate(1 / 70) if rng.random() > 0.25 else 3 * rng.random()) for start in starts]
    ends[0] = setting.DAYS

    def draws() -> Iterator[int]:
        while True:
            yield from rng.choices(numbers, cum_weights=often, k=4096)

    pool = draws()

    def pick(day: int) -> int:
        for who in pool:
            if starts[who] <= day <= ends[who]:
                return who
        raise AssertionError  # the pool has no end

    return pick


def _fate(rng: Random, second: int, days: int) -> tuple[str, int, int, int]:
    """Return an order's status at the end, since when, and when it was shipped and delivered (or 0)."""
    end = setting.DAYS * DAY
    luck = rng.random()
    if luck < 0.055:
        gone = second + 600 + int(DAY * 1.2 * rng.random())
        return ("cancelled", gone, 0, 0) if gone < end else ("paid", second, 0, 0)
    shipped = second + 7200 + int(1.6 * DAY * rng.random())
    if shipped >= end:
        return "paid", second, 0, 0
    late = 2.5 if luck > 0.93 else 0
    delivered = shipped + int(DAY * (max(days - 1.1, 0.2) + 1.4 * rng.random() + late))
    if delivered >= end:
        return "shipped", shipped, shipped, 0
    returned = delivered + int(DAY * (2 + 9 * rng.random()))
    if luck < 0.09 and returned < end:
        return "returned", returned, shipped, delivered
    return "delivered", delivered, shipped, delivered


def parcel(order: int) -> str:
    """Return the number of an order's parcel."""
    return f"S{order:06}"


def shipment(order: int, carrier: str, shipped: int, delivered: int, express: bool) -> tuple[object, ...]:
    """Return an order's parcel; it is on its way while `delivered` is 0."""
    promised = shipped // DAY + (1 if express else setting.CARRIER_DAYS[carrier])
    sent = stamp(shipped)
    came = stamp(delivered) if delivered else None
    return (
        parcel(order),
        order,
        carrier,
        "express" if express else "standard",
        setting.iso(promised),
        sent,
        came,
        came or sent,
    )


def _rates(rng: Random) -> list[tuple[str, str, str, str]]:
    """Return what each currency was worth in euros on business days, from two days before the opening."""
    worth = dict(setting.RATE)
    made = []
    for day in range(-2, setting.DAYS):
        if setting.on(day).weekday() < 5:
            for name, before in worth.items():
                eur = worth[name] = before * (1 + rng.uniform(-0.004, 0.004))
                made.append((setting.iso(day), name, f"{eur:.6f}", stamp(day * DAY + 57_600)))
    return made
