/* ---
description = "Every order with what it brought and cost, in euros; kept is false once it was cancelled or returned."
key = "order_id"
fresh = "5 minutes"
checks = ["unique(order_id)", "revenue_eur >= 0"]
--- */
select
    order_id,
    customer_id,
    day,
    kept,
    count(*) as lines,
    cast(sum(pieces) as bigint) as pieces,
    cast(sum(revenue_eur) as decimal(18, 2)) as revenue_eur,
    cast(sum(cost_eur) as decimal(18, 2)) as cost_eur
from sales.lines
group by order_id, customer_id, day, kept
