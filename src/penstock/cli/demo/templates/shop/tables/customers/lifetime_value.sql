/* ---
description = "What each customer has bought and left over, from the first order to the last; zero for who never ordered."
key = "customer_id"
fresh = "1 hour"
checks = [
  "unique(customer_id)",
  "orders >= 0",
  "first_day <= last_day",
  "accepted(channel, 'google', 'instagram', 'newsletter', 'partners', 'direct')",
]
--- */
with bought as (
    select
        customer_id,
        min(day) as first_day,
        max(day) as last_day,
        count(*) as orders,
        sum(revenue_eur) as revenue_eur,
        sum(cost_eur) as cost_eur
    from sales.orders
    where kept
    group by customer_id
)

select
    c.customer_id,
    c.name,
    c.country,
    c.channel,
    b.first_day,
    b.last_day,
    coalesce(b.orders, 0) as orders,
    cast(coalesce(b.revenue_eur, 0) as decimal(18, 2)) as revenue_eur,
    cast(coalesce(b.revenue_eur - b.cost_eur, 0) as decimal(18, 2)) as margin_eur
from raw.customers as c
left join bought as b on b.customer_id = c.customer_id
