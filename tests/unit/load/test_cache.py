"""The cache: what did not change is not read again, and what is wrong with it never matters."""

import os
import sys

import pytest

from penstock.load import cache, sqlfile

SETTINGS = 'name = "shop"\n[connections]\napi = {url = "http://${HOST}/x", token = "${TOKEN}"}\n[env.dev]\n'
RAW = '[raw.a]\nfrom = "api"\nread = "/a"\nrecords = "x"\nheaders = {A = "Bearer ${TOKEN}"}\n'
TESTS = (
    '[t]\ntable = "a"\ngiven.raw.a = [{d = 2024-01-31, t = 07:32:00, i = inf, n = 2024-01-31T01:02:03, '
    "z = 2024-01-31T01:02:03.5+02:00, l = [{d = 2024-01-31}], b = true, big = 99999999999999999999}]\n"
    "expect = [{f = 1.5}]\n"
)
SECRET = {"HOST": "example.org", "TOKEN": "open-sesame"}


@pytest.fixture
def shop(folder):
    folder.write("penstock.toml", SETTINGS).write("sources/a.toml", RAW).write("tests/t.toml", TESTS)
    folder.write("tables/a.sql", "/* --- fresh = '1 hour'\nchecks = ['x > 0'] --- */ select * from raw.a")
    folder.write("sinks/s.toml", '[s]\ntable = "a"\nto = "files"\nwrite = "${HOST}.csv"\n')
    return folder


def kept(folder, env="default"):
    return folder.root / ".penstock" / "cache" / f"{env}.project"


def test_what_comes_from_the_cache_is_what_was_read(shop):
    read = shop.load(**SECRET)
    asked = list(shop.asked)
    again = shop.load(**SECRET)
    assert again == read
    assert again.units[0].given == read.units[0].given
    assert shop.asked == asked  # nothing was parsed, no connector was asked
    assert [type(value) for value in again.units[0].given["raw.a"][0].values()] == [
        type(value) for value in read.units[0].given["raw.a"][0].values()
    ]


def test_no_secret_is_ever_stored(shop):
    project = shop.load(**SECRET)
    assert project.connections["api"].options["token"] == "open-sesame"
    stored = b"".join(file.read_bytes() for file in (shop.root / ".penstock").rglob("*") if file.is_file())
    assert b"${TOKEN}" in stored
    assert b"open-sesame" not in stored
    assert b"example.org" not in stored


def test_another_value_of_a_variable_needs_no_reading(shop):
    shop.load(**SECRET)
    asked = list(shop.asked)
    again = shop.load(HOST="other", TOKEN="abracadabra")
    assert (again.raw["raw.a"].options, again.sinks["s"].write) == (
        {"records": "x", "headers": {"A": "Bearer abracadabra"}},
        "other.csv",
    )
    assert shop.asked == asked


def test_a_variable_that_is_gone_is_missed_at_its_place(shop):
    shop.load(**SECRET)
    assert shop.mistakes(HOST="x") == [
        ("penstock.toml:3:42", "the variable 'TOKEN' is not set"),
        ("sources/a.toml:5:16", "the variable 'TOKEN' is not set"),
    ]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("penstock.toml", "shop", "mall"),
        ("sources/a.toml", "/a", "/b"),
        ("tables/a.sql", "x > 0", "x > 1"),
        ("sinks/s.toml", ".csv", ".txt"),
        ("tests/t.toml", "1.5", "2.5"),
    ],
)
def test_a_change_in_any_file_is_seen(shop, path, old, new):
    before = shop.load(**SECRET)
    file = shop.root / path
    file.write_text(file.read_text().replace(old, new))
    assert shop.load(**SECRET) != before


def test_a_file_that_comes_or_goes_is_seen(shop):
    shop.load(**SECRET)
    shop.write("tables/b.sql", "from a")
    assert "b" in shop.load(**SECRET).tables
    (shop.root / "tables/b.sql").unlink()
    assert "b" not in shop.load(**SECRET).tables


def test_environments_are_kept_apart(shop):
    shop.load(**SECRET)
    assert shop.load("dev", **SECRET).env == "dev"
    assert shop.load(**SECRET).env == "default"
    assert kept(shop).exists()
    assert kept(shop, "dev").exists()


def test_another_version_of_penstock_reads_anew(shop, monkeypatch):
    shop.load(**SECRET)
    asked = len(shop.asked)
    monkeypatch.setattr(cache, "__version__", "99")
    shop.load(**SECRET)
    assert len(shop.asked) > asked


def test_every_damage_to_the_cache_is_passed_over(shop):
    expected = shop.load(**SECRET)
    whole = kept(shop).read_bytes()
    damaged = [b"", b"x", whole[:-1], whole + b"x", whole[:40] + b"\xff" + whole[41:], b"\0" * len(whole), whole[::-1]]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 37)]
    for content in damaged:
        kept(shop).write_bytes(content)
        assert shop.load(**SECRET) == expected
        assert kept(shop).read_bytes() == whole


def test_content_that_fits_its_sum_and_no_project_is_passed_over(shop):
    expected = shop.load(**SECRET)
    key = kept(shop).read_bytes()[:16]
    for payload in (b"", b"\x01", b"\xc1", b"\x81\xa7project\x01"):
        kept(shop).write_bytes(key + cache._sum(payload) + payload)
        assert shop.load(**SECRET) == expected


def test_a_folder_where_the_cache_should_be_does_no_harm(shop):
    kept(shop).mkdir(parents=True)
    assert shop.load(**SECRET) == shop.load(**SECRET)
    assert [file.name for file in kept(shop).parent.iterdir()] == ["default.project"]


def test_a_file_where_the_folder_should_be_does_no_harm(shop):
    shop.write(".penstock", "x")
    assert shop.load(**SECRET) == shop.load(**SECRET)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_does_no_harm(shop):
    shop.root.chmod(0o500)
    try:
        assert shop.load(**SECRET).name == "shop"
    finally:
        shop.root.chmod(0o700)


def test_a_project_with_a_mistake_is_not_kept(shop):
    shop.write("tables/b.sql", "from nowhere")
    assert shop.mistake(**SECRET)
    assert not kept(shop).exists()


def test_a_project_that_moved_has_its_new_root(shop, tmp_path_factory):
    shop.load(**SECRET)
    moved = tmp_path_factory.mktemp("other") / "shop"
    shop.root.rename(moved)
    shop.root = moved
    assert shop.load(**SECRET).root == str(moved)


def test_five_hundred_tables_are_parsed_once(folder, monkeypatch):
    folder.write("sources/a.toml", "".join(f'[raw.t{i}]\nfrom = "files"\n' for i in range(10)))
    for i in range(500):
        above = f"raw.t{i}" if i < 10 else f"t{i - 10}"
        folder.write(f"tables/t{i}.sql", f"/* --- key = 'x' --- */ select x, count(*) as n from {above} group by x")
    parsed = []
    real = sqlfile.sql.references
    monkeypatch.setattr(sqlfile.sql, "references", lambda *args: parsed.append(1) or real(*args))
    first = folder.load()
    assert (len(first.order), len(parsed), len(folder.asked)) == (510, 500, 1)
    assert folder.load() == first
    assert (len(parsed), len(folder.asked)) == (500, 1)


def test_a_load_from_the_cache_imports_no_parser(shop):
    import subprocess

    shop.load(**SECRET)
    code = (
        "import sys\nfrom pathlib import Path\nfrom penstock.load.project import load\n"
        f"load(Path({str(shop.root)!r}), None, None, {SECRET!r})\n"
        "print(sorted({'sqlglot', 'tomllib', 'duckdb', 'arro3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
