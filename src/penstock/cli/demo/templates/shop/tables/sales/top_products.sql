/* ---
description = "The twenty products that brought most in the last four weeks."
key = "product_id"
fresh = "1 hour"
checks = ["unique(product_id)", "rows between 1 and 20"]
--- */
with recent as (
    select
        product_id,
        cast(sum(pieces) as bigint) as pieces,
        cast(sum(revenue_eur) as decimal(18, 2)) as revenue_eur
    from sales.lines
    where kept and day > (select max(day) from sales.lines) - 28
    group by product_id
)

select
    row_number() over (order by r.revenue_eur desc, r.product_id) as place,
    r.product_id,
    p.name,
    p.category,
    r.pieces,
    r.revenue_eur
from recent as r
join raw.products as p on p.product_id = r.product_id
order by r.revenue_eur desc, r.product_id
limit 20
