"""Profiles of tables of every type and size: what they say is what plain queries say, and what is sampled says so."""

import itertools
import math
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penstock
from penstock.analyse import profile as profiles
from penstock.analyse import spread
from penstock.analyse.profile import query
from penstock.base.errors import ConfigError, UnsupportedError
from penstock.cli.profile import _told, shape
from penstock.cli.style import Paint
from penstock.engines.duck.reads import sql_of
from penstock.model.relation import Read, Relation
from penstock.model.schema import Schema

EVERY = """
select * from (values
 (true, 1::hugeint, 'nan'::double, 'a'::blob, date '2024-01-01', time '10:00', timestamptz '2024-01-01 00:00+00',
  interval 3 days, [1, 2], {'a': 1}, map{1: 2}, '{"a": 1}'::json, 'a', 'x😀y日本', repeat('long ', 2000), null::integer,
  timestamp '2024-01-01 10:00', 1.50::decimal(10,2), uuid '00000000-0000-0000-0000-000000000001'),
 (null, 170141183460469231731687303715884105727, '-inf', '\\x00\\xff'::blob, 'infinity', '24:00', '-infinity',
  interval 1 month, [], null, map{}, null, 'b', chr(27) || '[2J', repeat('long ', 2001), null, null, -2, null),
 (false, -5, 2.5, ''::blob, '2025-01-01', '00:00', '2024-02-01 00:00+02', interval 0 days, [], null, map{}, '1', 'b',
  '', '', null, '1969-01-01', 0, null)
) as v(flag, huge, f, bin, d, t, tz, span, list, rec, mp, js, en, emoji, long, nothing, ts, price, id)
"""


@pytest.fixture
def ask(tmp_path):
    """Profile what a select gives, as a table of a project."""

    def found(text, *columns):
        with penstock.build("p", tmp_path, tables=[penstock.Table("t", sql=text)]) as project:
            project.run().raise_for_failure()
            return project.profile("t", *columns)

    return found


def columns(found):
    return {one.name: one for one in found.columns}


def test_every_type_has_a_profile(ask):
    found = columns(ask(EVERY))
    assert found["flag"].top == ((False, 1), (True, 1))
    assert (found["huge"].min, found["huge"].max) == (-5, 2**127 - 1)
    assert (found["f"].odd, found["f"].min, found["f"].max, found["f"].mean) == (2, 2.5, 2.5, 2.5)
    assert (found["d"].min, found["d"].max, found["d"].odd) == (date(2024, 1, 1), date(2025, 1, 1), 1)
    assert {value for value, _ in found["d"].top} == {date(2024, 1, 1), date(2025, 1, 1), "infinity"}
    assert (found["t"].min, found["t"].max) == (time(0), time.max)
    assert found["tz"].max == datetime(2024, 1, 31, 22, tzinfo=UTC)
    assert ("-infinity", 1) in found["tz"].top
    assert (found["span"].min, found["span"].max) == (timedelta(0), timedelta(30))
    assert found["ts"].min == datetime(1969, 1, 1)  # noqa: DTZ001
    assert (found["price"].min, found["price"].max) == (Decimal(-2), Decimal("1.5"))
    assert [found[n].lengths.most for n in ("list", "mp", "bin", "emoji", "long")] == [2, 1, 2, 5, 10_005]
    assert found["nothing"].nulls == 3
    assert found["nothing"].histogram == found["nothing"].top == ()
    assert [found[n].distinct for n in ("rec", "js", "en", "list", "nothing", "id")] == [1, 2, 2, 2, 0, 1]
    assert dict(found["emoji"].patterns)["a😀aaa"] == 1
    assert all(one.exact and one.exact_distinct for one in found.values())


def test_long_text_is_cut_and_still_told_apart(ask):
    found = ask("select repeat('x', 9999 + i::int) as s from range(3) t(i)").columns[0]
    assert (found.distinct, found.lengths.least, found.lengths.most) == (3, 9_999, 10_001)
    assert all(len(value) == 120 and value.endswith("…") for value, _ in found.top)


def test_a_table_without_rows_and_one_with_one_row(ask, tmp_path):
    found = ask("select 1 as a, 'x' as b, current_date as d, [1] as l where false")
    assert found.rows == 0
    assert all((c.nulls, c.distinct, c.histogram, c.top) == (0, 0, (), ()) for c in found.columns)
    found = ask("select 7 as a, 'x' as b")
    assert found.columns[0].histogram == ((7, 7, 1),)
    assert (found.columns[0].std, found.columns[0].mean) == (None, 7.0)


def test_numbers_too_large_to_add_up_are_no_error(ask):
    found = ask("select * from (values (1.7e308), (1.6e308), (-1.7e308)) v(x)").columns[0]
    assert (found.min, found.max) == (-1.7e308, 1.7e308)
    assert sum(n for _, _, n in found.histogram) == 3


def test_columns_are_chosen_by_name_and_a_wrong_one_is_told_the_nearest(ask):
    assert [c.name for c in ask("select 1 as amount, 2 as b", "AMOUNT", "amount").columns] == ["amount"]
    with pytest.raises(ConfigError, match="t has no column 'amont'") as error:
        ask("select 1 as amount, 2 as b", "amont")
    assert error.value.hint == "did you mean 'amount'?"


