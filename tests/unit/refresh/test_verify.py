"""What verify finds, and what it does not hold against a table, in a small project that is tampered with."""

import shutil
import sys
from copy import copy
from datetime import timedelta

import pytest

from penstock.app import history, requests
from penstock.refresh.verify import Verifier
from tests.unit.refresh.shop import TABLES, Shop


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The project after its first run, to be copied."""
    made = Shop(tmp_path_factory.mktemp("built"))
    made.run()
    return made


@pytest.fixture
def shop(built, tmp_path):
    made = copy(built)
    made.root = tmp_path / "shop"
    shutil.copytree(built.root, made.root)
    return made


OPEN = {"latest": "skipped", "lists": "skipped"}
CLEAN = dict.fromkeys(["raw.orders", "raw.people", *TABLES, "doubled"], "same") | OPEN


def test_a_project_is_clean_after_it_was_built_after_it_grew_and_after_rows_changed_and_went(shop):
    assert shop.states() == CLEAN
    shop.orders((6, 8, 2.5, 0.1), (7, 11, 9, 0.25))
    shop.run()
    assert shop.states() == CLEAN
    shop.orders((1, 8, 3.5, 0.1), (7, 11, -9, None), (2, 7, 0.01, 1e9))
    shop.run()
    assert shop.states() == CLEAN
    (shop.root / "people.csv").write_text("id,name\n7,Ada\n11,Cid\n")
    shop.run()
    assert shop.states() == CLEAN


def test_a_row_that_comes_and_goes_within_one_run_leaves_nothing_behind(tmp_path):
    shop = Shop(tmp_path)
    shop.orders((1, 7, 9.5, 0.1))
    shop.run()
    assert shop.states() == CLEAN
    shop.orders((1, 8, 2.5, 0.1), (6, 8, 2.5, 0.1))
    shop.orders((1, 7, 2.5, 0.1), (6, 9, 2.5, 0.1))
    shop.run()
    assert shop.states() == CLEAN


def test_a_key_that_moves_from_file_to_file_is_there_once(tmp_path):
    shop = Shop(tmp_path)
    shop.orders((6, 8, 2.5, 0.1), (7, 8, 1.5, 0.2))
    shop.run()
    shop.files = 0
    shop.orders((1, 7, 9.5, 0.1), (6, 8, 2.5, 0.1), (7, 8, 3.5, 0.2))  # 2 to 5 leave the first file, 6 and 7 come
    shop.orders((5, 7, 3.5, 0.7), (7, 8, 4.5, 0.3))  # 5 is in the second now, and 7 in both
    shop.run()
    assert shop.states() == CLEAN
    assert shop.verify("raw.orders")["raw.orders"].rows == 4
    with shop.open() as app:
        found = requests.sql(app, "select id, amount from raw.orders order by id").fetch()
    assert [(row, str(amount)) for row, amount in found] == [(1, "9.50"), (5, "3.50"), (6, "2.50"), (7, "4.50")]


def test_tables_that_are_computed_in_full_from_their_own_text_are_compared_too(tmp_path):
    shop = Shop(tmp_path)
    shop.run(smallest=10**6)
    shop.orders((6, 8, 2.5, 0.1))
    shop.run(smallest=10**6)
    states = shop.states()
    assert states.pop("placed") in ("same", "skipped")  # its order leaves rows equal, and either answer is right
    assert states.pop("most") in ("same", "skipped")
    assert states == {name: state for name, state in CLEAN.items() if name not in ("placed", "most")}


def test_a_table_is_compared_with_its_inputs_as_it_has_seen_them(shop):
    shop.orders((1, 8, 100, 5), (9, 9, 1, 1))
    shop.run("raw.orders")
    found = shop.verify()
    assert {name: one.state for name, one in found.items()} == CLEAN
    assert (found["raw.orders"].version, found["spend"].version) == (2, 1)
    shop.tamper("update {live} set spend = spend + 100 where who = 8", "spend")
    assert shop.states("spend") == {"spend": "differs"}


TAMPERED = {
    "a value": ("spend", "update {live} set spend = spend + 0.01 where who = 7", 1, 1),
    "a float, by a part in a million": ("spend", "update {live} set weight = weight * 1.000001 where who = 7", 1, 1),
    "a float that was null": ("spend", "update {live} set weight = 0 where who = 9", 1, 1),
    "a text": ("named", "update {live} set name = 'Eve' where name = 'Bob'", 1, 1),
    "all rows alike": ("plain", "update {live} set amount = amount * 2", 4, 4),
    "a Python table": ("doubled", "update {live} set twice = 0", 3, 3),
    "a place": ("placed", "update {live} set place = 9 where id = 2", 1, 1),
    "one of the first rows": ("most", "update {live} set amount = 0 where amount = 4.25", 1, 1),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_value_that_is_wrong_is_found_and_shown(shop, name):
    table, text, missing, extra = TAMPERED[name]
    shop.tamper(text, table)
    found = shop.verify(table)[table]
    assert (found.state, found.missing, found.extra) == ("differs", missing, extra)
    assert len(found.missing_rows) == missing
    assert len(found.extra_rows) == extra
    others = {n: s for n, s in shop.states().items() if n not in (table, "doubled")}
    assert others == {n: s for n, s in CLEAN.items() if n not in (table, "doubled")}


def test_the_rows_of_a_difference_have_the_names_of_columns_and_are_limited(shop):
    shop.tamper("update {live} set amount = amount * 2", "plain")
    found = shop.verify("plain", rows=2)["plain"]
    assert (found.missing, len(found.missing_rows), len(found.extra_rows)) == (4, 2, 2)
    assert set(found.missing_rows[0]) == {"id", "amount"}


STORAGE = {
    "a row that is gone": ("plain", "delete from {live} where id = 1", "1 row more or fewer than were counted"),
    "a row that is there twice": ("plain", "insert into {live} from {live} where id = 1", "with the id of another"),
    "a row from the future": ("raw.orders", "update {live} set _seq = 99 where id = 1", "newer than the last version"),
}


@pytest.mark.parametrize("name", STORAGE)
def test_storage_that_is_damaged_is_found(shop, name):
    table, text, said = STORAGE[name]
    shop.tamper(text, table)
    found = shop.verify(table)[table]
    assert found.state == "differs"
    assert said in found.reason


def test_the_rows_that_differ_are_shown_where_the_storage_is_damaged_too(shop):
    shop.tamper("delete from {live} where id = 1", "plain")
    found = shop.verify("plain")["plain"]
    assert (found.missing, found.extra) == (1, 0)
    assert [row["id"] for row in found.missing_rows] == [1]


def test_a_row_that_is_both_there_and_gone_is_found(shop):
    shop.orders((1, 7, 99, 1))
    shop.run()
    shop.tamper("update {gone} set _gone = 7 where id = 1", "raw.orders")
    found = shop.verify("raw.orders")["raw.orders"]
    assert "that went before they came, or after the last version" in found.reason
    assert "that went and are still there" in found.reason


def test_a_key_of_a_raw_table_that_is_there_twice_is_found(shop):
    shop.tamper("update {live} set id = 2 where id = 1", "raw.orders")
    found = shop.verify("raw.orders")["raw.orders"]
    assert (found.state, found.reason, found.extra) == ("differs", "1 key is there more than once", 1)
    assert found.extra_rows == ({"id": 2},)


def test_what_is_kept_out_of_sight_is_compared_too(shop):
    """A wrong count in a hidden relation gives wrong rows only later."""
    shop.tamper("update {live} set n = n + 1", "@%")
    found = shop.verify("named")["named"]
    assert found.state == "differs"
    assert found.reason == "what it keeps is not what it should be: groups of raw.orders by who"
    assert found.parts == ("groups of raw.orders by who", "named")


def test_a_hidden_column_that_is_wrong_is_found(shop):
    shop.tamper('update {live} set "@p2" = 77 where who = 8', "spend")
    assert shop.states("spend") == {"spend": "differs"}


def test_a_value_that_is_kept_too_often_is_found(shop):
    shop.tamper('update {live} set "@s1" = "@s1" + 1', "@%")
    found = shop.verify("various")["various"]
    assert found.state == "differs"


def test_a_state_that_is_not_of_its_group_is_found(shop):
    shop.orders((6, 8, 2.5, 0.1), (7, 8, 2, 0.25))
    shop.run()
    other = '(select "@p1" from {live} where who = 7)'
    shop.tamper(f'update {{live}} set "@p1" = {other} where who = 8', "spread")
    found = shop.verify("spread")["spread"]
    assert (found.state, found.parts) == ("differs", ("spread",))


def test_a_column_of_another_type_is_found(shop):
    shop.tamper("update _penstock.relations set columns = replace(columns, 'hugeint', 'varchar') where name = 'x'")
    with shop.open() as app:
        relation = app.engine.relations()["plain"]
        assert relation.schema.types["id"] == "bigint"
    shop.tamper("""update _penstock.relations set columns = replace(columns, '"bigint"', '"integer"')
        where name = 'plain'""")
    found = shop.verify("plain")["plain"]
    assert (found.state, found.reason) == (
        "differs",
        "its columns are not those of its definition: id integer, not bigint",
    )


def test_a_full_run_mends_what_was_tampered_with(shop):
    """Values of tables, and what is kept out of sight for them."""
    shop.tamper("update {live} set spend = 0 where who = 7", "spend")
    shop.tamper("update {live} set n = n + 1", "@%")
    assert {name for name, state in shop.states().items() if state == "differs"} == {"spend", "named"}
    with shop.open() as app:
        assert requests.run(app, full=True).state == "done"
    assert shop.states() == CLEAN


def test_what_a_query_leaves_open_is_left_out_with_the_reason(shop):
    found = shop.verify("latest", "lists")
    assert found["latest"].reason == "now() gives another answer each time"
    assert found["lists"].reason.startswith("its answer is open: list() without an order of its own")


def test_a_pivot_that_takes_its_columns_from_the_rows_is_left_out_and_its_rows_are_counted(tmp_path):
    shop = Shop(tmp_path)
    (tmp_path / "tables" / "wide.sql").write_text("pivot raw.orders on who using sum(amount) group by id")
    shop.run()
    found = shop.verify("wide")["wide"]
    assert (found.state, found.rows) == ("skipped", 5)
    assert found.reason.startswith("its answer is open: a pivot that takes its columns from the rows; write a column")


def test_equal_rows_of_an_order_are_no_difference(shop):
    """Orders 1 and 5 are of one customer and amount: which of them is placed first is open."""
    shop.orders((12, 7, 3.5, 1), (11, 7, 3.5, 1), (10, 7, 3.5, 1))
    shop.run()
    assert shop.states("placed", "most") == {"placed": "same", "most": "same"}


def test_a_table_that_was_never_built_or_changed_since_is_left_out(shop):
    (shop.root / "tables" / "plain.sql").write_text("select id from raw.orders")
    (shop.root / "tables" / "new.sql").write_text("select id from raw.orders")
    found = shop.verify("plain", "new")
    assert found["plain"].reason == "its definition changed: the next run builds it anew"
    assert found["new"].reason == "it was never built"


def test_a_function_that_fails_is_said_and_the_rest_is_compared(shop, monkeypatch):
    monkeypatch.setenv("BROKEN", "1")
    found = shop.verify("doubled", "spend")
    assert (found["doubled"].state, found["spend"].state) == ("failed", "same")
    assert "the model is gone" in found["doubled"].reason


def test_a_writer_is_not_held_up_and_holds_nobody_up(shop):
    with shop.open() as app:
        txn = app.engine.begin()
        try:
            found = requests.verify(app)
        finally:
            txn.rollback()
    assert {one.table: one.state for one in found} == CLEAN


@pytest.mark.parametrize(("name", "column"), [("plain", "amount"), ("spend", "spend"), ("spread", "spread")])
def test_a_table_that_differs_is_found_while_commits_never_cease_and_none_has_to_wait(shop, name, column, monkeypatch):
    shop.tamper(f"update {{live}} set {column} = {column} + 1 where {'id = 1' if name == 'plain' else 'who = 7'}", name)
    right = Verifier.seen

    def seen(verifier, *args):
        found = right(verifier, *args)
        shop.orders((100 + shop.files, 8, 1, 1))
        assert requests.run(verifier.app).state == "done"
        return found

    def turn(engine, *args):
        assert sys._getframe(1).f_globals["__name__"] != "penstock.refresh.verify"
        return takes(engine, *args)

    with shop.open() as app:
        takes = type(app.engine).turn
        monkeypatch.setattr(type(app.engine), "turn", turn)
        monkeypatch.setattr(Verifier, "app", app, raising=False)
        monkeypatch.setattr(Verifier, "seen", seen)
        before = app.engine.version
        (found,) = requests.verify(app, [name])
        assert app.engine.version > before + 3
    assert found.state == "differs"
    assert (found.missing, found.extra) == (1, 1)


def test_a_table_is_compared_with_what_it_has_seen_after_a_vacuum_too(shop):
    shop.orders((1, 8, 100, 5), (9, 9, 1, 1))
    shop.run("raw.orders")
    with shop.open() as app:
        history.vacuum(app, timedelta(0))
    assert shop.states() == CLEAN


def test_a_table_that_was_rolled_back_is_left_out_with_that_reason(shop):
    (shop.root / "tables" / "plain.sql").write_text("select id from raw.orders")
    shop.run("plain")
    with shop.open() as app:
        history.rollback(app, "plain")
    assert shop.verify("plain")["plain"].reason == "it was rolled back, and shows an earlier definition"


def test_an_older_version_of_a_table_that_was_built_anew_is_found_again(shop):
    """Its input was built anew since: what the table has seen lies in the relation of before."""
    (shop.root / "tables" / "plain.sql").write_text("select id, amount from raw.orders where amount > 1")
    (shop.root / "tables" / "over.sql").write_text("select count(*) as n from plain")
    shop.run("+over")
    assert shop.states("+over") == {"raw.orders": "same", "plain": "same", "over": "same"}
