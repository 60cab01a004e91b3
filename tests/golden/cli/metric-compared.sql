with measured as (
    select
        cast(date_trunc('week', day) as date) as week,
        region,
        sum(amount) as revenue,
        sum(amount) filter (where region = 'North') as north,
        count(*) as orders
    from orders
    where day is not null
    group by all
),

extent as (
    select
        min(day) as first_at,
        date_trunc('day', max(day)) + interval '1 day' as end_at
    from orders
),

weeks as (
    select
        cast(unnest(generate_series(date_trunc('week', first_at), end_at - interval '1 microsecond', interval '1 week')) as date) as week
    from extent
),

measured_1_week_before as (
    select
        weeks.week,
        measured.region,
        measured.revenue,
        measured.north,
        measured.orders
    from weeks
    join measured on measured.week = cast(date_trunc('week', weeks.week - interval '1 week') as date)
),

keys as (
    select week, region from measured
    union
    select week, region from measured_1_week_before
)

select
    keys.week,
    keys.region,
    measured.north / nullif(measured.revenue, 0) as share,
    measured_1_week_before.north / nullif(measured_1_week_before.revenue, 0) as share_before,
    measured.orders,
    measured_1_week_before.orders as orders_before
from keys
left join measured on measured.week = keys.week and measured.region is not distinct from keys.region
left join measured_1_week_before on measured_1_week_before.week = keys.week and measured_1_week_before.region is not distinct from keys.region
order by week, region
