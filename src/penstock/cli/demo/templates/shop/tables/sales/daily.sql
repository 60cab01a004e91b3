/* ---
description = "Revenue of each day in euros, without what was cancelled or returned, and the average of the week that ends on it."
key = "day"
fresh = "5 minutes"
checks = ["unique(day)", "revenue_eur >= 0", "rows > 0"]
--- */
with days as (
    select
        day,
        count(*) filter (where kept) as orders,
        count(*) filter (where not kept) as lost_orders,
        cast(coalesce(sum(revenue_eur) filter (where kept), 0) as decimal(18, 2)) as revenue_eur,
        cast(coalesce(sum(cost_eur) filter (where kept), 0) as decimal(18, 2)) as cost_eur
    from sales.orders
    group by day
)

select
    day,
    orders,
    lost_orders,
    revenue_eur,
    cast(revenue_eur - cost_eur as decimal(18, 2)) as margin_eur,
    cast(revenue_eur as double) / nullif(orders, 0) as average_order_eur,
    cast(sum(revenue_eur) over week as double) / count(*) over week as week_average_eur
from days
window week as (order by day rows between 6 preceding and current row)
