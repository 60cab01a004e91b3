/* ---
description = "Products that are bought together in at least 25 orders: what to recommend beside what."
key = ["product_id", "with_id"]
fresh = "1 day"
checks = ["unique(product_id, with_id)", "product_id < with_id"]
--- */
with pairs as (
    select
        a.product_id,
        b.product_id as with_id,
        count(*) as orders
    from sales.lines as a
    join sales.lines as b on b.order_id = a.order_id and b.product_id > a.product_id
    where a.kept
    group by a.product_id, b.product_id
    having count(*) >= 25
)

select
    pairs.product_id,
    pairs.with_id,
    one.name as product,
    other.name as with_product,
    pairs.orders
from pairs
join raw.products as one on one.product_id = pairs.product_id
join raw.products as other on other.product_id = pairs.with_id
