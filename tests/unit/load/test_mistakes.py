"""Every mistake is one error with its place, what was expected, what was found; several come together."""

import pytest

from penstock.base.errors import ConfigError, ConfigErrors, Place
from penstock.load.project import load

HEAD = '[raw.orders]\nfrom = "files"\n'
LINE = 'name = "shop"\n[connections]\n'


@pytest.mark.parametrize(
    ("more", "place", "subject", "hint"),
    [
        ("fresh = 5", "3:9", "'fresh' of raw table 'raw.orders'", ""),
        ('fresh = "5 minuts ago"', "3:9", "'fresh' of raw table 'raw.orders'", ""),
        ('fresh = "0 s"', "3:9", "'fresh' of raw table 'raw.orders'", ""),
        ("read = 3", "3:8", "'read' of raw table 'raw.orders'", ""),
        ("key = 1", "3:7", "'key' of raw table 'raw.orders'", ""),
        ('key = "a,,b"', "3:7", "'key' of raw table 'raw.orders'", ""),
        ("retries = -1", "3:11", "'retries' of raw table 'raw.orders'", ""),
        ("retries = true", "3:11", "'retries' of raw table 'raw.orders'", ""),
        ("clean = 3", "3:9", "'clean' of raw table 'raw.orders'", ""),
        ("clean = {a = 1}", "3:14", "'a' in 'clean' of raw table 'raw.orders'", ""),
        ('columns = {a = "bigitn"}', "3:16", "column 'a' of raw table 'raw.orders'", "bigint"),
        ('columns = {_rid = "int"}', "3:11", "the name '_rid' is taken", ""),
        ('key = "_seq"', "3:7", "the name '_seq' is taken", ""),
        ('crusor = "x"', "3:1", "unknown key 'crusor' of raw table 'raw.orders'", "cursor"),
        ('formt = "csv"', "3:1", "unknown key 'formt' of raw table 'raw.orders'", "format"),
        ('format = "jsn"', "3:10", "'format' of raw table 'raw.orders'", "json"),
        ("format = 1", "3:10", "'format' of raw table 'raw.orders'", ""),
        ("skip = true", "3:8", "'skip' of raw table 'raw.orders'", ""),
        ("checks = 1", "3:10", "'checks' of raw table 'raw.orders'", ""),
        ("checks = ['a', 1]", "3:16", "a check of raw table 'raw.orders'", ""),
        ("checks = ['']", "3:11", "'check' of a check of raw table 'raw.orders'", ""),
        ('checks = [{check = "a", severity = "wran"}]', "3:36", "'severity' of a check of raw table", "warn"),
        ('checks = [{chek = "a"}]', "3:12", "unknown key 'chek' of a check of raw table 'raw.orders'", "'check'"),
        ('checks = [{name = "a"}]', "3:11", "a check of raw table 'raw.orders' has no 'check'", ""),
        ('clean = {a = "trimm lower"}', "3:14", "'clean' of column 'a' of raw table 'raw.orders'", "'trim'"),
        ('clean = {a = "decimal"}', "3:14", "takes precision, scale", ""),
        ('select = "select * from others"', "3:25", "the select before the load cannot read 'others'", ""),
        ("select = \"select * from 'x.csv'\"", "3:25", "cannot read the file 'x.csv'", "declare it"),
        ('select = """\n  select 1;\n  select 2"""', "5:3", "more than one statement", ""),
        ("select = '''select a\nfrom b'''", "4:6", "the select before the load cannot read 'b'", ""),
        ('select = "delete from batch"', "3:11", "this is not a select", ""),
        ('select = ""', "3:10", "'select' of raw table 'raw.orders'", ""),
        ('checks = ["between(a, 1)"]', "3:11", "between does not take 2 arguments", ""),
        ('checks = ["a > 0; drop table b"]', "3:11", "it has a semicolon", ""),
        ('checks = ["(a > 0"]', "3:11", "a ) is missing", ""),
        ('checks = ["references(raw.ordrs.id, id)"]', "3:11", "there is no table 'raw.ordrs'", "raw.orders"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_shown_where_it_stands(folder, more, place, subject, hint):
    folder.write("sources/a.toml", f"{HEAD}{more}\n")
    with pytest.raises(ConfigError) as caught:
        folder.load()
    error = caught.value.errors[0] if isinstance(caught.value, ConfigErrors) else caught.value
    assert str(error.where) == f"sources/a.toml:{place}"
    assert subject in error.subject
    assert hint in error.hint
    assert error.expected or error.hint or "the check" in error.subject


def test_a_wrong_check_of_the_defaults_is_one_mistake(folder):
    folder.write("penstock.toml", 'name = "shop"\n[defaults]\nchecks = ["rows > 0;"]\n')
    folder.write("tables/a.sql", "select 1 as a").write("tables/b.sql", "select 1 as b")
    assert [place for place, _ in folder.mistakes()] == ["penstock.toml:3:11"]


def test_a_mistake_says_what_was_expected_and_what_was_found(folder):
    folder.write("sources/a.toml", f'{HEAD}format = "jsn"\n')
    assert str(folder.mistake()) == (
        "sources/a.toml:3:10: 'format' of raw table 'raw.orders' is not right\n"
        "  expected: \"csv\" or \"json\"\n  got: 'jsn'\n  hint: did you mean 'json'?"
    )


@pytest.mark.parametrize(
    ("text", "place", "subject", "hint"),
    [
        ('[raw.a]\nread = "x"', "1:1", "raw table 'raw.a' has no 'from'", ""),
        ('[raw.a]\nfrom = "fils"', "2:8", "there is no connection 'fils'", "'files'"),
        ("[raw.a]\nfrom = 1", "2:8", "'from' of raw table 'raw.a'", ""),
        ('[orders]\nfrom = "files"', "1:1", "'orders' is not a raw table", ""),
        ("orders = 1", "1:1", "'orders' is not a raw table", ""),
        ("[raw]", "1:1", "'raw' is not a raw table", ""),
        ('[raw.Orders]\nfrom = "files"', "1:1", "'Orders' cannot be a name", "orders"),
        ('[raw."a b"]\nfrom = "files"', "1:1", "'a b' cannot be a name", "a_b"),
        ('[raw.1a]\nfrom = "files"', "1:1", "'1a' cannot be a name", ""),
        ('[raw.select]\nfrom = "files"', "1:1", "'select' cannot be a name", ""),
        ('[order.a]\nfrom = "files"', "1:1", "'order' cannot be a name", ""),
        ('[penstock.a]\nfrom = "files"', "1:1", "the schema 'penstock'", ""),
        ('[pg_catalog.a]\nfrom = "files"', "1:1", "the schema 'pg_catalog'", ""),
        ('[raw._rid]\nfrom = "files"', "1:1", "the name '_rid' is taken", ""),
        ('[raw.a]\nfrom = "api"', "1:1", "raw table 'raw.a' has no 'records'", "needs it"),
        ('[raw.a]\nfrom = "api"\nrecords = "x"\nheaders = "x"', "4:11", "'headers' of raw table 'raw.a'", ""),
        ('[raw.a]\nfrom = "files', "2:14", "this is not TOML", ""),
    ],
)
def test_a_wrong_heading_or_connection(folder, text, place, subject, hint):
    folder.write("penstock.toml", LINE + 'api = "http://x"\n').write("sources/a.toml", text)
    error = folder.mistake()
    assert str(error.where) == f"sources/a.toml:{place}"
    assert subject in error.subject
    assert hint in error.hint


@pytest.mark.parametrize(
    ("file", "text", "place", "said", "meant"),
    [
        ("sources/a.toml", '[raw.a]\nform = "files"\nformat = "csv"', "2:1", "'form' of raw table 'raw.a'", "from"),
        ("sources/a.toml", '[raw.a]\nfrom = "api"\nrecrods = "x"', "3:1", "'recrods' of raw table 'raw.a'", "records"),
        ("sinks/a.toml", '[a]\ntable = "t"\ntoo = "files"', "3:1", "'too' of sink 'a'", "to"),
        ("sinks/a.toml", '[a]\ntabel = "t"\nto = "files"', "2:1", "'tabel' of sink 'a'", "table"),
        ("tests/a.toml", '[a]\ntable = "t"\nexpct = []', "3:1", "'expct' of test 'a'", "expect"),
    ],
)
def test_a_typo_of_a_key_that_must_be_there_is_one_mistake(folder, file, text, place, said, meant):
    folder.write("penstock.toml", LINE + 'api = "http://x"\n').write("tables/t.sql", "select 1 as a").write(file, text)
    error = folder.mistake()
    assert str(error.where) == f"{file}:{place}"
    assert error.subject == f"unknown key {said}"
    assert error.hint == f"did you mean '{meant}'?"


def test_a_key_that_is_not_like_the_missing_one_is_not_taken_for_it(folder):
    folder.write("sources/a.toml", '[raw.a]\nformat = "csv"')
    assert folder.mistakes() == [("sources/a.toml:1:1", "raw table 'raw.a' has no 'from'")]


def test_environments_that_are_not_chosen_are_read_too(folder):
    folder.write(
        "penstock.toml",
        'name = "shop"\n[env.prod]\nwarehose = "duckdb:x"\nhistory = "7 dyas"\n[env.test.defaults]\nfrehs = "1 day"\n'
        '[env.away]\nconnections = { a = "kafka:${SECRET_OF_PROD}" }\n',
    )
    assert folder.mistakes() == [
        ("penstock.toml:3:1", "unknown key 'warehose' of environment 'prod'"),
        ("penstock.toml:4:11", "'history' of environment 'prod' is not right"),
        ("penstock.toml:6:1", "unknown key 'frehs' of [defaults]"),
    ]


def test_a_typo_in_a_query_is_not_also_a_mistake_of_its_test(folder):
    folder.write("sources/a.toml", HEAD).write("tables/t.sql", "select * from raw.ordrs")
    folder.write("tests/t.toml", '[a]\ntable = "t"\ngiven.raw.orders = []\nexpect = []\n')
    assert folder.mistakes() == [("tables/t.sql:1:15", "there is no table 'raw.ordrs'")]


def test_a_sink_with_two_wrong_names_is_told_both(folder):
    folder.write("tables/t.sql", "select 1 as a").write("sinks/a.toml", '[a]\ntable = "tt"\nto = "fils"')
    assert folder.mistakes() == [
        ("sinks/a.toml:2:9", "there is no table 'tt' for sink 'a'"),
        ("sinks/a.toml:3:6", "there is no connection 'fils'"),
    ]


@pytest.mark.parametrize(
    ("text", "place", "subject", "hint"),
    [
        ("", "1", "penstock.toml has no 'name'", ""),
        ("name = 3", "1:8", "'name' of penstock.toml", ""),
        ('nam = "x"\nname = "x"', "1:1", "unknown key 'nam'", "name"),
        ('name = "x"\nwarehouse = "duck"', "2:13", "'warehouse' of penstock.toml", ""),
        ('name = "x"\nconnections = 3', "2:15", "'connections' of penstock.toml", ""),
        (LINE + "a = 3", "3:5", "connection 'a' is not right", ""),
        (LINE + 'a = "sqlite"', "3:5", "'url' of connection 'a'", ""),
        (LINE + "a = {timeout = 1}", "3:1", "connection 'a' has no 'url'", ""),
        (LINE + 'a = "kafka:x"', "3:5", "unknown kind 'kafka'", ""),
        (LINE + 'a = {url = "http://x", tokn = "y"}', "3:24", "unknown key 'tokn' of connection 'a'", "token"),
        (LINE + 'a = {url = "http://x", timeout = "y"}', "3:34", "'timeout' of connection 'a'", ""),
        (LINE + 'a = {url = "http://x/${HOST}"}', "3:12", "the variable 'HOST' is not set", ".env"),
        ('name = "x"\nwarehouse = "duckdb:${DIR}/x"', "2:13", "the variable 'DIR' is not set", ".env"),
        ('name = "x"\n[env."a/b"]\n', "2:1", "'a/b' cannot be the name of an environment", ""),
        ('name = "x"\n[defaults]\nfrsh = "1 day"', "3:1", "unknown key 'frsh'", "fresh"),
        ('name = "x"\n[vars]\nA = 1', "3:5", "'A' in 'vars'", ""),
        ('name = "x"\n[connections\n', "2:13", "this is not TOML", ""),
    ],
)
def test_a_mistake_in_the_settings(folder, text, place, subject, hint):
    folder.write("penstock.toml", text)
    error = folder.mistake()
    assert str(error.where) == f"penstock.toml:{place}"
    assert subject in error.subject
    assert hint in error.hint


def test_a_folder_without_a_project(tmp_path, folder):
    with pytest.raises(ConfigError, match="there is no project") as caught:
        load(tmp_path / "nowhere", None, folder.options_of, {})
    assert "penstock init" in caught.value.hint


def test_an_unknown_environment_names_the_nearest(folder):
    folder.write("penstock.toml", 'name = "x"\n[env.prod]\n[env.dev]\n')
    error = folder.mistake("prd")
    assert (error.subject, error.hint) == ("there is no environment 'prd'", "did you mean 'prod'?")


@pytest.mark.parametrize("env", ["../../x", "a b", ""])
def test_an_environment_that_is_no_name_is_refused_and_nothing_is_written(folder, env):
    if env:
        assert "there is no environment" in folder.mistake(env).subject
    else:
        assert folder.load(env).env == "default"
    assert not (folder.root.parent / "x.project").exists()


@pytest.mark.parametrize(
    ("text", "place", "subject", "hint"),
    [
        ("", "", "the file is empty", ""),
        ("  \n", "", "the file is empty", ""),
        ("-- nothing", ":1", "there is no select", ""),
        ("/* --- key = 'x' --- */", ":1", "there is no select", ""),
        ("select 1; select 2", ":1:11", "more than one statement", ""),
        ("drop table a", ":1:1", "this is not a select", ""),
        ("/* ---\nkey = 'x'\n", ":1:1", "the header never closes", ""),
        ("/* ---\nkey = 'x'\n*/ select 1", ":1:1", "the header never closes", ""),
        ("-- a\n /* ---\nkey = 'x'\n*/ select 1 /* --- */", ":2:2", "the header never closes", ""),
        ("/* ---\nkey = x\n--- */ select 1", ":2:7", "this is not TOML", ""),
        ("/* ---\nkye = 'x'\n--- */ select 1", ":2:1", "unknown key 'kye' of table 'a'", "key"),
        ("/* --- name = 'x' --- */ select 1", ":1:8", "unknown key 'name' of table 'a'", ""),
        ("/* --- fresh = 3 --- */ select 1", ":1:16", "'fresh' of table 'a'", ""),
        ("select 1 as _rid", ":1:13", "the name '_rid' is taken", ""),
        ("select *\nfrom raw.ordrs", ":2:6", "there is no table 'raw.ordrs'", "'raw.orders'"),
        ("/* ---\n--- */\n  select *\nfrom orders", ":4:6", "there is no table 'orders'", "'raw.orders'"),
        ("select * from read_csv('x.csv')", ":1:15", "'read_csv'", "declare it as a source"),
        ("select * from 'x.csv'", ":1:15", "'x.csv'", "declare it as a source"),
        ("select 'a", ":1:8", "never closes", ""),
        (b"select '\xff'", ":1:9", "the file is not UTF-8", ""),
        (b"select 1,\n '\xc3\xa9\xff'", ":2:4", "the file is not UTF-8", ""),
        ("select 1".encode("utf-16"), ":1:1", "the file is not UTF-8", "UTF-16"),
        (b"select '\0'", ":1:9", "the file is not text", ""),
        ("select * from a", ":1:15", "in a circle: a → a", ""),
    ],
)
def test_a_mistake_in_a_table(folder, text, place, subject, hint):
    folder.write("sources/a.toml", HEAD).write("tables/a.sql", text)
    error = folder.mistake()
    assert str(error.where) == f"tables/a.sql{place}"
    assert subject in error.subject
    assert hint in error.hint


def test_the_byte_that_is_not_utf8_is_counted_from_the_beginning_of_the_file(folder):
    folder.write("tables/a.sql", b"\xef\xbb\xbfselect '\xff'")
    assert folder.mistake().got == "byte 0xff at offset 11"


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("tables/Sales.sql", "'Sales' cannot be a name"),
        ("tables/sales-daily.sql", "'sales-daily' cannot be a name"),
        ("tables/table.sql", "'table' cannot be a name"),
        ("tables/order/a.sql", "'order' cannot be a name"),
        ("tables/_penstock/a.sql", "the schema '_penstock'"),
        ("tables/_seq.sql", "the name '_seq' is taken"),
        ("tables/a/b/c.sql", "the file lies too deep"),
    ],
)
def test_a_path_that_is_no_name(folder, path, subject):
    folder.write(path, "select 1")
    error = folder.mistake()
    assert subject in error.subject
    assert error.where == Place(path)


@pytest.mark.parametrize("path", ["penstock.toml", "sources/a.toml", "sinks/a.toml", "tests/a.toml", "tables/a.py"])
def test_a_byte_that_is_not_utf8_in_any_file(folder, path):
    folder.write(path, b'name = "x"\n# \xff\n')
    error = folder.mistake()
    assert (str(error.where), error.subject) == (f"{path}:2:3", "the file is not UTF-8")


def test_a_circle_is_told_as_its_path(folder):
    folder.write("tables/c.sql", "select *\nfrom a").write("tables/a.sql", "from b").write("tables/b.sql", "from c")
    folder.write("tables/d.sql", "from a")
    error = folder.mistake()
    assert "a → b → c → a" in error.subject
    assert str(error.where) == "tables/a.sql:1:6"
    assert error.excerpt.splitlines() == ["1 | from b", "  |      ^"]


def test_a_table_that_is_not_there_is_underlined_in_its_line(folder):
    folder.write("tables/a.sql", '/* ---\n--- */\nselect *\n from "main".nothing').write("sources/a.toml", HEAD)
    error = folder.mistake()
    assert str(error.where) == "tables/a.sql:4:7"
    assert error.excerpt.splitlines() == ['4 |  from "main".nothing', "  |       ^^^^^^^^^^^^^^"]


def test_two_of_a_name_in_whatever_files(folder):
    folder.write("sources/a.toml", HEAD).write("sources/b.toml", "\n" + HEAD).write("tables/raw/orders.sql", "select 1")
    assert folder.mistakes() == [
        ("sources/b.toml:2:1", "there are two tables 'raw.orders'"),
        ("tables/raw/orders.sql:1", "there are two tables 'raw.orders'"),
    ]


def test_a_sink_and_a_test_of_what_is_not_there(folder):
    folder.write("sources/a.toml", HEAD).write("tables/spend.sql", "from raw.orders")
    folder.write(
        "sinks/a.toml", '[s]\nto = "files"\ntable = "spnd"\nmode = "mirorr"\n[t]\nto = "logs"\ntable = "spend"\n'
    )
    folder.write(
        "tests/a.toml",
        '[a]\ntable = "spnd"\nexpect = []\n[b]\ntable = "spend"\ngiven.raw.ordrs = []\ngiven.raw.orders = [1]\n'
        '[c]\ntable = "raw.orders"\nexpect = [{}]\n',
    )
    assert folder.mistakes() == [
        ("sinks/a.toml:3:9", "there is no table 'spnd' for sink 's'"),
        ("sinks/a.toml:4:8", "'mode' of sink 's' is not right"),
        ("sinks/a.toml:6:6", "connection 'logs' cannot be written"),
        ("tests/a.toml:2:9", "there is no table 'spnd' for test 'a'"),
        ("tests/a.toml:4:1", "test 'b' has no 'expect'"),
        ("tests/a.toml:6:11", "table 'spend' does not read 'raw.ordrs', which test 'b' gives"),
        ("tests/a.toml:7:21", "a row of test 'b' is not right"),
        ("tests/a.toml:9:9", "test 'c' is of the raw table 'raw.orders'"),
    ]


def test_mistakes_of_all_files_come_together_in_the_order_of_their_places(folder):
    folder.write("penstock.toml", 'nam = "x"\nname = "x"\n').write("sources/a.toml", '[raw.a]\nfrom = "fils"\n')
    folder.write("tables/b.sql", "selec").write("tables/a.sql", "from raw.a, b, nowhere")
    assert folder.mistakes() == [
        ("penstock.toml:1:1", "unknown key 'nam' of penstock.toml"),
        ("sources/a.toml:2:8", "there is no connection 'fils'"),
        ("tables/a.sql:1:16", "there is no table 'nowhere'"),
        ("tables/b.sql:1:1", "this is not a select"),
    ]
    with pytest.raises(ConfigErrors, match="4 mistakes"):
        folder.load()


def test_what_may_stand_in_a_file_that_cannot_be_read_is_not_missed(folder):
    folder.write("penstock.toml", "name = ").write("sources/a.toml", '[raw.a]\nfrom = "store"\n')
    folder.write("sources/b.toml", "[").write("tables/a.sql", "from raw.b")
    assert [place for place, _ in folder.mistakes()] == ["penstock.toml:1:7", "sources/b.toml:1:2"]


def test_a_value_of_a_connection_is_never_shown(folder):
    folder.write(
        "penstock.toml", LINE + 'a = {url = "http://x", token = ["hunter2"], timeout = "hunter2"}\nb = "hunter2"\n'
    )
    with pytest.raises(ConfigErrors) as caught:
        folder.load()
    assert len(caught.value.errors) == 3
    assert "hunter2" not in str(caught.value)


def test_a_file_that_may_not_be_read(folder, monkeypatch):
    folder.write("tables/a.sql", "select 1")

    def refuse(path, *args, **more):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        folder.load()


def test_a_link_that_leads_back_to_its_own_folder_ends(folder):
    folder.write("tables/a.sql", "select 1")
    (folder.root / "tables" / "loop").symlink_to(folder.root / "tables")
    with pytest.raises(ConfigError, match="mistakes"):
        folder.load()
