"""The mutation run: that it breaks what the list says, believes only tests that judge, and fails for a survivor."""

import pytest

from tools import mutants

LIST = """
tests = ["tests/test_sums.py"]

[[mutant]]
rule = "sums add"
file = "src/sums.py"
find = "a + b"
put = "a - b"
"""
TESTS = "from sums import add, double\n\ndef test_add():\n    assert add(1, 2) == 3\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "sums.py").write_text("def add(a, b):\n    return a + b\n\ndef double(a):\n    return 2 * a\n")
    (tmp_path / "tests" / "test_sums.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.fixture
def tried(root):
    def go(text, *words):
        listed = root / "mutants.toml"
        listed.write_text(text)
        return mutants.main(words, root, listed)

    return go


SURVIVOR = LIST + '\n[[mutant]]\nrule = "double doubles"\nfile = "src/sums.py"\nfind = "2 * a"\nput = "3 * a"\n'


@pytest.mark.slow
def test_a_mutant_that_a_test_notices_is_caught_and_the_source_is_left_as_it_was(root, tried, capsys):
    before = (root / "src" / "sums.py").read_text()
    assert tried(LIST) == 0
    assert capsys.readouterr().out.startswith("caught    sums add")
    assert (root / "src" / "sums.py").read_text() == before


@pytest.mark.slow
def test_one_that_none_notices_is_named_and_fails_the_run(tried, capsys):
    assert tried(SURVIVOR) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0].rstrip() for line in lines] == [
        "caught    sums add", "survived  double doubles", "2 rules broken, 1 of them unnoticed",
    ]  # fmt: skip


@pytest.mark.slow
def test_tests_that_fail_without_a_mutant_are_not_believed(root, tried, capsys):
    (root / "tests" / "test_sums.py").write_text(TESTS.replace("== 3", "== 4"))
    assert tried(LIST) == 2
    assert "do not pass without a mutant" in capsys.readouterr().err


@pytest.mark.slow
def test_a_mutant_that_no_test_could_judge_is_not_caught(tried, capsys):
    text = LIST.replace('find = "a + b"', 'find = "def add"').replace('put = "a - b"', 'put = "def sub"')
    assert tried(text) == 1
    assert capsys.readouterr().out.startswith("broken    sums add")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LIST.replace('"a + b"', '"a"'), "times in src/sums.py, not once"),
        (LIST.replace('"a + b"', '"a * b"'), "stands 0 times"),
        (LIST.replace('"a - b"', '"a + b"'), "nothing changes"),
        (LIST.replace('"a - b"', '"a +"'), "is no Python"),
        (LIST.replace("sums.py", "gone.py", 2), "there is no file src/gone.py"),
        (LIST.replace("put =", "puts ="), "a mutant has rule, file, find, put"),
        (LIST + LIST.split("\n\n", 1)[1], "two mutants of one name"),
    ],
)
def test_a_list_that_does_not_fit_the_code_is_told_before_anything_runs(tried, capsys, text, said):
    assert tried(text) == 2
    assert said in capsys.readouterr().err


def test_words_that_no_mutant_has_are_a_mistake(tried, capsys):
    assert tried(LIST, "nothing") == 2
    assert "no mutant has any of: nothing" in capsys.readouterr().err


def test_every_mutant_of_the_house_fits_the_code():
    mutants.fit(mutants.HERE.parent, mutants.read(mutants.HERE / "mutants.toml"))
