"""What a user or the data writes comes back as it was written, as JSON and nothing else, and breaks nothing."""

import json

import pytest

from tests.unit.web.conftest import served, write

STRINGS = {
    "html": "<b>bold</b>",
    "script": "</script><script>alert(1)</script>",
    "image": '<img src=x onerror="alert(1)">',
    "attribute": '" onmouseover="alert(1)',
    "link": "javascript:alert(1)",
    "comment": "<!-- ]]> -->",
    "template": "{{ value x }} ${7*7} {%",
    "sql": "'; drop table daily; --",
    "bidi": "abc\u202edcba\u2066x\u2069",
    "controls": "a\x1b[2J\x07\x08b",
    "newlines": "a\r\nb\u2028c\u2029d",
    "sse": "a\n\nevent: hello\ndata: {}\n\n",
    "header": "a\r\nSet-Cookie: x=y",
    "emoji": "👩‍👩‍👧‍👦 é e\u0301 ﷽",
    "null": "\\u0000 \\0 %00",
    "long": "x" * 10_000,
    "wide": "漢" * 10_000,
    "path": "../../etc/passwd",
    "format": "%s%n{0}{x!r}",
    "quote": "\"'`\\",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    rows = "\n".join(json.dumps({"id": name, "text": text}) for name, text in STRINGS.items())
    files = {
        "penstock.toml": 'name = "x"\n\n[connections]\nfiles = "files:data"\n',
        "sources/files.toml": (
            '[raw.texts]\nfrom = "files"\nread = "texts.jsonl"\nkey = "id"\n'
            f"description = {json.dumps(STRINGS['script'])}\nowner = {json.dumps(STRINGS['image'])}\n"
            f"tags = [{json.dumps(STRINGS['bidi'])}]\n"
            'checks = [{ check = "text = \'<i>\'", name = "</td><script>", severity = "warn" }]\n'
        ),
        "data/texts.jsonl": rows + "\n",
    }
    with served(write(tmp_path_factory.mktemp("hostile"), files)) as client:
        yield client


@pytest.mark.parametrize("name", STRINGS)
def test_a_value_comes_back_as_it_was_written(name, hostile):
    status, headers, body = hostile.raw("GET", "/api/v1/tables/raw.texts/rows?limit=100")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert dict(json.loads(body)["rows"])[name] == STRINGS[name]
    literal = STRINGS[name].replace("'", "''")
    assert hostile.sql(f"select '{literal}' as text")[1]["rows"] == [[STRINGS[name]]]


@pytest.mark.parametrize("name", STRINGS)
def test_a_name_made_of_it_is_no_table_and_the_error_says_so_in_json(name, hostile):
    from urllib.parse import quote

    text = STRINGS[name][:500]
    for path in (f"/api/v1/tables/{quote(text, safe='')}", f"/api/v1/runs/{quote(text, safe='')}"):
        status, headers, body = hostile.raw("GET", path)
        assert status in (400, 404), body
        assert headers["Content-Type"] == "application/json"
        assert headers["Set-Cookie"] is None
        assert json.loads(body)["error"]["subject"]


@pytest.mark.parametrize("name", STRINGS)
def test_as_a_column_a_search_or_a_query_it_breaks_nothing(name, hostile):
    from urllib.parse import quote

    text = STRINGS[name][:500]
    column = text.replace('"', '""')
    status, answer = hostile.sql(f'select 1 as "{column}"')
    assert status == 200, answer
    assert answer["columns"] == [{"name": text, "type": "integer"}]
    assert hostile.get(f"/search?q={quote(text)}")[0] == 200
    assert hostile.get(f"/tables/raw.texts/rows?order={quote(text)}")[0] == 400
    assert hostile.sql(text)[0] == 422
    assert hostile.get("/tables/raw.texts")[1]["rows"] == len(STRINGS)


def test_what_a_definition_says_is_told_as_it_was_written(hostile):
    page = hostile.get("/tables/raw.texts")[1]
    assert page["description"] == STRINGS["script"]
    assert page["owner"] == STRINGS["image"]
    assert page["tags"] == [STRINGS["bidi"]]
    [trouble] = hostile.get("/home")[1]["trouble"]
    assert "</td><script>" in trouble["title"]


def test_an_event_with_it_is_one_event(hostile):
    for text in STRINGS.values():
        hostile.site.hub.tell("page", {"name": text})
        last = hostile.site.hub.since(hostile.site.hub.last - 1)[0][0].decode()
        lines = last.split("\n")
        assert len(lines) == 5
        assert json.loads(lines[2].removeprefix("data: ")) == {"name": text}


def test_no_page_of_the_app_repeats_what_it_was_asked(hostile):
    for text in ("<script>alert(1)</script>", '"><img src=x>'):
        from urllib.parse import quote

        _, _, body = hostile.raw("GET", f"/data/{quote(text)}?q={quote(text)}")
        assert b"alert(1)" not in body
        assert b"img src=x" not in body
