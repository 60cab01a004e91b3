"""The cleaning and normalizing functions: what each is called, takes, gives and refuses, as data."""

from __future__ import annotations

import re

from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.countries import dialling
from penstock.model.schema import canonical

SAME = ""
"""The result type of a function that keeps the type of what it is given."""

_MOST_DIGITS = 38
_WORD = re.compile(r"(?P<name>\w+)(?:\((?P<inside>[^()]*)\))?(?::(?P<rest>.*))?\Z", re.DOTALL)
_SPLIT = re.compile(r"(?:\([^()]*\)|[^\s()]|[()])+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*\Z")


@record
class Argument:
    """What may follow a word: `kind` is `text`, `number`, `count`, `zone`, `country` or `choice`."""

    name: str
    doc: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    required: bool = False


@record
class Function:
    """A cleaning function, usable as the word `name` in `clean` and as the SQL macro `sql` in any query.

    `example` is a word as written in `clean`, which makes `example_out` (as text) of `example_in`. `result_type` is
    a type of `penstock.model.schema`, or `SAME`. Where `strict`, a value that cannot be read gives null in SQL and
    rejects the row in `clean`. Where `rows`, it compares a row with the others and stands in queries only.
    """

    name: str
    doc: str
    arguments: tuple[Argument, ...] = ()
    example_in: str = ""
    example_out: str = ""
    result_type: str = "varchar"
    example: str = ""
    strict: bool = False
    rows: bool = False

    @property
    def sql(self) -> str:
        """The name of the macro; `lower` and `upper` are the engine's own."""
        return self.name if self.name in ("lower", "upper") else f"clean_{self.name}"

    @property
    def signature(self) -> str:
        """How it is called in SQL, with the arguments that may be left out in brackets."""
        if self.name == "decimal":
            return "clean_decimal(x, null::decimal(18,2)[, mark])"
        needed = ["x", *(a.name for a in self.arguments if a.required)]
        spare = [a.name for a in self.arguments if not a.required]
        return f"{self.sql}({', '.join(needed)}{''.join(f'[, {name}]' for name in spare)})"

    @property
    def nulls(self) -> bool:
        """Whether it may make null of a value."""
        return self.strict or self.name == "null_words"


@record
class Word:
    """One step of a `clean`: the name of a function and its arguments as they were written."""

    name: str
    args: tuple[str, ...] = ()

    @property
    def function(self) -> Function:
        """The function that it names."""
        return _BY_NAME[self.name]

    @property
    def result_type(self) -> str:
        """The type of its result, or `SAME`."""
        if self.name == "decimal":
            return f"decimal({int(self.args[0])},{int(self.args[1])})"
        return self.function.result_type


