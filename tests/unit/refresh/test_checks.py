"""Checks: what fails is counted and shown, what passes costs little, and what cannot be computed says where."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.app import requests
from penstock.base.errors import FatalError, Place, PlanError
from penstock.model.check import Check
from penstock.model.relation import Query
from penstock.model.shape import Shape
from penstock.model.step import Build
from penstock.plan.conditions import Count, EachRow, References, Unique, read, referenced
from penstock.protocols.engine import Target
from penstock.protocols.source import Batch, Json, Text
from penstock.refresh.checks import passed, verify, verify_table
from tests.unit.refresh.shop import Shop

PLAIN = duckdb.connect()
WHERE = Place("tables/orders.sql", 7)


def standing(warehouse, *texts, name="orders", severity="error"):
    checks = [Check(text, severity, where=WHERE) for text in texts]
    return verify_table(checks, name, warehouse.engine.read)


def failed(verdicts):
    return [verdict.failed for verdict in verdicts]


class Counting:
    """A transaction whose queries are kept."""

    def __init__(self, txn):
        self.txn = txn
        self.texts = []

    def read(self, query):
        self.texts.append(query.text)
        return self.txn.read(query)


@pytest.fixture(scope="module")
def orders(shared_warehouse):
    shared_warehouse.build(
        "orders",
        "select * from (values (1, 'new', 10.5, 'a'), (2, 'paid', -3, 'b'), (3, null, null, 'b'), "
        "(null, 'odd', 7, null)) as t(id, status, amount, who)",
    )
    shared_warehouse.build("raw.customers", "select 'a' as who, 1 as id union all select null, null")
    shared_warehouse.build("customers", "select 1 as number")
    return shared_warehouse


# ── what is found ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("amount >= 0", 1),
        ("amount is not null", 1),
        ("amount > 100 or status = 'new'", 2),  # null is neither true nor false: it passes
        ("orders.amount > 0", 1),
        ("amount > 0 -- money", 1),
        ("amount > 0 /* not ; this */", 1),
        ("status <> ';'", 0),
        ("(amount > 0) is not true", 2),
        ("amount < (select max(id) from orders)", 2),
        ("accepted(status, 'new', 'paid')", 1),
        ("accepted(status, 'new', null)", 2),
        ("accepted(lower(status), 'new', 'paid', 'odd')", 0),
        ("accepted(id, 1, 2)", 1),
        ("not_null(status)", 1),
        ("not_null(status, amount)", 1),
        ("not_null(id, who)", 1),
        ("between(amount, 0, 10)", 2),
        ("between(amount, -5, 10.5)", 0),
        ("unique(id)", 0),  # a null is equal to nothing
        ("unique(who)", 2),
        ("unique(who, status)", 0),
        ("unique(who is null)", 3),
        ("UNIQUE ( who )", 2),
        ("rows > 0", 0),
        ("rows between 5 and 10", 1),
        ("rows = (select count(*) from orders)", 0),
    ],
)
def test_rows_that_fail_are_counted(orders, text, count):
    assert failed(standing(orders, text)) == [count]


def test_samples_show_a_few_of_the_rows_that_failed(orders):
    (negative, double, count) = standing(orders, "amount >= 0", "unique(who)", "rows > 9")
    assert negative.samples == ({"id": 2, "status": "paid", "amount": "-3.0", "who": "b"},)
    assert double.samples == ({"who": "b", "how often": 2},)
    assert (count.failed, count.samples) == (1, ({"rows": 4},))


def test_no_more_than_five_rows_are_shown_and_long_values_are_cut(warehouse):
    warehouse.build("orders", "select range as id, repeat('x', 5000) as note, 'nan'::double as n from range(100)")
    (verdict,) = standing(warehouse, "id < 0")
    assert verdict.failed == 100
    assert len(verdict.samples) == 5
    assert len(verdict.samples[0]["note"]) == 201
    assert verdict.samples[0]["n"] == "nan"


def test_the_severity_says_whether_it_is_a_warning(orders):
    assert [v.state for v in standing(orders, "amount >= 0", "rows > 0", severity="warn")] == ["warned", "passed"]
    assert standing(orders, "amount >= 0")[0].state == "failed"


# ── references ──────────────────────────────────────────────────────────────────────────────────────────


def test_values_that_have_no_partner_are_counted(orders):
    same, other = standing(orders, "references(raw.customers.who)", "references(raw.customers.id, id)")
    assert (same.failed, other.failed) == (2, 2)
    assert same.samples[0]["who"] == "b"


def test_a_table_may_refer_to_itself_as_it_would_be(warehouse):
    warehouse.build("staff", "select 1 as id, null::integer as boss")
    txn = warehouse.engine.begin()
    change = warehouse.compared(txn, "staff", "from (values (1, null), (2, 1), (3, 9)) t(id, boss)")
    (verdict,) = verify([Check("references(staff.id, boss)")], change, txn)
    assert verdict.samples == ({"id": 3, "boss": 9},)
    txn.rollback()


def test_a_column_that_this_table_calls_otherwise_gets_a_hint(orders):
    with pytest.raises(PlanError, match="cannot be computed") as caught:
        standing(orders, "references(customers.number)")
    assert "references(customers.number, COLUMN)" in str(caught.value)


def test_a_table_that_does_not_exist_is_named(orders):
    with pytest.raises(PlanError, match="nowhere"):
        standing(orders, "references(nowhere.who)")


# ── on a change ─────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_rows_that_came_are_looked_at(warehouse):
    warehouse.build("orders", "select 1 as id, -1 as amount", key=("id",))
    txn = warehouse.engine.begin()
    counting = Counting(txn)
    change = warehouse.compared(txn, "orders", "from (values (1, -1), (2, -2), (3, 3)) t(id, amount)")
    change = passed([Check("amount >= 0")], change)  # as the rows before have, it is said
    (verdict,) = verify([Check("amount >= 0")], change, counting)
    assert verdict.samples == ({"id": 2, "amount": -2},)
    assert all(change.plus in text and change.after not in text for text in counting.texts)
    txn.rollback()


@pytest.mark.parametrize("text", ["amount >= 0", "unique(amount)"])
def test_a_check_that_was_added_is_about_the_rows_that_were_there_too(warehouse, text):
    warehouse.build("orders", "from (values (1, -1), (2, -1)) t(id, amount)", key=("id",))
    txn = warehouse.engine.begin()
    change = warehouse.compared(txn, "orders", "from (values (1, -1), (2, -1), (3, 3)) t(id, amount)")
    others = passed([Check("amount < 9"), Check(text, "warn")], change)
    assert len(others.relation.passed) == 1
    (verdict,) = verify([Check(text)], others, txn)
    assert verdict.failed == 2
    txn.apply(passed([], change))
    warehouse.commit(txn)
    assert warehouse.engine.relations()["orders"].passed == ()


def test_what_rows_passed_is_known_in_the_next_run(tmp_path):
    """And a check that was taken away, and put back, is run on what came meanwhile."""
    shop = Shop(tmp_path)
    path = shop.root / "tables" / "checked.sql"
    path.write_text('/* ---\nkey = "id"\nchecks = ["amount > -5"]\n--- */ select id, amount from raw.orders')
    with shop.open() as app:
        assert requests.run(app, ["+checked"]).state == "done"
        before = app.engine.relations()["checked"].passed
    assert len(before) == 1
    path.write_text(path.read_text().replace('"amount > -5"', ""))
    shop.orders((10, 7, -9, 1))
    with shop.open() as app:
        assert requests.run(app, ["+checked"]).state == "done"
        assert app.engine.relations()["checked"].passed == ()
    path.write_text(path.read_text().replace("[]", '["amount > -5"]'))
    shop.orders((11, 7, 1, 1))
    with shop.open() as app:
        done = requests.run(app, ["+checked"])
        assert done.failed[0].table == "checked"
        assert app.engine.relations()["checked"].rows == 6


@pytest.mark.parametrize("text", ["amount >= 0", "unique(amount)", "rows < 2", "amount > (select 0)"])
def test_a_warning_is_about_the_whole_table(warehouse, text):
    """The rows that were there before may have failed it too."""
    warehouse.build("orders", "from (values (1, -1), (2, -1)) t(id, amount)", key=("id",))
    txn = warehouse.engine.begin()
    change = warehouse.compared(txn, "orders", "from (values (1, -1), (2, -1), (3, 3)) t(id, amount)")
    (verdict,) = verify([Check(text, "warn")], change, txn)
    assert verdict.failed == (1 if "rows" in text else 2)
    txn.rollback()


def test_a_condition_that_looks_at_other_rows_is_about_the_whole_table(warehouse):
    warehouse.build("orders", "from (values (1, 10)) t(id, amount)", key=("id",))
    warehouse.build("limits", "select 5 as most")
    txn = warehouse.engine.begin()
    change = warehouse.compared(txn, "orders", "from (values (1, 10), (2, 1)) t(id, amount)")
    (verdict,) = verify([Check("amount <= (select max(most) from limits)")], change, txn)
    assert verdict.samples == ({"id": 1, "amount": 10},)
    txn.rollback()


def test_a_value_that_comes_a_second_time_is_found_among_those_that_were_there(warehouse):
    warehouse.build("orders", "from (values (1, 'a', 'x'), (2, 'b', 'y')) t(id, who, what)", key=("id",))
    txn = warehouse.engine.begin()
    change = warehouse.compared(
        txn, "orders", "from (values (1, 'a', 'x'), (2, 'b', 'y'), (3, 'b', 'y')) t(id, who, what)"
    )
    one, two, other = verify([Check("unique(who)"), Check("unique(who, what)"), Check("unique(id)")], change, txn)
    assert (one.failed, two.failed, other.failed) == (2, 2, 0)
    assert two.samples == ({"who": "b", "what": "y", "how often": 2},)
    txn.rollback()


def test_a_value_that_moves_to_another_row_is_no_double(warehouse):
    warehouse.build("orders", "from (values (1, 'a'), (2, 'b')) t(id, who)", key=("id",))
    txn = warehouse.engine.begin()
    change = warehouse.compared(txn, "orders", "from (values (1, 'b'), (2, 'a')) t(id, who)")
    assert failed(verify([Check("unique(who)")], change, txn)) == [0]
    txn.rollback()


def test_rows_that_only_went_can_break_no_condition_but_one_on_their_number(warehouse):
    warehouse.build("orders", "from (values (1, -1), (2, 2)) t(id, amount)", key=("id",))
    txn = warehouse.engine.begin()
    counting = Counting(txn)
    change = warehouse.compared(txn, "orders", "select 1 as id, -1 as amount")
    wanted = [Check("amount > 0"), Check("unique(id)"), Check("rows >= 2")]
    verdicts = verify(wanted, passed(wanted, change), counting)
    assert failed(verdicts) == [0, 0, 1]
    assert len(counting.texts) == 2
    txn.rollback()


def test_a_table_that_was_built_is_looked_at_as_a_whole(warehouse):
    txn = warehouse.engine.begin()
    change = txn.run(Build("sales.orders", Query("select 1 as id, -1 as amount"), "1:a"))
    assert failed(verify([Check("amount > 0"), Check("rows > 0"), Check("orders.id = 1")], change, txn)) == [1, 0, 0]
    txn.rollback()


def test_rows_that_were_loaded_in_place_are_looked_at_alone(warehouse):
    def load(txn, text):
        batch = Batch(Text([text], Json(lines=True), "lines"), None)
        return txn.load(
            batch, Shape("raw.hits"), "", Target("raw.hits", warehouse.engine.relations().get("raw.hits"), "1:a")
        )

    txn = warehouse.engine.begin()
    txn.apply(load(txn, b'{"id": 1, "n": -1}\n'))
    warehouse.commit(txn)
    txn = warehouse.engine.begin()
    change = load(txn, b'{"id": 1, "n": -2}\n{"id": 2, "n": 5}\n')
    assert change.in_place
    wanted = [Check("n > 0"), Check("unique(id)"), Check("n > 0", "warn")]
    error, unique, warning = verify(wanted, passed(wanted, change), txn)
    assert (error.failed, unique.failed, warning.failed) == (1, 2, 2)
    txn.rollback()


def test_nothing_is_asked_where_nothing_changes(warehouse):
    warehouse.build("orders", "select 1 as id, -1 as amount", key=("id",))
    txn = warehouse.engine.begin()
    change = warehouse.compared(txn, "orders", "select 1 as id, -1 as amount")
    assert verify([Check("amount > 0")], change, txn) == []
    txn.rollback()


# ── what cannot be computed ─────────────────────────────────────────────────────────────────────────────


def test_a_condition_that_does_not_bind_points_to_its_place_and_names_the_word(orders):
    with pytest.raises(PlanError) as caught:
        standing(orders, "amont >= 0")
    said = str(caught.value)
    assert said.startswith("tables/orders.sql:7: orders: the check 'amont >= 0' cannot be computed")
    assert 'column "amont" not found' in said
    assert "amount" in caught.value.hint


def test_a_condition_that_fails_on_a_value_is_a_clear_error(orders):
    with pytest.raises(FatalError, match=r"the check 'cast\(status as integer\) > 0' cannot be computed") as caught:
        standing(orders, "cast(status as integer) > 0")
    assert caught.value.where == WHERE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("-- only this", "it is empty"),
        ("true); drop table orders; --", "semicolon"),
        ("true; commit", "semicolon"),
        ("true) or (true", r"the \) at character 5 closes nothing"),
        ("true) union select (1", "closes nothing"),
        ("(amount > 0", r"a \) is missing"),
        ("amount in [1, 2)", "closes nothing"),
        ("status = 'x", "what opens with 'x never closes"),
        ('"amount > 0', "never closes"),
        ("amount > 0 /* and", r"what opens with /\* never closes"),
        ("status = $$x", "never closes"),
        ("accepted(status)", "accepted does not take 1 arguments"),
        ("between(amount, 1)", "between does not take 2 arguments"),
        ("unique()", "unique does not take 1 arguments"),
        ("unique(id,)", "unique does not take 2 arguments"),
        ("references(id)", "does not name a table's column"),
        ("references(a.b.c.d)", "does not name a table's column"),
        ("references(customers.id, orders.id)", "not a column of this table"),
        ("references(customers.id + 1)", "does not name a table's column"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text, why):
    with pytest.raises(PlanError, match=why) as caught:
        read(Check(text, where=WHERE))
    assert caught.value.where == WHERE


@given(st.text("()[];'\"$-/*\ntrue or1=,\x00", max_size=25))
def test_no_text_reaches_beyond_its_brackets(text):
    """Whatever is not refused stands, as one expression, where it is put: what follows it still counts."""
    try:
        condition = read(Check(text))
    except PlanError:
        return
    if not isinstance(condition, EachRow | Count):
        return
    with PLAIN.cursor() as db:
        query = f"select 'seen' as said from (select 1 as rows) t where not (\n{condition.sql}\n) or t.rows = 1"
        try:
            found = db.execute(query).fetchall()
        except duckdb.Error:
            return
    assert found == [("seen",)]


# ── what a text means ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("unique(a) and b > 0", EachRow("unique(a) and b > 0")),
        ('"rows" > 0', EachRow('"rows" > 0')),
        ("rows > 0", Count("rows > 0")),
        ("rows", EachRow("rows")),
        ("unique(a, coalesce(b, 'x,y'))", Unique(("a", "coalesce(b, 'x,y')"))),
        ("references(main.customers.id)", References("customers", "id", "id")),
        ('references("Raw".customers.id, "Who")', References("raw.customers", "id", "who")),
    ],
)
def test_a_text_means_what_it_says(text, meaning):
    assert read(Check(text)) == meaning


def test_the_table_that_a_check_refers_to_is_known():
    assert referenced(Check("references(raw.customers.id)")) == "raw.customers"
    assert referenced(Check("unique(id)")) == ""
