"""A day in the shop: what a tick changes in the store's database and in what its API serves."""

# ruff: noqa: PLR2004 - odds and counts are this file's subject

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.cli.demo import setting, store
from penstock.cli.demo.setting import DAY, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from random import Random

_NEW_CUSTOMERS = 14
_NEW_ORDERS = 230  # on an ordinary day
_LATE_ORDERS = 15  # taken at a fair, days ago, and entered today
_EVENING = 20 * 3600


def write(con: sqlite3.Connection, seed: int, tick: int) -> None:
    """Carry out the changes of a tick's day; the caller's transaction makes them one."""
    day = setting.day_of(tick)
    _move_parcels(con, setting.chance(seed, tick, "parcels"), day)
    _cancel_and_return(con, setting.chance(seed, tick, "regret"), day)
    _correct_lines(con, setting.chance(seed, tick, "corrections"), day)
    _change_customers(con, setting.chance(seed, tick, "people"), day)
    _take_orders(con, setting.chance(seed, tick, "orders"), day)
    _change_products(con, setting.chance(seed, tick, "products"), day)
    _quote_rates(con, setting.chance(seed, tick, "rates"), day)


def _moment(rng: Random, day: int) -> int:
    """Return an instant of the day, in seconds since the opening."""
    return day * DAY + 8 * 3600 + rng.randrange(12 * 3600)