_MARK = Argument("mark", "the decimal mark, where it is known", "choice", ("point", "comma"))
_PARTS = Argument("parts", "the order of day, month and year in 3/4/2024", "choice", ("dmy", "mdy"))

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "trim", "Takes white space, no-break and zero-width spaces from both ends.",
        (), "\u00a0 Ada\t", "Ada", example="trim",
    ),
    Function(
        "squeeze", "Trims, and makes one blank of any white space inside.",
        (), " Ada \u00a0 \n Lovelace ", "Ada Lovelace", example="squeeze",
    ),
    Function("lower", "Makes letters small.", (), "ÄRGER", "ärger", example="lower"),
    Function("upper", "Makes letters capital.", (), "ärger", "ÄRGER", example="upper"),
    Function(
        "title", "Makes the first letter of every word capital and the others small.",
        (), "jean-pierre O'NEILL", "Jean-Pierre O'neill", example="title",
    ),
    Function(
        "null_words", "Makes null of what only says that there is nothing: blank, n/a, null, none, -, unknown …",
        (), " N/A ", "", example="null_words",
    ),
    Function(
        "unaccent", "Takes the accents from Latin letters and writes ß, æ, ø, ł … in plain ones.",
        (), "Café Straße Łódź", "Cafe Strasse Lodz", example="unaccent",
    ),
    Function(
        "nfc", "Brings text into Unicode's composed form, so that what looks the same is the same.",
        (), "Cafe\u0301", "Café", example="nfc",
    ),
    Function("digits", "Keeps only the digits 0 to 9.", (), "AB-12 34", "1234", example="digits"),
    Function(
        "integer", "Reads a whole number of 32 bits; a fraction other than zero is refused.",
        (_MARK,), "1,234", "1234", "integer", example="integer", strict=True,
    ),
    Function(
        "bigint", "Reads a whole number of 64 bits; a fraction other than zero is refused.",
        (_MARK,), "9 000 000 000", "9000000000", "bigint", example="bigint", strict=True,
    ),
    Function(
        "decimal", "Reads an exact number with currency, grouping and sign in many notations; never rounds.",
        (
            Argument("precision", "digits in all", "count", required=True),
            Argument("scale", "digits after the point", "count", required=True),
            _MARK,
        ),
        "1.234,50 €", "1234.50", "decimal(18,2)", example="decimal(18,2)", strict=True,
    ),
    Function(
        "double", "Reads a number as a floating-point one, in the same notations as `decimal`.",
        (_MARK,), "1 234,5", "1234.5", "double", example="double", strict=True,
    ),
    Function(
        "date", "Reads a date written in any of many ways; months by name in English, German, French, Spanish.",
        (_PARTS,), "3. März 2024", "2024-03-03", "date", example="date", strict=True,
    ),
    Function(
        "timestamp", "Reads a date with a time of day; one that names a zone is refused.",
        (_PARTS,), "03.03.2024 9:05", "2024-03-03 09:05:00", "timestamp", example="timestamp", strict=True,
    ),
    Function(
        "timestamptz", "Reads a moment with its zone; without a zone in the text, the given one holds.",
        (Argument("zone", "the zone of a text that names none", "zone"), _PARTS),
        "2024-03-03T10:00:00+02:00", "2024-03-03 08:00:00+00", "timestamptz", example="timestamptz", strict=True,
    ),
    Function(
        "boolean", "Reads yes and no: true, t, yes, y, 1, on, ja, oui, si … and their opposites.",
        (), "Ja", "true", "boolean", example="boolean", strict=True,
    ),
    Function(
        "email", "Reads an e-mail address, in small letters; what is no address is refused.",
        (), " mailto:Ada@Example.ORG", "ada@example.org", example="email", strict=True,
    ),
    Function(
        "e164", "Reads a telephone number and writes it internationally; a country says how to read national ones.",
        (Argument("country", "the country (alpha-2) of numbers without a calling code", "country"),),
        "(030) 123 456", "+4930123456", example="e164:DE", strict=True,
    ),
    Function(
        "country", "Reads a country's name or code and writes its ISO 3166 alpha-2 code.",
        (), "Deutschland", "DE", example="country", strict=True,
    ),
    Function(
        "slug", "Writes small letters and digits joined by hyphens, for an address of a page.",
        (), "Crème brûlée & Co.", "creme-brulee-co", example="slug",
    ),
    Function(
        "hash", "Writes the SHA-256 of the text (after the salt, if there is one) in hexadecimal.",
        (Argument("salt", "text that stands before the value"),),
        "ada@example.org", "7e70a81ece0a29a01fbcb7da162c94c2fe39780d7ca978a7bf3c71c47cdb021f", example="hash:s3",
    ),
    Function(
        "mask", "Hides all but the last characters; a value no longer than these is hidden whole.",
        (Argument("keep", "how many characters stay", "count"),),
        "DE89370400440532013000", "******************3000", example="mask:4",
    ),
    Function(
        "url_host", "Takes the host from a URL, in small letters; what has none is refused.",
        (), "https://me@WWW.Example.org:8080/a?b", "www.example.org", example="url_host", strict=True,
    ),
    Function(
        "clamp", "Brings a number between two bounds; it follows a word that reads a number.",
        (
            Argument("low", "the least value", "number", required=True),
            Argument("high", "the greatest value", "number", required=True),
        ),
        "120", "100", SAME, example="integer clamp(0,100)",
    ),
    Function(
        "winsorize", "Brings what lies outside two quantiles of all rows (0.05 and 0.95) to these.",
        (Argument("low", "the lower quantile", "number"), Argument("high", "the upper quantile", "number")),
        result_type=SAME, rows=True,
    ),
    Function(
        "zscore", "Distance from the mean in population standard deviations; 0 where all values are the same.",
        result_type="double", rows=True,
    ),
    Function(
        "minmax", "Brings the least value to 0 and the greatest to 1; 0 where all values are the same.",
        result_type="double", rows=True,
    ),
)  # fmt: skip

