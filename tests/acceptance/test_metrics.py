"""Every kind of metric against SQL written by hand: on the demo's shop, and on the music store of the sample data."""

# ruff: noqa: E501  # a file of metrics and SQL by hand stand as they are

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import penstock
from penstock.base.errors import ConfigErrors, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# ── the demo ─────────────────────────────────────────────────────────────────────────────────────────────

JOINED = "sales.orders o left join raw.customers c on c.customer_id = o.customer_id"
DEMO = {
    "simple": (
        ("revenue", {"by": "country", "grain": "month"}),
        f"""select cast(date_trunc('month', o.day) as date), c.country, sum(o.revenue_eur) filter (where o.kept)
        from {JOINED} group by all order by all""",
    ),
    "filtered": (
        ("lost_orders", {"by": "channel", "where": {"country": ["DE", "AT"]}}),
        f"""select c.channel, count(distinct o.order_id) filter (where not o.kept)
        from {JOINED} where c.country in ('DE', 'AT') group by all order by all""",
    ),
    "ratio": (
        (["cancelled_share", "average_order", "margin_share"], {"grain": "week"}),
        """select cast(date_trunc('week', day) as date), count(*) filter (where not kept) / count(*),
        sum(revenue_eur) filter (where kept) / count(*) filter (where kept),
        (sum(revenue_eur) filter (where kept) - sum(cost_eur) filter (where kept)) / sum(revenue_eur) filter (where kept)
        from sales.orders group by all order by all""",
    ),
    "distinct": (
        ("active_customers", {"grain": "quarter"}),
        """select cast(date_trunc('quarter', day) as date), count(distinct customer_id) filter (where kept)
        from sales.orders group by all order by all""",
    ),
    "cumulative": (
        ("revenue_this_month", {"grain": "day", "start": "2026-02", "end": "2026-02"}),
        """select day, (select sum(revenue_eur) filter (where kept) from sales.orders
        where day >= date_trunc('month', d.day) and day <= d.day)
        from (select distinct day from sales.orders where day between date '2026-02-01' and date '2026-02-28') d
        order by all""",
    ),
    "windowed": (
        ("active_28_days", {"grain": "day", "start": "2026-03-01", "end": "2026-03-10"}),
        """select day, (select count(distinct customer_id) filter (where kept) from sales.orders
        where day > d.day - 28 and day <= d.day)
        from (select distinct day from sales.orders where day between date '2026-03-01' and date '2026-03-10') d
        order by all""",
    ),
    "compared": (
        ("revenue_change", {"grain": "week", "start": "2026-01-12", "end": "2026-03-29"}),
        """with weeks as (select cast(date_trunc('week', day) as date) as week, sum(revenue_eur) as revenue
        from sales.orders where kept group by all)
        select n.week, (n.revenue - b.revenue) / b.revenue from weeks n join weeks b on b.week = n.week - 7
        where n.week between date '2026-01-12' and date '2026-03-29' order by all""",
    ),
    "a balance": (
        ("rate_in_euro", {"by": "currency", "grain": "month"}),
        """select cast(date_trunc('month', day) as date), currency, arg_max(cast(eur as double), day)
        from raw.rates group by all order by all""",
    ),
    "a join": (
        ("product_margin", {"by": "category", "order": "-product_margin"}),
        """select p.category, sum(l.revenue_eur - l.cost_eur) as margin
        from sales.lines l join raw.products p using (product_id) where l.kept group by all order by margin desc""",
    ),
    "two tables": (
        (["visitors", "orders"], {"start": "2026-03-16", "end": "2026-03-22"}),
        """select (select count(distinct visitor) from web.hits where day between date '2026-03-16' and '2026-03-22'),
        (select count(*) from sales.orders where kept and day between date '2026-03-16' and '2026-03-22')""",
    ),
    "a struct": (
        ("late_share", {"by": "carrier"}),
        """select carrier.code, count(*) filter (where cast(delivered_at as date) > promised_on) / count(delivered_at)
        from raw.shipments group by all order by all""",
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[penstock.Project]:
    """The demo's shop, made and run."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    subprocess.run([sys.executable, "-m", "penstock", "demo", str(folder), "--quiet"], check=True, capture_output=True)
    with penstock.open(folder) as project:
        yield project


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEMO)
def test_a_metric_of_the_demo_is_what_sql_by_hand_gives(shop, kind):
    (name, said), by_hand = DEMO[kind]
    same(shop.metric(name, **said).fetchall(), shop.sql(by_hand).fetchall())


@pytest.mark.slow
def test_every_metric_of_the_demo_can_be_asked_by_all_that_it_says(shop):
    for one in shop.metrics:
        assert one.description, one.name
        assert one.label, one.name
        for dimension in one.dimensions:
            assert len(shop.metric(one.name, by=dimension, limit=3)), (one.name, dimension)
        assert len(shop.metric(one.name, grain="week", timezone="America/New_York")), one.name
    assert len(shop.metrics) == 27


def same(found, wanted):
    assert wanted, "the query by hand gives nothing"
    assert [near(row) for row in found] == [near(row) for row in wanted]


def near(row):
    return tuple(pytest.approx(float(one), rel=1e-9) if hasattr(one, "__float__") else one for one in row)


# ── the music store ──────────────────────────────────────────────────────────────────────────────────────

TABLES = ("Album", "Artist", "Customer", "Employee", "Genre", "Invoice", "InvoiceLine", "Track")
INVOICES = """
table = "chinook.invoice"
time  = { column = "InvoiceDate", grain = "day" }
joins = { customer = { table = "chinook.customer", on = "CustomerId" }, rep = { table = "chinook.employee", on = "customer.SupportRepId = EmployeeId" }, lines = { table = "chinook.invoiceline", on = "InvoiceId" } }

[dimensions]
country = "BillingCountry"
company = "case when customer.Company is null then 'private' else 'company' end"
rep     = "rep.LastName"

[metrics]
total     = { sql = "sum(Total)", format = "usd" }
invoices  = "count(*)"
buyers    = "count(distinct CustomerId)"
each      = "{total} / {invoices}"
abroad    = { sql = "sum(Total)", filter = "BillingCountry <> 'USA'" }
abroad_share = "{abroad} / {total}"
so_far    = { of = "total", cumulative = "year" }
ever      = { of = "buyers", cumulative = "all" }
buyers_90 = { of = "buyers", window = "90 days" }
growth    = { of = "total", compare = "1 year" }
last_one  = { sql = "max(Total)", last = "day", per = "CustomerId" }
tripled   = "sum(lines.Quantity)"
"""
LINES = """
table = "chinook.invoiceline"
time  = { column = "invoice.InvoiceDate", grain = "day" }

[joins]
invoice = { table = "chinook.invoice", on = "InvoiceId" }
track   = { table = "chinook.track", on = "TrackId" }
genre   = { table = "chinook.genre", on = "track.GenreId" }
album   = { table = "chinook.album", on = "track.AlbumId" }
artist  = { table = "chinook.artist", on = "album.ArtistId" }

[dimensions]
genre   = "genre.Name"
artist  = "artist.Name"
country = "invoice.BillingCountry"

[metrics]
sold     = "sum(UnitPrice * Quantity)"
tracks   = "count(distinct TrackId)"
cheapest = "min(UnitPrice)"
"""
BY_HAND = {
    "simple": (
        ("total", {"by": ["country"], "grain": "quarter"}),
        """select cast(date_trunc('quarter', InvoiceDate) as date), BillingCountry, sum(Total)
        from chinook.invoice group by all order by all""",
    ),
    "filtered": (("abroad", {}), "select sum(Total) from chinook.invoice where BillingCountry <> 'USA'"),
    "ratio": (
        (["each", "abroad_share"], {"by": "company"}),
        """select case when c.Company is null then 'private' else 'company' end, sum(i.Total) / count(*),
        sum(i.Total) filter (where i.BillingCountry <> 'USA') / sum(i.Total)
        from chinook.invoice i left join chinook.customer c using (CustomerId) group by all order by all""",
    ),
    "over two joins": (
        ("total", {"by": "rep", "where": {"company": "company"}}),
        """select e.LastName, sum(i.Total) from chinook.invoice i join chinook.customer c using (CustomerId)
        left join chinook.employee e on e.EmployeeId = c.SupportRepId where c.Company is not null
        group by all order by all""",
    ),
    "cumulative": (
        ("so_far", {"grain": "month"}),
        """select cast(m as date), (select sum(Total) from chinook.invoice
        where InvoiceDate >= date_trunc('year', m) and InvoiceDate < m + interval '1 month')
        from (select distinct date_trunc('month', InvoiceDate) as m from chinook.invoice) order by all""",
    ),
    "ever": (
        ("ever", {"grain": "year"}),
        """select cast(y as date), (select count(distinct CustomerId) from chinook.invoice
        where InvoiceDate < y + interval '1 year')
        from (select distinct date_trunc('year', InvoiceDate) as y from chinook.invoice) order by all""",
    ),
    "windowed": (
        ("buyers_90", {"by": "country", "end": "2022-06"}),
        """select BillingCountry, count(distinct CustomerId) from chinook.invoice
        where InvoiceDate >= timestamp '2022-07-01' - interval '90 days' and InvoiceDate < timestamp '2022-07-01'
        group by all order by all""",
    ),
    "compared": (
        ("growth", {"grain": "year", "start": "2022", "end": "2024"}),
        """with years as (select year(InvoiceDate) as y, sum(Total) as t from chinook.invoice group by all)
        select make_date(n.y, 1, 1), (n.t - b.t) / b.t from years n join years b on b.y = n.y - 1
        where n.y between 2022 and 2024 order by all""",
    ),
    "beside": (
        ("invoices", {"by": "rep", "start": "2023", "end": "2023", "compare": "1 year"}),
        """select e.LastName, count(*) filter (where year(InvoiceDate) = 2023), count(*) filter (where year(InvoiceDate) = 2022)
        from chinook.invoice i join chinook.customer c using (CustomerId)
        join chinook.employee e on e.EmployeeId = c.SupportRepId group by all order by all""",
    ),
    "a balance": (
        ("last_one", {"by": "country"}),
        """select BillingCountry, max(Total) from (select *, max(cast(InvoiceDate as date)) over (partition by CustomerId) as d
        from chinook.invoice) where cast(InvoiceDate as date) = d group by all order by all""",
    ),
    "over three joins": (
        ("sold", {"by": "artist", "order": "-sold", "limit": 10}),
        """select r.Name, sum(l.UnitPrice * l.Quantity) as sold from chinook.invoiceline l
        join chinook.track t using (TrackId) join chinook.album a using (AlbumId) join chinook.artist r using (ArtistId)
        group by all order by sold desc, r.Name limit 10""",
    ),
    "time of a join": (
        (["sold", "tracks", "cheapest"], {"grain": "year", "by": "genre", "where": {"country": ["Brazil", "Canada"]}}),
        """select cast(date_trunc('year', i.InvoiceDate) as date), g.Name, sum(l.UnitPrice * l.Quantity),
        count(distinct l.TrackId), min(l.UnitPrice)
        from chinook.invoiceline l join chinook.invoice i using (InvoiceId) join chinook.track t using (TrackId)
        join chinook.genre g using (GenreId) where i.BillingCountry in ('Brazil', 'Canada') group by all order by all""",
    ),
}


@pytest.fixture(scope="module")
def store(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[penstock.Project]:
    """The music store, with its metrics."""
    root = tmp_path_factory.mktemp("store")
    for folder in ("sources", "metrics"):
        (root / folder).mkdir()
    (root / "penstock.toml").write_text(
        f'name = "store"\n[connections]\nchinook = "sqlite:{shared_data}/chinook/chinook.sqlite"\n'
    )
    read = [f'[chinook.{name.lower()}]\nfrom = "chinook"\nread = "{name}"\n' for name in TABLES]
    (root / "sources" / "chinook.toml").write_text("\n".join(read))
    (root / "metrics" / "invoices.toml").write_text(INVOICES)
    (root / "metrics" / "lines.toml").write_text(LINES)
    with penstock.open(root) as project:
        project.run().raise_for_failure()
        yield project


@pytest.mark.parametrize("kind", BY_HAND)
def test_a_metric_of_the_music_store_is_what_sql_by_hand_gives(store, kind):
    (name, said), by_hand = BY_HAND[kind]
    same(store.metric(name, **said).fetchall(), store.sql(by_hand).fetchall())


def test_a_join_of_the_music_store_that_counts_invoices_twice_is_refused(store):
    with pytest.raises(PlanError) as caught:
        store.metric("tripled")
    error = caught.value
    assert (
        error.subject
        == "joining 'chinook.invoiceline' by InvoiceId would count rows of 'chinook.invoice' more than once"
    )
    assert str(error.where) == "metrics/invoices.toml:4:162"
    with pytest.raises((PlanError, ConfigErrors)) as found:
        store.check()
    assert "more than once" in str(found.value)
