"""A folder becomes a project: what each file says arrives in the objects."""

from datetime import date, timedelta

import duckdb
import pytest

from penstock.base.errors import ConfigError, Place
from penstock.model.check import Check
from penstock.model.names import RESERVED_WORDS
from penstock.model.schema import Schema
from penstock.model.source import Connection

RAW = '[raw.orders]\nfrom = "files"\nread = "orders.csv"\n'


def test_the_name_is_enough(folder):
    project = folder.load()
    assert (project.name, project.env, project.warehouse) == ("shop", "default", "duckdb:.penstock/warehouse.duckdb")
    assert project.root == str(folder.root)
    assert (project.raw, project.tables, project.sinks, project.units, project.order) == ({}, {}, {}, (), ())


def test_pages_have_half_a_minute_unless_the_settings_say_otherwise(folder):
    assert folder.load().page_limit == timedelta(seconds=30)
    folder.write("penstock.toml", 'name = "shop"\npage_limit = "2 minutes"\n[env.dev]\npage_limit = "forever"\n')
    assert folder.load().page_limit == timedelta(minutes=2)
    assert folder.load("dev").page_limit is None


def test_a_page_limit_of_nothing_is_refused(folder):
    folder.write("penstock.toml", 'name = "shop"\npage_limit = "0 s"\n')
    with pytest.raises(ConfigError, match="page_limit") as found:
        folder.load()
    assert str(found.value.where) == "penstock.toml:2:14"


def test_a_raw_table_has_all_that_its_heading_says(folder):
    folder.write("penstock.toml", 'name = "shop"\n[connections]\nstore = "sqlite:data/store.db"\n')
    folder.write(
        "sources/store.toml",
        '[raw.orders]\nfrom = "store"\nread = "orders"\nkey = "order_id, line"\ncursor = "updated_at"\n'
        'fresh = "5 minutes"\nselect = """\nselect * from batch\n"""\nclean = {email = "lower trim"}\n'
        'columns = {order_id = "INT", amount = "numeric(10, 2)"}\nretries = 5\ndescription = "all"\nowner = "ann"\n'
        'tags = ["nightly"]\nchecks = ["amount >= 0", {check = "rows > 0", severity = "warn", name = "some"}]\n',
    )
    table = folder.load().raw["raw.orders"]
    assert table.connection == Connection("store", "sqlite", "data/store.db", {}, Place("penstock.toml", 3, 9))
    assert (table.read, table.key, table.cursor, table.retries) == ("orders", ("order_id", "line"), "updated_at", 5)
    assert (table.fresh, table.select, table.clean) == (
        timedelta(minutes=5),
        "select * from batch",
        {"email": "lower trim"},
    )
    assert table.columns == Schema.of([("order_id", "integer"), ("amount", "decimal(10,2)")])
    assert (table.description, table.owner, table.tags) == ("all", "ann", ("nightly",))
    assert table.checks == (
        Check("amount >= 0", where=Place("sources/store.toml", 16, 11)),
        Check("rows > 0", "warn", "some", Place("sources/store.toml", 16, 26)),
    )
    assert (table.where, table.line) == (Place("sources/store.toml", 1, 1), 8)


def test_other_keys_are_options_of_the_connector(folder):
    folder.write("sources/a.toml", RAW + 'format = "csv"\nskip = 2\n')
    assert folder.load().raw["raw.orders"].options == {"format": "csv", "skip": 2}


def test_the_schema_of_a_raw_table_is_that_of_its_heading(folder):
    folder.write("sources/a.toml", RAW + '[crm.people]\nfrom = "memory"\n[main.days]\nfrom = "memory"\n')
    assert set(folder.load().raw) == {"raw.orders", "crm.people", "days"}


def test_a_table_has_the_name_of_its_path_and_the_settings_of_its_header(folder):
    folder.write("sources/a.toml", RAW)
    folder.write(
        "tables/sales/daily.sql",
        '/* ---\nfresh = "1 minute"\nkey = ["day"]\nchecks = ["spend >= 0"]\ndescription = "by day"\nowner = "bo"\n'
        'tags = "nightly, money"\n--- */\n\n  select day, sum(amount) as spend\nfrom raw.orders -- all\ngroup by 1;\n',
    )
    table = folder.load().tables["sales.daily"]
    assert table.sql == "  select day, sum(amount) as spend\nfrom raw.orders -- all\ngroup by 1"
    assert (table.line, table.parents, table.key) == (10, ("raw.orders",), ("day",))
    assert (table.fresh, table.description, table.owner) == (timedelta(minutes=1), "by day", "bo")
    assert table.tags == ("nightly", "money")
    assert table.checks == (Check("spend >= 0", where=Place("tables/sales/daily.sql", 4, 11)),)


