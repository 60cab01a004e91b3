select
    cast(date_trunc('month', day) as date) as month,
    count(*) as orders
from orders
where day is not null
    and (region not in ('South') or region is null)
group by all
order by month