def _move_parcels(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Send what was paid before today, and hand over what has been on its way for a while."""
    paid = con.execute(
        "select order_id from orders where status = 'paid' and ordered_at < ? order by order_id",
        (stamp(day * DAY),),
    ).fetchall()
    sent = con.execute(
        "select order_id from orders where status = 'shipped' and updated_at < ? order by order_id",
        (stamp((day - 1) * DAY),),
    ).fetchall()
    for (order,) in paid:
        if rng.random() < 0.82:
            at = _moment(rng, day)
            carrier = rng.choices(setting.CARRIERS, setting.CARRIER_WEIGHTS)[0]
            con.execute(store.INSERT["shipments"], store.shipment(order, carrier, at, 0, order % 9 == 0))
            _set_status(con, order, "shipped", at)
    for (order,) in sent:
        if rng.random() < 0.55:
            at = _moment(rng, day)
            con.execute(
                "update api.shipments set delivered_at = ?, updated_at = ? where shipment_id = ?",
                (stamp(at), stamp(at), store.parcel(order)),
            )
            _set_status(con, order, "delivered", at)


def _cancel_and_return(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Cancel a few orders that are paid, and take back a few that were delivered in the last days."""
    for was, becomes, count in (("paid", "cancelled", 9), ("delivered", "returned", 7)):
        found = con.execute(
            "select order_id from orders where status = ? and updated_at between ? and ? order by order_id",
            (was, stamp((day - 8) * DAY), stamp(day * DAY)),
        ).fetchall()
        for (order,) in rng.sample(found, min(count, len(found))):
            _set_status(con, order, becomes, _moment(rng, day))


def _set_status(con: sqlite3.Connection, order: int, status: str, at: int) -> None:
    con.execute("update orders set status = ?, updated_at = ? where order_id = ?", (status, stamp(at), order))


def _correct_lines(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Correct quantities that were typed wrong in the last days."""
    found = con.execute(
        "select line_id from order_lines where updated_at >= ? order by line_id", (stamp((day - 4) * DAY),)
    ).fetchall()
    for (line,) in rng.sample(found, min(8, len(found))):
        con.execute(
            "update order_lines set quantity = quantity + 1, updated_at = ? where line_id = ?",
            (stamp(_moment(rng, day)), line),
        )


def _change_customers(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Add who signed up today, and note that a few moved or have another e-mail address."""
    (last,) = con.execute("select max(customer_id) from customers").fetchone()
    for who in rng.sample(range(1, last + 1), 5):
        at = stamp(_moment(rng, day))
        con.execute(
            "update customers set email = ?, updated_at = ? where customer_id = ?",
            (f"new{who}@example.com", at, who),
        )
    (mover,) = rng.sample(range(1, last + 1), 1)
    country = rng.choice(setting.COUNTRIES)
    con.execute(
        "update customers set country = ?, updated_at = ? where customer_id = ?",
        (country, stamp(_moment(rng, day)), mover),
    )
    new = [store.customer(rng, last + 1 + i, day * DAY + rng.randrange(8 * 3600)) for i in range(_NEW_CUSTOMERS)]
    con.executemany(store.INSERT["customers"], new)


def _take_orders(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Add the day's orders, and some that were made days ago and are entered only this evening."""
    (last_order,) = con.execute("select max(order_id) from orders").fetchone()
    (last_line,) = con.execute("select max(line_id) from order_lines").fetchone()
    countries = dict(con.execute("select customer_id, country from customers").fetchall())
    buyers = _buyers(con, rng, day)
    basket = store.Basket(con.execute("select * from products order by product_id").fetchall(), rng, last_line + 1)
    count = _NEW_ORDERS * setting.WEEKDAY_WEIGHTS[setting.on(day).weekday()] // 100
    made = [(day * DAY + second, 0) for second in sorted(store.seconds_of_day(rng, count))]
    made += [
        ((day - rng.randint(2, 6)) * DAY + rng.randrange(DAY), day * DAY + _EVENING + i) for i in range(_LATE_ORDERS)
    ]
    orders, lines = [], list[store.Line]()
    for number, (second, entered) in enumerate(made, last_order + 1):
        who = buyers()
        currency = setting.CURRENCY[countries[who]]
        at = stamp(entered or second)
        orders.append((number, who, "paid", currency, stamp(second), at))
        basket.fill(number, currency, at, lines)
    con.executemany(store.INSERT["orders"], orders)
    con.executemany(store.INSERT["lines"], lines)


def _buyers(con: sqlite3.Connection, rng: Random, day: int) -> Callable[[], int]:
    """Return what picks a customer: most bought in the last weeks, some signed up today."""
    since = (stamp((day - 30) * DAY), stamp(day * DAY))
    recent = con.execute(
        "select customer_id from orders where ordered_at between ? and ? order by order_id", since
    ).fetchall()
    (last,) = con.execute("select max(customer_id) from customers").fetchone()

    def pick() -> int:
        luck = rng.random()
        if luck < 0.06:
            return int(last - rng.randrange(_NEW_CUSTOMERS))
        if luck < 0.08:
            return rng.randint(1, last)
        who: int = rng.choice(recent)[0]
        return who

    return pick


def _change_products(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Take today's sales from the stock, fill up what runs low, and change a few prices."""
    con.execute(
        "update products set stock = max(0, stock - sold.pieces) from"
        " (select product_id, sum(quantity) as pieces from order_lines where updated_at >= ? group by 1) sold"
        " where sold.product_id = products.product_id",
        (stamp(day * DAY),),
    )
    low = con.execute("select product_id from products where stock < 15 order by product_id").fetchall()
    for (product,) in low:
        if rng.random() < 0.5:
            con.execute(
                "update products set stock = stock + ? where product_id = ?",
                (rng.randrange(80, 300), product),
            )
    for product in rng.sample(range(1, setting.PRODUCTS + 1), 3):
        factor = rng.choice((0.9, 0.95, 1.05, 1.1))
        con.execute(
            "update products set price_cents = cast(price_cents * ? as integer) where product_id = ?",
            (factor, product),
        )


def _quote_rates(con: sqlite3.Connection, rng: Random, day: int) -> None:
    """Publish the day's rates if it is a business day, and correct one that was published a week ago."""
    known = con.execute(
        "select currency, eur from api.rates where day = (select max(day) from api.rates) order by currency"
    ).fetchall()
    published = stamp(day * DAY + 57_600)
    if setting.on(day).weekday() < 5:
        fresh = [
            (setting.iso(day), name, f"{float(eur) * (1 + rng.uniform(-0.004, 0.004)):.6f}", published)
            for name, eur in known
        ]
        con.executemany(store.INSERT["rates"], fresh)
    currency = rng.choice(sorted(setting.RATE))
    con.execute(
        "update api.rates set eur = printf('%.6f', eur * 1.002), updated_at = ? where currency = ?"
        " and day = (select max(day) from api.rates where day <= ?)",
        (published, currency, setting.iso(day - 7)),
    )