def test_a_header_may_stand_in_one_line_and_after_line_comments(folder):
    folder.write("tables/a.sql", "-- mine\n\n/* --- key = 'x' --- */ select 1 as x")
    table = folder.load().tables["a"]
    assert (table.key, table.line, table.sql.strip()) == (("x",), 3, "select 1 as x")
    assert table.sql.index("select") == 24  # the columns of an error are those of the file


def test_a_table_without_a_header_and_one_in_main(folder):
    folder.write("tables/a.sql", "/* no header */ select 1 as x").write("tables/main/b.sql", "select * from main.a")
    project = folder.load()
    assert project.tables["b"].parents == ("a",)
    assert (project.tables["a"].fresh, project.tables["a"].key) == (None, ())


def test_each_table_comes_after_what_it_reads(folder):
    folder.write("sources/a.toml", RAW)
    folder.write("tables/a.sql", "select * from b").write("tables/b.sql", "select * from c, raw.orders")
    folder.write("tables/c.sql", "select * from raw.orders")
    project = folder.load()
    assert project.order == ("raw.orders", "c", "b", "a")
    assert [table.name for table in project] == ["raw.orders", "c", "b", "a"]


def test_a_sink_and_a_unit_test(folder):
    folder.write("sources/a.toml", RAW).write("tables/spend.sql", "select * from raw.orders")
    folder.write(
        "sinks/out.toml",
        '[report]\ntable = "spend"\nto = "files"\nwrite = "out/spend.csv"\n'
        'mode = "append"\nkey = "id"\nformat = "csv"\n',
    )
    folder.write(
        "tests/spend.toml",
        '[first]\ntable = "spend"\ngiven.raw.orders = [{id = 1, day = 2024-01-31}, {id = 2}]\nexpect = [{id = 1}]\n'
        '[second]\ntable = "spend"\nexpect = []\n[second.given]\n"raw.orders" = []\n',
    )
    project = folder.load()
    sink = project.sinks["report"]
    assert (sink.table, sink.connection.kind, sink.write, sink.mode) == ("spend", "files", "out/spend.csv", "append")
    assert (sink.key, sink.options) == (("id",), {"format": "csv"})
    first, second = project.units
    assert first.given == {"raw.orders": ({"id": 1, "day": date(2024, 1, 31)}, {"id": 2})}
    assert (first.name, first.table, first.expect) == ("first", "spend", ({"id": 1},))
    assert (second.given, second.expect) == ({"raw.orders": ()}, ())


def test_defaults_hold_for_what_says_nothing(folder):
    folder.write(
        "penstock.toml",
        'name = "shop"\n[defaults]\nfresh = "1 day"\nretries = 7\nchecks = ["rows > 0"]\nowner = "ann"\ntags = ["t"]\n'
        "[env.dev.defaults]\nretries = 0\n",
    )
    folder.write("sources/a.toml", RAW + 'fresh = "manual"\n').write("tables/a.sql", "select 1")
    folder.write("tables/b.sql", "/* --- fresh = '1 hour'\nchecks = []\nowner = 'bo'\n--- */ select 1")
    project = folder.load()
    raw, a, b = project.raw["raw.orders"], project.tables["a"], project.tables["b"]
    assert (raw.fresh, raw.retries, raw.owner, raw.tags) == (None, 7, "ann", ("t",))
    assert (a.fresh, [check.text for check in a.checks], a.owner) == (timedelta(days=1), ["rows > 0"], "ann")
    assert (b.fresh, b.checks, b.owner) == (timedelta(hours=1), (), "bo")
    assert folder.load("dev").raw["raw.orders"].retries == 0


def test_an_environment_changes_warehouse_connections_and_variables(folder):
    folder.write(
        "penstock.toml",
        'name = "shop"\nwarehouse = "duckdb:main.duckdb"\n[vars]\nBASE = "a"\n[connections]\n'
        'store = "sqlite:${BASE}.db"\nlogs = "files:logs"\n[env.prod]\nwarehouse = "duckdb:/var/shop.duckdb"\n'
        '[env.prod.connections]\nstore = { url = "sqlite:${BASE}-prod.db" }\n[env.dev.vars]\nBASE = "b"\n',
    )
    plain, prod, dev = folder.load(), folder.load("prod"), folder.load("dev")
    assert [p.warehouse for p in (plain, prod, dev)] == [
        "duckdb:main.duckdb", "duckdb:/var/shop.duckdb", "duckdb:.penstock/dev.duckdb",
    ]  # fmt: skip
    assert [p.connections["store"].address for p in (plain, prod, dev)] == ["a.db", "a-prod.db", "b.db"]
    assert prod.connections["logs"].address == "logs"
    assert [p.env for p in (plain, prod, dev)] == ["default", "prod", "dev"]


