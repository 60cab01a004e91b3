"""A profile of a table: what its columns hold, found in one scan.

One pass of aggregates over the rows finds counts, ends, means and, of each column, three small things: a random
sample of values, how many values have each of the 256 values of three bytes of their hash, and the sum of the rest
of all hashes. From the counts follows how often each value of the sample comes, where there are at most some
hundreds: one that shares none of its bytes with another is counted, taken off, and leaves others alone with theirs.
Where these add up to the sum, the sample has shown every value that there is, and all that is told of the column is
exact; elsewhere it is told from the sample, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.analyse import spread
from penstock.analyse.kinds import kind
from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.relation import Query, Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from penstock.analyse.kinds import Kind
    from penstock.model.relation import Relation
    from penstock.model.schema import Column
    from penstock.protocols.engine import Rows

SAMPLE = 32_768
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_COLUMNS = 50
_TOP = 10
_MOST_COUNTED = 768  # as many as there are cells of three times 256 counts: more are never told apart
_SHIFTS = (0, 8, 16)  # of the three bytes of a hash by which values are counted
_ALL_HASHES = 2**64 - 1


@record
class Lengths:
    """How long values are: characters of text, bytes of a blob, items of a list or map; all rows were looked at."""

    least: int
    mean: float
    most: int


@record
class ColumnProfile:
    """What a column holds.

    `distinct` counts its values other than null, within some percent where it is not `exact_distinct`. `min`, `max`,
    `mean` and `std` (of a sample, n - 1; of times a span) are over all values that are finite, and exact; `odd` counts
    those that are not: NaN, endless, out of every calendar. `quantiles` are pairs of a share and the least value at or
    below which that share lies. `histogram` has bars (from, to, count), to excluded but for the last. `top` are the
    commonest values, `patterns` the commonest shapes of text (a for letters, 9 for digits), each with its count; text
    is cut after 120 characters. Where `exact` is false, quantiles, histogram, top and patterns are told from
    `sampled` values and scaled.
    """

    name: str
    type: str
    nulls: int
    distinct: int
    exact_distinct: bool
    exact: bool
    sampled: int
    odd: int = 0
    min: Any = None
    max: Any = None
    mean: Any = None
    std: Any = None
    quantiles: tuple[tuple[float, Any], ...] = ()
    histogram: tuple[tuple[Any, Any, int], ...] = ()
    top: tuple[tuple[Any, int], ...] = ()
    patterns: tuple[tuple[str, int], ...] = ()
    lengths: Lengths | None = None


@record
class Profile:
    """What a table holds: its rows, and each of its columns; as it was at `version`."""

    table: str
    version: int
    rows: int
    columns: tuple[ColumnProfile, ...]


def profile(
    read: Callable[[Query], Rows], relation: Relation, columns: Sequence[str] = (), version: int = 0
) -> Profile:
    """Profile columns of a table, by default all; raises `ConfigError`, with the nearest name, for an unknown one.

    Each column is read once. A table of more than 50 columns is asked for in several statements, of its rows at
    `version`.
    """
    asked = _asked(relation, columns)
    parts = [asked[at : at + _MOST_COLUMNS] for at in range(0, len(asked), _MOST_COLUMNS)] or [()]
    one = Read(relation, ids=True)
    if len(parts) > 1:
        one = Read(relation, "at", high=version, ids=True)
    found: list[ColumnProfile] = []
    count = 0
    for part in parts:
        rows = read(query(one, part))
        try:
            values = iter(rows.fetch()[0])
        finally:
            rows.close()
        count, sample = next(values), next(values) or []
        found += [_column(column, count, _pairs(sample, at), values) for at, column in enumerate(part)]
    return Profile(relation.name, version, count, tuple(found))


def _asked(relation: Relation, columns: Iterable[str]) -> tuple[Column, ...]:
    wanted = tuple(dict.fromkeys(map(str.lower, columns)))
    if not wanted:
        return tuple(relation.schema)
    known = {column.name.lower(): column for column in relation.schema}
    for name in wanted:
        if name not in known:
            raise ConfigError(f"{relation.name} has no column '{name}'", hint=did_you_mean(name, relation.schema.names))
    return tuple(known[name] for name in wanted)


# ── the scan ────────────────────────────────────────────────────────────────────────────────────────────


def query(read: Read, columns: Sequence[Column]) -> Query:
    """Return the one select that looks at columns of a table, in one row."""
    share = min(1.0, SAMPLE / max(read.relation.rows, 1))
    picked = "true" if share == 1 else f"hash(_rid) <= {int(share * _ALL_HASHES)}::ubigint"
    named = ", ".join(["*", f'{picked} as "@picked"'])
    pairs = ", ".join(_sampled(column, at) for at, column in enumerate(columns))
    sample = f'list(case when "@picked" then {{{pairs}}} end) filter ("@picked")' if columns else "[]"
    lines = ["count(*)", sample, *(line for column in columns for line in _aggregates(column))]
    return Query(f'select {", ".join(lines)}\nfrom (select {named} from "@1") as "@t"', (("@1", read),))


def _sampled(column: Column, at: int) -> str:
    """Return what is kept of a column of a row of the sample: the hash of its value, null for null, and the value."""
    how, name = kind(column.type), _quoted(column.name)
    mark = f"case when {name} is not null then {_of(how.hashed, name)} end"
    return f"'h{at}': {mark}, 'v{at}': {_of(how.held, name)}"


def _aggregates(column: Column) -> Iterator[str]:
    """Give what is asked of one column, in the order in which `_column` takes it.

    None has a filter: for each that has one DuckDB selects anew from all columns of all aggregates.
    """
    how, name = kind(column.type), _quoted(column.name)
    mark = f"case when {name} is not null then {_of(how.hashed, name)} end"
    yield f"count({name})"
    yield f"approx_count_distinct({mark})"
    for shift in _SHIFTS:
        byte = f"cast(({mark}) >> {shift} & 255 as utinyint)"
        yield f"histogram_exact({byte}, range(256)::utinyint[])"
    yield f"sum(({mark}) >> 32)"
    if how.ordered:
        fine, held = _of(how.fine, name), _of(how.held, name)
        plain = f"case when {fine} then {held} end"
        wide = f"cast({plain} as double)" if column.type.startswith(("hugeint", "uhugeint", "decimal")) else plain
        yield from (f"count({plain})", f"min({plain})", f"max({plain})", f"avg({wide})", f"stddev_samp({wide})")
    elif how.family == "text":
        yield from (_of(how.held, f"min({name})"), _of(how.held, f"max({name})"))
    if how.length:
        length = _of(how.length, name)
        yield from (f"min({length})", f"avg({length})", f"max({length})")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _of(expression: str, name: str) -> str:
    return expression.replace("{}", name)


# ── what comes of it ────────────────────────────────────────────────────────────────────────────────────


@record
class _Seen:
    """The values that the sample shows, the commonest first, with how often each stands for; `all` says all are."""

    values: tuple[Any, ...]
    counts: tuple[int, ...]
    sampled: int
    all: bool

    def scaled(self, total: int) -> list[int]:
        """Return how many of `total` values each stands for."""
        whole = sum(self.counts)
        return [(count * total * 2 + whole) // (whole * 2) for count in self.counts]


def _pairs(sample: Sequence[Mapping[str, Any]], at: int) -> list[tuple[int, Any]]:
    """Return the hash and the value of one column in each row of a sample where it is not null."""
    mark, value = f"h{at}", f"v{at}"
    return [(row[mark], row[value]) for row in sample if row[mark] is not None]


def _column(column: Column, rows: int, sample: Sequence[tuple[int, Any]], values: Iterator[Any]) -> ColumnProfile:
    how = kind(column.type)
    count, about = next(values), next(values)
    counts = [next(values) or {} for _ in _SHIFTS]
    seen = _seen(sample, counts, next(values) or 0, count)
    more: dict[str, Any] = {}
    if how.ordered:
        more = _ordered(how, seen, count, [next(values) for _ in range(5)])
    elif how.family == "text":
        more = {"min": next(values), "max": next(values), "patterns": _patterns(seen, count)}
    if how.length:
        least, mean, most = (next(values) for _ in range(3))
        more["lengths"] = Lengths(least, mean, most) if count else None
    distinct = len(seen.values) if seen.all else max(len(seen.values), min(about, count))
    return ColumnProfile(
        column.name, column.type, rows - count, distinct, seen.all, seen.all, seen.sampled,
        top=_top(how, seen, count), **more,
    )  # fmt: skip


def _seen(sample: Sequence[tuple[int, Any]], counts: Sequence[Mapping[int, int]], total: int, count: int) -> _Seen:
    """Count the values of a sample, and find out whether they are all that there are."""
    kept: dict[int, Any] = {}
    often: dict[int, int] = {}
    for mark, value in sample:
        often[mark] = often.get(mark, 0) + 1
        kept[mark] = value
    exact = len(sample) == count
    if not exact and len(kept) <= _MOST_COUNTED:
        counted = peeled(kept, counts)
        exact = sum(counted.values()) == count and sum((m >> 32) * n for m, n in counted.items()) == total
        often = counted if exact else often
    order = sorted(often, key=lambda mark: (-often[mark], mark))
    return _Seen(tuple(kept[m] for m in order), tuple(often[m] for m in order), len(sample), exact)


def peeled(marks: Iterable[int], counts: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """Return how often each hash comes by the counts of its three bytes, as far as this can be told.

    A hash that is alone with one of its bytes comes as often as this byte; it is then taken off its other bytes, until
    none is alone any more (as an invertible Bloom lookup table is listed: Goodrich and Mitzenmacher, 2011).

    >>> peeled([0x000102, 0x000302], [{2: 7}, {1: 3, 3: 4}, {0: 7}])
    {258: 3, 770: 4}
    """
    cells = {(at, byte): n for at, table in enumerate(counts) for byte, n in table.items()}
    among: dict[tuple[int, int], set[int]] = {}
    for mark in marks:
        for cell in _cells(mark):
            among.setdefault(cell, set()).add(mark)
    found: dict[int, int] = {}
    alone = [cell for cell, those in among.items() if len(those) == 1]
    for cell in alone:
        for mark in tuple(among[cell]):
            found[mark] = often = cells.get(cell, 0)
            for other in _cells(mark):
                cells[other] = cells.get(other, 0) - often
                among[other].discard(mark)
                alone += [other] if len(among[other]) == 1 else []
    return found


def _cells(mark: int) -> list[tuple[int, int]]:
    return [(at, mark >> shift & 255) for at, shift in enumerate(_SHIFTS)]


def _top(how: Kind, seen: _Seen, count: int) -> tuple[tuple[Any, int], ...]:
    """Return the commonest values; none where none comes twice and there are more than can be listed."""
    if not seen.counts or (seen.counts[0] == 1 and len(seen.counts) > _TOP):
        return ()
    return tuple((how.shown(v), n) for v, n in _first(list(zip(seen.values, seen.scaled(count), strict=True))))


def _first(found: list[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Return the first of pairs of values and counts; of those equally common, the least first, as far as one can."""
    try:
        found.sort(key=lambda pair: (-pair[1], pair[0]))
    except TypeError:
        found.sort(key=lambda pair: (-pair[1], str(pair[0])))
    return found[:_TOP]


