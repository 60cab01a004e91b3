"""Dashboards for the browser's tests: every chart and every awkward input, as the server would answer."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

REGIONS = ("North", "West", "South")
PRODUCTS = (
    "Trail 2 tent",
    "Alpine stove",
    "Merino layer",
    "Headlamp 400",
    "Dry bag 20 l",
    "Trekking poles",
    "Filter bottle",
)
START = datetime(2026, 8, 1, tzinfo=UTC)
LONG = "A very long answer that goes on and on. " * 250


def day(at: int) -> str:
    return (START + timedelta(days=at)).date().isoformat()


def wave(at: int, series: int) -> float:
    level = (27_000, 18_000, 9_000)[series % 3]
    weekly = math.sin(at / 7 * 2 * math.pi) * level * 0.16
    return round(level + weekly + math.sin(at * (series + 2.3)) * level * 0.05 + at * level * 0.0012, 2)


def column(name: str, kind: str, role: str, shape: str = "text", label: str = "") -> dict[str, str]:
    return {"name": name, "label": label or name.capitalize(), "type": kind, "role": role, "format": shape}


def tile(key: str, kind: str, title: str, columns: list[Any], rows: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "kind": kind,
        "state": "ok",
        "message": None,
        "error": None,
        "title": title,
        "subtitle": "",
        "columns": columns,
        "rows": rows,
        "total_rows": len(rows),
        "sampled": False,
        "sql": "select * from orders",
        "definition": "dashboards/sales.md:12\n{{ line revenue }}",
        "tables": ["orders"],
        "as_of": "2026-11-25T21:00:00Z",
        "version": 412,
        "age_seconds": 12,
        "fresh_seconds": 60,
        "used_by": ["stock"],
        "options": {},
        "kpi": None,
        "metrics": [{"name": "revenue", "label": "Revenue", "sql": "sum(amount)", "where": "metrics/orders.toml:9"}],
        "runs": {"orders": "20261125-210000-abc123"},
        **more,
    }


def kpi(
    key: str, title: str, value: Any, shape: str, ratio: float | None, delta: float | None, **more: Any
) -> dict[str, Any]:
    spark = [[day(at), wave(at, 0)] for at in range(90)]
    figure = {
        "value": value,
        "compared": 1,
        "delta": delta,
        "ratio": ratio,
        "good": "up",
        "spark": spark,
        "format": shape,
        **more,
    }
    return tile(key, "kpi", title, [], [], kpi=figure, options={"compare": "previous 90 days"})


TIME = column("ordered_at", "DATE", "x", "date", "Day")
REGION = column("region", "VARCHAR", "series")
REVENUE = column("revenue", "DOUBLE", "y", "usd")


def line(key: str, title: str, names: Any, days: int, value: Any, kind: str = "line", **more: Any) -> dict[str, Any]:
    rows = [[day(at), name, value(at, series)] for series, name in enumerate(names) for at in range(days)]
    options = {"grain": "day", **more.pop("options", {})}
    return tile(key, kind, title, [TIME, REGION, REVENUE], rows, options=options, **more)


def bar(key: str, title: str, pairs: Any, kind: str = "bar", **more: Any) -> dict[str, Any]:
    columns = [column("product", "VARCHAR", "x"), column("revenue", "DOUBLE", "y", more.pop("format", "usd"))]
    return tile(key, kind, title, columns, [list(pair) for pair in pairs], **more)


def compared(key: str) -> dict[str, Any]:
    rows = [[day(at), wave(at, 1), wave(at, 1) * 0.85] for at in range(60)]
    columns = [TIME, REVENUE, column("revenue_before", "DOUBLE", "compared", "usd", "Revenue before")]
    options = {"grain": "day", "compare": "a year ago", "partial": True, "marks": ["last", "max", "min"]}
    return tile(key, "line", "Revenue", columns, rows, options=options)


def gaps(key: str) -> dict[str, Any]:
    days = [*range(15), 20, *range(25, 60)]
    rows = [[day(at), wave(at, 2)] for at in days]
    return tile(key, "area", "With gaps", [TIME, REVENUE], rows, options={"grain": "day"})


def scatter(key: str) -> dict[str, Any]:
    rows = [
        [20 + (at * 7919 % 980) / 10, round(5 + (at * 104_729 % 700) / 100 + at % 3 * 4, 2), REGIONS[at % 3]]
        for at in range(240)
    ]
    columns = [column("amount", "DOUBLE", "x", "usd"), column("days", "DOUBLE", "y", "number"), REGION]
    return tile(key, "scatter", "Amount and days to deliver", columns, rows)


def histogram(key: str) -> dict[str, Any]:
    rows = [[at * 10, at * 10 + 10, round(900 * math.exp(-(((at - 7) / 5) ** 2)))] for at in range(24)]
    columns = [
        column("low", "DOUBLE", "x", "usd"),
        column("high", "DOUBLE", "x", "usd"),
        column("orders", "BIGINT", "y", "integer"),
    ]
    return tile(key, "histogram", "Order values", columns, rows)


def heatmap(key: str) -> dict[str, Any]:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    rows = [
        [hour, name, round(80 + 60 * math.sin(hour / 3.8) + at * 9)]
        for at, name in enumerate(days)
        for hour in range(0, 24, 2)
    ]
    columns = [
        column("hour", "BIGINT", "x", "integer"),
        column("weekday", "VARCHAR", "series"),
        column("orders", "BIGINT", "y", "integer"),
    ]
    return tile(key, "heatmap", "Orders by hour", columns, rows)


def box(key: str) -> dict[str, Any]:
    rows = [[name, 2 + at, 8 + at * 3, 14 + at * 5, 25 + at * 5, 60 + at * 9] for at, name in enumerate(REGIONS)]
    parts = ("least", "lower", "median", "upper", "greatest")
    columns = [column("region", "VARCHAR", "x"), *(column(name, "DOUBLE", "y", "duration") for name in parts)]
    return tile(key, "box", "Time to pack", columns, rows)


def table(key: str, rows: int = 40) -> dict[str, Any]:
    columns = [
        column("customer", "VARCHAR", "label"),
        column("region", "VARCHAR", "label"),
        column("revenue", "DOUBLE", "bar", "usd"),
        column("orders", "BIGINT", "value", "integer"),
        column("share", "DOUBLE", "value", "percent"),
        column("course", "DOUBLE[]", "spark"),
        column("since", "DATE", "time", "date"),
    ]
    values = [
        [
            f"Customer {at:02}",
            REGIONS[at % 3],
            round(9_000 / (at + 1), 2),
            300 - at * 7 % 290,
            1 / (at + 2),
            [wave(one, at % 3) for one in range(20)],
            day(at),
        ]
        for at in range(rows)
    ]
    return tile(key, "table", "Top customers", columns, values, total_rows=61_204)


def failed(key: str) -> dict[str, Any]:
    error = {
        "kind": "binding",
        "subject": "there is no column 'regoin' in orders",
        "expected": "a column of orders",
        "got": "regoin",
        "where": "dashboards/sales.md:14:9",
        "hint": "did you mean 'region'?",
        "excerpt": "select regoin, sum(amount) from orders\n       ^^^^^^",
    }
    return tile(key, "line", "Revenue by regoin", [], [], state="failed", error=error)


EVERY: dict[str, dict[str, Any]] = {
    str(one["id"]): one
    for one in (
        kpi("k1", "Revenue", 4_921_330.5, "usd", 0.082, 370_000),
        kpi("k2", "Orders", 61_204, "integer", 0.051, 2_970),
        kpi("k3", "Average order", 80.41, "usd", 0.029, 2.3),
        kpi("k4", "Cancelled", 0.027, "percent", 0.28, 0.006, good="down"),
        line("line", "Revenue by region", REGIONS, 92, wave, subtitle="per day"),
        bar(
            "bar",
            "Top products",
            [
                *zip(PRODUCTS, (412e3, 355e3, 301e3, 263e3, 198e3, 171e3, 120e3), strict=True),
                *((f"p{at}", 4_260) for at in range(212)),
            ],
            subtitle="revenue, 90 days",
            options={"limit": 7},
        ),
        compared("compared"),
        gaps("gaps"),
        line("areas", "Revenue, all regions", REGIONS, 60, wave, kind="area"),
        line("stacked", "Revenue by day and region", REGIONS, 28, wave, kind="stacked", options={"partial": True}),
        scatter("scatter"),
        histogram("histogram"),
        heatmap("heatmap"),
        box("box"),
        bar(
            "funnel",
            "From visit to order",
            (("Visit", 48_200), ("Product", 21_400), ("Basket", 6_120), ("Checkout", 3_310), ("Order", 2_904)),
            kind="funnel",
            format="integer",
        ),
        table("table"),
        tile("sparkline", "sparkline", "Orders an hour", [TIME, REVENUE], [[day(at), wave(at, 0)] for at in range(60)]),
    )
}

BAD: dict[str, dict[str, Any]] = {
    str(one["id"]): one
    for one in (
        failed("failed"),
        {
            **line("late", "Revenue, late", REGIONS, 30, wave),
            "state": "late",
            "age_seconds": 11_000,
            "fresh_seconds": 3_600,
            "message": "the last run failed; penstock run orders",
        },
        tile(
            "empty",
            "line",
            "Nothing chosen",
            [TIME, REVENUE],
            [],
            state="empty",
            message="no rows between 1 and 8 August; choose a longer period",
        ),
        tile(
            "building", "bar", "Being built", [], [], state="building", message="orders is refreshed for the first time"
        ),
        tile(
            "missing",
            "table",
            "Gone",
            [],
            [],
            state="missing",
            error={
                "subject": "there is no table 'ordres'",
                "hint": "did you mean 'orders'?",
                "where": "dashboards/sales.md:20",
            },
        ),
        tile(
            "slow",
            "line",
            "Every visit",
            [],
            [],
            state="slow",
            message="this took longer than 30 s, and was stopped",
            error={
                "subject": "this took longer than 30 s, and was stopped",
                "hint": "choose a shorter period or fewer values; or make a table of what it computes",
            },
        ),
        line("nulls", "Nulls", ("North", "South"), 20, lambda at, series: None if at % 3 == 0 or series else at * 10),
        line("zeros", "All zeros", REGIONS, 20, lambda *_: 0),
        bar(
            "negative", "Negative bars", (("Returns", -42_000), ("Sales", 88_000), ("Fees", -3_100), ("Nothing", None))
        ),
        line(
            "many",
            "300 series",
            [f"Customer {at}" for at in range(300)],
            40,
            lambda at, series: 100 + series * 3 + at * (series % 7),
        ),
        line(
            "close",
            "Lines that end together",
            ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"),
            30,
            lambda at, series: 100 + at + series * 0.4,
        ),
        bar("long", "Text of 10,000 characters", ((LONG, 5), ("short", 3), ("<b onclick=alert(1)>bold</b>", 2))),
        bar("bidi", "من اليمين إلى اليسار", (("المنطقة الشمالية", 5), ("צפון", 3), ("👩‍👩‍👧‍👦 family 🏕️", 2))),
        line("one", "One row", ("North",), 1, wave),
        {
            **line("million", "A million rows", ("North",), 2_000, lambda at, _: wave(at, 0) * (1 + at % 2)),
            "sampled": True,
            "total_rows": 1_000_000,
        },
        {
            **line("unordered", "Out of order", ("North",), 50, wave),
            "rows": [[day(at * 17 % 50), "North", wave(at * 17 % 50, 0)] for at in range(50)],
        },
        bar(
            "months",
            "By month",
            ((f"2026-{month:02}-01", month * 1000 if month != 6 else -2500) for month in range(1, 12)),
        )
        | {"columns": [TIME, REVENUE]},
        line("grouped", "Grouped", REGIONS, 4, wave, kind="bar"),
        {
            **table("longtext", 3),
            "rows": [
                [LONG, "North", -5, 1, None, [1, None, 3], None],
                ["<script>alert(1)</script>", "שלום", 9, 2, 0.5, [], "2026-01-01"],
                ["=1+1", "", 1e15, "123456789012345678901234567890", 1, None, "2026-01-02"],
            ],
        },
    )
}


def spot(one: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": one["id"],
        "kind": one["kind"],
        "title": one["title"],
        "subtitle": "",
        "span": None,
        "options": {},
        "link": None,
        "line": 1,
        **more,
    }


def row(tiles: dict[str, Any], *ids: str, **more: Any) -> dict[str, Any]:
    return {"kind": "row", "tiles": [spot(tiles[key], **more) for key in ids]}


FILTERS = [
    {
        "name": "period",
        "label": "Period",
        "kind": "period",
        "dimension": None,
        "values": [],
        "value": "last 90 days",
        "default": "last 90 days",
        "text": "last 90 days",
    },
    {
        "name": "region",
        "label": "Region",
        "kind": "many",
        "dimension": "orders.region",
        "values": [{"value": name, "label": name, "count": 100} for name in REGIONS],
        "value": "",
        "default": "",
        "text": "all",
    },
    {
        "name": "tier",
        "label": "Tier",
        "kind": "choice",
        "dimension": "customers.tier",
        "values": [{"value": "gold", "label": "Gold"}],
        "value": "",
        "default": "",
        "text": "all",
    },
    {
        "name": "product",
        "label": "Product",
        "kind": "text",
        "dimension": "product",
        "values": [],
        "value": "",
        "default": "",
        "text": "any",
    },
]


def page(name: str, title: str, blocks: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "file": f"dashboards/{name}.md",
        "owner": "sales@",
        "description": "",
        "pinned": True,
        "tiles": 3,
        "mistakes": 0,
        "state": "ok",
        "age_seconds": 12,
        "fresh_seconds": 60,
        "tables": ["orders"],
        "filters": FILTERS,
        "blocks": blocks,
        "problems": [],
        **more,
    }


MISTAKE = {
    "subject": "there is no chart 'lien'",
    "expected": "a chart",
    "got": "lien",
    "hint": "did you mean 'line'?",
    "line": 9,
    "column": 4,
    "excerpt": "{{ lien revenue }}\n   ^^^^",
}

SALES = page(
    "sales",
    "Sales this quarter",
    [
        row(EVERY, "k1", "k2", "k3", "k4"),
        row(EVERY, "line", "bar"),
    ],
)

CHARTS = page(
    "charts",
    "Every chart",
    [
        {
            "kind": "html",
            "html": '<p>Revenue is <span data-value="value-revenue" data-leads="/metrics/revenue" title="$4,921,330">'
            "$4.92M</span> in <em>all</em> regions.</p>",
        },
        row(EVERY, "compared", "gaps"),
        row(EVERY, "areas", "stacked"),
        row(EVERY, "scatter", "histogram"),
        row(EVERY, "heatmap", "box"),
        row(EVERY, "funnel", "sparkline"),
        {
            "kind": "tabs",
            "tabs": [
                {"label": "Customers", "blocks": [row(EVERY, "table", link="customer")]},
                {"label": "Products", "blocks": [row(EVERY, "bar")]},
            ],
        },
    ],
)

WRONG = page(
    "wrong",
    "Everything that can be wrong",
    [
        {"kind": "mistake", "mistake": MISTAKE},
        row(BAD, "failed", "late"),
        row(BAD, "empty", "building"),
        row(BAD, "missing", "nulls"),
        row(BAD, "zeros", "negative"),
        row(BAD, "many", "close"),
        row(BAD, "long", "bidi"),
        row(BAD, "one", "million"),
        row(BAD, "unordered", "months"),
        row(BAD, "grouped", "slow"),
        row(BAD, "longtext"),
    ],
    problems=[MISTAKE],
    mistakes=1,
    state="late",
)

PAGES = {one["name"]: one for one in (SALES, CHARTS, WRONG)}
TILES = {**EVERY, **BAD}
