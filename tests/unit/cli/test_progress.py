"""What is seen of a run while it goes."""

import io

from rich.console import Console

from penstock.cli.progress import Lines, Live, Silent, listener
from penstock.model.run import Step
from penstock.run.events import Event


def drawn(live):
    console = Console(file=io.StringIO(), width=100)
    console.print(live.picture())
    return console.file.getvalue()


def test_what_goes_on_is_drawn_with_rows_bytes_and_rate():
    live = Live()
    live(Event("start", "raw.orders", "intake"))
    live(Event("progress", "raw.orders", "intake", rows=1_200_000, bytes=34_000_000))
    live(Event("start", "[red]spend\x1b[2J", "table"))
    text = drawn(live)
    assert "raw.orders" in text
    assert "1,200,000 rows" in text
    assert "34.0 MB" in text
    assert "rows/s" in text
    assert "[red]spend\\x1b[2J" in text
    assert "2 going on" in text


def test_what_has_ended_is_counted_and_gone():
    live = Live()
    live(Event("start", "a", "table"))
    live(Event("end", "a", "table", Step("a", "table", "done")))
    text = drawn(live)
    assert "1 step done, 0 going on" in text
    assert "computing" not in text


def test_a_short_run_draws_nothing_and_leaves_no_thread(capsys):
    with Live() as live:
        live(Event("start", "a", "table"))
    assert live._live is None
    assert not live._timer.is_alive()
    assert capsys.readouterr().err == ""


def test_a_long_run_is_drawn_and_wiped_away(capsys):
    with Live() as live:
        live._timer.cancel()
        live._begin()
        assert live._live.is_started
    assert not live._live.is_started


def test_a_line_for_each_step_that_did_something(capsys):
    lines = Lines()
    lines(Event("end", "a", "intake", Step("a", "intake", "done", rows_in=1, rejected=2, seconds=0.5)))
    lines(Event("end", "b", "table", Step("b", "table", "unchanged")))
    lines(Event("end", "c", "table", Step("c", "table", "failed", seconds=2)))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "a: done, 1 row read, 2 rejected, 500 ms\nc: failed, 2.0 s\n")


def test_who_listens_depends_on_who_watches(monkeypatch, capsys):
    import sys

    assert isinstance(listener(silent=True), Silent)
    assert isinstance(listener(silent=False), Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(listener(silent=False), Live)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(listener(silent=False), Lines)
