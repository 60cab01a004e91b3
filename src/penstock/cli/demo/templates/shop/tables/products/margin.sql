/* ---
description = "What each product brought, cost and left over, and its place within its category."
key = "product_id"
fresh = "1 hour"
checks = ["unique(product_id)", "references(raw.products.product_id, product_id)"]
--- */
with sold as (
    select
        product_id,
        cast(sum(pieces) as bigint) as pieces,
        cast(sum(revenue_eur) as decimal(18, 2)) as revenue_eur,
        cast(sum(cost_eur) as decimal(18, 2)) as cost_eur
    from sales.lines
    where kept
    group by product_id
)

select
    p.product_id,
    p.name,
    p.category,
    s.pieces,
    s.revenue_eur,
    s.cost_eur,
    cast(s.revenue_eur - s.cost_eur as decimal(18, 2)) as margin_eur,
    cast(s.revenue_eur - s.cost_eur as double) / nullif(cast(s.revenue_eur as double), 0) as margin_share,
    row_number() over (partition by p.category order by s.revenue_eur - s.cost_eur desc, p.product_id) as place
from sold as s
join raw.products as p on p.product_id = s.product_id
