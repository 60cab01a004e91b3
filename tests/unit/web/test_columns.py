"""Rows as columns of bytes say what rows as JSON say: the server's bytes are read by the web app's own code."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.web.conftest import served, write

ROOT = Path(__file__).resolve().parents[3]
BUFFERS = (ROOT / "ui" / "src" / "lib" / "buffers.ts").as_uri()
READ = (
    f"import {{ read }} from '{BUFFERS}'; import {{ readFileSync }} from 'node:fs';"
    "const found = read(new Uint8Array(readFileSync(process.argv[1])).buffer);"
    "console.log(JSON.stringify({ ...found, rows: found.rows }));"
)
COLUMNS = "application/vnd.penstock.columns"
TYPES = """
select i as n, i % 2 = 0 as even, (i % 100)::tinyint as t, (i % 30000)::smallint as s, i::integer as i4,
i * 9007199254741 as large, i::ubigint * 9007199254741 as larger, (i % 200)::utinyint as ut, i::usmallint as us,
i::uinteger as ui,
(i / 7)::float as f, i / 7.0::double as d, (i * 1234567 / 100)::decimal(18, 2) as money, -i::decimal(9, 0) as whole,
(i::hugeint * 12345678901234567890)::decimal(38, 5) as long, 'wörd ' || i || repeat('é', (i % 5)::int) as w,
date '1969-12-01' + i::int as day, timestamp '1969-12-31 23:59:59.5' + to_microseconds(i * 1000001) as at,
timestamptz '1960-01-01 00:00:00+02' + to_seconds(i) as z, case when i % 3 = 0 then null else i end as gap,
case when i % 4 = 1 then null else 'x' || i end as hole
from range({rows}) t(i) order by i
"""


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory):
    with served(write(tmp_path_factory.mktemp("kiosk"))) as client:
        yield client


@pytest.fixture
def columns(kiosk, tmp_path):
    """Ask for a select as columns, and read the answer as the web app does."""
    node = shutil.which("node", path=str(ROOT / ".venv" / "bin"))
    if node is None:
        pytest.skip("node: it is not installed here; make ui installs it")

    def asked(sql, limit=1_000_000):
        kind, body = sent(kiosk, sql, limit)
        assert kind == COLUMNS, body[:500]
        (tmp_path / "body").write_bytes(body)
        ran = subprocess.run(
            [node, "--input-type=module", "-e", READ, "--", tmp_path / "body"], capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr.decode()
        return json.loads(ran.stdout)

    return asked


def sent(client, sql, limit=10_000):
    headers = {
        "X-Penstock-CSRF": client.csrf, "Content-Type": "application/json", "Accept": f"{COLUMNS}, application/json",
    }  # fmt: skip
    body = json.dumps({"sql": sql, "limit": limit})
    _, answered, found = client.raw("POST", "/api/v1/sql", body, headers)
    return answered["content-type"], found


def same(columns, kiosk, sql, limit=1_000_000):
    mine, theirs = columns(sql, limit), kiosk.sql(sql, limit=limit)[1]
    for name in ("columns", "rows", "truncated", "sql", "tables"):
        assert mine[name] == theirs[name], name
    return mine


def test_every_type_and_what_is_missing(columns, kiosk):
    found = same(columns, kiosk, TYPES.format(rows=1_000))
    assert len(found["rows"]) == 1_000


def test_more_rows_than_lie_together(columns, kiosk):
    same(columns, kiosk, "select i, 't' || i as t, nullif(i % 9, 0) as n from range(300000) t(i) order by i")


@pytest.mark.parametrize("limit", [0, 1, 7, 2_047, 2_048, 2_049, 140_000, 200_000])
def test_no_more_than_was_asked_for(columns, kiosk, limit):
    found = same(columns, kiosk, "select i, 't' || i as t from range(200000) t(i) order by i", limit)
    assert (len(found["rows"]), found["truncated"]) == (limit, limit < 200_000)


@pytest.mark.parametrize(
    "sql",
    [
        "select i from range(10) t(i) where i < 0",
        "select 'nan'::double as a, 'inf'::double as b, '-inf'::double as c",
        "select '' as a, chr(0) as b, '\\x' as c from range(3)",
        "select day, count(*) as orders from raw.orders group by day order by day",
    ],
)
def test_what_is_rare(columns, kiosk, sql):
    same(columns, kiosk, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select [1, 2] as list",
        "select {'a': 1} as s",
        "select interval 3 day as i",
        "select 1::hugeint as h",
        "select null as n",
    ],
)
def test_types_that_are_not_read_from_bytes_come_as_json(kiosk, sql):
    kind, body = sent(kiosk, sql)
    assert kind == "application/json"
    assert json.loads(body)["rows"] == kiosk.sql(sql)[1]["rows"]


@pytest.mark.parametrize(
    "sql", ["select cast('x' as integer) from raw.orders", "select nope from raw.orders", "drop table raw.orders"]
)
def test_what_is_wrong_is_said_as_in_json(kiosk, sql):
    kind, body = sent(kiosk, sql)
    assert kind == "application/json"
    mine, theirs = json.loads(body)["error"], kiosk.sql(sql)[1]["error"]
    assert (mine["kind"], mine["subject"]) == (theirs["kind"], theirs["subject"])


def test_of_what_has_no_end_the_first_rows_come(columns):
    assert columns("select 1 as one from range(10000000000)", 3)["rows"] == [[1], [1], [1]]
