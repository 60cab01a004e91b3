"""What every table of the shop must hold, worked out in plain Python, apart from Penstock."""

# ruff: noqa: PLR2004 - the numbers of the definitions, written a second time on purpose

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from statistics import mean, median
from typing import TYPE_CHECKING

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.cli.demo.evidence import Evidence, Hit, Row

_CENT = Decimal("0.01")
_ZERO = Decimal(0)
_LOST = ("cancelled", "returned")


@record
class Expected:
    """What a table must hold: its columns, the first `key` of which tell rows apart, and its rows."""

    columns: tuple[str, ...]
    key: int
    rows: list[Row]


def tables(evidence: Evidence) -> dict[str, Expected]:
    """Return every table by name, the raw ones first."""
    shop = Shop(evidence)
    return {
        **_raw(evidence),
        "sales.lines": Expected(
            (
                "line_id",
                "order_id",
                "customer_id",
                "product_id",
                "day",
                "kept",
                "pieces",
                "revenue_eur",
                "cost_eur",
            ),
            1,
            shop.lines,
        ),
        "sales.orders": Expected(
            ("order_id", "customer_id", "day", "kept", "lines", "pieces", "revenue_eur", "cost_eur"),
            1,
            shop.orders,
        ),
        **{name: make(shop) for name, make in _TABLES.items()},
    }


def _raw(evidence: Evidence) -> dict[str, Expected]:
    customer = ("customer_id", "name", "email", "country", "channel", "created_at", "updated_at")
    order = ("order_id", "customer_id", "status", "currency", "ordered_at", "updated_at")
    line = ("line_id", "order_id", "product_id", "quantity", "unit_cents", "updated_at")
    parcel = (
        "shipment_id", "order_id", "carrier.code", "carrier.service", "promised_on", "shipped_at",
        "delivered_at", "updated_at",
    )  # fmt: skip
    hits = [(h.host, h.method, h.path, h.status, h.size, h.agent) for h in evidence.hits]
    costs = [(c.day, c.channel, c.campaign, c.amount, c.currency, c.clicks) for c in evidence.costs]
    return {
        "raw.customers": Expected(customer, 1, [(*r[:2], r[2].strip().lower(), *r[3:]) for r in evidence.customers]),
        "raw.products": Expected(
            ("product_id", "name", "category", "price_cents", "cost_cents", "stock"), 1, evidence.products
        ),
        "raw.orders": Expected(order, 1, evidence.orders),
        "raw.order_lines": Expected(line, 1, evidence.lines),
        "raw.rates": Expected(("day", "currency", "eur"), 2, [r[:3] for r in evidence.rates]),
        "raw.shipments": Expected(parcel, 1, evidence.shipments),
        "raw.hits": Expected(("host", "method", "path", "status", "size", "agent"), 6, hits),
        "raw.marketing": Expected(("day", "channel", "campaign", "cost", "currency", "clicks"), 6, costs),
    }


def _month(day: date) -> date:
    return day.replace(day=1)


def _share(part: Decimal | int, whole: Decimal | int | None) -> float | None:
    return float(part) / float(whole) if whole else None


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, _ZERO)


