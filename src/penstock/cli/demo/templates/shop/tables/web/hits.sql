/* ---
description = "Requests of people, not of robots, with what was asked for told apart."
fresh = "5 minutes"
checks = ["status between 100 and 599"]
--- */
select
    cast(time at time zone 'UTC' as date) as day,
    cast(date_part('hour', time at time zone 'UTC') as integer) as hour,
    host as visitor,
    method,
    split_part(path, '?', 1) as page,
    nullif(regexp_extract(path, 'utm_source=([a-z]+)', 1), '') as source,
    status,
    coalesce(size, 0) as bytes
from raw.hits
where coalesce(agent, '') not ilike '%bot%'
