"""The drawing of a project's tables: what is near a table, how each stands, and large projects folded."""

import pytest

import penstock
from penstock.app import lineage
from penstock.app.opened import declared
from penstock.base.errors import ConfigError


def app_of(tables, root, **more):
    return declared("p", root, {"tables": tables, **more})


def chain(count):
    first = penstock.Table("s0.t0", sql="select 1 as a")
    texts = {f"s{n % 4}.t{n}": f"select * from s{(n - 1) % 4}.t{n - 1}" for n in range(1, count)}
    return [first, *(penstock.Table(name, sql=text) for name, text in texts.items())]


def test_what_is_up_to_two_steps_from_a_table_is_drawn(tmp_path):
    with app_of(chain(9), tmp_path) as app:
        found = lineage.drawing(app, "s0.t4")
        assert [one.id for one in found.nodes] == ["s0.t4", "s1.t5", "s2.t2", "s2.t6", "s3.t3"]
        assert {(e.source, e.target) for e in found.edges} == {
            ("s2.t2", "s3.t3"), ("s3.t3", "s0.t4"), ("s0.t4", "s1.t5"), ("s1.t5", "s2.t6"),
        }  # fmt: skip
        assert len(lineage.drawing(app, "s0.t4", depth=0).nodes) == 1
        assert {one.state for one in found.nodes} == {"empty"}
        assert {one.kind for one in found.nodes} == {"sql"}
        assert found.groups == ()


def test_an_unknown_table_is_told_the_nearest(tmp_path):
    with app_of(chain(3), tmp_path) as app, pytest.raises(ConfigError, match=r"there is no table 's0\.t9'") as error:
        lineage.drawing(app, "s0.t9")
    assert error.value.hint


def test_only_what_is_selected_is_drawn(tmp_path):
    with app_of(chain(6), tmp_path) as app:
        assert len(lineage.drawing(app).nodes) == 6
        assert [one.id for one in lineage.drawing(app, select=["s1.t5"]).nodes] == ["s1.t5"]


def star(schemas, each):
    raw = [penstock.Table(f"raw.t{n}", sql="select 1 as a") for n in range(schemas)]
    more = [
        penstock.Table(f"m{n}.t{k}", sql=f"select * from raw.t{n}" if not k else f"select * from m{n}.t{k - 1}")
        for n in range(schemas)
        for k in range(each)
    ]
    return [*raw, *more]


def test_many_tables_are_folded_by_schema_and_open_when_asked(tmp_path):
    with app_of(star(8, 10), tmp_path) as app:
        found = lineage.drawing(app)
        assert found.nodes == ()
        assert [(g.id, g.count, g.collapsed, g.state) for g in found.groups][:2] == [
            ("m0", 10, True, "empty"), ("m1", 10, True, "empty"),
        ]  # fmt: skip
        assert ("raw", "m0") in {(e.source, e.target) for e in found.edges}
        opened = lineage.drawing(app, expand=["m3"])
        assert {one.group for one in opened.nodes} == {"m3"}
        frame = next(g for g in opened.groups if g.id == "m3")
        assert (frame.collapsed, frame.count) == (False, 10)
        for one in opened.nodes:
            assert frame.x <= one.x
            assert one.y + one.height <= frame.y + frame.height
        assert len(lineage.drawing(app, expand=["*"]).nodes) == 88


def test_as_json_its_lines_say_from_and_to(tmp_path):
    with app_of(chain(2), tmp_path) as app:
        said = lineage.shape(lineage.drawing(app))
    assert said["nodes"][0]["id"] == "s0.t0"
    assert {"from": "s0.t0", "to": "s1.t1"}.items() <= said["edges"][0].items()
    assert all(len(point) == 2 for point in said["edges"][0]["points"])


def test_a_column_is_drawn_with_what_it_is_made_of(tmp_path):
    tables = [
        penstock.Table("a", sql="select 1 as x, 2 as y, 3 as z"),
        penstock.Table("b", sql="select x + y as n, z from a"),
        penstock.Table("c", sql="select n as most, a.x from b, a"),
    ]
    with app_of(tables, tmp_path) as app:
        found = lineage.drawing(app, "b", column="N")
        with pytest.raises(ConfigError, match="b has no column 'm'"):
            lineage.drawing(app, "b", column="m")
        said = lineage.shape(found)
    assert {n.id: [c.name for c in n.columns] for n in found.nodes} == {"a": ["x", "y"], "b": ["n"], "c": ["most"]}
    assert [(e.source_column, e.column, e.ways) for e in found.edges] == [
        ("x", "n", ("value",)), ("y", "n", ("value",)), ("n", "most", ("same",)),
    ]  # fmt: skip
    places = {(n.id, c.name): c.y for n in found.nodes for c in n.columns}
    for edge in found.edges:
        assert edge.points[0][1] == places[edge.source, edge.source_column]
        assert edge.points[-1][1] == places[edge.target, edge.column]
    for node in found.nodes:
        assert all(node.y < column.y < node.y + node.height for column in node.columns)
    assert said["edges"][2]["column"] == "most"
    assert said["nodes"][1]["columns"] == [{"name": "n", "y": places["b", "n"]}]