class Shop:
    """The evidence joined once: lines and orders in euros, and lookups that several tables need."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.products = {row[0]: row for row in evidence.products}
        self.customers = {row[0]: row for row in evidence.customers}
        self._rates: dict[str, tuple[list[date], list[Decimal]]] = defaultdict(lambda: ([], []))
        for day, currency, eur, _ in sorted(evidence.rates):
            self._rates[currency][0].append(day)
            self._rates[currency][1].append(eur)
        self.lines = self._lines()
        self.orders = self._orders()
        self.kept_lines = [line for line in self.lines if line[5]]
        self.kept_orders = [order for order in self.orders if order[3]]
        self.last_day = max(line[4] for line in self.lines)

    def in_euros(self, amount: Decimal, currency: str, day: date) -> Decimal:
        """Return an amount at the last rate up to a day, rounded to the cent."""
        if currency != "EUR":
            days, rates = self._rates[currency]
            amount *= rates[bisect_right(days, day) - 1]
        return amount.quantize(_CENT, ROUND_HALF_UP)

    def _lines(self) -> list[Row]:
        orders = {row[0]: row for row in self.evidence.orders}
        made = []
        for line, order, product, quantity, cents, _ in self.evidence.lines:
            _, customer, status, currency, ordered_at, _ = orders[order]
            day = ordered_at.date()
            revenue = self.in_euros(quantity * cents * _CENT, currency, day)
            cost = quantity * self.products[product][4] * _CENT
            made.append((line, order, customer, product, day, status not in _LOST, quantity, revenue, cost))
        return made

    def _orders(self) -> list[Row]:
        grouped: dict[Row, list[Row]] = defaultdict(list)
        for line in self.lines:
            grouped[line[1], line[2], line[4], line[5]].append(line)
        return [
            (
                *key,
                len(lines),
                sum(x[6] for x in lines),
                _total(x[7] for x in lines),
                _total(x[8] for x in lines),
            )
            for key, lines in grouped.items()
        ]

    def by_product(self, since: date | None = None) -> dict[int, tuple[int, Decimal, Decimal]]:
        """Return pieces, revenue and cost of each product that was sold (and kept) from a day on."""
        found: dict[int, tuple[int, Decimal, Decimal]] = {}
        for line in self.kept_lines:
            if since is None or line[4] >= since:
                pieces, revenue, cost = found.get(line[3], (0, _ZERO, _ZERO))
                found[line[3]] = (pieces + line[6], revenue + line[7], cost + line[8])
        return found


def _daily(shop: Shop) -> Expected:
    columns = (
        "day",
        "orders",
        "lost_orders",
        "revenue_eur",
        "margin_eur",
        "average_order_eur",
        "week_average_eur",
    )
    days: dict[date, list[Row]] = defaultdict(list)
    for order in shop.orders:
        days[order[2]].append(order)
    rows: list[Row] = []
    revenues: list[Decimal] = []
    for day, orders in sorted(days.items()):
        kept = [order for order in orders if order[3]]
        revenue = _total(order[6] for order in kept)
        revenues.append(revenue)
        margin = revenue - _total(order[7] for order in kept)
        week = _share(_total(revenues[-7:]), len(revenues[-7:]))
        rows.append((day, len(kept), len(orders) - len(kept), revenue, margin, _share(revenue, len(kept)), week))
    return Expected(columns, 1, rows)


def _top_products(shop: Shop) -> Expected:
    sold = shop.by_product(shop.last_day - timedelta(days=27))
    best = sorted(sold.items(), key=lambda item: (-item[1][1], item[0]))[:20]
    rows = [
        (product, place, *shop.products[product][1:3], pieces, revenue)
        for place, (product, (pieces, revenue, _)) in enumerate(best, 1)
    ]
    return Expected(("product_id", "place", "name", "category", "pieces", "revenue_eur"), 1, rows)


def _basket_pairs(shop: Shop) -> Expected:
    baskets: dict[int, list[int]] = defaultdict(list)
    for line in shop.kept_lines:
        baskets[line[1]].append(line[3])
    pairs = Counter(pair for products in baskets.values() for pair in combinations(sorted(products), 2))
    rows = [(a, b, shop.products[a][1], shop.products[b][1], n) for (a, b), n in pairs.items() if n >= 25]
    return Expected(("product_id", "with_id", "product", "with_product", "orders"), 2, rows)


def _cancellations(shop: Shop) -> Expected:
    groups: dict[tuple[date, str], list[Row]] = defaultdict(list)
    for order in shop.orders:
        groups[_month(order[2]), shop.customers[order[1]][3]].append(order)
    rows = []
    for key, orders in groups.items():
        lost = [order for order in orders if not order[3]]
        rows.append((*key, len(orders), len(lost), _total(o[6] for o in lost), _share(len(lost), len(orders))))
    return Expected(("month", "country", "orders", "lost_orders", "lost_eur", "lost_share"), 2, rows)


def _margin(shop: Shop) -> Expected:
    columns = (
        "product_id",
        "name",
        "category",
        "pieces",
        "revenue_eur",
        "cost_eur",
        "margin_eur",
        "margin_share",
        "place",
    )
    sold = shop.by_product()
    order = sorted(sold, key=lambda p: (shop.products[p][2], sold[p][2] - sold[p][1], p))
    seen: Counter[str] = Counter()
    rows = []
    for product in order:
        pieces, revenue, cost = sold[product]
        name, category = shop.products[product][1:3]
        seen[category] += 1
        margin = revenue - cost
        rows.append((product, name, category, pieces, revenue, cost, margin, _share(margin, revenue), seen[category]))
    return Expected(columns, 1, rows)


def _stock_risk(shop: Shop) -> Expected:
    sold = shop.by_product(shop.last_day - timedelta(days=13))
    rows = []
    for product, name, _, _, _, stock in shop.products.values():
        pieces = sold[product][0] if product in sold else 0
        days = stock * 14 / pieces if pieces else None
        state = "idle" if days is None else "order" if days < 10 else "watch" if days < 30 else "fine"
        rows.append((product, name, stock, pieces, days, state))
    return Expected(("product_id", "name", "stock", "sold_in_14_days", "days_left", "state"), 1, rows)


def _lifetime_value(shop: Shop) -> Expected:
    columns = (
        "customer_id",
        "name",
        "country",
        "channel",
        "first_day",
        "last_day",
        "orders",
        "revenue_eur",
        "margin_eur",
    )
    bought: dict[int, list[Row]] = defaultdict(list)
    for order in shop.kept_orders:
        bought[order[1]].append(order)
    rows = []
    for number, name, _, country, channel, *_ in shop.evidence.customers:
        orders = bought.get(number, [])
        days = [order[2] for order in orders]
        revenue = _total(order[6] for order in orders)
        margin = revenue - _total(order[7] for order in orders)
        first, last = min(days, default=None), max(days, default=None)
        rows.append((number, name, country, channel, first, last, len(orders), revenue, margin))
    return Expected(columns, 1, rows)


def _cohorts(shop: Shop) -> Expected:
    firsts: dict[int, date] = {}
    for order in shop.kept_orders:
        firsts[order[1]] = min(order[2], firsts.get(order[1], order[2]))
    sizes = Counter(_month(day) for day in firsts.values())
    groups: dict[tuple[date, int], list[Row]] = defaultdict(list)
    for order in shop.kept_orders:
        cohort, day = _month(firsts[order[1]]), order[2]
        groups[cohort, (day.year - cohort.year) * 12 + day.month - cohort.month].append(order)
    rows = []
    for (cohort, number), orders in groups.items():
        who = len({order[1] for order in orders})
        revenue = _total(order[6] for order in orders)
        rows.append((cohort, number, who, len(orders), revenue, _share(who, sizes[cohort])))
    return Expected(("cohort", "month_number", "customers", "orders", "revenue_eur", "share"), 2, rows)


def _delays(shop: Shop) -> Expected:
    columns = ("month", "carrier", "service", "parcels", "delivered", "late", "median_days", "longest_days")
    groups: dict[Row, list[Row]] = defaultdict(list)
    for parcel in shop.evidence.shipments:
        groups[_month(parcel[5].date()), parcel[2], parcel[3]].append(parcel)
    rows: list[Row] = []
    for key, parcels in groups.items():
        came = [p for p in parcels if p[6] is not None]
        days = [(p[6] - p[5]).total_seconds() / 86400 for p in came]
        late = sum(p[6].date() > p[4] for p in came)
        rows.append((*key, len(parcels), len(came), late, median(days) if days else None, max(days, default=None)))
    return Expected(columns, 3, rows)


def _people(shop: Shop) -> list[Hit]:
    return [hit for hit in shop.evidence.hits if "bot" not in hit.agent.lower()]


def _hits(shop: Shop) -> Expected:
    rows = []
    for hit in _people(shop):
        page, _, query = hit.path.partition("?")
        source = query.removeprefix("utm_source=") or None
        rows.append((hit.at.date(), hit.at.hour, hit.host, hit.method, page, source, hit.status, hit.size or 0))
    return Expected(("day", "hour", "visitor", "method", "page", "source", "status", "bytes"), 8, rows)


def _funnel(shop: Shop) -> Expected:
    visits: dict[date, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for hit in _people(shop):
        steps = visits[hit.at.date()][hit.host]
        page = hit.path.partition("?")[0]
        steps.add("product" if page.startswith("/product/") else f"{hit.method} /cart" if page == "/cart" else page)
    rows = []
    for day, visitors in visits.items():
        reached = Counter(step for steps in visitors.values() for step in steps)
        bought = reached["/thanks"]
        counts = (reached["product"], reached["POST /cart"], reached["/checkout"], bought)
        rows.append((day, len(visitors), *counts, _share(bought, len(visitors))))
    return Expected(("day", "visitors", "viewed", "added", "checked_out", "bought", "conversion"), 1, rows)


def _traffic(shop: Shop) -> Expected:
    hours: dict[int, list[Hit]] = defaultdict(list)
    for hit in _people(shop):
        hours[hit.at.hour].append(hit)
    rows = [
        (
            hour,
            len(hits),
            len({h.host for h in hits}),
            sum(h.status >= 500 for h in hits),
            sum(h.size or 0 for h in hits),
        )
        for hour, hits in hours.items()
    ]
    return Expected(("hour", "hits", "visitors", "failures", "bytes"), 1, rows)


def _roi(shop: Shop) -> Expected:
    columns = (
        "channel",
        "customers",
        "margin_eur",
        "cost_eur",
        "clicks",
        "cost_per_customer_eur",
        "margin_per_euro",
    )
    spent: dict[str, Decimal] = defaultdict(Decimal)
    clicks: dict[str, int] = defaultdict(int)
    for cost in shop.evidence.costs:
        clicks[cost.channel] += cost.clicks or 0
        if cost.amount is not None and cost.day is not None:
            spent[cost.channel] += shop.in_euros(cost.amount, cost.currency, cost.day)
    who: dict[str, set[int]] = defaultdict(set)
    margin: dict[str, Decimal] = defaultdict(Decimal)
    for order in shop.kept_orders:
        channel = shop.customers[order[1]][4]
        who[channel].add(order[1])
        margin[channel] += order[6] - order[7]
    rows: list[Row] = []
    for channel, customers in who.items():
        paid = spent.get(channel)
        each = None if paid is None else _share(paid, len(customers))
        back = None if paid is None else _share(margin[channel], paid)
        rows.append((channel, len(customers), margin[channel], paid or _ZERO, clicks.get(channel), each, back))
    return Expected(columns, 1, rows)


def _segments(shop: Shop) -> Expected:
    rows = []
    for number, _, _, _, first, last, orders, revenue, _ in _lifetime_value(shop).rows:
        if not orders:
            continue
        silent = (shop.last_day - last).days
        if silent > 45:
            segment = "asleep"
        elif orders >= 8 and silent <= 14:
            segment = "champion"
        elif (shop.last_day - first).days < 21:
            segment = "new"
        elif orders >= 4:
            segment = "loyal" if silent <= 21 else "slipping"
        else:
            segment = "occasional"
        rows.append((number, segment, last, orders, revenue))
    return Expected(("customer_id", "segment", "last_day", "orders", "revenue_eur"), 1, rows)


def _outlook(shop: Shop) -> Expected:
    revenue = {row[0]: float(row[3]) for row in _daily(shop).rows}
    last = max(revenue)
    rows = []
    for ahead in range(1, 8):
        day = last + timedelta(days=ahead)
        before = [revenue[day - timedelta(weeks=n)] for n in range(1, 5)]
        rows.append((day, day.strftime("%A"), mean(before), min(before), max(before)))
    return Expected(("day", "weekday", "expected_eur", "lowest_eur", "highest_eur"), 1, rows)


_TABLES: dict[str, Callable[[Shop], Expected]] = {
    "sales.daily": _daily,
    "sales.top_products": _top_products,
    "sales.basket_pairs": _basket_pairs,
    "sales.cancellations": _cancellations,
    "sales.outlook": _outlook,
    "products.margin": _margin,
    "products.stock_risk": _stock_risk,
    "customers.lifetime_value": _lifetime_value,
    "customers.cohorts": _cohorts,
    "customers.segments": _segments,
    "shipping.delays": _delays,
    "web.hits": _hits,
    "web.funnel": _funnel,
    "web.traffic_by_hour": _traffic,
    "marketing.roi": _roi,
}


def rejects(evidence: Evidence) -> dict[str, int]:
    """Return how many rows of each raw table cannot be read."""
    return {"raw.hits": evidence.broken_lines, "raw.marketing": evidence.broken_costs}
