/* ---
description = "By channel: what marketing cost in euros, the customers that it won, and what they have left over for each euro spent."
key = "channel"
fresh = "1 day"
checks = ["unique(channel)", "cost_eur >= 0"]
--- */
with spent as (
    select
        m.channel,
        cast(sum(cast(m.cost * (case when m.currency = 'EUR' then 1 else r.eur end) as decimal(18, 2))) as decimal(18, 2)) as cost_eur,
        cast(sum(m.clicks) as bigint) as clicks
    from raw.marketing as m
    asof left join raw.rates as r on r.currency = m.currency and r.day <= m.day
    group by m.channel
),

won as (
    select
        channel,
        count(*) as customers,
        sum(margin_eur) as margin_eur
    from customers.lifetime_value
    where orders > 0
    group by channel
)

select
    w.channel,
    w.customers,
    cast(w.margin_eur as decimal(18, 2)) as margin_eur,
    coalesce(s.cost_eur, 0) as cost_eur,
    s.clicks,
    cast(s.cost_eur as double) / w.customers as cost_per_customer_eur,
    cast(w.margin_eur as double) / nullif(cast(s.cost_eur as double), 0) as margin_per_euro
from won as w
left join spent as s on s.channel = w.channel
