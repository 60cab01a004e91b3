"""Expressions and conditions over the columns in reach, by the family of their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.property.engine.schemas import Col

if TYPE_CHECKING:
    from tests.property.engine.choose import Choose

Env = list[tuple[str, Col]]  # what a column is called here, and what it is

_LITERALS = {
    "int": ("1", "0", "2", "-1"),
    "text": ("'a'", "''", "'b'", "'it''s'"),
    "real": ("0.5", "0", "-1.5"),
    "dec": ("1.1", "0", "-2.25"),
    "bool": ("true", "false"),
    "date": ("date '2024-01-01'", "date '2024-02-01'"),
    "ts": ("timestamp '2024-01-02 00:00:00'", "timestamp '2024-01-01 06:30:00'"),
    "tz": ("timestamptz '2024-01-01 00:00:00+00'",),
    "time": ("time '06:00:00'",),
    "span": ("interval '2 days'",),
    "uuid": ("'00000000-0000-0000-0000-000000000001'::uuid",),
    "blob": ("'x'::blob",),
    "ints": ("[1]", "[]::integer[]"),
    "texts": ("['a']",),
    "struct": ("{'a': 1, 'b': 'x'}",),
}
# family → templates with the family that comes of them
_SCALARS: dict[str, tuple[tuple[str, str], ...]] = {
    "int": (
        ("{} + 1", "int"), ("{} % 2", "int"), ("coalesce({}, 0)", "int"), ("abs({})", "int"), ("{} = 1", "bool"),
        ("case when {} > 1 then 'many' when {} = 1 then 'one' end", "text"), ("cast({} as varchar)", "text"),
        ("nullif({}, 1)", "int"), ("greatest({}, 1)", "int"), ("{} is null", "bool"), ("cast({} as double)", "real"),
    ),
    "text": (
        ("upper({})", "text"), ("{} || '!'", "text"), ("length({})", "int"), ("coalesce({}, '-')", "text"),
        ("{} like 'a%'", "bool"), ("left({}, 1)", "text"), ("case when {} = 'a' then 1 else 0 end", "int"),
        ("concat({}, '.')", "text"), ("nullif({}, '')", "text"), ("try_cast({} as integer)", "int"),
    ),
    "real": (("{} * 2", "real"), ("coalesce({}, 0)", "real"), ("{} > 0", "bool"), ("isnan({})", "bool")),
    "dec": (("{} + 1", "dec"), ("coalesce({}, 0)", "dec"), ("{} < 1", "bool"), ("cast({} as double)", "real")),
    "bool": (("not {}", "bool"), ("coalesce({}, false)", "bool"), ("cast({} as integer)", "int")),
    "date": (("{} + interval '1 day'", "ts"), ("date_trunc('month', {})", "date"), ("year({})", "int")),
    "ts": (
        ("date_trunc('day', {})", "ts"), ("time_bucket(interval '6 hours', {})", "ts"), ("hour({})", "int"),
        ("cast({} as date)", "date"), ("{} - interval '1 hour'", "ts"),
    ),
    "tz": (("date_trunc('hour', {})", "tz"), ("hour({})", "int"), ("{} at time zone 'UTC'", "ts")),
    "time": (("hour({})", "int"),),
    "span": (("{} + interval '1 day'", "span"),),
    "uuid": (("cast({} as varchar)", "text"),),
    "blob": (("octet_length({})", "int"),),
    "ints": (("len({})", "int"), ("{}[1]", "int"), ("list_contains({}, 1)", "bool"), ("list_sort({})", "ints")),
    "texts": (("len({})", "int"), ("{}[1]", "text"), ("array_to_string({}, ',')", "text")),
    "struct": (("{}.a", "int"), ("{}.b", "text")),
    "map": (("cardinality({})", "int"), ("{}['a']", "int")),
}  # fmt: skip
ORDERED = frozenset({"int", "text", "real", "dec", "date", "ts", "tz", "time", "uuid", "bool"})


def fine(env: Env, *families: str) -> Env:
    """Return the columns that may be compared, of some families or of all."""
    return [(ref, col) for ref, col in env if col.fine and (not families or col.family in families)]


def scalar(choose: Choose, env: Env) -> tuple[str, Col]:
    """Make an expression of one column or two; its column has no name yet."""
    usable = [(r, c) for r, c in env if (c.fine or c.family == "map") and c.family in _SCALARS]
    if choose.chance(2):
        return "null", Col("", "null")
    if not usable:
        return "1", Col("", "int")
    ref, col = choose.of(usable)
    if choose.chance(15):
        same = [r for r, c in env if c.family == col.family and c.fine]
        if same and col.fine:
            return f"coalesce({ref}, {choose.of(same)})", Col("", col.family, col.fine, col.wild)
    text, family = choose.of(_SCALARS[col.family])
    return text.replace("{}", ref), Col("", family, True, col.wild and family == "real")


def literal(choose: Choose, family: str) -> str:
    """Return a literal that can be compared with a family."""
    return choose.of(_LITERALS[family])


def condition(choose: Choose, env: Env, depth: int = 1) -> str:
    """Make a condition; what it compares is fine."""
    usable = [(r, c) for r, c in fine(env) if c.family in _LITERALS]
    if not usable:
        return "true"
    if depth and choose.chance(25):
        parts = condition(choose, env, depth - 1), condition(choose, env, depth - 1)
        return choose.of(("({0} and {1})", "({0} or {1})", "(not {0} and {1})")).format(*parts)
    ref, col = choose.of(usable)
    same = [r for r, c in usable if c.family == col.family and r != ref]
    if same and choose.chance(20):
        return f"{ref} {choose.of(('=', '<>', 'is distinct from', 'is not distinct from'))} {choose.of(same)}"
    return _compared(choose, ref, col)


def _compared(choose: Choose, ref: str, col: Col) -> str:
    first, second = literal(choose, col.family), literal(choose, col.family)
    forms = [f"{ref} = {first}", f"{ref} <> {first}", f"{ref} is not null", f"{ref} is null"]
    forms += [f"{ref} in ({first}, {second})", f"coalesce({ref} <> {first}, true)"]
    if col.family in ORDERED:
        forms += [f"{ref} > {first}", f"{ref} <= {first}", f"{ref} between {first} and {second}"]
    if col.family == "text":
        forms += [f"{ref} like '%a%'", f"lower({ref}) = 'a'"]
    return choose.of(forms)