def test_a_table_that_is_not_there_and_what_is_no_table(tmp_path):
    with penstock.build("p", tmp_path, tables=[penstock.Table("spend", sql="select 1 as a")]) as project:
        with pytest.raises(ConfigError, match="has not been built yet"):
            project.profile("spend")
        project.run()
        with pytest.raises(ConfigError, match="no table 'spent'") as error:
            project.profile("spent")
        assert error.value.hint == "did you mean 'spend'?"
        with pytest.raises(UnsupportedError, match="is a record of the warehouse"):
            project.profile("penstock.commits")


def test_a_column_may_be_called_anything(ask):
    found = ask("""select 1 as "a ""b"" {} {0} %s ; --", 2 as "@picked" """)
    assert [c.max for c in found.columns] == [1, 2]


def test_many_columns_are_asked_for_in_parts_of_the_same_version(ask):
    found = ask("select " + ", ".join(f"{n} + i as c{n}" for n in range(120)) + " from range(3) t(i)")
    assert [c.max for c in found.columns] == [n + 2 for n in range(120)]


# ── large tables ────────────────────────────────────────────────────────────────────────────────────────

LARGE = """select i as id, ['north', 'south', 'east', null][1 + (hash(i) % 4)::int] as region, hash(i) % 4000 as code,
case when i = 77777 then 1e9 else (hash(i + 1) % 1000)::double end as far from range(100000) t(i)"""


def test_few_values_are_counted_exactly_however_many_rows_there_are(ask):
    found = columns(ask(LARGE))
    plain = (
        duckdb.connect().sql(f"select region, count(*) from ({LARGE}) where region is not null group by 1").fetchall()
    )
    assert found["region"].exact
    assert dict(found["region"].top) == dict(plain)
    assert found["region"].sampled < 40_000


def test_many_values_are_told_from_a_sample_that_says_so_and_is_near(ask):
    found = columns(ask(LARGE))
    for name, true in (("id", 100_000), ("code", 4_000)):
        one = found[name]
        assert not one.exact
        assert not one.exact_distinct
        assert abs(one.distinct - true) < 0.05 * true
        assert sum(n for _, _, n in one.histogram) == 100_000
    assert (found["id"].min, found["id"].max, found["id"].mean) == (0, 99_999, 49_999.5)
    assert abs(dict(found["id"].quantiles)[0.5] - 50_000) < 1_500


def test_one_value_far_out_leaves_the_others_a_histogram(ask):
    bars = columns(ask(LARGE))["far"].histogram
    assert bars[-1][1] == 1e9
    assert sum(n > 1_000 for _, _, n in bars) >= 10


def test_the_same_table_has_the_same_profile(ask):
    assert ask(LARGE).columns == ask(LARGE).columns


def test_a_value_that_the_sample_missed_makes_a_column_inexact(ask, monkeypatch):
    monkeypatch.setattr(profiles, "SAMPLE", 50)
    found = ask("select case when i = 5 then 'rare' when i % 2 = 0 then 'a' else 'b' end as s from range(20000) t(i)")
    assert (found.columns[0].exact, dict(found.columns[0].top).keys()) == (False, {"a", "b"})


def test_a_value_that_hides_behind_others_is_found_out_by_the_sum():
    """One value was seen, another with the same three bytes was not: together they are as many as was counted."""
    mark, hidden = (1 << 32) | 5, (2 << 32) | 5
    counts = [{5: 9}, {0: 9}, {0: 9}]
    sample = [(mark, "a")]
    assert not profiles._seen(sample, counts, 4 * (mark >> 32) + 5 * (hidden >> 32), 9).all
    whole = profiles._seen(sample, counts, 9 * (mark >> 32), 9)
    assert (whole.all, whole.counts) == (True, (9,))


def test_values_with_the_same_bytes_are_never_counted_apart():
    marks = [(1 << 32) | 5, (2 << 32) | 5]
    sample = list(zip(marks, "ab", strict=True))
    assert not profiles._seen(sample, [{5: 9}, {0: 9}, {0: 9}], 13, 9).all


@given(st.dictionaries(st.integers(0, 2**64 - 1), st.integers(1, 10**6), max_size=200))
def test_what_is_counted_by_bytes_is_what_was_there(often):
    counts = [{}, {}, {}]
    for mark, n in often.items():
        for at, byte in profiles._cells(mark):
            counts[at][byte] = counts[at].get(byte, 0) + n
    found = profiles.peeled(often, counts)
    assert found.items() <= often.items()


def test_hundreds_of_values_are_counted_exactly(ask):
    found = ask("select 'AB-' || (hash(i) % 400) as sku from range(200000) t(i)").columns[0]
    assert (found.exact, found.distinct) == (True, 400)


