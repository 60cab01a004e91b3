"""A first page for a table, by its columns: its numbers, how they went, by what they differ, its newest rows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from penstock.app.absent import check_table
from penstock.app.profile import profile
from penstock.base.errors import ConfigError, Place
from penstock.base.record import record
from penstock.load.dashboards import FOLDER
from penstock.model.names import RESERVED_WORDS, is_plain
from penstock.plan.restrict import quoted
from penstock.plan.roles import Field, humanized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.app.opened import App
    from penstock.app.profile import ColumnProfile

_MEASURES, _DIMENSIONS, _MOST_VALUES, _COLUMNS = 3, 3, 50, 8


@record
class Written:
    """A page that was written: its name and file, and the columns that it is about."""

    name: str
    file: str
    table: str
    time: str
    measures: tuple[str, ...]
    dimensions: tuple[str, ...]


@record
class _Looked:
    """What of a table's columns a page can show."""

    table: str
    rows: int
    time: Field | None
    span_days: int
    measures: tuple[Field, ...]
    dimensions: tuple[Field, ...]
    columns: tuple[Field, ...]


def new(app: App, name: str) -> Written:
    """Write a first page for a table into `dashboards/`; nothing is overwritten.

    Raises `ConfigError` for an unknown table, one that is not built yet, and where the page is there already.
    """
    check_table(app, name)
    path = f"{FOLDER}/{name.replace('.', '/')}.md"
    target = app.root / path
    if target.exists():
        raise ConfigError("there is a page already", where=Place(path), hint="edit it, or move it away")
    looked = _look(app, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text(looked), encoding="utf-8")
    return Written(
        name, path, name, looked.time.name if looked.time else "", tuple(one.name for one in looked.measures),
        tuple(one.name for one in looked.dimensions),
    )  # fmt: skip


def _look(app: App, name: str) -> _Looked:
    """Choose what a page can show by the table's profile: what is the same in all rows says nothing."""
    found = profile(app, name)
    fields = {one.name: Field(one.name, one.type) for one in found.columns}
    times = [one for one in found.columns if fields[one.name].is_time and one.distinct]
    texts = [one for one in found.columns if one.type in ("varchar", "boolean")]
    measures = [fields[one.name] for one in found.columns if fields[one.name].is_measure and one.distinct > 1]
    dimensions = [fields[one.name] for one in texts if 1 < one.distinct <= _MOST_VALUES]
    return _Looked(
        name, found.rows, fields[times[0].name] if times else None, _days(times[0]) if times else 0,
        tuple(sorted(measures, key=_rank)[:_MEASURES]), tuple(dimensions[:_DIMENSIONS]),
        tuple(fields.values())[:_COLUMNS],
    )  # fmt: skip


def _days(one: ColumnProfile) -> int:
    """Return how many days lie between the ends of a column of times."""
    low, high = one.min, one.max
    return (high - low).days if isinstance(low, date) and isinstance(high, date) else 0


def _rank(one: Field) -> int:
    """Put amounts of money first, and whole numbers last."""
    return {"integer": 2, "number": 1, "percent": 1, "bytes": 1}.get(one.formatted, 0)


def _name(name: str) -> str:
    """Return a column's name as people write it in SQL."""
    return name if is_plain(name) and name not in RESERVED_WORDS else quoted(name)


def text(found: _Looked) -> str:
    """Return the page of a table that was looked at."""
    parts = [_settings(found), _numbers(found)]
    if found.time is not None:
        parts.append(_over_time(found, found.time))
    parts += [_by(found, one) for one in found.dimensions]
    if found.measures:
        parts.append(_spread(found))
    parts.append(_rows(found))
    return "\n".join(parts)


def _settings(found: _Looked) -> str:
    title = humanized(found.table.replace(".", " "))
    filters = [f'{one.name} = "{found.table}.{one.name}"' for one in found.dimensions if one.name.isidentifier()]
    if found.time is not None:
        filters.insert(0, f'period = {{ default = "all", from = "{found.table}.{found.time.name}" }}')
    lines = ["---", f'title = "{title}"']
    if filters:
        lines.append("[filters]")
        lines += filters
    return "\n".join([*lines, "---", ""])


def _total(one: Field) -> str:
    """Return SQL for a number over many rows: the sum, or the mean of what does not add up."""
    how = "sum" if one.adds_up else "avg"
    return f"{how}({_name(one.name)}) as {_name(one.name)}"


def _selected(found: _Looked) -> list[str]:
    return ["count(*) as row_count", *map(_total, found.measures)]


def _query(name: str, select: Sequence[str], found: _Looked, behind: str = "") -> str:
    columns = ",\n    ".join(select)
    return f"```sql {name}\nselect\n    {columns}\nfrom {found.table}{behind}\n```\n"


def _numbers(found: _Looked) -> str:
    tiles = ['{{ kpi totals value="row_count" title="Rows" }}']
    tiles += [f'{{{{ kpi totals value="{one.name}" title="{one.shown}" }}}}' for one in found.measures]
    return f"{' '.join(tiles)}\n\n{_query('totals', _selected(found), found)}"


def _over_time(found: _Looked, time: Field) -> str:
    grain = "hour" if found.span_days <= 2 else "day" if found.span_days <= 120 else "week"  # noqa: PLR2004
    grain = "month" if found.span_days > 1_000 else grain  # noqa: PLR2004
    y = found.measures[0].name if found.measures else "row_count"
    bucket = f"date_trunc('{grain}', {_name(time.name)}) as {grain}"
    query = _query(f"by_{grain}", [bucket, *_selected(found)], found, "\ngroup by all\norder by all")
    return f'## Over time\n\n{{{{ line by_{grain} x="{grain}" y="{y}" subtitle="per {grain}" }}}}\n\n{query}'


def _by(found: _Looked, one: Field) -> str:
    y = found.measures[0].name if found.measures else "row_count"
    name = "by_" + "".join(char if char.isalnum() else "_" for char in one.name)
    query = _query(name, [_name(one.name), *_selected(found)], found, "\ngroup by all")
    table_ = f'{{{{ table {name} bars="{y}" sort="-{y}" span=7 }}}}'
    return f'## By {one.shown.lower()}\n\n{{{{ bar {name} x="{one.name}" y="{y}" span=5 }}}} {table_}\n\n{query}'


def _spread(found: _Looked) -> str:
    one = found.measures[0]
    columns = [_name(each.name) for each in dict.fromkeys([one, *found.dimensions[:1]])]
    box = ""
    if found.dimensions:
        box = f' {{{{ box spread x="{found.dimensions[0].name}" y="{one.name}" span=6 }}}}'
    query = _query("spread", columns, found)
    return f'## How {one.shown.lower()} is spread\n\n{{{{ histogram spread x="{one.name}" span=6 }}}}{box}\n\n{query}'


def _rows(found: _Looked) -> str:
    order = f"\norder by {_name(found.time.name)} desc" if found.time else ""
    query = _query("newest", [_name(one.name) for one in found.columns], found, f"{order}\nlimit 100")
    return f"## {'The newest rows' if found.time else 'Some rows'}\n\n{{{{ table newest limit=100 }}}}\n\n{query}"