def _ordered(how: Kind, seen: _Seen, count: int, said: Sequence[Any]) -> dict[str, Any]:
    fine, low, high, mean, std = said
    pairs = sorted((v, n) for v, n in zip(seen.values, seen.counts, strict=True) if how.is_fine(v))
    found: dict[str, Any] = {"odd": count - fine}
    if not fine:
        return found
    time = how.family == "time"
    found.update(
        min=how.shown(low), max=how.shown(high), mean=how.shown(round(mean)) if time else mean,
        std=std if std is None or not time else kind("interval").shown(round(std)),
    )  # fmt: skip
    if not pairs:  # few values are finite, and none of these is in the sample
        return found
    points, counts = [v for v, _ in pairs], [n for _, n in pairs]
    found["quantiles"] = tuple((p, how.shown(spread.rank(points, counts, p))) for p in QUANTILES)
    edges = spread.bounds(points, counts, low, high, family=how.family)
    heights = spread.bars(points, counts, edges, fine)
    ends = [how.shown(edge) for edge in edges]
    found["histogram"] = tuple(zip(ends, ends[1:], heights, strict=False))
    return found


class _Shapes(dict[int, str]):
    """Turns letters into a and digits into 9, and remembers what it did with each character."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        found = "a" if char.isalpha() else "9" if char.isdigit() else char
        self[code] = found
        return found


_SHAPES = _Shapes()


def _patterns(seen: _Seen, count: int) -> tuple[tuple[str, int], ...]:
    """Return the commonest shapes of texts."""
    found: dict[str, int] = {}
    for text, often in zip(seen.values, seen.counts, strict=True):
        shape = text.translate(_SHAPES)
        found[shape] = found.get(shape, 0) + often
    shapes = _Seen(tuple(found), tuple(found.values()), seen.sampled, seen.all)
    return tuple(_first(list(zip(shapes.values, shapes.scaled(count), strict=True)))) if found else ()
