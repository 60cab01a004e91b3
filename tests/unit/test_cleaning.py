"""The cleaning functions: every documented example, the rules of each notation, and input that means harm."""

import datetime as dt
import hashlib
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.engines.duck.macros import STATEMENTS, expression, needed
from penstock.model.cleaning import FUNCTIONS, Word, parse, result_type
from penstock.model.countries import codes, dialling

WORDS = [f for f in FUNCTIONS if not f.rows]
DOC = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cleaning.md"


def connect(*, macros=True):
    con = duckdb.connect(config={"TimeZone": "UTC", "threads": 1, "autoinstall_known_extensions": "false"})
    for statement in STATEMENTS if macros else ():
        con.execute(statement).fetchall()
    return con


@pytest.fixture(scope="module")
def con():
    with connect() as con:
        yield con


class Cleaner:
    """Cleans one value after the other by the same words, prepared once."""

    def __init__(self, con, words):
        self.done = expression(words, "v")
        self.con = con

    def __call__(self, values):
        sql = f"select ({self.done.sql})::varchar, {self.done.failed_sql} from (select unnest($1::varchar[]) as v)"
        return self.con.execute(sql, [values]).fetchall()


def clean(con, words, value):
    """The cleaned value as text, or `rejected`."""
    [(text, failed)] = Cleaner(con, words)([value])
    return "rejected" if failed else text


# ── what is documented ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", WORDS, ids=lambda f: f.name)
def test_the_documented_example_comes_out_as_documented_and_null_stays_null(con, function):
    done = expression(function.example, "v")
    sql = f"select ({done.sql})::varchar, typeof({done.sql}), {done.failed_sql} from (select unnest($1::varchar[]) v)"
    made, null = con.execute(sql, [[function.example_in, None]]).fetchall()
    kind = {"timestamptz": "timestamp with time zone"}.get(done.type, done.type)
    assert (made[0] or "", made[1].lower(), made[2]) == (function.example_out, kind, False)
    assert (null[0], null[2]) == (None, False)
    assert result_type(function.example) == done.type


def shown(text):
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def rows_of_reference():
    yield "| word | in a query | what it does | example |"
    yield "|---|---|---|---|"
    for f in FUNCTIONS:
        name = f"`{f.name}`" + (" (strict)" if f.strict else "")
        example = f"`{f.example}`: `{shown(f.example_in)}` → " if f.example else "in queries only"
        out = (f"`{f.example_out}`" if f.example_out else "null") if f.example else ""
        yield f"| {name} | `{f.signature}` | {f.doc} | {example}{out} |"


def test_the_reference_page_says_what_the_code_does():
    text = DOC.read_text(encoding="utf-8")
    assert "\n".join(rows_of_reference()) in text, "docs/reference/cleaning.md: the table is not that of FUNCTIONS"


def test_every_number_and_date_in_the_reference_is_read_as_it_says(con):
    text = DOC.read_text(encoding="utf-8")
    numbers = text.partition("\n## Numbers")[2].partition("\n## ")[0]
    seen = 0
    for written, read in re.findall(r"^\| (`.*?) \| ([-0-9., ]+?) \|", numbers, re.MULTILINE):
        values = re.findall(r"`([^`]+)`", written)
        reads = read.split(", ") * (len(values) if ", " not in read else 1)
        for value, number in zip(values, reads, strict=True):
            assert Decimal(clean(con, "decimal(18,4)", value)) == Decimal(number), value
            seen += 1
    dates = text.partition("\n## Dates")[2].partition("\n## ")[0]
    for written in re.findall(r"^\| (`.*?) \| 4 March", dates, re.MULTILINE):
        for value in re.findall(r"`([^`]+)`", written):
            assert clean(con, "date", value) == "2024-03-04", value
            seen += 1
    assert seen > 30


