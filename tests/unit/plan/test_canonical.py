"""The canonical form of SQL: what changes it and what does not."""

import re

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plan.canonical import canonical, fingerprint, tokens

PIECES = [
    "select", "From", "raw", "Orders", "_x1", "é", "1", "1_000", "1.5", ".5", "1e-5", "'it''s'", "E'a\\'b'", "x'ab'",
    "$$a ' -- b$$", "$t$a $$ b$t$", '"Odd ""Name"""', "(", ")", "[", "]", "{", "}", ",", ".", ";", "::", ":=", ":",
    "<>", "<=", ">=", "->>", "->", "||", "//", "**", "+", "*", "=", "!=", "?", "$1",
]  # fmt: skip
BLANKS = [" ", "\n", "\t", "\r\n", " /* a */ ", " /* a /* nested */ ' */ ", " -- it's a comment\n", "\n--\n"]


def cased(word, upper):
    return (word.upper() if upper else word.lower()) if re.fullmatch(r"[^\W\d]\w*", word) else word


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(BLANKS), st.sampled_from(BLANKS), st.booleans())))
def test_layout_comments_and_the_case_of_words_do_not_change_the_form(parts):
    one = "".join(piece + blank for piece, blank, _, _ in parts)
    other = "".join(cased(piece, upper) + blank for piece, _, blank, upper in parts)
    assert canonical(one) == canonical(other)


@given(st.lists(st.sampled_from(PIECES)))
def test_the_form_of_a_form_is_itself(parts):
    text = canonical(" ".join(parts))
    assert canonical(text) == text


@given(st.lists(st.sampled_from(PIECES)))
def test_every_piece_is_a_token_of_its_own(parts):
    assert [token.text for token in tokens(" ".join(parts))] == parts


@given(st.text(alphabet="'\"$-/*\\eEx a1.\n()<>=+;"))
def test_any_text_is_cut_into_tokens_that_stand_where_they_say(text):
    end = 0
    for token in tokens(text):
        assert text[token.start : token.start + len(token.text)] == token.text
        assert text[end : token.start].strip() == ""
        end = token.start + len(token.text)
    assert text[end:].strip() == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 'A'", "select 'a'"),
        ('select "A"', 'select "a"'),
        ("select a-- b\n+1", "select a"),
        ("select a <> b", "select a < > b"),
        ("select 'a--b'", "select 'a"),
        ("select $$a$$", "select $$ a$$"),
        ("select ab", "select a b"),
    ],
)
def test_what_means_something_else_has_another_form(one, other):
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "sql",
    [
        "select -1-1", "select 3*-1", "select 1<-1", "select 2 ** 3", "select 'a'||'b'", "select [1,2][1]",
        "select {'a':1}.a", "select '{\"a\":-1}'::json->>'a'", "select 7//2", "select 1::int", "select E'\\'--'",
        "select $$--$$", 'select "a b" from (select 1 as "a b")', "select 1as x", "select 1.5e-3, .5, 5.",
        "select list_transform([1,2],lambda x:x+1)", "select @ -5", "select 1 /* a /* b */ c */ + 1 -- x",
    ],
)  # fmt: skip
def test_duckdb_reads_the_form_as_it_reads_the_text(sql):
    with duckdb.connect() as con:
        assert con.execute(canonical(sql)).fetchall() == con.execute(sql).fetchall()


def test_a_fingerprint_tells_its_parts_apart_and_names_its_scheme():
    assert re.fullmatch(r"1:[0-9a-f]{32}", fingerprint("a"))
    assert len({fingerprint("ab", "c"), fingerprint("a", "bc"), fingerprint("abc"), fingerprint("abc", "")}) == 4


def test_the_scheme_stays_as_it_is():
    # A change here rebuilds every table of every user: it needs a scheme of another number.
    assert fingerprint("select 1", "id") == "1:de4746876110937d62a80fd359f21bc6"
