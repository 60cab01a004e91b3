"""Python tables under `rows=` and `by=`: what their functions are given, and may not return."""

from collections import Counter

import pytest

from penstock.base.errors import FatalError, RunError
from penstock.model.table import Function, Input, Table
from penstock.refresh import python
from tests.unit.refresh.conftest import NOON

FILE = "tables/made.py"


class Made:
    """A Python table `made` in a warehouse: brought up to date by functions, and what they were given."""

    def __init__(self, warehouse):
        self.warehouse = warehouse
        self.given = []

    def run(self, function, inputs, *, key=(), fingerprint="1:made", most=python.MOST, full=False, **part):
        """Bring the table up to date; returns how, and its rows."""

        def called(**given):
            self.given.append(given)
            return function(**given)

        named = tuple(Input(name, name, form) for name, form in inputs.items())
        table = Table("made", function=Function(FILE, "made", named, **part), key=key, fingerprint=fingerprint)
        txn = self.warehouse.engine.begin()
        self.given = []
        try:
            relations = self.warehouse.engine.relations()
            change, how = python.change(table, relations, txn, lambda _: called, full=full, most=most)
            txn.seen(txn.apply(change), txn.version)
        except BaseException:
            txn.rollback()
            raise
        self.warehouse.commit(txn)
        return how, sorted(self.warehouse.rows("select * from made"), key=str)


@pytest.fixture
def made(warehouse):
    return Made(warehouse)


def values(*rows):
    return f"from (values {', '.join(rows)}) t(id, customer, amount)"


def doubled(orders):
    return orders.with_columns(amount=orders["amount"] * 2)


def summed(orders):
    import polars as pl

    return orders.group_by("customer").agg(pl.col("amount").sum())


ORDERS = {"orders": "polars"}


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_new_and_changed_rows_go_in(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)", "(2, 7, 20)", "(3, 8, 30)"), key=("id",))
    assert made.run(doubled, ORDERS, rows="orders") == ("build", [(1, 7, 20), (2, 7, 40), (3, 8, 60)])
    warehouse.change("orders", values("(1, 7, 10)", "(2, 7, 25)", "(4, 9, 40)"))
    assert made.run(doubled, ORDERS, rows="orders") == ("rows", [(1, 7, 20), (2, 7, 50), (4, 9, 80)])
    assert sorted(made.given[0]["orders"].rows()) == [(2, 7, 25), (4, 9, 40)]
    assert made.run(doubled, ORDERS, rows="orders", full=True)[0] == "full, compared"
    assert made.given[0]["orders"].height == 3