def test_no_macro_hides_a_function_of_the_engine():
    with connect(macros=False) as con:
        built_in = {name for (name,) in con.execute("select function_name from duckdb_functions()").fetchall()}
    ours = {re.match(r"create or replace macro (\w+)\(", s)[1] for s in STATEMENTS}
    assert len(ours) == len(STATEMENTS)
    assert not ours & built_in
    assert {f.sql for f in FUNCTIONS} - {"lower", "upper"} <= ours
    assert {"lower", "upper"} <= built_in


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_what_is_needed_is_enough(function):
    sql = f"{function.sql}(1.5)" if function.rows else expression(function.example, "'1'").sql
    with connect(macros=False) as con:
        for statement in needed(sql):
            con.execute(statement).fetchall()
        con.execute(f"select {sql}").fetchall()
    assert needed("select 1") == ()


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_steps_with_arguments():
    assert parse(" trim  decimal(18, 2):comma clamp(0,9.5) ") == (
        Word("trim"),
        Word("decimal", ("18", "2", "comma")),
        Word("clamp", ("0", "9.5")),
    )
    assert parse("e164:de") == (Word("e164", ("DE",)),)
    assert parse("hash:a:b") == (Word("hash", ("a:b",)),)
    assert parse("timestamptz:Europe/Berlin:mdy") == (Word("timestamptz", ("Europe/Berlin", "mdy")),)
    assert [w.name for w in parse("int bool numeric(9,2)")] == ["integer", "boolean", "decimal"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "empty"),
        ("trimm", "did you mean 'trim'"),
        ("emial", "did you mean 'email'"),
        ("interval", "no cleaning function 'interval'"),
        ("trim:3", "takes no argument"),
        ("decimal", "takes precision, scale, [mark]"),
        ("decimal(39,2)", "precision is 1 to 38"),
        ("decimal(5,6)", "scale 0 to the precision"),
        ("decimal(a,b)", "'a' cannot be its precision"),
        ("decimal(18,2):coma", "did you mean 'comma'"),
        ("date:ymd", "cannot be its parts"),
        ("e164:XX", "cannot be its country"),
        ("mask:-1", "cannot be its keep"),
        ("timestamptz:a'b", "cannot be its zone"),
        ("clamp(0,1)", "follows a word that reads a number"),
        ("lower clamp(0,1)", "follows a word that reads a number"),
        ("integer clamp(0,x)", "cannot be its high"),
        ("zscore", "use clean_zscore(…) in a table's query"),
        ("trim(", "not a cleaning function"),
        ("trim;drop", "not a cleaning function"),
    ],
)
def test_a_mistake_in_the_words_says_what_is_meant(words, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        expression(words, "v")


def test_the_type_of_words_is_that_of_the_last_which_has_one():
    assert result_type("") is None
    assert result_type("trim integer clamp(0,5)") == "integer"
    assert result_type("integer hash") == "varchar"
    assert result_type("decimal(10,4) clamp(0,5)") == "decimal(10,4)"


def test_a_salt_with_a_quote_is_text_and_not_sql(con):
    assert clean(con, "hash:a'b", "x") == hashlib.sha256(b"a'bx").hexdigest()


# ── what is rejected ───────────────────────────────────────────────────────────────────────────────────


def test_a_value_that_cannot_be_read_is_rejected_and_one_that_is_said_to_be_missing_is_not(con):
    assert clean(con, "decimal(18,2)", "-") == "rejected"
    assert clean(con, "null_words decimal(18,2)", "-") is None
    assert clean(con, "null_words trim decimal(18,2) lower", "x") == "rejected"
    assert clean(con, "decimal(18,2) null_words", "-") == "rejected"
    assert clean(con, "email hash", "nobody") == "rejected"
    assert clean(con, "integer clamp(0,10) date", "11") == "rejected"


def test_the_reason_names_the_words_that_can_refuse():
    done = expression("trim decimal(18,2):comma", "v")
    assert (done.strict, done.reason) == (True, "cannot be read as decimal(18,2):comma")
    assert expression("email hash:pepper", "v").reason == "cannot be read as email"
    loose = expression("trim lower", "v")
    assert (loose.strict, loose.failed_sql, loose.reason) == (False, "false", "")


# ── notations ──────────────────────────────────────────────────────────────────────────────────────────

CASES = {
    "decimal(18,2)": {
        "$-5": "-5.00", "-$5": "-5.00", "($1,200.00)": "-1200.00", "Rs. 1,00,000": "100000.00", "12 kr.": "12.00",
        "Rs.500": "500.00", "$.50": "0.50", "-.5": "-0.50", "1\u202f234,56": "1234.56", "1.5e-1": "0.15",
        "007": "7.00", "1.10000": "1.10", "1234567890123456.78": "1234567890123456.78", "+7": "7.00", "5.": "5.00",
        "12345678901234567": "rejected", "1.239": "rejected", "1.5e-3": "rejected", "1,23,4": "rejected",
        "1 2": "rejected", "--5": "rejected", "(-5)": "rejected", "(5": "rejected", "-5-": "rejected",
        "12%": "rejected", "12 kg": "rejected", "1.2.3": "rejected", "5 EUR 5": "rejected", "#5": "rejected",
        "nan": "rejected", "1e400": "rejected", "": "rejected", "$": "rejected", "0x10": "rejected", "٣": "rejected",
    },
    "decimal(18,3):comma": {"1.234": "1234.000", "1,234": "1.234", "1.234,50": "1234.500", "12.50": "rejected"},
    "decimal(18,3):point": {"1,234": "1234.000", "1.234": "1.234", "1,5": "rejected"},
    "decimal(38,10)": {"1.5e-7": "0.0000001500", "1e-11": "rejected", "1e28": "rejected"},
    "integer": {
        "12.0": "12", "12.5": "rejected", "2147483647": "2147483647", "2147483648": "rejected",
        "-2147483648": "-2147483648", "1e3": "1000", "1.234": "rejected", "true": "rejected",
    },
    "bigint": {"9223372036854775807": "9223372036854775807", "9223372036854775808": "rejected"},
    "double": {"1e309": "rejected", "inf": "rejected", "5e-324": "5e-324", "1,5": "1.5"},
    "date": {
        "2024-02-29": "2024-02-29", "2023-02-29": "rejected", "12/31/2024": "rejected", "3.4/2024": "rejected",
        "Dec 24 '99": "1999-12-24", "31.12.68": "2068-12-31", "31.12.69": "1969-12-31", "2024 Mar 3": "2024-03-03",
        "3. 4. 2024": "2024-04-03",
        "1er janvier 2024": "2024-01-01", "3 foo 2024": "rejected", "Mar 2024": "rejected", "1/2/3": "rejected",
        "2024-03-03T00:00:00": "2024-03-03", "2024-03-03 10:00": "rejected", "0000-01-01": "rejected",
        "infinity": "rejected", "epoch": "rejected", "9999-12-31": "9999-12-31", "3\u00a0mars 2024": "2024-03-03",
    },
    "date:mdy": {"3/4/2024": "2024-03-04", "31/12/2024": "rejected", "31.12.2024": "2024-12-31"},
    "timestamp": {
        "2024-03-03": "2024-03-03 00:00:00", "2024-03-03T10:00:00,5": "2024-03-03 10:00:00.5",
        "2024-03-03T10:00:00Z": "rejected", "2024-03-03T10:00:00.123456000": "2024-03-03 10:00:00.123456",
        "2024-03-03T10:00:00.1234567": "rejected", "3/4/2024 9:05:10 PM": "2024-04-03 21:05:10",
        "March 3, 2024 12:00 am": "2024-03-03 00:00:00", "March 3, 2024 12:30 p.m.": "2024-03-03 12:30:00",
        "3/4/2024 13:00 pm": "rejected", "10/Oct/2000:13:55:36": "2000-10-10 13:55:36",
        "2024-03-03 23:59:60": "rejected", "03/04/202410:00": "rejected", "10:00": "rejected",
    },
    "timestamptz": {
        "2024-03-03 10:00:00 +0530": "2024-03-03 04:30:00+00", "2024-03-03": "rejected",
        "10/Oct/2000:13:55:36 -0700": "2000-10-10 20:55:36+00", "2024-03-03 10:00": "rejected",
        "Tue, 05 Mar 2024 10:00:00 +0100": "2024-03-05 09:00:00+00", "2024-03-03 10:00+99:00": "rejected",
        "3 Mar 2024 10:00 PM GMT": "2024-03-03 22:00:00+00", "2024-03-03 10:00 CET": "rejected",
    },
    "timestamptz:Europe/Berlin": {
        "2024-07-03T10:00": "2024-07-03 08:00:00+00", "2024-01-03": "2024-01-02 23:00:00+00",
        "2024-07-03T10:00Z": "2024-07-03 10:00:00+00",
    },
    "boolean": {" YES ": "true", "off": "false", "Oui": "true", "0": "false", "2": "rejected", "": "rejected"},
    "email": {
        "a.b+c@d-e.example": "a.b+c@d-e.example", "jörg@müller.de": "jörg@müller.de", "a@b": "rejected",
        "a..b@x.de": "rejected", "a b@x.de": "rejected", "a@-x.de": "rejected", "a@x..de": "rejected",
        "Ada <a@b.de>": "rejected", "a@b@c.de": "rejected",
    },
    "e164:DE": {
        "+49 (0)170 1234567": "+491701234567", "0049 170 1234567": "+491701234567", "1701234567": "+491701234567",
        "+49 0170 1234567": "+491701234567", "+1 415 555 2671": "+14155552671", "4917012345678": "+4917012345678",
        "tel:+49-30-123456": "+4930123456", "49301234567": "rejected", "0800-FLOWERS": "rejected",
        "030 123456 x12": "rejected", "01234": "rejected", "12": "rejected", "+": "rejected",
    },
    "e164:US": {
        "1-415-555-2671": "+14155552671", "415.555.2671": "+14155552671", "011 49 30 123456": "+4930123456",
        "555-2671": "rejected",
    },
    "e164:IT": {"06 1234567": "+39061234567", "+39 06 1234567": "+39061234567"},
    "e164:IN": {"9198765432": "+919198765432", "919876543210": "+919876543210"},
    "e164:HU": {"06 1 234 5678": "+3612345678"},
    "e164": {"+49 30 123456": "+4930123456", "030 123456": "rejected"},
    "country": {
        "U.S.A.": "US", "the Netherlands": "NL", "Côte d'Ivoire": "CI", "ÖSTERREICH": "AT", "España": "ES",
        "Weißrussland": "BY", "Bosnia & Herzegovina": "BA", "gbr": "GB", "na": "NA", "Atlantis": "rejected",
    },
    "slug": {"Hello, World!": "hello-world", "край света": "край-света", "हिन्दी": "हिन्दी", "--": ""},
    "unaccent": {"ÆRØ ñ": "AERO n", "край": "край", "한글 é": "한글 e"},
    "url_host": {
        "//a.b/c": "a.b", "http://[::1]:80/": "[::1]", "example.org/x": "example.org", "HTTP://X.Y.:80": "x.y",
        "/about": "rejected", "mailto:a@b.de": "rejected", "http://a b/": "rejected", "http://": "rejected",
    },
    "null_words": {"\u00a0": None, "None": None, "\\N": None, "0": "0", " x ": " x "},
    "mask:4": {"1234": "****", "": "", "ünïcödé": "***cödé"},
    "trim": {"\u200b\ufeff x \u3000\x85\x0b": "x"},
    "squeeze": {"a\u200bb": "a\u200bb", "\t": ""},
    "double clamp(-1,1.5)": {"-3": "-1.0", "1.2": "1.2", "9": "1.5"},
}  # fmt: skip


@pytest.mark.parametrize("words", CASES)
def test_notations(con, words):
    cases = CASES[words]
    found = ["rejected" if failed else text for text, failed in Cleaner(con, words)(list(cases))]
    assert dict(zip(cases, found, strict=True)) == cases


def test_every_country_is_known_by_its_codes_and_names(con):
    assert len(set(codes().values())) == 249
    found = Cleaner(con, "country")([word.upper() for word in codes()])
    assert [text for text, _ in found] == list(codes().values())


def test_every_country_that_can_be_dialled_is_a_country():
    assert set(dialling()) <= set(codes().values())
    assert len(dialling()) >= 40


def test_columns_that_are_no_text_are_cleaned_too(con):
    con.execute("create or replace temp table typed as select 42 i, 1.5::double d, date '2024-03-03' t, true b")
    for column, words, expected in (
        ("i", "decimal(18,2)", "42.00"), ("d", "decimal(18,2)", "1.50"), ("t", "date", "2024-03-03"),
        ("b", "boolean", "true"), ("i", "trim lower", "42"), ("t", "timestamp", "2024-03-03 00:00:00"),
    ):  # fmt: skip
        sql = f"select ({expression(words, column).sql})::varchar from typed"
        assert con.execute(sql).fetchall() == [(expected,)]


def test_a_country_may_come_from_a_column(con):
    sql = "select clean_e164(p, c) from (values ('030 123456', 'DE'), ('020 7946 0958', 'gb'), ('1', null)) t(p, c)"
    assert con.execute(sql).fetchall() == [("+4930123456",), ("+442079460958",), (None,)]


def test_rows_are_compared_with_all_rows(con):
    con.execute("create or replace temp table n as select unnest([1, 2, 3, 4, null, 100])::double v")

    def column(name):
        return [v for (v,) in con.execute(f"select clean_{name}(v) from n").fetchall()]

    values = [1, 2, 3, 4, 100]
    mean = sum(values) / 5
    spread = (sum((v - mean) ** 2 for v in values) / 5) ** 0.5
    assert column("zscore") == [
        None if v is None else pytest.approx((v - mean) / spread) for v in [*values[:4], None, 100]
    ]
    assert column("minmax") == [0, 1 / 99, 2 / 99, 3 / 99, None, 1]
    assert column("winsorize") == [pytest.approx(1.2), 2, 3, 4, None, pytest.approx(80.8)]
    same = "from (select unnest([7, 7, null]) v)"
    assert con.execute(f"select clean_zscore(v), clean_minmax(v) {same}").fetchall() == [(0, 0), (0, 0), (None, None)]


# ── for all values ─────────────────────────────────────────────────────────────────────────────────────

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SAME_TWICE = [
    "trim", "squeeze", "lower", "null_words", "nfc", "digits", "slug", "unaccent", "title", "email", "e164:DE",
    "country", "url_host", "boolean", "date", "timestamp", "timestamptz", "double", "decimal(18,2)",
]  # fmt: skip
LIKELY = ANY_TEXT | st.from_regex(
    r"[-(+$€]{0,2}[0-9]{1,4}[,. /:-]?[0-9]{0,4}[,. /:-]?[0-9]{0,4}[-)€Z]?", fullmatch=True
)


@pytest.mark.slow
@settings(max_examples=10)
@given(values=st.lists(LIKELY, min_size=40, max_size=80))
@pytest.mark.parametrize("words", SAME_TWICE)
def test_cleaning_twice_is_cleaning_once(con, words, values):
    once = [text for text, _ in Cleaner(con, words)(values)]
    assert Cleaner(con, words)(once) == [(text, False) for text in once]


@settings(max_examples=10)
@given(values=st.lists(st.decimals(-(10**15), 10**15, places=2), min_size=1, max_size=50))
def test_a_decimal_comes_back_exactly_from_every_notation(con, values):
    english = [f"{v:,.2f}" for v in values]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in english]
    written = {
        "decimal(18,2)": (
            [f"{v:f}" for v in values], [f"{v:.2E}" if v == round(v, -13) else f"{v:f}" for v in values], english,
            swapped, [f"{text} €" for text in swapped], [f"${text}" for text in english],
            [t.replace(".", "\u00a0") for t in swapped], [t.replace(",", "'") for t in english],
            [f"({t[1:]})" if t.startswith("-") else t for t in english],
            [f"{t[1:]}-" if t.startswith("-") else t for t in english],
        ),
        "decimal(18,2):comma": (swapped, [t.replace(".", "") for t in swapped]),
        "decimal(18,2):point": (english, [t.replace(",", "") for t in english]),
    }  # fmt: skip
    for words, columns in written.items():
        for column in columns:
            assert [Decimal(text) for text, _ in Cleaner(con, words)(column)] == values, (words, column)


