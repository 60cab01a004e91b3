"""Variables: from where they come, what stands before what, and what is kept secret."""

import pytest

from penstock.base.errors import PenstockError

SETTINGS = (
    'name = "shop"\n[vars]\nA = "file-var"\nB = "file-var"\nC = "file-var"\n'
    '[connections]\nx = "sqlite:${A}/${B}/${C}/${D:-none}"\n'
)


def test_the_environment_stands_before_dot_env_and_that_before_the_settings(folder):
    folder.write("penstock.toml", SETTINGS).write(".env", "# mine\nexport B='dot-env'\nA=dot-env\n")
    assert folder.load(A="environ").connections["x"].address == "environ/dot-env/file-var/none"


def test_what_comes_from_the_environment_is_never_shown_and_a_variable_of_the_settings_is(folder):
    folder.write("penstock.toml", SETTINGS).write(".env", "A=dot-env-secret\n")
    folder.load()
    assert str(PenstockError("dot-env-secret file-var")) == "*** file-var"


def test_a_missing_variable_names_one_that_is_nearly_called_so(folder):
    folder.write("penstock.toml", 'name = "shop"\n[connections]\nx = "sqlite:${PASSWORT}"\n')
    error = folder.mistake(PASSWORD="s3cret!")
    assert (str(error.where), error.got, error.hint) == ("penstock.toml:3:5", "${PASSWORT}", "did you mean 'PASSWORD'?")


def test_only_the_connection_that_counts_is_asked(folder):
    folder.write(
        "penstock.toml",
        'name = "shop"\n[connections]\nx = "sqlite:${PROD}"\n[env.dev.connections]\nx = "sqlite:dev.db"\n',
    )
    assert folder.load("dev").connections["x"].address == "dev.db"
    assert "PROD" in folder.mistake().subject


def test_a_default_is_enough(folder):
    folder.write("penstock.toml", 'name = "shop"\nwarehouse = "duckdb:${DIR:-.}/a.duckdb"\n')
    assert folder.load().warehouse == "duckdb:./a.duckdb"
    assert folder.load(DIR="/data").warehouse == "duckdb:/data/a.duckdb"


def test_a_dollar_without_braces_is_no_variable(folder):
    folder.write("sources/a.toml", '[raw.a]\nfrom = "files"\nread = "$HOME/{x}.csv"\n')
    assert folder.load().raw["raw.a"].read == "$HOME/{x}.csv"


def test_a_whole_url_may_be_a_variable_and_its_kind_is_looked_at_each_time(folder):
    folder.write("penstock.toml", 'name = "shop"\n[connections]\nx = "${URL}"\n')
    folder.write("sources/a.toml", '[raw.a]\nfrom = "x"\n')
    for _ in range(2):
        found = folder.load(URL="sqlite:a.db").connections["x"]
        assert (found.kind, found.address) == ("sqlite", "a.db")
    found = folder.load(URL="logs:/var/log").raw["raw.a"].connection
    assert (found.kind, found.address) == ("logs", "/var/log")
    assert "no 'records'" in folder.mistake(URL="http://secret.example.org").subject
    assert b"example.org" not in (folder.root / ".penstock/cache/default.project").read_bytes()


def test_a_whole_url_in_a_variable_that_is_not_set(folder):
    folder.write("penstock.toml", 'name = "shop"\n[connections]\nx = "${URL}"\n')
    folder.write("sources/a.toml", '[raw.a]\nfrom = "x"\n')
    error = folder.mistake()
    assert (str(error.where), error.subject) == ("penstock.toml:3:5", "the variable 'URL' is not set")


@pytest.mark.parametrize("content", [b"A=\xff\n", b"\xff\xfeA"])
def test_a_dot_env_that_is_not_utf8(folder, content):
    folder.write(".env", content)
    error = folder.mistake()
    assert (str(error.where), error.subject) == (".env", "the file is not UTF-8")


def test_a_list_of_an_option_is_filled_too(folder):
    folder.write("sources/a.toml", '[raw.a]\nfrom = "logs"\npaths = ["a", "${DIR}/b"]\n')
    assert folder.load(DIR="/var").raw["raw.a"].options == {"paths": ["a", "/var/b"]}
    assert str(folder.mistake().where) == "sources/a.toml:3:15"
