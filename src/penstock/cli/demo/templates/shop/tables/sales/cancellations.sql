/* ---
description = "What was cancelled or returned, by month and country of the customer."
key = ["month", "country"]
fresh = "1 hour"
checks = ["unique(month, country)", "lost_share between 0 and 1"]
--- */
select
    cast(date_trunc('month', o.day) as date) as month,
    c.country,
    count(*) as orders,
    count(*) filter (where not o.kept) as lost_orders,
    cast(coalesce(sum(o.revenue_eur) filter (where not o.kept), 0) as decimal(18, 2)) as lost_eur,
    cast(count(*) filter (where not o.kept) as double) / count(*) as lost_share
from sales.orders as o
join raw.customers as c on c.customer_id = o.customer_id
group by cast(date_trunc('month', o.day) as date), c.country
