/* ---
description = "By carrier, service and month: how long parcels took, and how many came after the promised day."
key = ["month", "carrier", "service"]
fresh = "1 hour"
checks = ["unique(month, carrier, service)", "late <= delivered", "median_days > 0"]
--- */
select
    cast(date_trunc('month', shipped_at) as date) as month,
    carrier.code as carrier,
    carrier.service as service,
    count(*) as parcels,
    count(delivered_at) as delivered,
    count(*) filter (where cast(delivered_at as date) > promised_on) as late,
    median(date_diff('second', shipped_at, delivered_at)) / 86400 as median_days,
    max(date_diff('second', shipped_at, delivered_at)) / 86400 as longest_days
from raw.shipments
group by cast(date_trunc('month', shipped_at) as date), carrier.code, carrier.service
