"""Python functions as sources and sinks: what they may give, and what is said when they fail."""

from collections import UserDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from penstock.base.errors import ConfigError, FatalError
from penstock.connect.python import CONNECTOR
from penstock.connect.python import source as calling
from penstock.connect.python import tables as making
from penstock.dev import Rows
from penstock.model.relation import Query
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Arrow, Context, Kind, Text
from penstock.testing import StillClock
from penstock.testing.landing import engine, landed

HERE = Connection("", "python")


def table_of(function, **settings):
    return RawTable("raw.given", HERE, options={"callable": function}, **settings)


def read(function, after=None, folder=None, **settings):
    from pathlib import Path

    folder = folder or Path("/nonexistent")
    source = CONNECTOR.source(table_of(function, **settings), Context(folder, folder, StillClock()))
    batches = list(source.read("", after))
    source.close()
    return batches


def rows_of(batches):
    return [row for batch in batches for row in landed(batch, table_of(None)).rows]


# What a function may give ------------------------------------------------------------------------------------


def test_every_type_of_python_comes_out_exact():
    row = {
        "a": 1, "b": 2**100, "c": 1.5, "d": float("inf"), "e": Decimal("1.10"), "f": "é\0\n", "g": True,
        "h": date(2024, 2, 29), "i": datetime(2024, 2, 29, 10, 0, 0, 5),  # noqa: DTZ001
        "j": datetime(2024, 2, 29, 10, tzinfo=UTC),
        "k": time(10, 30), "l": timedelta(days=1, seconds=2), "m": UUID(int=7), "n": [1, 2], "o": {"x": 1, "y": None},
        "p": None,
    }  # fmt: skip
    (batch,) = read(lambda: [row])
    assert batch.schema.types == {
        "a": "bigint", "b": "hugeint", "c": "double", "d": "double", "e": "decimal(18,2)", "f": "varchar",
        "g": "boolean", "h": "date", "i": "timestamp", "j": "timestamptz", "k": "time", "l": "interval", "m": "uuid",
        "n": "bigint[]", "o": 'struct("x" bigint, "y" varchar)', "p": "varchar",
    }  # fmt: skip
    assert rows_of([batch]) == [row]


def test_bytes_come_out_exact_beside_all_other_types():
    rows = [{"a": b"\0\xff\\x41", "b": Decimal("1.5"), "c": datetime(2024, 1, 1, tzinfo=UTC), "d": None, "e": True},
            {"a": None, "b": None, "c": None, "d": "x", "e": False, "f": 2**70, "g": float("nan")}]  # fmt: skip
    (batch,) = read(lambda: iter(rows))
    assert isinstance(batch.rows, Arrow)
    found = rows_of([batch])
    assert [(r["a"], r["b"], r["c"], r["d"], r["e"], r["f"]) for r in found] == [
        (b"\0\xff\\x41", Decimal("1.5"), datetime(2024, 1, 1, tzinfo=UTC), None, True, None),
        (None, None, None, "x", False, 2**70),
    ]
    assert str(found[1]["g"]) == "nan"
    with pytest.raises(FatalError, match="bytes inside a list or dict"):
        read(lambda: [{"a": [b"x"]}])


@pytest.mark.parametrize(
    "give",
    [
        lambda: {"a": 1, "b": "x"}, lambda: [{"a": 1, "b": "x"}], lambda: iter([{"a": 1, "b": "x"}]),
        lambda: iter([[{"a": 1, "b": "x"}]]), lambda: [UserDict(a=1, b="x")], lambda: Rows({"a": 1, "b": "x"}),
        lambda: iter([Rows([{"a": 1, "b": "x"}])]),
    ],
)  # fmt: skip
def test_dicts_come_in_any_wrapping(give):
    assert rows_of(read(give)) == [{"a": 1, "b": "x"}]


