"""The text of a page as HTML: CommonMark without raw HTML, and in it values as they are now."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penstock.app.fetched import fetched
from penstock.app.limits import within
from penstock.app.pages import metrictiles, tiles
from penstock.app.pages.measured import shows_metrics
from penstock.base.errors import PenstockError
from penstock.base.written import written
from penstock.load.pagetext import CLOSE, OPEN
from penstock.plan.period import Span
from penstock.plan.roles import Field, RoleError, pick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.app.pages.asking import Asked
    from penstock.app.pages.tiles import Setting
    from penstock.model.dashboard import Chart, Part

_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
_ENCODED = re.compile("%EE%80%80(\\d+)%EE%80%81")
_ELSEWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


def rendered(setting: Setting, part: Part, env: dict[str, Any]) -> str:
    """Return a part of the text as HTML; `env` carries the links that the page's texts define for each other."""
    html = str(_markdown().render(part.text, env))
    html = _ENCODED.sub("", html)  # a value within an address: left out
    return _MARK.sub(lambda found: _value(setting, part.charts[int(found[1])]), html)


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    rules: dict[str, Any] = vars(made.renderer)["rules"]
    plain = rules["image"]

    def image(tokens: Sequence[Any], at: int, options: Any, env: Any) -> str:
        """Show what comes from elsewhere as a link: no page asks anything of another machine."""
        source = str(tokens[at].attrs.get("src", ""))
        if _ELSEWHERE.match(source):
            return f'<a href="{escape(source)}">{escape(tokens[at].content or source)}</a>'
        return str(plain(tokens, at, options, env))

    rules["image"] = image
    return made


def _value(setting: Setting, chart: Chart) -> str:
    if chart.kind == "mistake":
        return _wrong("mistake", f"line {chart.line}: see above")
    try:
        with within(None):
            value, form = computed(setting, chart)
    except PenstockError as error:
        return _wrong(" ".join(word.text for word in chart.names), error.subject)
    grown = chart.option("compare") is not None and isinstance(value, (int, float)) and value > 0
    exact, short = (("+" if grown else "") + written(value, form, exact=exactly) for exactly in (True, False))
    leads = f'data-leads="{escape(_leads(setting, chart))}"'
    return f'<span data-value="{escape(chart.id)}" {leads} title="{escape(exact)}">{escape(short)}</span>'


def _leads(setting: Setting, chart: Chart) -> str:
    """Return the page of the app that says where a value comes from: its metric's, or its query's SQL."""
    name = chart.names[0].text
    if shows_metrics(setting.app, setting.page, chart):
        return f"/metrics/{quote(name, safe='')}"
    return f"/sql?q={quote(setting.page.queries[name.partition('.')[0]].text, safe='')}"


def _wrong(name: str, said: str) -> str:
    return f'<span data-value="" class="mistake" title="{escape(said)}">{{{{ {escape(name)} }}}}</span>'


def computed(setting: Setting, chart: Chart) -> tuple[Any, str]:
    """Return a value that stands in a text, and how it is written; raises what keeps it from being computed."""
    if shows_metrics(setting.app, setting.page, chart):
        return metrictiles.value(setting, chart)
    asked, field = named(setting, chart)
    if field is None or asked is None:
        raise RoleError("nothing to show")
    from penstock.plan.restrict import quoted

    found = fetched(setting.app, asked.query(f"select {quoted(field.name)} from block limit 1"))
    return tiles.cell(found[0][0]) if found else None, str(chart.option("format", "")) or field.formatted


def named(setting: Setting, chart: Chart) -> tuple[Asked | None, Field | None]:
    """Return the rows and the column that a value names, none for a metric; raises `RoleError` for no such name."""
    told = chart.option("compare")
    if told is not None and str(told) != "previous":
        try:
            Span.of(str(told))
        except ValueError as error:
            raise RoleError(str(error), "compare", str(told)) from None
    if shows_metrics(setting.app, setting.page, chart):
        return None, None
    from dataclasses import replace

    word = chart.names[0]
    query, _, column = word.text.partition(".")
    asked = tiles.asked(setting, replace(chart, names=(replace(word, text=query),)))
    if column:
        return asked, pick(asked.fields, column, "")
    numbers = [one for one in asked.fields if one.is_measure] or list(asked.fields)
    return asked, numbers[0] if numbers else None
