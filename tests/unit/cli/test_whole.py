"""The command line on a real project, from `init` to an answer, with nothing replaced."""

import csv
import functools
import io
import json
import subprocess
import sys

import pytest

from penstock.app import requests

ORDERS = """\
/* ---
checks = ["amount > 1", { check = "customer is not null", severity = "warn" }]
--- */
select * from (values (1, 'ada', 2.50::decimal(10,2)), (2, null, 3.25)) t(id, customer, amount)
"""
SPEND = "select customer, sum(amount) as spend from orders where customer is not null group by customer\n"
HOLD = "import duckdb, sys\nheld = duckdb.connect(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()\n"


@pytest.fixture
def shop(tmp_path, monkeypatch, penstock):
    """A project as `init` makes it, with two tables."""
    monkeypatch.chdir(tmp_path)
    assert penstock("init", "shop").code == 0
    monkeypatch.chdir(tmp_path / "shop")
    (tmp_path / "shop" / "tables" / "orders.sql").write_text(ORDERS)
    (tmp_path / "shop" / "tables" / "spend.sql").write_text(SPEND)
    return tmp_path / "shop"


def test_a_blank_project_runs_as_it_is(tmp_path, monkeypatch, penstock):
    monkeypatch.chdir(tmp_path)
    penstock("init", "blank")
    said = penstock("run", "--project", "blank")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("nothing to do, ")
    assert penstock("check", "--project", "blank").out.splitlines() == [
        "there are no checks",
        "the files are in order: an empty project",
    ]


def test_from_a_run_to_an_answer(shop, penstock):
    assert [p["action"] for p in penstock("plan", "--json").json()["plan"]] == ["build", "build"]
    run = penstock("run")
    assert run.code == 0
    assert run.out.startswith("2 tables up to date, 1 check warns, ")
    found = penstock("sql", "select * from spend", "--json").json()
    assert found["rows"] == [["ada", "2.50"]]
    assert [c["name"] for c in found["columns"]] == ["customer", "spend"]
    text = penstock("show", "orders", "--limit", "1")
    assert "ada" in text.out
    assert text.err == "the first 1 row; --limit 0 shows all\n"
    assert len(penstock("show", "orders", "--limit", "0").out.splitlines()) == 5
    rows = penstock("sql", "select * from orders order by id", "--format", "csv").out
    assert list(csv.reader(io.StringIO(rows)))[1:] == [["1", "ada", "2.50"], ["2", "", "3.25"]]
    assert {t["name"]: t["rows"] for t in penstock("status", "--json").json()["tables"]} == {"orders": 2, "spend": 1}
    assert penstock("lineage", "spend", "--json").json()["lineage"]["upstream"] == ["orders"]
    assert "nothing new" in penstock("run").out


def test_runs_are_found_again(shop, penstock):
    penstock("run")
    (run,) = penstock("runs", "--json").json()["runs"]
    assert run["command"] == "penstock run"
    one = penstock("runs", run["id"][:12])
    assert one.code == 0
    assert one.out.startswith("2 tables up to date, 1 check warns, ")


def test_a_failed_check_exits_1_with_its_place_and_rows(shop, penstock):
    (shop / "tables" / "orders.sql").write_text(ORDERS.replace("amount > 1", "amount > 3"))
    said = penstock("run")
    assert said.code == 1
    first, *rest = said.out.splitlines()
    assert first.startswith("1 table failed, 1 skipped, ")
    assert any("amount > 3" in line and "tables/orders.sql" in line for line in rest)
    assert "amount = 2.50" in said.out
    assert penstock("show", "orders").code == 2


def test_a_mistake_in_a_table_is_underlined(shop, penstock):
    (shop / "tables" / "spend.sql").write_text(
        "select customer,\n  summ(amount) as spend\nfrom orders group by customer\n"
    )
    said = penstock("run")
    assert said.code == 1
    assert "tables/spend.sql:2" in said.out
    assert "^" in said.out


def test_mistakes_in_files_exit_2_with_all_their_places(shop, penstock):
    (shop / "sources" / "a.toml").write_text('[raw.a]\nfrom = "nowhere"\nreed = "x"\n')
    (shop / "sinks" / "b.toml").write_text("[sink.b\n")
    for verb in ("run", "status", "check"):
        said = penstock(verb)
        assert (said.code, said.out) == (2, "")
        assert "sources/a.toml:" in said.err
        assert "sinks/b.toml:" in said.err
    assert len(penstock("run", "--json").json()["error"]["errors"]) >= 2


@pytest.mark.parametrize("words", [("show", "ordrs"), ("lineage", "ordrs"), ("run", "ordrs"), ("plan", "ordrs")])
def test_a_slip_in_a_tables_name_gets_the_nearest(words, shop, penstock):
    penstock("run")
    said = penstock(*words)
    assert said.code == 2
    assert "did you mean 'orders'?" in said.err


def test_a_query_is_one_select_and_changes_nothing(shop, penstock):
    penstock("run")
    for text in ("drop table orders", "select 1; select 2", "commit; drop table orders", "", "selectt"):
        assert (penstock("sql", text).code, text) == (2, text)
    assert penstock("sql", "select count(*) from orders", "--json").json()["rows"] == [[2]]


def test_a_warehouse_that_is_held_exits_3_and_names_the_holder(shop, penstock, monkeypatch):
    penstock("run")
    hold = [sys.executable, "-c", HOLD, str(shop / ".penstock" / "warehouse.duckdb")]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setattr(requests, "open_project", functools.partial(requests.open_project, wait=0.1))
        said = penstock("status")
        again = penstock("status", "--json")
        holder.stdin.close()
    assert (said.code, again.code) == (3, 3)
    assert f"process {holder.pid}" in said.err
    assert json.loads(again.out)["error"]["error"] == "HeldError"
