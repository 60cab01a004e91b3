"""A page is read whole, whatever is in it: what is wrong is a mistake with its line."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.load.dashboards import listed, parse, read
from penstock.model.dashboard import KINDS, flat


def wrong(text):
    return [(one.line, one.column, one.subject) for one in parse(text).mistakes]


def test_settings_text_queries_and_charts():
    page = parse(
        "---\n"
        'title = "Sales"\nowner = "sales@"\npinned = true\n'
        'filters = { region = "orders.region", period = "last 90 days" }\n'
        "---\n"
        "# Sales\n\nIt was {{ value revenue }}.\n\n"
        '{{ kpi revenue compare="1 week" }} {{ kpi orders }}\n'
        "```sql top\nselect 1\n```\n"
        '{{ table top bars="a, b" limit=5 link="/x?y={y}" }}\n'
    )
    assert (page.title, page.owner, page.pinned, page.mistakes) == ("Sales", "sales@", True, ())
    assert [one.id for one in page.charts] == ["kpi-revenue", "kpi-orders", "table-top"]
    assert [part.kind for part in page.parts] == ["text", "row", "row"]
    assert (page.queries["top"].text, page.queries["top"].line) == ("select 1", 13)
    assert [(one.name, one.kind, one.table, one.column) for one in page.filters] == [
        ("region", "many", "orders", "region"), ("period", "period", "", ""),
    ]  # fmt: skip
    assert page.charts[2].words("bars") == ("a", "b")
    assert page.charts[2].option("limit") == 5
    assert [one.names[0].text for one in page.values] == ["revenue"]


def test_a_page_without_a_title_is_called_by_its_heading_or_its_name():
    assert parse("# How it goes #\n", "a").title == "How it goes"
    assert parse("hello", "a").title == "a"


def test_tabs_hold_what_stands_between_them():
    page = parse('{{ tab "A" }}\none\n{{ kpi a }}\n{{ tab "B" }}\ntwo\n{{ end }}\nthree\n')
    assert [part.kind for part in page.parts] == ["tabs", "text"]
    assert [(label, [part.kind for part in inner]) for label, inner in page.parts[0].tabs] == [
        ("A", ["text", "row"]), ("B", ["text"]),
    ]  # fmt: skip
    assert [one.id for one in page.charts] == ["kpi-a"]


def test_a_chart_that_is_there_twice_has_two_ids():
    assert [one.id for one in parse("{{ kpi a }}\n{{ kpi a }}\n").charts] == ["kpi-a", "kpi-a-2"]


def test_code_is_shown_and_not_read():
    page = parse("```\n{{ kpi a }}\n```\n\nWrite `{{ kpi a }}` or \\{{ kpi.\n\n```sql\nselect 1\n```\n")
    assert (page.charts, page.mistakes, page.queries) == ((), (), {})
    assert "`{{ kpi a }}` or {{ kpi." in page.parts[0].text


def test_a_call_may_go_over_several_lines():
    page = parse('{{ table top\n   bars="a"\n   limit=3 }}\nend')
    assert page.charts[0].option("limit") == 3
    assert page.mistakes == ()


@pytest.mark.parametrize(
    ("text", "place", "subject"),
    [
        ("{{ lien a }}", (1, 4), "there is no chart 'lien'"),
        ("\n{{ kpi }}", (2, 1), "'kpi' says nothing to show"),
        ("{{ kpi a colour=1 }}", (1, 10), "there is no option 'colour' of kpi"),
        ("{{ kpi a compare= }}", (1, 10), "the option 'compare' has no value"),
        ('{{ kpi a compare="1 week }}\n', (1, 1), "braces that never close"),
        ("{{ kpi a", (1, 1), "braces that never close"),
        ("text {{ value a\n\nmore", (1, 6), "braces that never close"),
        ("{{ }}", (1, 1), "there is nothing in the braces"),
        ("It is {{ kpi a }} now", (1, 7), "a kpi stands on a line of its own"),
        ("{{ kpi a by=x by=y }}", (1, 15), "the option 'by' is said twice"),
        ("```sql top\nselect 1", (1, 1), "this block never closes"),
        ("~~~\nx", (1, 1), "this block never closes"),
        ("```sql top\nselect 1\n```\n```sql top\nselect 2\n```", (4, 8), "there are two queries 'top'"),
        ("```sql 1a\nselect 1\n```", (1, 8), "'1a' cannot be the name of a query"),
        ("```sql top\n\n```", (1, 8), "the query 'top' is empty"),
        ("{{ end }}", (1, 1), "there is no tab to end"),
        ("{{ tab }}", (1, 1), "the tab has no label"),
        ("---\ntitle = Sales\n---\n", (2, 9), "this is not TOML: Invalid value"),
        ("---\ntitle: Sales\n---\n", (2, 6), "this is not TOML: Expected '=' after a key in a key/value pair"),
        ("---\ntitle = 'a'\n", (1, 1), "the settings never close"),
        ("---\ntitel = 'a'\n---\n", (2, 1), "unknown key 'titel' of the page"),
        ("---\npinned = 'yes'\n---\n", (2, 10), "'pinned' of the page is not right"),
        ("---\nfilters = { region = 3 }\n---\n", (2, 22), "the filter 'region' is not right"),
        ("---\nfilters = { region = 'region' }\n---\n", (2, 22), "'from' of the filter 'region' is not right"),
        ("---\nfilters = { period = 'soon' }\n---\n", (2, 22), "'default' of the filter 'period' is not right"),
        ("---\ntimezone = 'Mars'\n---\n", (2, 12), "'timezone' of the page is not right"),
    ],
)
def test_a_mistake_has_its_line_and_column(text, place, subject):
    found = parse(text)
    assert [(one.line, one.column, one.subject) for one in found.mistakes][:1] == [(*place, subject)]
    assert found.mistakes[0].excerpt
    assert any(part.kind == "mistake" for part in flat(found.parts)) or found.values


def test_a_mistake_names_what_was_meant():
    assert parse("{{ lien a }}").mistakes[0].hint == "did you mean 'line'?"
    assert parse("{{ pie a }}").mistakes[0].hint == "did you mean 'bar'?"
    assert parse("{{ line a splti='x' }}").mistakes[0].hint == "did you mean 'split'?"
    assert parse("---\ntitle: Sales\n---\n").mistakes[0].hint == 'settings are TOML: title = "Sales"'


def test_what_follows_a_mistake_is_read():
    page = parse("{{ kpi a\n\n{{ kpi b }}\n")
    assert [one.id for one in page.charts] == ["kpi-b"]


def test_files_are_listed_by_name_and_those_that_cannot_be_read_are_pages_too(tmp_path):
    (tmp_path / "dashboards" / "web").mkdir(parents=True)
    (tmp_path / "dashboards" / "sales.md").write_text("# Sales")
    (tmp_path / "dashboards" / "web" / "now.md").write_bytes(b"\xff\xfe")
    (tmp_path / "dashboards" / "notes.txt").write_text("no page")
    assert listed(tmp_path) == {"sales": "dashboards/sales.md", "web.now": "dashboards/web/now.md"}
    assert read(tmp_path, "web.now", "dashboards/web/now.md").mistakes[0].subject == "the file is not UTF-8"
    assert read(tmp_path, "gone", "dashboards/gone.md").mistakes[0].subject.startswith("the file cannot be read")
    (tmp_path / "dashboards" / "sales.md").write_bytes(b"x" * 2_000_001)
    assert read(tmp_path, "sales", "dashboards/sales.md").mistakes[0].subject == "the file is too large"


def test_a_project_without_dashboards_has_none(tmp_path):
    assert listed(tmp_path) == {}


PIECES = st.sampled_from(
    [
        "---\n", "{{ ", " }}", "```sql a\n", "```\n", "\n", "\n\n", "select 1", "`", '"', "'", "=", "[", "]", ",", "\\",
        "title = 'x'\n", "filters = {", "}", "{{ tab 'x' }}\n", "{{ end }}\n", "value ", "revenue ", "by=day ",
        "# Head\n",
        "| a | b |\n", "<script>", "\ue000", "\ue001", "\u202e", "\0", "\r\n", "\x0b", "é", "🙂", *KINDS,
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)))
@example("---\na = " + "[" * 5000 + "\n---\n")
@example("{{ table a limit=" + "9" * 5000 + " }}")
@example("{{ kpi " + "a" * 20_000 + " }}")
def test_no_text_breaks_the_parser_and_every_mistake_has_a_line(text):
    page = parse(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for one in page.mistakes:
        assert 1 <= one.line <= lines
        assert one.column >= 1
        assert one.subject
        assert "\n" not in one.subject
    ids = [chart.id for chart in (*page.charts, *page.values) if chart.id]
    assert len(ids) == len(set(ids))
