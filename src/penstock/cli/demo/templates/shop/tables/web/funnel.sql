/* ---
description = "How many visitors of a day looked at a product, put one into the cart, went to the checkout and bought."
key = "day"
fresh = "5 minutes"
checks = ["unique(day)", "bought <= visitors"]
--- */
with visits as (
    select
        day,
        visitor,
        bool_or(page like '/product/%') as viewed,
        bool_or(page = '/cart' and method = 'POST') as added,
        bool_or(page = '/checkout') as checked_out,
        bool_or(page = '/thanks') as bought
    from web.hits
    group by day, visitor
)

select
    day,
    count(*) as visitors,
    count(*) filter (where viewed) as viewed,
    count(*) filter (where added) as added,
    count(*) filter (where checked_out) as checked_out,
    count(*) filter (where bought) as bought,
    cast(count(*) filter (where bought) as double) / count(*) as conversion
from visits
group by day
