"""A small project in a folder, with orders that come and change in files, whose warehouse can be tampered with."""

import re

import duckdb

from penstock.app import requests
from penstock.model.tuning import Tuning

TABLES = {
    "spend": "select who, count(*) as orders, sum(amount) as spend, max(amount) as most, sum(weight) as weight "
    "from raw.orders group by who",
    "spread": "select who, stddev(weight) as spread, skewness(amount) as skew from raw.orders group by who",
    "various": "select who, count(*) as orders, count(distinct amount) as amounts from raw.orders group by who",
    "named": "with b as (select who, min(id) as first, count(*) as n from raw.orders group by who) "
    "select p.name, b.first, b.n from raw.people p left join b on b.who = p.id",
    "plain": "select id, amount from raw.orders where amount > 0",
    "latest": "select *, now() as at from raw.orders",
    "lists": "select who, list(id) as ids from raw.orders group by who",
    "placed": "select id, row_number() over (partition by who order by amount) as place from raw.orders",
    "most": "select who, amount from raw.orders order by amount desc limit 2",
}
PYTHON = """
import os

from penstock import table

@table
def doubled(spend):
    if "BROKEN" in os.environ:
        raise OSError("the model is gone")
    for batch in spend.to_batches():
        for who, orders in zip(batch["who"].to_pylist(), batch["orders"].to_pylist()):
            yield {"who": who, "twice": orders * 2}
"""
ORDERS = [(1, 7, 3.5, 0.1), (2, 7, 4.25, 0.2), (3, 8, 1, 0.3), (4, 9, -1, None), (5, 7, 3.5, 0.7)]


class Shop:
    """A project in a folder, opened for each call, so that its warehouse can be tampered with in between."""

    def __init__(self, root):
        self.root, self.files = root, 0
        (root / "sources").mkdir()
        (root / "tables").mkdir()
        (root / "penstock.toml").write_text('name = "shop"\n')
        (root / "sources" / "raw.toml").write_text(
            '[raw.orders]\nfrom = "files"\nread = "orders*.csv"\nkey = "id"\n'
            'columns = { amount = "decimal(18,2)", weight = "double" }\n'
            '[raw.people]\nfrom = "files"\nread = "people.csv"\nkey = "id"\n'
        )
        for name, text in TABLES.items():
            (root / "tables" / f"{name}.sql").write_text(text)
        (root / "tables" / "doubled.py").write_text(PYTHON)
        (root / "people.csv").write_text("id,name\n7,Ada\n8,Bob\n")
        self.orders(*ORDERS)

    def orders(self, *rows):
        self.files += 1
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        (self.root / f"orders{self.files}.csv").write_text("id,who,amount,weight\n" + "\n".join(lines) + "\n")

    def open(self, smallest=0):
        return requests.open_project(self.root, tuning=Tuning(smallest=smallest, strict=True, follow=True, dense=1))

    def run(self, *select, smallest=0):
        with self.open(smallest) as app:
            done = requests.run(app, select)
            assert done.state == "done", [s.error for s in done.failed]

    def verify(self, *select, **how):
        with self.open() as app:
            return {one.table: one for one in requests.verify(app, select, **how)}

    def states(self, *select):
        return {name: one.state for name, one in self.verify(*select).items()}

    def tamper(self, text, table=None):
        """Change the storage of a table, written as `{live}` and `{gone}`, behind Penstock's back.

        Of several tables it is the first that has the column which is set, if that is not one of Penstock's own.
        """
        column = re.search(r'\bset "?(@?[a-z]\w*)', text)
        with duckdb.connect(self.root / ".penstock" / "warehouse.duckdb") as con:
            found = con.execute(
                "select physical from _penstock.relations where retired is null and name like ? "
                "and contains(columns || hidden, ?)",
                [table, f'"{column[1]}"' if column else ""],
            ).fetchall()
            live = f'_penstock."{found[0][0]}"' if found else ""
            con.execute(text.format(live=live, gone=f'_penstock."{found[0][0]}_gone"' if found else ""))
