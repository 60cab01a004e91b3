"""Whatever stands in the files, loading gives a project or an error of ours, never a traceback."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.base.errors import PenstockError
from penstock.load.toml import parse
from penstock.plan import sql

FILES = {
    "penstock.toml": """\
name = "shop"
warehouse = "duckdb:a.duckdb"
[vars]
A = "b"
[connections]
x = "sqlite:${A}.db"
y = {url = "http://a/${T:-d}", token = "t", timeout = 3}
[env.prod]
warehouse = "duckdb:${A}"
[defaults]
fresh = "1 day"
checks = ["a > 0"]
""",
    "sources/a.toml": """\
[raw.a]
from = "x"
key = "a, b"
fresh = "5 minutes"
select = '''
select * from batch'''
clean = {a = "trim"}
columns = {a = "decimal(18,2)", b = "struct(a int, b text[])"}
checks = ["a > 0", {check = "b", severity = "warn"}]
[raw.b]
from = "y"
records = "x"
headers = {a = "b"}
""",
    "tables/a.sql": """\
/* ---
fresh = "1 minute"
key = "a"
checks = ['a > 0']
--- */
-- x
with b as (select 'x' as a)
select b.a, $$q$$, "c d" from raw.a as z join b using (a), range(3)
where a in (select a from raw.b) -- y
;
""",
    "tables/m/b.sql": "from a select a, 1.5e3 /* /* x */ */\n",
    "sinks/s.toml": '[s]\ntable = "a"\nto = "files"\nwrite = "a.csv"\nmode = "append"\nformat = "csv"\n',
    "tests/t.toml": """\
[t]
table = "a"
given.raw.a = [{a = 1, d = 2024-01-31}]
expect = [{a = 1}]
[u]
table = "m.b"
expect = []
""",
}
SCRAPS = [
    *("", "'", '"', '"""', "'''", "--- */", "/*", "*/", "[", "]", "[[", "{", "}", "=", ".", ",", "\n", "#", "(", ")"),
    *(";", "\\", "$$", "${", "\0", "\ufeff", "\r", "0", "-1", "nan", "9" * 30, "2024-01-31", "select ", " from "),
    *("with ", " a.b.c ", "_rid", "raw", "💧", "[a]\n", "[[a]]\n", " = {a = [1]}\n"),
]
WORDS = (
    "select from with as join where ( ) , ; . * a b.c \"d e\" 'f' $$ $1 :: -> [ ] { } 1 union values range( read_csv( "
    "lateral pivot unpivot on using recursive case when end over not in is distinct -- /* */"
)


@st.composite
def edited(draw):
    """The files with a few bytes cut out of them, doubled, or replaced by scraps."""
    files = {path: text.encode() for path, text in FILES.items()}
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(sorted(files)))
        data = files[path]
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        scrap = st.sampled_from(SCRAPS).map(str.encode)
        middle = draw(st.one_of(scrap, st.just(data[start:end] * 2), st.just(b"\xff"), st.binary(max_size=3)))
        files[path] = data[:start] + middle + data[end:]
    return files


def outcome(call, *args):
    """What a call returns, or the errors of ours that it raises; any other error is the test's failure."""
    try:
        return call(*args), []
    except PenstockError as error:
        return None, list(getattr(error, "errors", [error]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edited(), st.sampled_from([None, "prod"]))
def test_edited_files_give_a_project_or_errors_with_places(folder, files, env):
    for path, data in files.items():
        folder.write(path, data)
    project, errors = outcome(folder.load, env)
    assert all(str(one) and one.fields() and one.where.file in files for one in errors)
    assert errors or folder.load(env) == project


def test_the_files_are_right_before_they_are_edited(folder):
    for path, text in FILES.items():
        folder.write(path, text)
    assert folder.load().order == ("raw.a", "raw.b", "a", "m.b")


@given(st.text())
def test_any_text_is_toml_or_an_error(text):
    document, errors = outcome(parse, text, "a.toml")
    assert all(one.where.file == "a.toml" for one in errors)
    assert errors or all(document.place(key).line >= 1 for key in document.data)


SQL = st.lists(st.sampled_from([*WORDS.split(" "), "\n"]), max_size=30).map(" ".join)


@given(st.one_of(SQL, st.text(), SQL.map(lambda text: f"select {text} from t")))
def test_any_sql_is_read_or_an_error(text):
    for room in (sql.check_select, sql.references):
        _, errors = outcome(room, text, "a.sql", 3)
        assert all(one.where.file == "a.sql" and one.where.line >= 3 for one in errors)


@pytest.mark.parametrize("path", list(FILES))
def test_every_beginning_of_a_file_is_read_or_an_error(folder, path):
    for other, text in FILES.items():
        folder.write(other, text)
    for end in range(0, len(FILES[path]), 7):
        folder.write(path, FILES[path][:end])
        _, errors = outcome(folder.load)
        assert all(str(one) for one in errors)