@settings(max_examples=10)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_a_double_comes_back_exactly_from_its_text(con, values):
    sql = f"select {expression('double', 'v').sql} from (select unnest($1::varchar[]) as v)"
    assert [v for (v,) in con.execute(sql, [[repr(v) for v in values]]).fetchall()] == values


@settings(max_examples=10)
@given(values=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_a_whole_number_comes_back_exactly(con, values):
    for column in ([str(v) for v in values], [f"{v:,}" for v in values], [f"{v:_}".replace("_", " ") for v in values]):
        assert [int(text) for text, _ in Cleaner(con, "bigint")(column)] == values


ENGLISH = ("%d %B %Y", "%B %d, %Y", "%a, %d %b %Y", "%d-%b-%Y", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y")


@settings(max_examples=10)
@given(values=st.lists(st.dates(dt.date(1000, 1, 1)), min_size=1, max_size=40))
def test_a_date_comes_back_from_every_notation(con, values):
    wanted = [(v.isoformat(), False) for v in values]
    for form in ENGLISH:
        assert Cleaner(con, "date")([v.strftime(form) for v in values]) == wanted, form
    assert Cleaner(con, "date")([v.strftime("%d/%m/%Y") for v in values]) == wanted
    assert Cleaner(con, "date:mdy")([v.strftime("%m/%d/%Y") for v in values]) == wanted


@settings(max_examples=10)
@given(values=st.lists(st.datetimes(dt.datetime(1000, 1, 1)), min_size=1, max_size=40))  # noqa: DTZ001
def test_a_moment_comes_back_from_every_notation(con, values):
    wanted = [v.isoformat(" ") for v in values]
    for form in ("%Y-%m-%dT%H:%M:%S.%f", "%d.%m.%Y %H:%M:%S.%f", "%d %b %Y, %I:%M:%S.%f %p"):
        found = [text for text, _ in Cleaner(con, "timestamp")([v.strftime(form) for v in values])]
        assert [dt.datetime.fromisoformat(t).isoformat(" ") for t in found] == wanted, form


# ── input that means harm ──────────────────────────────────────────────────────────────────────────────

HOSTILE = [
    "", "\x00", "a\x00b", "\x1b[31m",
    "\n", "👩‍👩‍👧‍👦", "שלום עולם", "\u202eevil", "e\u0301" * 50, "'; drop table t; --", "\\0\\1", "%s%n",
    "9" * 400, "1e999", "1e-999", "-" * 300, "(" * 300, "0" * 799 + "1", "1," * 300, "99/99/9999", "00.00.0000",
    "24:61:61", "2024-13-45T99:99:99+99:99", "@" * 200, "a@" + "b." * 100 + "c", "+" + "1" * 100, "http://" + "[" * 99,
    "\ufffd", "\U0010ffff", "ﷺ" * 20, "İ" * 30, "1e", "e1", ".e1", "1.e", "٣٤٥", "१२", "\uff11\uff12\uff13", "Z",
    "T10:00",
]  # fmt: skip


@pytest.mark.parametrize(
    "words", [*(f.example for f in WORDS), "decimal(18,2):comma", "timestamptz:Europe/Berlin", "date:mdy", "e164"]
)
def test_hostile_text_is_cleaned_or_rejected_and_never_an_error(con, words):
    found = Cleaner(con, words)(HOSTILE)
    assert len(found) == len(HOSTILE)
    assert all(failed is False or text is None for text, failed in found)


@pytest.mark.slow
@settings(max_examples=10)
@given(values=st.lists(LIKELY, min_size=40, max_size=80))
@pytest.mark.parametrize("words", [f.example for f in WORDS if f.strict])
def test_any_text_is_read_or_rejected_and_nothing_in_between(con, words, values):
    assert all((text is None) == failed for text, failed in Cleaner(con, words)(values))


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["x", " ", "é ", "9", "a@b."], ids=["letters", "blanks", "accents", "digits", "mail"])
@pytest.mark.parametrize("function", WORDS, ids=lambda f: f.name)
def test_ten_megabytes_in_one_value_are_cleaned_or_rejected(con, function, piece):
    done = expression(function.example, "v")
    sql = f"select length(({done.sql})::varchar), {done.failed_sql} from (select repeat($1, $2) as v)"
    [(length, failed)] = con.execute(sql, [piece, 10_000_000 // len(piece.encode())]).fetchall()
    assert failed is done.strict
    assert (length is None) == (failed or (function.name == "null_words" and piece == " "))


def test_a_slug_has_no_marks_that_stand_on_no_letter(con):
    text = "Caf\u00e9 \ufe0f\U000e0100 \u00b7\u0300 Nord"
    (slug,) = con.execute("select clean_slug(?)", [text]).fetchone()
    assert slug == "cafe-nord"
    assert con.execute("select clean_slug(?)", [":\u0300"]).fetchone() == ("",)
