"""The cleaning functions as SQL macros of DuckDB, and the SQL expression that cleans a column."""

from __future__ import annotations

import re

from penstock.base.record import record
from penstock.model import cleaning
from penstock.model.countries import codes, dialling


@record
class Cleaned:
    """A column's cleaning in SQL.

    `sql` gives the cleaned value, of the type `type`. Where `strict`, `failed_sql` is true (never null) for a row
    that must be rejected, because a word could not read its value, and `reason` says which; else it is `false`.
    """

    sql: str
    strict: bool
    type: str
    failed_sql: str
    reason: str


def expression(words: str, column_sql: str) -> Cleaned:
    """Return the SQL that cleans a column; raises `ValueError` as `penstock.model.cleaning.parse` does.

    >>> expression("trim integer", '"n"').sql
    'clean_integer(clean_trim("n"))'
    """
    parsed = cleaning.parse(words)
    steps = [column_sql]
    for at, word in enumerate(parsed):
        steps.append(_call(word, steps[-1], cleaning.result_type(" ".join(map(_written, parsed[: at + 1]))) or ""))
    failures = []
    for at, word in enumerate(parsed):
        if word.function.strict:
            # `<` between two truths, not `and`: the optimizer then computes `steps` once for the value and for this.
            after = steps[_kept(parsed, at + 1, step=1)]
            failures.append(f"((({steps[_kept(parsed, at, step=-1)]}) is null) < (({after}) is null))")
    refused = [_written(word) for word in parsed if word.function.strict]
    return Cleaned(
        sql=steps[-1],
        strict=bool(failures),
        type=cleaning.result_type(words) or "varchar",
        failed_sql=" or ".join(failures) or "false",
        reason=f"cannot be read as {' or '.join(refused)}" if refused else "",
    )


def needed(sql: str) -> tuple[str, ...]:
    """Return those of `STATEMENTS` that a text of SQL needs, in their order: making all takes a tenth of a second.

    >>> len(needed("select clean_squeeze(a) from t"))  # and `clean_trim`, which it is made of
    2
    """
    found: set[str] = set()
    fresh = set(_CALLED.findall(sql.lower()))
    while fresh:
        found |= fresh
        called = {name for word in fresh for name in _CALLED.findall(_BY_NAME.get(word, ""))}
        fresh = called - found
    return tuple(_BY_NAME[name] for name in _BY_NAME if name in found)


def _kept(parsed: tuple[cleaning.Word, ...], at: int, *, step: int) -> int:
    """The furthest step from `at`, down or up, that is null exactly where step `at` is."""
    while 0 < at + (step > 0) <= len(parsed) and not parsed[at - (step < 0)].function.nulls:
        at += step
    return at


def _written(word: cleaning.Word) -> str:
    if word.name in ("decimal", "clamp"):
        rest = "".join(f":{arg}" for arg in word.args[2:])
        return f"{word.name}({','.join(word.args[:2])}){rest}"
    return ":".join((word.name, *word.args)) if word.name != "hash" else "hash"


def _call(word: cleaning.Word, value: str, kind: str) -> str:
    texts = [_quoted(arg) for arg in word.args]
    if word.name in ("lower", "upper"):
        return f"{word.name}(({value})::varchar)"
    if word.name == "decimal":
        texts = [f"null::{kind}", *texts[2:]]
    if word.name in ("clamp", "mask"):
        texts = list(word.args)
    call = f"{word.function.sql}({', '.join((value, *texts))})"
    return f"{call}::{kind}" if word.name == "clamp" else call


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_CALLED = re.compile(r"\bclean_\w+")

# ── pieces ─────────────────────────────────────────────────────────────────────────────────────────────


