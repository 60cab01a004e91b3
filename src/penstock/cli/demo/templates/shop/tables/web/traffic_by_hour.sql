/* ---
description = "Requests, visitors, failures and bytes by hour of the day, over all days of the log: when to do maintenance."
key = "hour"
fresh = "1 hour"
checks = ["unique(hour)", "hour between 0 and 23"]
--- */
select
    hour,
    count(*) as hits,
    count(distinct visitor) as visitors,
    count(*) filter (where status >= 500) as failures,
    cast(sum(bytes) as bigint) as bytes
from web.hits
group by hour