def frames():
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    data = {"a": [1, 2], "b": ["x", None]}
    return {
        "polars": lambda: pl.DataFrame(data),
        "polars lazy": lambda: pl.LazyFrame(data),
        "pandas": lambda: pd.DataFrame(data, index=[7, 9]),
        "pyarrow": lambda: pa.table(data),
        "pyarrow batch": lambda: pa.RecordBatch.from_pydict(data),
        "reader": lambda: pa.table(data).to_reader(),
        "several": lambda: iter([pl.DataFrame(data).head(1), pl.DataFrame(data).tail(1)]),
    }


@pytest.mark.parametrize("kind", ["polars", "polars lazy", "pandas", "pyarrow", "pyarrow batch", "reader", "several"])
def test_tables_come_in_any_form(kind):
    assert rows_of(read(frames()[kind])) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


def test_a_table_that_can_be_read_once_lands_twice():
    (batch,) = read(frames()["reader"])
    assert rows_of([batch]) == rows_of([batch])


def test_a_pandas_index_with_a_name_is_a_column():
    import pandas as pd

    frame = pd.DataFrame({"a": [1]}, index=pd.Index([7], name="id"))
    assert rows_of(read(lambda: frame)) == [{"a": 1, "id": 7}]


def test_no_rows_are_a_snapshot_of_nothing():
    for give in (lambda: None, list, lambda: iter(())):
        (batch,) = read(give)
        assert (batch.kind, batch.restart, rows_of([batch])) == (Kind.SNAPSHOT, True, [])


# Batches -----------------------------------------------------------------------------------------------------


def test_batches_are_bounded_and_types_only_widen(monkeypatch):
    monkeypatch.setattr(making, "BATCH_BYTES", 4_000)
    monkeypatch.setattr(calling, "_TOGETHER", 50)

    def give():
        for n in range(600):
            yield {"id": n, "x": Decimal(n) / 4 if n >= 400 else n, "late": "yes" if n >= 450 else None}

    batches = read(give)
    assert len(batches) > 2
    assert max(batch.bytes for batch in batches) < 3 * 4_000
    assert [b.restart for b in batches] == [True] + [False] * (len(batches) - 1)
    assert batches[0].schema.types["x"] == "bigint"
    assert batches[-1].schema.types["x"] == "decimal(18,2)"
    assert [row["id"] for row in rows_of(batches)] == list(range(600))


def test_a_value_that_does_not_fit_what_came_before_is_rejected_with_its_place():
    rows = [{"id": 1, "x": 1.5}, {"id": 2, "x": "many"}, "what?", {"id": 3, "x": 2}, {"id": 4, "x": object()}]
    (batch,) = read(lambda: iter(rows))
    assert rows_of([batch]) == [{"id": 1, "x": 1.5}, {"id": 3, "x": 2.0}]
    places = {r.place.rpartition(":")[2]: r.reason for r in batch.rejects}
    assert set(places) == {"2", "3", "5"}
    assert "'many' is of type varchar, not double" in places["2"]
    assert "not a dict: str" in places["3"]
    assert "has no type in a table" in places["5"]
    assert isinstance(batch.rows, Text)


# Positions ---------------------------------------------------------------------------------------------------


def test_the_function_is_handed_the_position_of_its_last_rows():
    seen = []

    def give(after):
        seen.append(after)
        yield Rows([{"id": 1}], position={"page": 1})
        yield Rows([{"id": 2}], position={"page": 2})

    batches = read(give)
    assert (batches[-1].kind, batches[-1].position) == (Kind.APPEND, {"position": {"page": 2}})
    read(give, batches[-1].position)
    assert seen == [None, {"page": 2}]


@pytest.mark.parametrize("newest", [datetime(2024, 1, 2, tzinfo=UTC), date(2024, 1, 2), 7, "b"])
def test_the_function_is_handed_the_highest_cursor_value_as_it_gave_it(newest):
    seen = []
    lower = {datetime: datetime(2024, 1, 1, tzinfo=UTC), date: date(2024, 1, 1), int: 3, str: "a"}[type(newest)]

    def give(after=None):
        seen.append(after)
        return [{"id": 1, "at": newest}, {"id": 2, "at": lower}, {"id": 3, "at": None}]

    (batch,) = read(give, key=("id",), cursor="at")
    assert batch.kind is Kind.UPSERT
    read(give, batch.position, key=("id",), cursor="at")
    assert seen == [None, newest]


