"""A row that went in the transaction in which others of its table came, and one of those went too, sometimes stayed."""

import pytest

from tests.property.engine.case import Case, Feed, Raw, Step
from tests.property.engine.drive import hold

CASE = Case(
    raws=(
        Raw(
            "raw.a",
            (
                ("id", "bigint"),
                ("k", "varchar"),
                ("g", "integer"),
                ("t", "timestamp"),
                ("v", "integer"),
                ("x0", "bigint"),
                ("x1", "varchar[]"),
                ("x2", "uuid"),
            ),
        ),
        Raw(
            "raw.b",
            (
                ("id", "bigint"),
                ("g", "integer"),
                ("t", "timestamp"),
                ("v", "bigint"),
                ("w", "double"),
            ),
            key=("id",),
        ),
    ),
    tables=(
        (
            "t1",
            "select s1.id as u0, s1.g as u1, s1.t as u2 from raw.a s1 where s1.k = 'b' except select s2.id as u0, s2.g as u1, s2.t as u2 from raw.b s2",
        ),
        (
            "t2",
            "with c3 as (select s1.u0 as u0 from t1 s1 anti join raw.a s2 on s1.u0 = s2.x0) select s7.u0 as u0, u.u as u from (select s4.u0 as u0, s5.u0 as e6 from c3 s4 left join c3 s5 on s4.u0 = s5.u0 and s4.u0 = s5.u0) s7, unnest([s7.u0, 1, null]) u(u)",
        ),
        (
            "t3",
            "select * from (select s1.u0 as u0, s1.u as u1 from t2 s1 except select s2.u0 as u0, s2.u as u1 from t2 s2) order by all",
        ),
    ),
    steps=(
        Step(
            feeds=(
                Feed(
                    "raw.a",
                    "append",
                    rows=(
                        (
                            "2",
                            "'a b'",
                            "null",
                            "'2024-01-02 06:30:00'",
                            "null",
                            "-1",
                            "['']",
                            "'00000000-0000-0000-0000-000000000001'",
                        ),
                        (
                            "0",
                            "null",
                            "1",
                            "null",
                            "3",
                            "2",
                            "['']",
                            "'00000000-0000-0000-0000-000000000001'",
                        ),
                    ),
                ),
                Feed(
                    "raw.b",
                    "upsert",
                    rows=(
                        ("1", "3", "'2024-01-03 06:30:00'", "3", "1e-3"),
                        ("3", "null", "'2024-01-02 06:30:00'", "3", "-1000.3333333333334"),
                    ),
                ),
            ),
        ),
        Step(
            feeds=(
                Feed(
                    "raw.b",
                    "upsert",
                    rows=(("6", "1", "'2024-01-03 06:30:00'", "0", "1e-3", "'A'"),),
                ),
            ),
            wider=(("raw.b", "y5", "varchar"),),
        ),
        Step(
            feeds=(
                Feed(
                    "raw.a",
                    "append",
                    rows=(
                        (
                            "7",
                            "'A'",
                            "2",
                            "'2024-01-02 06:30:00'",
                            "null",
                            "-1",
                            "[]",
                            "'ffffffff-0000-0000-0000-000000000002'",
                        ),
                        (
                            "3",
                            "'b'",
                            "1",
                            "'2024-01-02 00:00:00'",
                            "0",
                            "2",
                            "[]",
                            "'00000000-0000-0000-0000-000000000001'",
                        ),
                        (
                            "7",
                            "'it''s'",
                            "2",
                            "'2024-01-03 06:30:00'",
                            "null",
                            "-1",
                            "['a']",
                            "'00000000-0000-0000-0000-000000000001'",
                        ),
                    ),
                ),
                Feed("raw.b", "delete", rows=(("1",), ("4",), ("3",))),
            ),
        ),
        Step(),
        Step(),
        Step(feeds=(Feed("raw.a", "append"),), only=("t1", "t2")),
        Step(
            feeds=(
                Feed(
                    "raw.a",
                    "append",
                    rows=(
                        (
                            "1",
                            "'it''s'",
                            "3",
                            "'2024-01-01 06:30:00'",
                            "null",
                            "2",
                            "['a', 'b', 'a']",
                            "null",
                        ),
                        ("2", "'a'", "0", "'2024-01-01 06:30:00'", "0", "1", "null", "null"),
                    ),
                ),
                Feed(
                    "raw.b",
                    "upsert",
                    rows=(
                        ("0", "2", "null", "-1", "0.1", "''"),
                        ("1", "null", "'2024-01-02 00:00:00'", "3", "'inf'", "null"),
                    ),
                ),
                Feed("raw.b", "delete", rows=(("0",), ("6",))),
            ),
        ),
    ),
)


TIMES = 6  # one of two or three showed it


@pytest.mark.slow
def test_rows_of_before_and_of_now_go_together() -> None:
    for _ in range(TIMES):
        hold(CASE)