_BY_NAME = {f.name: f for f in FUNCTIONS}
_NUMBERS = ("integer", "bigint", "decimal", "double", "clamp")


def parse(words: str) -> tuple[Word, ...]:
    """Return the steps of a `clean`, in the order in which they are applied.

    Arguments stand in brackets or after a colon, and both may be used. Raises `ValueError` for what is no function,
    with the nearest name, and for arguments that it does not take.

    >>> parse("trim decimal(18,2):comma")
    (Word(name='trim', args=()), Word(name='decimal', args=('18', '2', 'comma')))
    """
    found: list[Word] = []
    for text in _SPLIT.findall(words):
        word = _word(text)
        if word.name == "clamp" and (not found or found[-1].name not in _NUMBERS):
            raise ValueError(f"'{text}' follows a word that reads a number, such as 'double {text}'")
        found.append(word)
    if not found:
        raise ValueError("there is no cleaning function in an empty text")
    return tuple(found)


def result_type(words: str) -> str | None:
    """Return the type of a column that was cleaned, or None where `words` is blank; raises `ValueError` as `parse`.

    >>> result_type("trim decimal(10,2) clamp(0,5)"), result_type("trim lower")
    ('decimal(10,2)', 'varchar')
    """
    if not words.strip():
        return None
    return next((word.result_type for word in reversed(parse(words)) if word.result_type != SAME), None)


def _word(text: str) -> Word:
    match = _WORD.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a cleaning function; write name, name:argument or name(argument, …)")
    function = _function(match["name"])
    args = [part.strip() for part in (match["inside"] or "").split(",")] if match["inside"] else []
    if match["rest"] is not None:
        args += [match["rest"]] if function.name == "hash" else match["rest"].split(":")
    if len(args) > len(function.arguments):
        raise ValueError(f"'{text}': {_takes(function)}, got {len(args)}")
    if len(args) < sum(a.required for a in function.arguments):
        raise ValueError(f"'{text}': {_takes(function)}")
    checked = tuple(_argument(text, a, value) for a, value in zip(function.arguments, args, strict=False))
    if function.name == "decimal":
        _digits(text, int(checked[0]), int(checked[1]))
    return Word(function.name, checked)


def _function(name: str) -> Function:
    function = _BY_NAME.get(name)
    if function is None:
        known = [f.name for f in FUNCTIONS if not f.rows]
        try:
            function = _BY_NAME[canonical(name).partition("(")[0]]
        except (ValueError, KeyError):
            raise ValueError(f"there is no cleaning function '{name}': {did_you_mean(name, known)}") from None
    if function.rows:
        raise ValueError(f"'{name}' compares rows with each other: use {function.sql}(…) in a table's query")
    return function


def _takes(function: Function) -> str:
    if not function.arguments:
        return "takes no argument"
    names = ", ".join(a.name if a.required else f"[{a.name}]" for a in function.arguments)
    return f"takes {names}"


def _argument(text: str, argument: Argument, value: str) -> str:
    allowed = True
    if argument.kind == "choice":
        allowed = value in argument.choices
    elif argument.kind == "count":
        allowed = value.isascii() and value.isdigit()
    elif argument.kind == "number":
        allowed = bool(_NUMBER.match(value))
    elif argument.kind == "zone":
        allowed = bool(_ZONE.match(value))
    elif argument.kind == "country":
        value = value.upper()
        allowed = value in dialling()
    if allowed:
        return value
    choices = tuple(dialling()) if argument.kind == "country" else argument.choices
    hint = did_you_mean(value, choices) if choices else f"it is {argument.doc}, a {argument.kind}"
    raise ValueError(f"'{text}': '{value}' cannot be its {argument.name}; {hint}")


def _digits(text: str, precision: int, scale: int) -> None:
    if not 1 <= precision <= _MOST_DIGITS or scale > precision:
        raise ValueError(f"'{text}': precision is 1 to {_MOST_DIGITS}, scale 0 to the precision")
