"""The demo as a user meets it: it runs, its numbers are right, and its proof can fail."""

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from penstock.base.errors import ConfigError
from penstock.cli.demo import generate, make, server

slow = pytest.mark.slow


def demo(*words, cwd, fault="", code=0):
    """What `penstock demo` says; where it exits otherwise than with `code`, the test shows all of it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "SHOP_"))}
    env |= {"PENSTOCK_FAULT": fault} if fault else {}
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "demo", "--no-serve", *map(str, words)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def killed(script, *words):
    """Run Python that kills itself as `kill -9` would."""
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def content(data):
    """What a data folder holds: its files by name, its databases by their rows."""
    found = {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and path.suffix != ".db"
    }
    for name in ("store.db", "api.db"):
        with closing(sqlite3.connect(data / name)) as con:
            found[name] = hashlib.sha256("\n".join(con.iterdump()).encode()).hexdigest()
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A data folder as the generator makes it, to be copied and not changed."""
    folder = tmp_path_factory.mktemp("base") / "data"
    generate.make(folder)
    return folder


@pytest.fixture
def data(base, tmp_path):
    return Path(shutil.copytree(base, tmp_path / "data"))


@pytest.fixture
def api(base):
    with server.serving(base) as address:
        yield address


# ── the data ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_shop_day_after_day(base, data, tmp_path):
    other = tmp_path / "other"
    generate.make(other)
    assert content(other) == content(base)
    for number in (1, 2):
        assert generate.tick(other) == generate.tick(data) == number
    assert content(other) == content(data) != content(base)


def test_another_seed_gives_another_shop(base, tmp_path):
    generate.make(tmp_path / "other", seed=8)
    assert content(tmp_path / "other")["store.db"] != content(base)["store.db"]


def test_a_generator_killed_before_the_end_leaves_no_half_of_a_shop(base, tmp_path):
    folder = tmp_path / "data"
    killed(
        "import os, sys, pathlib; from penstock.cli.demo import generate, store\n"
        "fill = store.fill\n"
        "store.fill = lambda *a: (fill(*a), os.kill(os.getpid(), 9))\n"
        "generate.make(pathlib.Path(sys.argv[1]))",
        folder,
    )
    assert not folder.exists()
    generate.make(folder)
    assert content(folder) == content(base)


@pytest.mark.parametrize("nth", range(2, 21, 3))
def test_a_day_that_was_killed_while_the_log_rotated_is_the_same_day_after(base, data, tmp_path, nth):
    generate.tick(data)
    twin = Path(shutil.copytree(data, tmp_path / "twin"))
    generate.tick(twin)
    killed(
        "import os, sys, pathlib; from penstock.cli.demo import generate\n"
        "left = int(sys.argv[2])\n"
        "def step(event, args):\n"
        "    global left\n"
        "    if event in ('os.rename', 'os.remove') or (event == 'open' and 'access.log' in str(args[0])):\n"
        "        left -= 1\n"
        "        if not left: os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(step)\n"
        "generate.tick(pathlib.Path(sys.argv[1]))",
        data,
        nth,
    )
    assert generate.ticked(data) == 1
    assert generate.tick(data) == 2
    assert content(data) == content(twin)


def test_a_day_that_was_killed_before_the_store_was_written_is_the_same_day_after(data, tmp_path):
    twin = Path(shutil.copytree(data, tmp_path / "twin"))
    generate.tick(twin)
    killed(
        "import os, sys, pathlib; from penstock.cli.demo import generate, newday\n"
        "write = newday.write\n"
        "newday.write = lambda *a: (write(*a), os.kill(os.getpid(), 9))\n"
        "generate.tick(pathlib.Path(sys.argv[1]))",
        data,
    )
    assert generate.ticked(data) == 0
    generate.tick(data)
    assert content(data) == content(twin)


def test_a_day_changes_cancels_and_adds_orders_some_of_them_late(data):
    generate.tick(data)
    with closing(sqlite3.connect(data / "store.db")) as con:
        day = con.execute("select max(date(updated_at)) from orders").fetchone()[0]
        rows = con.execute(
            "select status, date(ordered_at) < ?, order_id > 20000 from orders where date(updated_at) = ?", (day, day)
        ).fetchall()
    kinds = set(rows)
    assert ("cancelled", 1, 0) in kinds
    assert ("delivered", 1, 0) in kinds
    assert ("paid", 0, 1) in kinds
    assert ("paid", 1, 1) in kinds, "an order of days ago, entered today"


def test_the_costs_have_dates_and_amounts_that_need_cleaning(base):
    text = "".join(path.read_text() for path in sorted((base / "marketing").glob("*.csv")))
    for shape in (
        r"\n\d{4}-\d\d-\d\d,",
        r"\n\d\d\.\d\d\.\d{4},",
        r'"[\d.]+,\d\d €"',
        r'"\$[\d,]+\.\d\d"',
        r",,",
        "soon",
        "tbd",
    ):
        assert re.search(shape, text), shape


def test_the_log_rotates_and_keeps_its_history_compressed(data):
    before = sorted(path.name for path in (data / "logs").iterdir())
    generate.tick(data)
    after = sorted(path.name for path in (data / "logs").iterdir())
    assert before == ["access.log", "access.log.1", "access.log.2.gz"]
    assert after == ["access.log", "access.log.1", "access.log.2.gz", "access.log.3.gz"]


# ── the API ──────────────────────────────────────────────────────────────────────────────────────────────


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def insist(url):
    """Ask until the API answers with rows; it must at the second time."""
    status, body = get(url)
    if status != 200:
        assert status in (429, 500)
        status, body = get(url)
    assert status == 200
    return body