def test_a_row_that_comes_out_as_it_was_is_left_alone(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    made.run(lambda orders: orders.select("id"), ORDERS, rows="orders")
    warehouse.change("orders", values("(1, 7, 11)"))
    made.run(lambda orders: orders.select("id"), ORDERS, rows="orders")
    relation = warehouse.engine.relations()["made"]
    assert (relation.changed, relation.seen) == (2, 4)


def test_an_input_without_a_key_is_followed_while_it_grows(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"))
    made.run(doubled, ORDERS, rows="orders")
    warehouse.change("orders", values("(1, 7, 10)", "(1, 7, 10)", "(2, 7, 20)"))
    assert made.run(doubled, ORDERS, rows="orders") == ("rows", [(1, 7, 20), (1, 7, 20), (2, 7, 40)])
    assert sorted(made.given[0]["orders"].rows()) == [(1, 7, 10), (2, 7, 20)]
    warehouse.change("orders", values("(2, 7, 20)"))
    assert made.run(doubled, ORDERS, rows="orders") == ("full, compared", [(2, 7, 40)])


def test_rows_may_be_named_by_the_key_of_the_table(made, warehouse):
    def first(orders):
        return [{"id": key, "amount": amount} for key, customer, amount in orders.rows() if customer == 7]

    warehouse.build("orders", values("(1, 7, 10)", "(1, 8, 11)", "(2, 7, 20)"))
    made.run(first, ORDERS, key=("id",), rows="orders")
    warehouse.change("orders", values("(1, 7, 10)", "(2, 7, 21)"))
    assert made.run(first, ORDERS, key=("id",), rows="orders") == ("rows", [(1, 10), (2, 21)])
    # The row that shares its name with one that went has to say again what comes of it.
    assert sorted(made.given[0]["orders"].rows()) == [(1, 7, 10), (2, 7, 21)]


def test_a_change_of_another_input_computes_everything(made, warehouse):
    def joined(orders, customers):
        return orders.join(customers, on="customer")

    inputs = {"orders": "polars", "customers": "polars"}
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    warehouse.build("customers", "select 7 as customer, 'ada' as name")
    made.run(joined, inputs, rows="orders")
    warehouse.change("orders", values("(1, 7, 10)", "(2, 7, 20)"))
    assert made.run(joined, inputs, rows="orders")[0] == "rows"
    assert made.given[0]["customers"].height == 1
    warehouse.change("customers", "select 7 as customer, 'eve' as name")
    expected = [(1, 7, 10, "eve"), (2, 7, 20, "eve")]
    assert made.run(joined, inputs, rows="orders") == ("full, compared", expected)


def test_an_input_that_was_built_anew_computes_everything(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    made.run(doubled, ORDERS, rows="orders")
    warehouse.build("orders", values("(5, 7, 50)"), key=("id",))
    assert made.run(doubled, ORDERS, rows="orders") == ("full, compared", [(5, 7, 100)])


@pytest.mark.parametrize("part", [{"rows": "orders"}, {"by": ("id",)}])
def test_changes_that_were_vacuumed_compute_everything(made, warehouse, part):
    warehouse.build("orders", values("(1, 7, 10)", "(2, 7, 20)"), key=("id",))
    made.run(doubled, ORDERS, **part)
    changed = warehouse.change("orders", values("(2, 7, 21)"))
    warehouse.engine.vacuum({"orders": changed.changed}, changed.changed, NOON)
    assert made.run(doubled, ORDERS, **part) == ("full, compared", [(2, 7, 42)])


def test_all_rows_go_and_the_function_is_not_called(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    made.run(doubled, ORDERS, rows="orders")
    warehouse.change("orders", values("(1, 7, 10)") + " where false")
    assert made.run(doubled, ORDERS, rows="orders") == ("rows", [])
    assert made.given == []


def test_other_columns_than_before_build_the_table_anew(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    made.run(lambda orders: orders.to_dicts(), ORDERS, rows="orders")
    warehouse.change("orders", values("(1, 7, 10)", "(2, 7, 20)"))
    more = lambda orders: [{**row, **({"big": True} if row["amount"] > 10 else {})} for row in orders.to_dicts()]  # noqa: E731
    how, rows = made.run(more, ORDERS, rows="orders")
    assert (how, rows) == ("build", [(1, 7, 10, None), (2, 7, 20, True)])


def test_a_type_that_some_rows_do_not_show_is_kept(made, warehouse):
    def half(orders):
        return [{"id": key, "half": amount // 2 if amount % 2 == 0 else amount / 2} for key, _, amount in orders.rows()]

    warehouse.build("orders", values("(1, 7, 10)", "(2, 7, 5)"), key=("id",))
    made.run(half, ORDERS, rows="orders")
    warehouse.change("orders", values("(1, 7, 10)", "(2, 7, 5)", "(3, 7, 4)"))
    assert made.run(half, ORDERS, rows="orders") == ("rows", [(1, 5.0), (2, 2.5), (3, 2.0)])


@pytest.mark.parametrize("form", ["arrow", "polars", "pandas", "relation", "batches"])
@pytest.mark.parametrize("part", [{"rows": "orders"}, {"by": ("customer",)}])
def test_parts_come_in_every_form(made, warehouse, form, part):
    back = {"relation": lambda orders: orders.filter("true")}.get(form, lambda orders: orders)
    warehouse.build("orders", values("(1, 7, 10)", "(2, 8, 20)"), key=("id",))
    made.run(back, {"orders": form}, most=1, **part)
    assert len(made.given) == 2
    warehouse.change("orders", values("(1, 7, 10)", "(2, 8, 21)", "(3, null, 30)"))
    how, rows = made.run(back, {"orders": form}, most=1, **part)
    assert how in ("rows", "by keys")
    assert rows == [(1, 7, 10), (2, 8, 21), (3, None, 30)]
    assert len(made.given) == 2


@pytest.mark.parametrize(
    "kind",
    ["uuid", "hugeint", "timetz", "timestamp", "timestamptz", "date", "decimal(9,2)", "json", "blob", "utinyint"],
)
@pytest.mark.parametrize("form", ["arrow", "polars", "pandas"])
def test_keys_of_every_type_are_found_again(made, warehouse, kind, form):
    texts = {
        "uuid": ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"],
        "timetz": ["10:00:00+02", "11:00:00+01"], "timestamp": ["2024-01-01 10:00:00.5", "2024-01-02"],
        "timestamptz": ["2024-01-01 10:00:00.5+02", "2024-01-02"], "date": ["2024-01-01", "2024-01-02"],
        "json": ['{"a": 1}', "[2]"], "blob": ["\\x00", "b"],
    }  # fmt: skip
    one, two = texts.get(kind, ["1", "2"])
    rows = [f"select '{one}'::{kind} as k, 1 as n", f"select '{two}'::{kind} as k, 2 as n"]
    warehouse.build("orders", " union all ".join(rows))
    back = {"orders": form}
    made.run(lambda orders: orders, back, by=("k",))
    warehouse.change("orders", rows[1].replace("2 as n", "3 as n"))
    assert made.run(lambda orders: orders, back, by=("k",))[0] == "by keys"
    assert warehouse.rows("select n from made") == [(3,)]


# ── by keys ─────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_groups_that_changed_go_in_all_in_one_call(made, warehouse):
    many = "select range as id, range // 2 as customer, range as amount from range(4000)"
    warehouse.build("orders", many, key=("id",))
    made.run(summed, ORDERS, key=("customer",), by=("customer",))
    assert len(made.given) == 1
    warehouse.change("orders", f"select * replace (amount + 1 as amount) from ({many}) where id <> 0")
    assert made.run(summed, ORDERS, key=("customer",), by=("customer",))[0] == "by keys"
    assert len(made.given) == 1
    warehouse.change("orders", f"select * replace (amount + 1 + (id = 7)::int as amount) from ({many}) where id > 1")
    how, rows = made.run(summed, ORDERS, key=("customer",), by=("customer",))
    assert how == "by keys"
    assert sorted(made.given[0]["orders"].rows()) == [(6, 3, 7), (7, 3, 9)]
    assert (len(rows), dict(rows).get(0), dict(rows)[3]) == (1999, None, 16)


def test_very_many_groups_go_in_some_at_a_time_and_none_is_torn(made, warehouse):
    warehouse.build("orders", "select range as id, range % 7 as customer, 1 as amount from range(100)", key=("id",))
    _, rows = made.run(summed, ORDERS, by=("customer",), most=30)
    assert rows == [(0, 15), (1, 15), *((n, 14) for n in range(2, 7))]
    assert Counter(c for one in made.given for c in set(one["orders"]["customer"])) == dict.fromkeys(range(7), 1)
    assert len(made.given) == 3


def test_several_columns_and_inputs_one_of_them_whole(made, warehouse):
    def spend(orders, visits, rates):
        import polars as pl

        keys = ["customer", "day"]
        found = orders.group_by(keys).agg(pl.col("amount").sum() * rates["rate"][0])
        return found.join(visits.group_by(keys).len("visits"), on=keys, how="full", coalesce=True, nulls_equal=True)

    inputs = {"orders": "polars", "visits": "polars", "rates": "polars"}
    by = {"by": ("customer", "day")}
    orders = "from (values (1, 1, 10), (1, 2, 20), (null, 1, 30), (2, null, 40)) t(customer, day, amount)"
    warehouse.build("orders", orders)
    warehouse.build("visits", "select 1::bigint as customer, 1 as day, 'a' as page")
    warehouse.build("rates", "select 2 as rate, 1 as customer")
    made.run(spend, inputs, **by)
    warehouse.change("visits", "from (values (1, 1, 'a'), (null, 1, 'b'), (3, 3, 'c')) t(customer, day, page)")
    how, rows = made.run(spend, inputs, **by)
    assert how == "by keys"
    assert rows == [(1, 1, 20, 1), (1, 2, 40, None), (2, None, 80, None), (3, 3, None, 1), (None, 1, 60, 1)]
    assert made.given[0]["orders"].rows() == [(None, 1, 30)]
    assert made.given[0]["rates"].rows() == [(2, 1)]
    warehouse.change("rates", "select 3 as rate, 1 as customer")
    assert made.run(spend, inputs, **by)[0] == "full, compared"


def test_a_group_without_rows_is_not_asked_for_and_goes(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)", "(2, 8, 20)"), key=("id",))
    made.run(summed, ORDERS, by=("customer",))
    warehouse.change("orders", values("(2, 8, 20)"))
    assert made.run(summed, ORDERS, by=("customer",)) == ("by keys", [(8, 20)])
    assert made.given == []


def test_dicts_without_rows_have_the_columns_of_other_calls(made, warehouse):
    def some(orders):
        return [row for row in orders.to_dicts() if row["amount"] > 10]

    warehouse.build("orders", values("(1, 7, 10)", "(2, 8, 20)", "(3, 9, 30)"), key=("id",))
    assert made.run(some, ORDERS, by=("customer",), most=1) == ("build", [(2, 8, 20), (3, 9, 30)])


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────


def wrong(made, function, **more):
    with pytest.raises(RunError) as caught:
        made.run(function, more.pop("inputs", ORDERS), **more)
    return str(caught.value)


@pytest.mark.parametrize("part", [{"rows": "orders"}, {"by": ("id",)}])
def test_a_key_that_does_not_come_out_is_said(made, warehouse, part):
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    said = wrong(made, lambda orders: orders.select("amount"), **part)
    assert "made: the function returned no column 'id'" in said
    assert FILE in said


@pytest.mark.parametrize("part", [{"rows": "orders"}, {"by": ("id",)}])
def test_a_row_of_a_key_that_was_not_asked_for_is_said_with_the_key(made, warehouse, part):
    warehouse.build("orders", values("(1, 7, 10)", "(2, 7, 10)"), key=("id",))
    said = wrong(made, lambda orders: orders.with_columns(id=orders["id"] + 1), **part)
    assert "a row of a key that it was not asked for" in said
    assert "id = 3" in said
    made.run(doubled, ORDERS, **part)
    warehouse.change("orders", values("(1, 7, 10)", "(2, 7, 11)"))
    said = wrong(made, lambda orders: orders.with_columns(id=orders["id"] - 1), **part)
    assert "id = 1" in said


def test_a_key_that_comes_back_as_another_type_is_said(made, warehouse):
    import polars as pl

    warehouse.build("orders", values("(9007199254740993, 7, 10)"), key=("id",))
    said = wrong(made, lambda orders: orders.with_columns(pl.col("id").cast(pl.Float64)), rows="orders")
    assert "the column 'id' does not come back as it went in" in said
    assert "bigint" in said
    assert "double" in said


def test_columns_that_no_input_has_are_said(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"))
    said = wrong(made, summed, by=("custmer",))
    assert "no input has the column custmer of by=" in said
    assert "orders: id, customer, amount" in said


def test_columns_of_types_that_have_nothing_in_common_are_said(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"))
    warehouse.build("visits", "select 'x' as customer")
    said = wrong(made, summed, inputs={"orders": "polars", "visits": "polars"}, by=("customer",))
    assert "orders: integer, visits: varchar" in said


def test_other_columns_for_other_rows_are_said(made, warehouse):
    def odd(orders):
        return [{"customer": row["customer"], f"c{row['customer']}": 1} for row in orders.to_dicts()]

    warehouse.build("orders", values("(1, 7, 10)", "(2, 8, 10)"))
    assert "other columns for other rows" in wrong(made, odd, by=("customer",), most=1)


def test_types_that_have_nothing_in_common_are_said(made, warehouse):
    def odd(orders):
        return [{"customer": c, "v": "x" if c == 7 else 1} for c in set(orders["customer"])]

    warehouse.build("orders", values("(1, 7, 10)", "(2, 8, 10)"))
    assert "the column 'v' has other types for other rows" in wrong(made, odd, by=("customer",), most=1)


@pytest.mark.parametrize("part", [{"rows": "orders"}, {"by": ("id",)}])
def test_a_key_that_is_not_unique_any_more_is_refused(made, warehouse, part):
    warehouse.build("orders", values("(1, 7, 10)", "(2, 8, 20)"), key=("id",))
    made.run(doubled, ORDERS, key=("customer",), **part)
    warehouse.change("orders", values("(1, 7, 10)", "(2, 8, 20)", "(3, 8, 30)"))
    with pytest.raises(FatalError, match=r"the key \(customer\) is not unique"):
        made.run(doubled, ORDERS, key=("customer",), **part)
    warehouse.change("orders", values("(1, 7, 10)", "(2, 8, 20)", "(3, null, 30)"))
    with pytest.raises(FatalError, match=r"the key \(customer\) is null in 1 row"):
        made.run(doubled, ORDERS, key=("customer",), **part)


def test_a_function_that_fails_leaves_the_table_as_it_was(made, warehouse):
    warehouse.build("orders", values("(1, 7, 10)"), key=("id",))
    made.run(doubled, ORDERS, rows="orders")
    warehouse.change("orders", values("(1, 7, 11)"))
    assert "ZeroDivisionError" in wrong(made, lambda orders: 1 / 0, rows="orders")
    assert made.run(doubled, ORDERS, rows="orders") == ("rows", [(1, 7, 22)])


@pytest.mark.parametrize("part", [{"rows": "orders"}, {"by": ("customer",)}, {}])
def test_a_value_that_cannot_be_handed_over_is_said_with_the_input_and_the_place_of_the_function(made, warehouse, part):
    warehouse.build("orders", values("(1, 7, 99999999999999999999)"), key=("id",))
    with pytest.raises(RunError, match="orders cannot be handed to it") as caught:
        made.run(doubled, ORDERS, key=("id",), **part)
    assert caught.value.where.file == FILE
    assert not caught.value.excerpt
