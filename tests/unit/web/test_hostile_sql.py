"""Hostile SQL does no harm and is answered clearly: one select, within its time, on what reaches nothing else."""

import time

import pytest

REFUSED = [
    "attach 'other.db'",
    "copy raw.orders to '/tmp/stolen.csv'",
    "copy (select 1) to 'x.parquet'",
    "pragma database_list",
    "set memory_limit = '100GB'",
    "set enable_external_access = true",
    "reset enable_external_access",
    "install httpfs",
    "load httpfs",
    "commit; select 1",
    "begin transaction read only; select 1",
    "select 1; drop table raw.orders",
    "select 1; select 2",
    "drop table raw.orders",
    "delete from daily",
    "insert into daily values (1)",
    "update daily set orders = 0",
    "create table x as select 1",
    "truncate daily",
    "export database 'x'",
    "vacuum",
    "checkpoint",
    "call force_checkpoint()",
    "explain analyze select 1",
    "use memory",
    "detach memory",
    "prepare p as select 1",
    "execute p",
    "with x as (delete from daily returning *) select * from x",
    "select * from read_csv('/etc/passwd')",
    "select * from read_csv_auto('data/orders.csv')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/proc/self/environ')",
    "select * from read_parquet('x.parquet')",
    "select * from read_json('x.json')",
    "select * from glob('/*')",
    "select * from '/etc/passwd'",
    "from 'data/orders.csv'",
    'select * from "https://example.com/x.parquet"',
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_metadata('x.parquet')",
    "select (select content from read_text('/etc/passwd'))",
    "select getenv('HOME')",
    "select * from query('drop table daily')",
    "select * from enable_logging()",
    "select * from force_checkpoint()",
    "select * from nope",
    "select",
    "",
    "   \n ",
    "-- nothing",
    "'",
    "/* never closes",
    "select 1\0",
    "select " + "(" * 2_000 + "1" + ")" * 2_000,
    "select '" + "x" * 200_000 + "'",
    "select cast('x' as integer)",
    "select repeat('x', 10000000000)",
    "select * from json_execute_serialized_sql('{}')",
]
ENDLESS = [
    "with recursive t as (select 1 as a union all select a + 1 from t) select count(*) from t",
    "select count(*) from range(10000000000) a, range(10000000000) b",
    "select a.range, b.range from range(100000000) a, range(100000) b order by 2, 1 desc",
    "select string_agg(a.range::varchar, '') from range(100000000) a, range(100000) b",
    "select list(a.range) from range(1000000000) a",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_what_is_no_question_to_the_tables_is_refused_and_says_why(text, kiosk):
    before = kiosk.site.app.engine.version
    status, answer = kiosk.sql(text)
    assert status == 422, answer
    error = answer["error"]
    assert error["subject"]
    assert "Traceback" not in str(error)
    assert kiosk.site.app.engine.version == before
    assert kiosk.sql("select count(*) as n from raw.orders")[1]["rows"] == [[3]]


@pytest.mark.parametrize("text", ENDLESS, ids=lambda text: text[:40])
def test_a_question_without_an_end_is_stopped_when_its_time_is_over(text, kiosk):
    began = time.monotonic()
    status, answer = kiosk.sql(text, seconds=0.5)
    assert status == 422, answer
    assert answer["error"]["kind"] in ("TooSlowError", "FatalError"), answer
    assert time.monotonic() - began < 20
    assert kiosk.sql("select 1 as one")[1]["rows"] == [[1]]


@pytest.mark.parametrize(
    "text",
    [
        "select range(1000000000)",
        "select len(range(10000000000))",
        "select list_sort(range(1000 * 1000 * 1000))[1]",
        "select generate_series(1, 1000000000)",
        "select repeat('x', 4000000000)",
        "select lpad('x', 2000000000, 'y')",
        "select rpad('x', 2000000000, 'y')",
        "select repeat([1], 1000000000)",
        "select list_resize([1], 1000000000)",
        "select array_resize([1], 1000000000, 0)",
        "select (range(1000000000)) from raw.orders",
        "select list_transform([1], lambda x: range(1000000000))",
        "select repeat(shop, 10000000) from raw.orders",
        "select raw.orders.shop.repeat(10000000) from raw.orders",
        "select lpad(\"shop\", 5000000, 'y') from raw.orders",
        "select list_resize([id], 1000 * 1000) from raw.orders",
    ],
)
def test_a_value_that_would_fill_the_memory_is_refused_before_it_is_made(text, kiosk):
    began = time.monotonic()
    status, answer = kiosk.sql(text, seconds=2)
    assert status == 422, answer
    assert time.monotonic() - began < 10


def test_a_generator_of_many_rows_is_a_question_like_another(kiosk):
    status, answer = kiosk.sql("select count(*) as n, max(range) as m from range(3000000)")
    assert (status, answer["rows"]) == (200, [[3_000_000, 2_999_999]])
    assert kiosk.sql("select range(3) as r, repeat('ab', 2) as t")[1]["rows"] == [[[0, 1, 2], "abab"]]


def test_values_of_each_row_that_are_long_and_not_huge_are_made(kiosk):
    made = "len(lpad(shop, 100000, '-')) as n, bar(amount, 0, 50000, 40) as b, range(id + 1000000)[1] as r, "
    made += "repeat(shop, id * 2000000 // 1000000) as t"
    status, answer = kiosk.sql(f"select {made} from raw.orders")
    assert (status, {row[0] for row in answer["rows"]}) == (200, {100_000})


def test_a_question_can_be_cancelled_by_its_id(kiosk):
    import threading

    found = []
    text = "select count(*) from range(10000000000) a, range(10000000000) b"
    asking = threading.Thread(target=lambda: found.append(kiosk.sql(text, id="mine", seconds=60)))
    asking.start()
    until = time.monotonic() + 20
    while kiosk.send("DELETE", "/sql/mine")[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.05)
    asking.join(30)
    status, answer = found[0]
    assert (status, answer["error"]["kind"]) == (422, "StoppedError")
    assert kiosk.send("DELETE", "/sql/mine")[0] == 404


def test_more_rows_than_asked_for_are_left_out_and_said_to_be(kiosk):
    status, answer = kiosk.sql("select * from range(100)", limit=10)
    assert (status, len(answer["rows"]), answer["truncated"]) == (200, 10, True)
    assert kiosk.sql("select * from range(10)", limit=10)[1]["truncated"] is False


@pytest.mark.parametrize(
    "more", [{"limit": -1}, {"limit": 10**9}, {"seconds": 0}, {"seconds": 10**9}, {"id": "x" * 200}]
)
def test_limits_have_limits(more, kiosk):
    assert kiosk.sql("select 1", **more)[0] == 400


def test_a_question_says_which_tables_it_read(kiosk):
    text = "with x as (select * from daily) select * from x join raw.orders using (day)"
    assert kiosk.sql(text)[1]["tables"] == ["daily", "raw.orders"]


def test_the_plan_of_a_question_is_told_without_asking_it(kiosk):
    status, answer = kiosk.post("/sql/plan", {"sql": "select count(*) from range(10000000000) a, range(10000000000) b"})
    assert status == 200
    assert answer["seconds"] is None
    assert "RANGE" in str(answer["step"]).upper()


def test_a_plan_that_is_measured_without_an_end_is_stopped_when_its_time_is_over(kiosk):
    text = "select count(*) from range(10000000000) a, range(10000000000) b"
    status, answer = kiosk.post("/sql/plan", {"sql": text, "measure": True, "seconds": 0.5})
    assert (status, answer["error"]["kind"]) == (422, "TooSlowError")
    assert kiosk.post("/sql/plan", {"sql": text, "measure": True, "seconds": 0})[0] == 400


def test_a_plan_that_is_measured_says_how_many_rows_each_step_gave(kiosk):
    text = "select shop, sum(amount) from raw.orders where amount > 2 group by shop order by shop"
    status, answer = kiosk.post("/sql/plan", {"sql": text, "measure": True})
    assert status == 200
    assert answer["seconds"] > 0
    steps = {}

    def walk(step):
        steps[step["operator"]] = step
        for one in step["steps"]:
            walk(one)

    walk(answer["step"])
    assert dict(steps["Scan"]["details"])["Table"] == "raw.orders"
    assert [steps[name]["rows"] for name in ("Order by", "Scan")] == [2, 2]
    assert all(step["seconds"] >= 0 for step in steps.values())


def test_no_more_questions_are_asked_at_once_than_can_be_answered(kiosk):
    from penstock.app.limits import Question
    from penstock.web.site import MOST_QUESTIONS

    names = [f"held{at}" for at in range(MOST_QUESTIONS)]
    for name in names:
        kiosk.site.took(name, Question(1))
    assert kiosk.sql("select 1")[0] == 429
    assert kiosk.sql("select 1", id="held0")[0] == 409
    for name in names:
        kiosk.site.gave(name)
    assert kiosk.sql("select 1")[0] == 200