def test_the_cursor_of_a_data_frame_is_read_too():
    import polars as pl

    (batch,) = read(lambda after: pl.DataFrame({"id": [1, 2], "at": [5, 9]}), key=("id",), cursor="at")
    assert batch.position == {"cursor": 9}
    with pytest.raises(FatalError, match="did you mean 'at'"):
        read(lambda after: pl.DataFrame({"id": [1], "at": [5]}), key=("id",), cursor="att")


def test_rows_may_say_what_they_mean():
    def give(after):
        yield Rows([{"id": 1}, {"id": 2}], position=1, kind="upsert")
        yield Rows([{"id": 1}], position=2, kind="delete")

    batches = read(give, key=("id",))
    assert [(b.kind, b.position) for b in batches] == [
        (Kind.UPSERT, {"position": 1}),
        (Kind.DELETE, {"position": 2}),
    ]


def test_a_function_that_follows_must_say_how_far_it_came():
    with pytest.raises(FatalError, match="nothing says how far its rows reach"):
        read(lambda after: [{"id": 1}])
    with pytest.raises(ConfigError, match="a cursor and no key"):
        read(lambda after: [{"id": 1}], cursor="id")


# The project's files -----------------------------------------------------------------------------------------


def from_file(folder, code, function="give"):
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "x.py").write_text(code)
    table = RawTable("raw.x", HERE, options={"file": "sources/x.py", "function": function})
    source = CONNECTOR.source(table, Context(folder, folder, StillClock()))
    return list(source.read("", None))


def test_a_function_is_found_in_a_file_that_imports_its_neighbour(tmp_path):
    (tmp_path / "neighbour_of_x.py").write_text("VALUE = 7\n")
    code = "from neighbour_of_x import VALUE\ndef give():\n    yield {'a': VALUE}\n"
    (batch,) = from_file(tmp_path, code)
    assert rows_of([batch]) == [{"a": 7}]


@pytest.mark.parametrize(
    ("code", "error", "line", "words"),
    [
        ("def give():\n    yield {'a': 1}\n    raise KeyError('oops')\n", FatalError, 3, "KeyError: 'oops'"),
        ("def give():\n    return len(5)\n", FatalError, 2, "TypeError"),
        ("def give():\n    raise SystemExit(3)\n", FatalError, 2, "SystemExit: 3"),
        ("import no_such_module_anywhere\n", ConfigError, 1, "pip install no_such_module_anywhere"),
        ("def other(): ...\n", ConfigError, 0, "no function 'give'"),
        ("give = 5\n", ConfigError, 0, "int"),
    ],
)
def test_what_goes_wrong_is_said_at_the_users_own_line(tmp_path, code, error, line, words):
    with pytest.raises(error) as caught:
        from_file(tmp_path, code)
    said = str(caught.value)
    assert words in said
    assert not line or f"sources/x.py:{line}" in said


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    table = RawTable("raw.x", HERE, options={"file": "sources/no.py", "function": "give"})
    with pytest.raises(ConfigError, match="cannot be read"):
        CONNECTOR.source(table, Context(tmp_path, tmp_path, StillClock()))


# Sinks -------------------------------------------------------------------------------------------------------


def test_a_sink_that_fails_is_called_again_with_the_same_rows(tmp_path):
    seen = []

    def take(rows):
        seen.append(rows.num_rows)
        if len(seen) == 1:
            raise ConnectionError("away")

    definition = SinkTable("out", "main.t", HERE, mode="append", options={"callable": take})
    for attempt in range(2):
        sink = CONNECTOR.sink(definition, Context(tmp_path, tmp_path, StillClock()))
        rows = engine().read(Query("select 1 as id, true as good"))
        sink.stage(DeliveryNote("out", "main.t", rows.schema, (), "append", False, 0, 3), rows, None)
        if attempt == 0:
            with pytest.raises(FatalError, match="ConnectionError: away"):
                sink.commit(3)
            assert sink.epoch() is None
        else:
            sink.commit(3)
            assert sink.epoch() == 3
        sink.close()
    assert seen == [1, 1]
