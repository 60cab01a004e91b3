"""Places in TOML: every key and value that tomllib reads is found where it stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.errors import ConfigError
from penstock.load.toml import locate, parse

KEYS = st.sampled_from(["a", "b-1", "_c", "1", "é", "a b", 'q"q', "it's", "x.y", "#", "=", "[", "\\"])
BLANK = st.sampled_from(["", " ", "\t", "  "])
ENDS = st.sampled_from(["\n", "\r\n", " # a comment, with ] and = and ' in it\n", "\n\n  # more\n"])


def basic(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@st.composite
def written_key(draw, key):
    """A key in one of the forms in which it can be written."""
    forms = [basic(key)]
    if key.isascii() and key.replace("-", "").replace("_", "").isalnum():
        forms.append(key)
    if "'" not in key:
        forms.append(f"'{key}'")
    return draw(st.sampled_from(forms))


@st.composite
def written_value(draw, depth=2):
    """A text of TOML and nothing about what it means: tomllib says that."""
    text = st.text(alphabet="ab '#=,[]{}é", max_size=6)
    simple = st.one_of(
        st.integers(-99, 99).map(str),
        st.sampled_from(["true", "1.5", "inf", "1979-05-27", "1979-05-27 07:32:00", "07:32:00", "1_000", "0xff"]),
        text.map(basic),
        text.filter(lambda t: "'" not in t).map(lambda t: f"'{t}'"),
        text.map(lambda t: '"""\n' + t + '\n"quoted" \\" ""\n"""'),
        text.filter(lambda t: "'" not in t).map(lambda t: f"'''{t}\n]'''"),
        st.sampled_from(['""""a"""""', "''''a'''''", '""', "''", '""""""']),
    )
    if depth == 0:
        return draw(simple)
    return draw(st.one_of(simple, written_array(depth), written_table(depth)))


@st.composite
def written_array(draw, depth):
    items = draw(st.lists(written_value(depth - 1), max_size=3))
    blank = draw(st.sampled_from(["", " ", "\n", " # c ]\n "]))
    end = "," + blank if items and draw(st.booleans()) else blank
    return "[" + blank + ("," + blank).join(items) + end + "]"


@st.composite
def written_table(draw, depth):
    keys = draw(st.lists(KEYS, max_size=3, unique=True))
    pairs = [f"{draw(written_key(key))} = {draw(written_value(depth - 1))}" for key in keys]
    return "{" + ", ".join(pairs) + "}"


@st.composite
def written_pairs(draw):
    lines = []
    for key in draw(st.lists(KEYS, max_size=3, unique=True)):
        parts = [draw(written_key(key)), *[draw(written_key(more)) for more in draw(st.lists(KEYS, max_size=2))]]
        dotted = draw(st.sampled_from([".", " . "])).join(parts)
        lines.append(f"{draw(BLANK)}{dotted}{draw(BLANK)}={draw(BLANK)}{draw(written_value())}{draw(ENDS)}")
    return "".join(lines)


@st.composite
def documents(draw):
    text = draw(written_pairs())
    for _ in range(draw(st.integers(0, 4))):
        path = draw(st.lists(KEYS, min_size=1, max_size=3))
        name = draw(st.sampled_from([".", " . "])).join([draw(written_key(key)) for key in path])
        heading = draw(st.sampled_from([f"[{name}]", f"[ {name} ]", f"[[{name}]]", f"[[ {name} ]]"]))
        text += f"{draw(BLANK)}{heading}{draw(ENDS)}{draw(written_pairs())}"
    return text


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    elif value not in ({}, []):
        yield path, value


@given(documents())
def test_every_value_is_found_where_it_stands(text):
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # the same table twice: nothing to find
    spots = locate(text)
    for path, value in leaves(data):
        key_at, value_at = spots[path]
        assert reads_as(text[value_at:], value), (path, text[value_at:])
        if isinstance(path[-1], str):
            assert written_at(text[key_at:], path[-1]), (path, text[key_at:])


def reads_as(text, value):
    """Whether some beginning of `text` is TOML for `value`."""
    for end in range(1, len(text) + 1):
        try:
            if str(tomllib.loads(f"x = {text[:end]}")["x"]) == str(value):
                return True
        except tomllib.TOMLDecodeError:
            continue
    return False


def written_at(text, key):
    return any(text.startswith(form) for form in (key, basic(key), f"'{key}'"))


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("name",), (1, 1), (1, 8)),
        (("raw", "orders"), (2, 1), (2, 1)),
        (("raw", "orders", "from"), (3, 1), (3, 9)),
        (("raw", "orders", "checks", 1), (4, 17), (4, 17)),
        (("raw", "orders", "columns", "b"), (5, 23), (5, 27)),
        (("t", 1), (8, 1), (8, 1)),
        (("t", 1, "x", "y"), (9, 5), (9, 9)),
        (("t", 1, "x"), (9, 3), (9, 9)),
        (("t", 1, "gone", "deeper"), (8, 1), (8, 1)),
        (("nothing",), (1, 0), (1, 0)),
    ],
)
def test_a_place_is_a_line_and_a_column(path, key, value):
    document = parse(
        'name = "shop"\n[raw.orders]\nfrom  = "store"\nchecks = ["a",  "b"]\ncolumns = {a = "int", b = "text"}\n'
        "[[t]]\nx = 1\n[[t]]\n  x.y = 2\n",
        "a.toml",
    )
    places = document.place(*path), document.place(*path, value=True)
    assert [(place.line, place.column) for place in places] == [key, value]


def test_a_text_within_a_file_has_the_places_of_the_file():
    document = parse("key = 1\nfresh = 2", "a.sql", line=3, column=8)
    assert (document.place("key").line, document.place("key").column) == (3, 8)
    assert (document.place("fresh").line, document.place("fresh").column) == (4, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = ", "a.toml:1:4"),
        ("a = 1\nb = = 2", "a.toml:2:5"),
        ("a = 1\n[x\n", "a.toml:2:3"),
        ('a = "x\n', "a.toml:1:7"),
        ("a = 1\na = 2", "a.toml:2:6"),
        ("a = 2024-02-31", "a.toml:1:5"),
        ("a = '''x", "a.toml:1:9"),
        ("x = " + "[" * 5000 + "]" * 5000, "a.toml:1"),
        ("x = " + "9" * 5000, "a.toml:1"),
    ],
)
def test_text_that_is_not_toml_is_an_error_at_its_place(text, place):
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.toml")
    assert str(caught.value.where) == place