def test_a_connection_is_a_url_or_a_table_with_options(folder):
    folder.write(
        "penstock.toml",
        'name = "shop"\n[connections]\na = "https://api.example.org/v1?x=1"\nb = "sqlite:/abs/x.db"\n'
        'c = { url = "http://localhost:8000", timeout = 3 }\n',
    )
    found = folder.load().connections
    assert (found["a"].kind, found["a"].address) == ("http", "https://api.example.org/v1?x=1")
    assert (found["b"].kind, found["b"].address) == ("sqlite", "/abs/x.db")
    assert (found["c"].kind, found["c"].address, found["c"].options) == (
        "http",
        "http://localhost:8000",
        {"timeout": 3},
    )


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(folder):
    folder.write("penstock.toml", b'\xef\xbb\xbfname = "shop"\r\n').write(
        "sources/a.toml", b"\xef\xbb\xbf" + RAW.encode()
    )
    folder.write("tables/a.sql", b"\xef\xbb\xbf/* ---\r\nkey = 'x'\r\n--- */\r\nselect x\r\nfrom raw.orders\r\n")
    table = folder.load().tables["a"]
    assert (table.key, table.line, table.sql) == (("x",), 4, "select x\r\nfrom raw.orders")


def test_files_that_declare_nothing_are_passed_over(folder):
    folder.write("tables/README.md", "x").write("tables/.a.sql", "x").write("tables/a.sql~", "x")
    folder.write("tables/__pycache__/a.py", "x").write("sources/orders.csv", "x").write("other/a.sql", "x")
    assert folder.load().order == ()


# ── fingerprints ────────────────────────────────────────────────────────────────────────────────────────


def prints(folder):
    project = folder.load()
    return {table.name: table.fingerprint for table in project}


def test_layout_comments_checks_and_freshness_change_no_fingerprint(folder):
    folder.write("sources/a.toml", RAW).write("tables/a.sql", "select x from raw.orders").write(
        "tables/b.sql", "from a"
    )
    before = prints(folder)
    folder.write("sources/a.toml", f'# more\n{RAW}fresh = "1 day"\nchecks = ["x > 0"]\nowner = "bo"\nretries = 9\n')
    folder.write(
        "tables/a.sql",
        '/* ---\nfresh = "1 day"\nchecks = ["x > 0"]\ndescription = "d"\n--- */\n-- c\nSELECT  x\nFROM Raw.orders;',
    )
    assert prints(folder) == before


def test_what_a_table_computes_changes_its_fingerprint_and_those_below(folder):
    folder.write("sources/a.toml", RAW + '[raw.other]\nfrom = "memory"\n').write(
        "tables/a.sql", "select x from raw.orders"
    )
    folder.write("tables/b.sql", "from a").write("tables/c.sql", "from raw.other")
    seen = [prints(folder)]
    for change in ("select x, y from raw.orders", "/* --- key = 'x' --- */ select x, y from raw.orders"):
        folder.write("tables/a.sql", change)
        seen.append(prints(folder))
        changed = {name for name in seen[-1] if seen[-1][name] != seen[-2][name]}
        assert changed == {"a", "b"}


def test_what_determines_the_rows_of_a_raw_table_changes_its_fingerprint(folder):
    settings = [
        "", 'key = "id"\n', 'cursor = "at"\n', 'format = "csv"\n', 'select = "select 1 from batch"\n',
        'clean = {a = "trim"}\n', 'columns = {a = "int"}\n',
    ]  # fmt: skip
    seen = set()
    for more in settings:
        folder.write("sources/a.toml", RAW + more)
        seen.add(prints(folder)["raw.orders"])
    folder.write("sources/a.toml", RAW.replace("orders.csv", "others.csv"))
    seen.add(prints(folder)["raw.orders"])
    assert len(seen) == len(settings) + 1


def test_addresses_and_secrets_change_no_fingerprint(folder):
    folder.write("sources/a.toml", '[raw.a]\nfrom = "api"\nrecords = "x"\nheaders = {A = "${TOKEN}"}\n')
    folder.write("penstock.toml", 'name = "shop"\n[connections]\napi = {url = "http://a", token = "${TOKEN}"}\n')
    first = folder.load(TOKEN="one-token").raw["raw.a"]
    folder.write("penstock.toml", 'name = "shop"\n[connections]\napi = "http://b"\n')
    second = folder.load(TOKEN="two-token").raw["raw.a"]
    assert first.fingerprint == second.fingerprint
    assert first.connection != second.connection


def test_the_reserved_words_are_those_that_duckdb_keeps():
    found = (
        duckdb.connect()
        .execute("select keyword_name from duckdb_keywords() where keyword_category in ('reserved', 'type_function')")
        .fetchall()
    )
    assert {word for (word,) in found} == RESERVED_WORDS