def test_the_api_gives_every_rate_by_page_and_every_shipment_by_cursor(api, base):
    rates, page = [], 1
    while rows := insist(f"{api}/rates?page={page}")["rates"]:
        rates += rows
        page += 1
    shipments, cursor = [], ""
    while cursor is not None:
        body = insist(f"{api}/shipments?cursor={cursor.replace(' ', '%20')}")
        shipments += body["data"]["shipments"]
        cursor = body["next"]
    with closing(sqlite3.connect(base / "api.db")) as con:
        assert len(rates) == con.execute("select count(*) from rates").fetchone()[0]
        ids = {row[0] for row in con.execute("select shipment_id from shipments")}
    assert len(shipments) == len(ids)
    assert {one["shipment_id"] for one in shipments} == ids


def test_the_api_fails_now_and_then_and_the_same_way_each_time(api, base):
    asked = [get(f"{api}/shipments?since=2030")[0] for _ in range(12)]
    with server.serving(base) as again:
        assert asked == [get(f"{again}/shipments?since=2030")[0] for _ in range(12)]
    assert {200, 429, 500} == set(asked)


def test_the_api_says_what_it_does_not_have(api):
    assert get(f"{api}/orders") == (404, {"error": "there are only /rates and /shipments"})


# ── the folder ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_with_something_else_in_it_is_refused_and_stays_as_it_was(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(ConfigError, match="not a shop of the demo"):
        make.make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_project_is_refused(tmp_path):
    (tmp_path / "penstock.toml").write_text('name = "mine"')
    with pytest.raises(ConfigError) as raised:
        make.make(tmp_path)
    assert raised.value.got == "another project"


def test_a_folder_left_half_made_is_finished_and_one_that_is_edited_is_kept(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(make.TEMPLATE / make.SETTINGS, folder)
    assert make.make(folder)
    table = folder / "tables" / "sales" / "daily.sql"
    table.write_text("select 1 as mine")
    assert not make.make(folder)
    assert table.read_text() == "select 1 as mine"


def test_a_day_needs_no_quarter_of_costs_to_be_there_already(data):
    assert not (data / "marketing" / "costs-2026-q2.csv").exists()
    generate.tick(data)
    assert (data / "marketing" / "costs-2026-q2.csv").read_text().startswith("Date,Channel")


# ── the whole of it ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A shop that the demo made and ran, and what it said; to be copied and not changed."""
    folder = tmp_path_factory.mktemp("ran")
    return folder / "shop", demo(cwd=folder)


@pytest.fixture
def shop(ran, tmp_path):
    return Path(shutil.copytree(ran[0], tmp_path / "shop"))


@slow
def test_the_demo_says_the_finding_first_what_each_stage_took_and_what_to_try(ran):
    said = ran[1]
    assert re.match(r"25 tables up to date, 1 check warns, \d+ rows rejected", said)
    for stage in ("generate", "intake", "tables", "checks", "sinks"):
        assert re.search(rf"^  {stage} +[\d.]+ m?s ", said, re.MULTILINE), stage
    assert "penstock show customers.segments" in said


@slow
def test_the_demo_writes_nothing_beside_its_folder(ran):
    assert [path.name for path in ran[0].parent.iterdir()] == ["shop"]


@slow
def test_check_proves_every_table_twice(tmp_path):
    said = demo("--check", cwd=tmp_path)
    assert said.startswith("all is as computed apart from Penstock")
    assert len(re.findall(r"^  \S+ .* ok$", said, re.MULTILINE)) > 60
    assert "differs" not in said
    assert not list(tmp_path.iterdir()), "it works in a folder that is gone afterwards"


@slow
def test_check_fails_when_a_table_computes_something_else(shop):
    table = shop / "tables" / "sales" / "daily.sql"
    table.write_text(table.read_text().replace("rows between 6 preceding", "rows between 7 preceding"))
    said = demo(shop, "--check", cwd=shop.parent, code=1)
    assert re.search(r"sales\.daily .*differs: day .*week_average_eur is", said)
    assert re.search(r"sales\.orders .* ok", said)


@slow
def test_check_fails_when_a_row_is_lost_on_the_way(shop):
    source = shop / "sources" / "marketing.toml"
    source.write_text(source.read_text().replace("<> 'total'", "<> 'total' and \"Clicks\" <> 306"))
    said = demo(shop, "--check", "--json", cwd=shop.parent, code=1)
    answer = json.loads(said)
    wrong = {f["name"] for proof in answer["proofs"] for f in proof["findings"] if not f["ok"]}
    assert not answer["ok"]
    assert "raw.marketing" in wrong
    assert "raw.orders" not in wrong


@slow
def test_two_days_touch_only_what_they_change(shop):
    for day in (1, 2):
        answer = json.loads(demo(shop, "--tick", "--json", cwd=shop.parent))
        assert answer["demo"]["tick"] == day
        steps = {(s["table"], s["stage"]): s for s in answer["run"]["steps"]}
        orders, lines = steps["raw.orders", "intake"], steps["sales.lines", "table"]
        assert 200 < orders["added"] < 2_000
        assert 0 < orders["removed"] < orders["added"]
        assert 0 < lines["removed"] < lines["added"] < 5_000
    assert demo(shop, "--check", cwd=shop.parent).startswith("all is as computed apart from Penstock")


@slow
@pytest.mark.parametrize(
    "fault", ["run.intake.done", "engine.commit.before", "engine.commit.after", "run.cascade.done"]
)
def test_a_demo_that_was_killed_is_right_after_the_next(shop, fault):
    demo(shop, "--tick", cwd=shop.parent, fault=fault, code=-signal.SIGKILL)
    assert demo(shop, "--check", cwd=shop.parent).startswith("all is as computed apart from Penstock")
