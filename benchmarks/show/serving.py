"""A project to be served in a process of its own, and what that process has spent."""

from __future__ import annotations

import os
from pathlib import Path

PAGE = "live"
_FILES = {
    "penstock.toml": 'name = "live"\n\n[connections]\nfiles = "files:data"\n',
    "sources/files.toml": '[raw.orders]\nfrom = "files"\nread = "orders.csv"\nkey = "id"\n'
    'columns = { id = "bigint", day = "date", shop = "varchar", amount = "double" }\n',
    "metrics/orders.toml": 'table = "raw.orders"\ntime = { column = "day", grain = "day" }\n[dimensions]\nshop = {}\n'
    '[metrics]\nrevenue = "sum(amount)"\norders = "count(*)"\nmean = "{revenue} / {orders}"\n',
    f"dashboards/{PAGE}.md": "{{ kpi revenue }} {{ kpi orders }} {{ kpi mean }}\n\n"
    '{{ line revenue by="day" split="shop" }} {{ bar orders by="shop" }}\n\n{{ table latest }}\n\n'
    "```sql latest\nselect id, day, shop, amount from raw.orders order by id desc limit 20\n```\n",
}


def write(root: Path, rows: int) -> None:
    """Write a project with a file of so many orders and a page of six tiles."""
    for name, text in _FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "data").mkdir()
    with (root / "data" / "orders.csv").open("w", encoding="utf-8") as data:
        data.write("id,day,shop,amount\n")
        data.writelines(f"{at},2026-01-{1 + at % 28:02},{'abcde'[at % 5]},{at % 100}\n" for at in range(rows))


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used, in all its threads that live (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