@pytest.mark.parametrize("kind", ["live", "at"])
def test_a_table_is_scanned_once(kind):
    con = duckdb.connect()
    relation = Relation("t", Schema.of([("a", "bigint"), ("s", "varchar"), ("d", "date")]), "", "t", rows=10**9)
    asked = query(Read(relation, kind, high=3, ids=True), tuple(relation.schema))
    con.execute("create schema _penstock")
    con.execute(
        "create table _penstock.t as "
        "select i as _rid, 1 as _seq, i as a, 'x' || i as s, current_date as d from range(9) r(i)"
    )
    plan = con.execute(f"explain (format json) {sql_of(asked, set())}").fetchall()[0][1]
    names = re.findall(r'"name": "([^"]*)"', plan)
    assert [name for name in names if "SCAN" in name or "CTE" in name] == ["SEQ_SCAN"]


# ── beside plain queries ────────────────────────────────────────────────────────────────────────────────

CELLS = {
    "bigint": st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5),
    "double": st.floats(),
    "decimal(12,3)": st.decimals(-(10**8), 10**8, places=3),
    "varchar": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    "date": st.dates(),
    "timestamp": st.datetimes(),
}


@st.composite
def tables(draw):
    kind = draw(st.sampled_from(sorted(CELLS)))
    return kind, draw(st.lists(st.none() | CELLS[kind], max_size=30))


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_a_profile_says_what_plain_queries_say(table):
    kind, values = table
    con = duckdb.connect()
    con.execute(f"create table t (x {kind})")
    con.executemany("insert into t values (?)", [(v,) for v in values]) if values else None
    con.execute("create view r as select *, row_number() over () as _rid from t")
    relation = Relation("t", Schema.of([("x", kind)]), "", "t", rows=len(values))

    class Rows:
        def __init__(self, asked):
            self.text = asked.text.replace('"@1"', "r")

        def fetch(self, limit=None):
            return con.execute(self.text).fetchall()

        def close(self):
            pass

    one = profiles.profile(Rows, relation).columns[0]
    fine = "isfinite(x)" if kind == "double" else "x is not null"
    nulls, distinct, odd = con.execute(
        f"select count(*) - count(x), count(distinct x), count(*) filter (x is not null and not ({fine})) from t"
    ).fetchone()
    assert (one.nulls, one.distinct, one.odd) == (nulls, distinct, odd)
    low, high = con.execute(f"select min(x), max(x) from t where {fine}").fetchone()
    assert (one.min, one.max) == (low, high)
    counts = dict(con.execute("select x::varchar, count(*) from t where x is not null group by 1").fetchall())
    assert sorted((n for _, n in one.top), reverse=True) == sorted(counts.values(), reverse=True)[: len(one.top)]
    if kind == "varchar":
        assert sum(n for _, n in one.patterns) <= len(values) - nulls
        return
    for share, value in one.quantiles:
        assert value == con.execute(f"select quantile_disc(x, {share}) from t where {fine}").fetchone()[0]
    for at, (lower, upper, n) in enumerate(one.histogram):
        end = "<=" if at == len(one.histogram) - 1 else "<"
        wide = {"bigint": "hugeint", "decimal(12,3)": "decimal(24,3)"}.get(kind, kind)
        between = f"x >= ?::{wide} and x {end} ?::{wide}"
        assert con.execute(f"select count(*) from t where {fine} and {between}", [lower, upper]).fetchone()[0] == n
    assert sum(n for _, _, n in one.histogram) == (len(values) - nulls - odd)


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_hold_what_lies_between_and_ascend(one, other):
    low, high = sorted((one, other))
    found = spread.nice(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert len(found) <= spread.MOST + 1
    assert low == high or all(a < b for a, b in itertools.pairwise(found))


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**61))
def test_bounds_of_times_hold_what_lies_between(low, width):
    found = spread.times(low, low + width)
    assert found[0] <= low
    assert found[-1] >= low + width
    assert len(found) <= spread.MOST + 2


def test_bounds_of_times_stand_where_calendars_do():
    def micros(*at):
        return spread._micros(datetime(*at))  # noqa: DTZ001

    assert spread.times(micros(2024, 1, 5), micros(2024, 12, 30))[1] == micros(2024, 2, 1)
    assert spread.times(micros(2024, 1, 1, 10), micros(2024, 1, 1, 11), 6) == [
        micros(2024, 1, 1, 10, m) for m in (0, 10, 20, 30, 40, 50)
    ] + [micros(2024, 1, 1, 11)]
    assert set(spread.times(0, micros(2020, 1, 1))) <= {micros(year, 1, 1) for year in range(1900, 2100, 5)}


# ── on a terminal ───────────────────────────────────────────────────────────────────────────────────────


def test_a_profile_fits_into_80_columns_and_drives_no_terminal(ask):
    from penstock.cli.grid import columns as wide

    odd = EVERY.replace("as v(flag,", f'as v("{"日本" * 60}\x1b[2J",')
    for text in (EVERY, odd, LARGE):
        lines = list(_told(ask(text), Paint()))
        assert max(map(wide, lines)) <= 80
        assert not any("\x1b" in line for line in lines)


def test_as_json_nothing_is_rounded(ask):
    said = shape(ask("select 0.000000123456789::double as x"))
    assert said["columns"][0]["min"] == 0.000000123456789
    assert math.isclose(said["columns"][0]["histogram"][0][0], 0.000000123456789)
