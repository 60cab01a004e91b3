/* ---
description = "Every line of every order in euros, at the rate of the day on which it was ordered; the other sales tables start here."
key = "line_id"
fresh = "5 minutes"
checks = [
  "unique(line_id)",
  "revenue_eur is not null",
  "pieces > 0",
  "references(raw.products.product_id, product_id)",
]
--- */
with ordered as (
    select
        order_id,
        customer_id,
        currency,
        cast(ordered_at as date) as day,
        status not in ('cancelled', 'returned') as kept
    from raw.orders
)

select
    l.line_id,
    l.order_id,
    o.customer_id,
    l.product_id,
    o.day,
    o.kept,
    l.quantity as pieces,
    -- There are no rates at the weekend: the last one before holds.
    cast(
        l.quantity * l.unit_cents * (case when o.currency = 'EUR' then 1 else r.eur end) * 0.01 as decimal(18, 2)
    ) as revenue_eur,
    cast(l.quantity * p.cost_cents * 0.01 as decimal(18, 2)) as cost_eur
from raw.order_lines as l
join ordered as o on o.order_id = l.order_id
join raw.products as p on p.product_id = l.product_id
asof left join raw.rates as r on r.currency = o.currency and r.day <= o.day
