/* ---
description = "How many days the stock of a product lasts at the pace of the last two weeks; 'order' means less than ten."
key = "product_id"
fresh = "1 hour"
checks = ["unique(product_id)", "stock >= 0", "accepted(state, 'order', 'watch', 'fine', 'idle')"]
--- */
with pace as (
    select
        product_id,
        cast(sum(pieces) as bigint) as sold
    from sales.lines
    where kept and day > (select max(day) from sales.lines) - 14
    group by product_id
)

select
    p.product_id,
    p.name,
    p.stock,
    coalesce(pace.sold, 0) as sold_in_14_days,
    p.stock * 14.0 / pace.sold as days_left,
    case
        when pace.sold is null then 'idle'
        when p.stock * 14 < pace.sold * 10 then 'order'
        when p.stock * 14 < pace.sold * 30 then 'watch'
        else 'fine'
    end as state
from raw.products as p
left join pace on pace.product_id = p.product_id
