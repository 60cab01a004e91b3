/* ---
description = "Of the customers whose first order fell in a month: how many ordered again in each month after, and for how much."
key = ["cohort", "month_number"]
fresh = "1 day"
checks = ["unique(cohort, month_number)", "share between 0 and 1"]
--- */
with firsts as (
    select
        customer_id,
        cast(date_trunc('month', first_day) as date) as cohort
    from customers.lifetime_value
    where orders > 0
),

sizes as (
    select
        cohort,
        count(*) as size
    from firsts
    group by cohort
)

select
    f.cohort,
    cast(date_diff('month', f.cohort, o.day) as integer) as month_number,
    count(distinct o.customer_id) as customers,
    count(*) as orders,
    cast(sum(o.revenue_eur) as decimal(18, 2)) as revenue_eur,
    cast(count(distinct o.customer_id) as double) / max(s.size) as share
from sales.orders as o
join firsts as f on f.customer_id = o.customer_id
join sizes as s on s.cohort = f.cohort
where o.kept
group by f.cohort, cast(date_diff('month', f.cohort, o.day) as integer)