def _let(name: str, value: str, body: str) -> str:
    """Compute `value` once, and call it `name` within `body`: a macro repeats what it is given at every use."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _map(pairs: dict[str, str]) -> str:
    return "map {" + ", ".join(f"{_quoted(key)}: {_quoted(value)}" for key, value in pairs.items()) + "}"


def _set(words: str) -> str:
    return "(" + ", ".join(_quoted(word) for word in words.split("|")) + ")"


def _table(name: str) -> str:
    return _map({rule.country: str(getattr(rule, name)) for rule in dialling().values()})


_BLANK = r"\s\x0b\x1c-\x1f\x{85}\p{Z}"  # white space, to be put in [ ]
_S = _BLANK + r"\x{200B}\x{2060}\x{FEFF}\x{180E}"  # and what has no width
_TEXT = "x::varchar"
_PLAIN_TEXT = f"clean_trim({_TEXT})"

# ── text ───────────────────────────────────────────────────────────────────────────────────────────────

_NULL_WORDS = (
    "|-|--|---|–|—|.|?|n/a|na|n.a.|n.a|#n/a|#na|<na>|null|(null)|<null>|#null!|\\n|nil|none|nan|nat|undefined|"
    "unknown|unbekannt|inconnu|desconocido|missing|not available|not applicable|not specified|keine angabe|k.a.|k. a.|"
    "(none)|(blank)|(empty)|#value!|#ref!|#div/0!|#name?|#num!"
)
_LETTERS = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th",
}  # fmt: skip
_SINGLE, _PLAIN = "øØłŁđĐðÐıħĦ", "oOlLdDdDihH"
_LATIN = r"\p{Latin}\p{Common}"
_MARKS = r"\p{Inherited}"


def _stripped(value: str) -> str:
    spelt = value
    for letter, plain in _LETTERS.items():
        spelt = f"replace({spelt}, '{letter}', '{plain}')"
    spelt = f"translate({spelt}, '{_SINGLE}', '{_PLAIN}')"
    special = f"[{''.join(_LETTERS)}{_SINGLE}]"
    return f"strip_accents(case when regexp_matches({value}, '{special}') then {spelt} else {value} end)"


_TEXTS = {
    "clean_trim(x)": f"regexp_replace(regexp_replace({_TEXT}, '^[{_S}]+', ''), '[{_S}]+$', '')",
    "clean_squeeze(x)": f"regexp_replace({_PLAIN_TEXT}, '[{_BLANK}]+', ' ', 'g')",
    "clean_title(x)": "array_to_string(list_transform("
    r"regexp_extract_all(lower(x::varchar), '[\pL\pM\pN''’]+|[^\pL\pM\pN''’]+'), "
    "lambda _w: upper(left(_w, 1)) || substr(_w, 2)), '')",
    "clean_null_words(x)": _let(
        "_t",
        _TEXT,
        f"case when lower(clean_trim(_t)) not in {_set(_NULL_WORDS)} then _t end",
    ),
    "clean_unaccent(x)": _let(
        "_t",
        _TEXT,
        f"""case when strlen(_t) = length(_t) then _t
    when not regexp_matches(_t, '[^{_LATIN}{_MARKS}]') then {_stripped("_t")}
    else array_to_string(list_transform(regexp_extract_all(_t, '[{_LATIN}][{_LATIN}{_MARKS}]*|[^{_LATIN}]+'),
      lambda _w: case when regexp_matches(_w, '^[{_LATIN}]') then {_stripped("_w")} else _w end), '') end""",
    ),
    "clean_nfc(x)": f"nfc_normalize({_TEXT})",
    "clean_digits(x)": f"regexp_replace({_TEXT}, '[^0-9]+', '', 'g')",
    # A mark that stands on no letter is none of a word.
    "clean_slug(x)": r"trim(regexp_replace(regexp_replace(lower(clean_unaccent(x)), "
    r"'(^|[^\pL\pM\pN])\pM+', '\1', 'g'), '[^\pL\pM\pN]+', '-', 'g'), '-')",
    "clean_hash(x, salt := '')": f"sha256(salt::varchar || {_TEXT})",
    "clean_mask(x, keep := 4)": _let(
        "_t",
        _TEXT,
        "case when length(_t) > keep then repeat('*', length(_t) - keep) || right(_t, keep) "
        "else repeat('*', length(_t)) end",
    ),
}

# ── numbers ────────────────────────────────────────────────────────────────────────────────────────────

_CURRENCY = (
    r"(?:US\$|R\$|A\$|C\$|NZ\$|HK\$|\p{Sc}|EUR|EURO|USD|GBP|CHF|JPY|CNY|RMB|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|RUB|"
    r"UAH|TRY|INR|AUD|CAD|NZD|BRL|MXN|ARS|CLP|COP|ZAR|KRW|SGD|HKD|TWD|THB|IDR|MYR|PHP|VND|AED|SAR|ILS|EGP|KR\.?|ZŁ|"
    r"KČ|FT|FR\.?|SFR\.?|RS\.?)"
)
_GAP = rf"[{_S}''’]"
# The number within its decoration: what is left of the text when `#` stands for the number says the sign. Whole
# matches and searches without groups are several times faster than one pattern with groups.
_BODY = rf"[0-9](?:[0-9.,''’{_S}]*[0-9])?"
_BARE_POINT = "^[^0-9A-Za-z]*[.,][0-9]"
_W, _C, _TAIL = f"[{_S}]*", f"{_CURRENCY}?", "(?:[.,][-–—]{1,2}|[.,])?"
_PLUS = rf"(?i)(?:[+]?{_W}{_C}|{_C}{_W}[+]?){_W}#{_TAIL}{_W}{_C}"
_MINUS = (
    rf"(?i)(?:[-−]{_W}{_C}|{_C}{_W}[-−]){_W}#{_TAIL}{_W}{_C}|{_C}{_W}#{_TAIL}{_W}{_C}{_W}[-−]{_W}{_C}"
    rf"|{_C}{_W}[(]{_W}{_C}{_W}#{_TAIL}{_W}{_C}{_W}[)]{_W}{_C}"
)
_GROUPS = rf"[1-9][0-9]{{0,2}}(?:(?:%s[0-9]{{3}})+|(?:{_GAP}[0-9]{{3}})+)"
_POINT = rf"(?:[0-9]+|{_GROUPS % ','}|[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}})(?:\.[0-9]+)?"
_COMMA = rf"(?:[0-9]+|{_GROUPS % '[.]'})(?:,[0-9]+)?"
_AROUND = "replace(_t, _n, '#')"
_WRITTEN = _let(
    "_n",
    f"regexp_extract(_t, '{_BODY}')",
    f"""case
      when _n = '' then null
      when {_AROUND} = '#' or regexp_full_match({_AROUND}, '{_PLUS}') then ''
      when regexp_full_match({_AROUND}, '{_MINUS}') then '-' end
    || case
      when mark is distinct from 'comma' and regexp_full_match(_n, '{_POINT}')
        then regexp_replace(_n, '[^0-9.]+', '', 'g')
      when mark is distinct from 'point' and regexp_full_match(_n, '{_COMMA}')
        then replace(regexp_replace(_n, '[^0-9,]+', '', 'g'), ',', '.') end""",
)
_SPELT_OUT = (
    f"clean_trim(case when regexp_matches(_t, '{_BARE_POINT}') then regexp_replace(_t, '[.,]', '0\\0') else _t end)"
)
_SCIENTIFIC = r"([-+]?)([0-9]+)\.?([0-9]*)[eE]([-+]?[0-9]{1,3})"
_UNFOLDED = _let(
    "_n",
    f"regexp_extract(_t, '^{_SCIENTIFIC}$', ['s', 'i', 'f', 'e'])",
    _let(
        "_e",
        "_n.e::integer",
        """replace(_n.s, '+', '') || case when _e >= 0
      then _n.i || rpad(_n.f, _e, '0') || '.' || substr(_n.f, _e + 1)
      else '0' || left(_n.i, greatest(length(_n.i) + _e, 0)) || '.' || right(repeat('0', -_e) || _n.i, -_e) || _n.f
    end""",
    ),
)
_MACHINE = r"-?[0-9]+(?:\.[0-9]+)?"
_WHOLE = "length(ltrim(split_part(_n, '.', 1), '-0'))"
_FRACTION = "length(rtrim(split_part(_n, '.', 2), '0'))"


def _integer(kind: str, digits: int) -> str:
    whole = f"case when {_WHOLE} <= {digits} and {_FRACTION} = 0 then try_cast(split_part(_n, '.', 1) as {kind}) end"
    return _let("_n", "clean_number(x, mark)", whole)


_NUMBERS = {
    "clean_number(x, mark := null)": _let(
        "_t",
        _TEXT,
        f"""case
    when strlen(_t) > 800 then null
    when mark is distinct from 'comma' and regexp_full_match(_t, '{_MACHINE}') then _t
    when regexp_full_match(_t, '{_SCIENTIFIC}') then {_UNFOLDED}
    else {_let("_t", _SPELT_OUT, _WRITTEN)} end""",
    ),
    "clean_integer(x, mark := null)": _integer("integer", 10),
    "clean_bigint(x, mark := null)": _integer("bigint", 19),
    # The digits are counted before the cast, which therefore neither fails nor rounds.
    "clean_decimal(x, kind := null::decimal(18,2), mark := null)": _let(
        "_n",
        "clean_number(x, mark)",
        rf"""case when {_FRACTION} <= regexp_extract(typeof(kind), ',([0-9]+)', 1)::integer
    and {_WHOLE} <= regexp_extract(typeof(kind), '\(([0-9]+)', 1)::integer
      - regexp_extract(typeof(kind), ',([0-9]+)', 1)::integer then cast_to_type(_n, kind) end""",
    ),
    "clean_double(x, mark := null)": _let(
        "_d", "try_cast(clean_number(x, mark) as double)", "case when isfinite(_d) then _d end"
    ),
    "clean_clamp(x, low, high)": "case when x is not null then least(greatest(x, low), high) end",
    "clean_winsorize(x, low := 0.05, high := 0.95)": "case when x is not null then "
    "least(greatest(x, quantile_cont(x, low) over ()), quantile_cont(x, high) over ()) end",
    "clean_zscore(x)": "case when x is null then null when stddev_pop(x) over () = 0 then 0.0::double "
    "else (x - avg(x) over ()) / stddev_pop(x) over () end",
    "clean_minmax(x)": "case when x is null then null when min(x) over () = max(x) over () then 0.0::double "
    "else (x - min(x) over ())::double / (max(x) over () - min(x) over ())::double end",
}

# ── dates ──────────────────────────────────────────────────────────────────────────────────────────────

_MONTHS = (
    "jan january januar janner jaenner janvier enero ene|feb february februar fevrier fev febrero|"
    "mar march marz maerz mrz mars marzo|apr april avril avr abril abr|may mai mayo|jun june juni juin junio|"
    "jul july juli juillet juil julio|aug august aout agosto ago|sep sept september septembre septiembre|"
    "oct october okt oktober octobre octubre|nov november novembre noviembre|"
    "dec december dez dezember decembre diciembre dic"
)
_MONTH = _map({name: str(at) for at, names in enumerate(_MONTHS.split("|"), 1) for name in names.split()})
_WEEKDAY = (
    "(?:(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?|mo|di|mi|do|fr|sa|so|(?:mon|diens|"
    "donners|frei|sams|sonn)tag|mittwoch|sonnabend)[.,]*[ ]+)?"
)
_DAY_FIRST = (
    rf"^{_WEEKDAY}([0-9]{{1,2}})(?:st|nd|rd|th|er|[.])?[ /-]*(?:of +|de +)?([a-z]{{3,10}})[.,]*[ /-]*(?:de +)?"
    r"([0-9]{4}|[''’]?[0-9]{2})$"
)
_MONTH_FIRST = rf"^{_WEEKDAY}([a-z]{{3,10}})[.]?[ -]*([0-9]{{1,2}})(?:st|nd|rd|th)?[, -]+([0-9]{{4}}|[''’]?[0-9]{{2}})$"
_YEAR_FIRST = r"^([0-9]{4})[ /-]([a-z]{3,10})[ /-]([0-9]{1,2})$"
_THREE = r"[0-9]{1,2}(?:[.] ?[0-9]{1,2}[.] ?|/[0-9]{1,2}/|-[0-9]{1,2}-)(?:[0-9]{4}|[0-9]{2})"
_FOUR_FIRST = r"[0-9]{4}(?:-[0-9]{1,2}-|/[0-9]{1,2}/|[.][0-9]{1,2}[.])[0-9]{1,2}"


def _year(text: str) -> str:
    return (
        f"case when strlen({text}) = 4 then nullif({text}, '0000') "
        f"when right({text}, 2) < '69' then '20' || right({text}, 2) else '19' || right({text}, 2) end"
    )


def _ymd(year: str, month: str, day: str) -> str:
    return f"try_cast({_year(year)} || '-' || {month} || '-' || {day} as date)"


def _named(pattern: str, names: str) -> str:
    fields = ", ".join(f"'{name}'" for name in names)
    return _let("_p", f"regexp_extract(_s, '{pattern}', [{fields}])", _ymd("_p.y", f"{_MONTH}[_p.m]", "_p.d"))


_SPELT_DATE = _let(
    "_s",
    "lower(strip_accents(replace(replace(_t, '\u00a0', ' '), '\u202f', ' ')))",
    f"coalesce({_named(_DAY_FIRST, 'dmy')}, {_named(_MONTH_FIRST, 'mdy')}, {_named(_YEAR_FIRST, 'ymd')})",
)
_THREE_DATE = _let(
    "_p",
    "string_split(translate(_t, './ ', '--'), '-')",
    f"case when parts = 'dmy' or contains(_t, '.') then {_ymd('_p[3]', '_p[2]', '_p[1]')} "
    f"when parts = 'mdy' then {_ymd('_p[3]', '_p[1]', '_p[2]')} end",
)
_DATE = f"""case
    when strlen(_t) > 60 or starts_with(_t, '0000') then null
    when regexp_full_match(_t, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') then try_cast(_t as date)
    when regexp_full_match(_t, '{_THREE}') then {_THREE_DATE}
    when regexp_full_match(_t, '[0-9]{{8}}') then {_ymd("left(_t, 4)", "substr(_t, 5, 2)", "substr(_t, 7, 2)")}
    when regexp_full_match(_t, '{_FOUR_FIRST}') then try_cast(nullif(translate(_t, './', '--'), '') as date)
    when regexp_full_match(_t, '{_FOUR_FIRST}[T ]00:00(?::00(?:[.]0+)?)?') then
      try_cast(regexp_extract(translate(_t, './', '--'), '^[0-9-]+') as date)
    when regexp_matches(_t, '[0-9]') then {_SPELT_DATE} end"""
_CLOCK = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,6}0*)?)?"
_ISO_MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,6}0*)?)?"
_HALF = "(?: ?[AaPp][.]?[Mm][.]?)?"
_TIME = "replace(regexp_extract(_p, '[0-9][0-9:]+(?:[.,][0-9]+)?'), ',', '.')"
_HOUR = f"split_part({_TIME}, ':', 1)::integer"
_TIME_OF_DAY = f"""case
      when _p = '' then time '00:00'
      when not regexp_matches(_p, '[Mm]') then
        try_cast(case when strpos({_TIME}, ':') = 2 then '0' else '' end || {_TIME} as time)
      when {_HOUR} between 1 and 12 then
        try_cast(({_HOUR} % 12 + case when regexp_matches(_p, '[Pp]') then 12 else 0 end)
          || substr({_TIME}, strpos({_TIME}, ':')) as time) end"""
_OFFSET = r"(Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})"
_ZONED = rf":[0-9]{{2}}(?:[.,][0-9]+)?{_HALF} ?{_OFFSET}$"
_MINUTES = """case when _z.o in ('', 'Z', 'z', 'UTC', 'GMT') then 0
      when substr(_z.o, 2, 2) > '15' or substr(replace(_z.o, ':', ''), 4) > '59' then null
      else (case when left(_z.o, 1) = '-' then -1 else 1 end) * (substr(_z.o, 2, 2)::integer * 60
        + coalesce(nullif(substr(replace(_z.o, ':', ''), 4), '')::integer, 0)) end"""
_LONGEST = 100
_AFTER_DAY = f"regexp_extract(_t, '(?:T|[:,]?[{_BLANK}]+|:){_CLOCK}{_HALF}$')"
_SPELT_MOMENT = _let("_p", _AFTER_DAY, f"clean_date(left(_t, length(_t) - length(_p)), parts) + {_TIME_OF_DAY}")
_DATES = {
    "clean_date(x, parts := 'dmy')": _let("_t", _PLAIN_TEXT, _DATE),
    "clean_timestamp(x, parts := 'dmy')": _let(
        "_t",
        _PLAIN_TEXT,
        f"""case
    when regexp_full_match(_t, '{_ISO_MOMENT}') and not starts_with(_t, '0000') then
      try_cast(replace(_t, ',', '.') as timestamp)
    when strlen(_t) <= {_LONGEST} then {_SPELT_MOMENT} end""",
    ),
    # What is cut off here is longer than `clean_timestamp` reads.
    "clean_timestamptz(x, zone := null, parts := 'dmy')": _let(
        "_z",
        f"{{'t': left({_PLAIN_TEXT}, {2 * _LONGEST}), 'o': regexp_extract({_PLAIN_TEXT}, '{_ZONED}', 1)}}",
        f"timezone(case when _z.o <> '' then 'UTC' else zone end, "
        f"clean_timestamp(left(_z.t, length(_z.t) - length(_z.o)), parts) - to_minutes({_MINUTES}))",
    ),
}

# ── things in the world ────────────────────────────────────────────────────────────────────────────────

_TRUE = "true|t|yes|y|1|1.0|on|ja|j|oui|si|sí|wahr|vrai|verdadero"
_FALSE = "false|f|no|n|0|0.0|off|nein|non|falsch|faux|falso"
# Letters of any script are let through by naming what may not stand there, which makes small automata.
_NOWHERE = r"\x{7F}-\x{A0}\x{2000}-\x{206F}\x{3000}\x{D800}-\x{F8FF}\x{FEFF}"
_ATOM = rf'[^\x00-\x20"(),.:;<>@\[\\\]{_NOWHERE}]+'
_ALNUM = rf"[^\x00-/:-@\[-`{{-~{_NOWHERE}]"
_LABEL = rf"{_ALNUM}(?:[^\x00-,./:-@\[-^`{{-~{_NOWHERE}]*{_ALNUM})?"
_MAIL = rf"{_ATOM}(?:[.]{_ATOM})*@(?:{_LABEL}[.])+[^\x00-@\[-`{{-~{_NOWHERE}]{_LABEL}"
_SCHEME = r"^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@\s]*@)?"
_HOST = rf"(?:\[[0-9a-f:.]+\]|{_LABEL}(?:[.]{_LABEL})*)[.]?(?::[0-9]+)?(?:[/?#].*)?"
_PHONE = rf"(?:tel:)?[+]?[0-9{_S}()./–-]*[0-9][0-9{_S}()./–-]*"
_NATIONAL = "strlen({0}) between _r.fewest and _r.most"
# `_d` is digits, perhaps after a plus; `_r` the dialling rules of the country, all null without one.
_ABROAD = """case when _d[1] = '+' then substr(_d, 2)
      when starts_with(_d, coalesce(_r.away, '00')) then substr(_d, strlen(coalesce(_r.away, '00')) + 1) end"""
_ABROAD_CHECKED = f"""case
      when _r.code is null or not starts_with(_i, _r.code) then _i
      else {
    _let(
        "_s",
        "substr(_i, strlen(_r.code) + 1)",
        "case when _r.trunk <> '0' or not starts_with(_s, '0') then _i "
        "when not starts_with(_s, '00') then _r.code || substr(_s, 2) end",
    )
} end"""
_AT_HOME = f"""case
      when _r.trunk <> '' and starts_with(_d, _r.trunk) and {_NATIONAL.format("substr(_d, strlen(_r.trunk) + 1)")}
        then _r.code || substr(_d, strlen(_r.trunk) + 1)
      when starts_with(_d, '0') and _r.trunk <> '' then null
      when starts_with(_d, _r.code) and {_NATIONAL.format("substr(_d, strlen(_r.code) + 1)")}
        then case when not ({_NATIONAL.format("_d")}) then _d end
      when {_NATIONAL.format("_d")} then _r.code || _d end"""
_RULES = (
    f"{{'code': {_table('code')}[upper(country)], 'trunk': {_table('trunk')}[upper(country)], "
    f"'away': {_table('international')}[upper(country)], 'fewest': {_table('fewest')}[upper(country)]::integer, "
    f"'most': {_table('most')}[upper(country)]::integer}}"
)
_DIGITS_OF_PHONE = (
    f"case when strlen(_t) <= 60 and regexp_full_match(_t, '{_PHONE}') then "
    "regexp_replace(regexp_replace(_t, '^((?:tel:)?(?:[+]|00)[^(]*)[(]0[)]', '\\1'), '[^0-9+]+', '', 'g') end"
)
_WORLD = {
    "clean_boolean(x)": _let(
        "_t",
        f"lower({_PLAIN_TEXT})",
        f"case when _t in {_set(_TRUE)} then true when _t in {_set(_FALSE)} then false end",
    ),
    "clean_email(x)": _let(
        "_t",
        f"regexp_replace(lower({_PLAIN_TEXT}), '^mailto:', '')",
        f"case when strlen(_t) <= 254 and regexp_full_match(_t, '{_MAIL}') then _t end",
    ),
    "clean_e164(x, country := null)": _let(
        "_d",
        _let("_t", _PLAIN_TEXT, _DIGITS_OF_PHONE),
        _let(
            "_r",
            _RULES,
            _let(
                "_e",
                _let("_i", _ABROAD, f"case when _i is not null then {_ABROAD_CHECKED} else {_AT_HOME} end"),
                "case when regexp_full_match(_e, '[1-9][0-9]{6,14}') "
                "and not coalesce(_r.trunk = '0' and starts_with(_e, _r.code || '0'), false) then '+' || _e end",
            ),
        ),
    ),
    "clean_country(x)": _let(
        "_t",
        _TEXT,
        f"case when strlen(_t) <= 100 then {_map(codes())}[regexp_replace(trim(regexp_replace("
        "replace(lower(strip_accents(replace(_t, 'ß', 'ss'))), '&', ' and '), '[^a-z]+', ' ', 'g')), '^the ', '')] end",
    ),
    "clean_url_host(x)": _let(
        "_t",
        f"regexp_replace(lower({_PLAIN_TEXT}), '{_SCHEME}', '')",
        f"case when strlen(_t) <= 65536 and regexp_full_match(_t, '{_HOST}') then "
        "rtrim(regexp_extract(_t, '^(?:[[][^]]*[]]|[^:/?#]+)'), '.') end",
    ),
}

_BY_NAME = {
    head.partition("(")[0]: f"create or replace macro {head} as {body}"
    for group in (_TEXTS, _NUMBERS, _DATES, _WORLD)
    for head, body in group.items()
}
STATEMENTS: tuple[str, ...] = tuple(_BY_NAME.values())
