"""What happens is told as it happens, to everyone who listens, and what was missed is told again."""

import asyncio
import http.client
import json
import socket
import time
from contextlib import contextmanager

import pytest

from penstock.app import requests
from penstock.web import listen, live
from penstock.web.live import Hub


class Listening:
    """One connection to the events, read event by event."""

    def __init__(self, answer):
        self._answer = answer

    def next(self):
        """The next event: its id, its kind, its data."""
        said = {}
        for line in self._answer:
            text = line.decode().rstrip("\n")
            if not text and "event" in said:
                return said["id"], said["event"], json.loads(said["data"])
            name, _, value = text.partition(": ")
            said[name] = value
        raise EOFError

    def until(self, kind):
        """All events up to the first of a kind."""
        found = []
        while not found or found[-1][1] != kind:
            found.append(self.next())
        return found


@contextmanager
def listening(client, last=""):
    con = http.client.HTTPConnection("127.0.0.1", client.site.settings.port, timeout=30)
    con.request("GET", "/api/v1/events", headers={"Last-Event-ID": last} if last else {})
    answer = con.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    try:
        yield Listening(answer)
    finally:
        con.close()


def orders(client, text):
    path = client.site.app.root / "data/orders.csv"
    path.write_text(f"id,day,shop,amount\n{text}\n", encoding="utf-8")


def test_a_run_is_told_from_its_beginning_to_its_commit_and_end(own):
    with listening(own) as hears:
        _, kind, data = hears.next()
        assert (kind, data) == ("hello", {"version": own.site.app.engine.version, "lost": False})
        orders(own, "7,2026-02-01,b,7.5")
        run = own.post("/runs", {})[1]["run"]
        told = hears.until("commit")
        while [data["state"] for _, kind, data in told if kind == "run"][-1:] != ["done"]:
            told.append(hears.next())
    assert told[0][1] == "run"
    assert told[0][2]["state"] == "running"
    assert {data["run"] for _, kind, data in told if kind == "step"} == {run}
    [commit] = [data for _, kind, data in told if kind == "commit"]
    assert commit["run"] == run
    assert set(commit["tables"]) == {"raw.orders", "daily", "per_shop"}
    assert commit["version"] == own.site.app.engine.version
    numbers = [int(one.rpartition("-")[2]) for one, _, _ in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_run_of_another_thread_than_the_servers_is_told_too(own):
    with listening(own) as hears:
        hears.next()
        orders(own, "8,2026-02-01,b,7.5")
        made = requests.run(own.site.app)
        assert hears.until("commit")[-1][2]["run"] == made.id


def test_what_was_missed_is_told_to_who_comes_back(own):
    with listening(own) as hears:
        first = hears.next()[0]
        own.site.hub.tell("page", {"name": "a"})
        last = hears.until("page")[-1][0]
    own.site.hub.tell("page", {"name": "b"})
    own.site.hub.tell("page", {"name": "c"})
    with listening(own, last) as hears:
        told = [hears.next() for _ in range(3)]
    assert [data.get("name") or data["lost"] for _, _, data in told] == [False, "b", "c"]
    assert first != last


@pytest.mark.parametrize("last", ["0000-1", "nonsense", "{epoch}-99999", "{epoch}--1", "{epoch}-x"])
def test_who_comes_back_from_elsewhere_is_told_that_something_was_lost(last, own):
    with listening(own, last.format(epoch=own.site.hub.epoch)) as hears:
        assert hears.next()[2]["lost"] is True


def test_who_was_away_for_too_long_is_told_that_something_was_lost(own):
    own.site.hub.tell("page", {"name": "first"})
    missed = f"{own.site.hub.epoch}-{own.site.hub.last}"
    for at in range(live.KEPT + 5):
        own.site.hub.tell("page", {"name": str(at)})
    with listening(own, missed) as hears:
        assert hears.next()[2]["lost"] is True
        assert hears.next()[2]["name"] == "5"


def test_a_file_that_changes_is_told_within_seconds(own):
    (own.site.app.root / "dashboards").mkdir()
    with listening(own) as hears:
        hears.next()
        time.sleep(0.05)
        (own.site.app.root / "dashboards/sales.md").write_text("# Sales\n", encoding="utf-8")
        assert hears.next()[1:] == ("page", {"name": "sales"})
        path = own.site.app.root / "tables/daily.sql"
        path.write_text(path.read_text().replace("ada@", "kim@"))
        assert hears.next()[1:] == ("project", {})


def test_a_silence_is_filled_so_that_nobody_takes_it_for_the_end(monkeypatch):
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.01)

    async def first_two():
        told = Hub().listen(lambda: 3)
        return [await anext(told), await anext(told)]

    hello, beat = asyncio.run(first_two())
    assert b"event: hello" in hello
    assert beat == b": beat\n\n"


def test_when_the_server_ends_everyone_is_let_go():
    async def all_of_it():
        hub = Hub()
        told = hub.listen(lambda: 0)
        found = [await anext(told)]
        hub.tell("page", {"name": "a"})
        hub.close()
        found += [one async for one in told]
        return found

    assert b'"name":"a"' in asyncio.run(all_of_it())[-1]


def test_fifty_who_listen_hear_the_same(own):
    hub = own.site.hub

    async def all_of_them():
        heard = [hub.listen(lambda: 0) for _ in range(50)]
        for one in heard:
            await anext(one)
        hub.tell("page", {"name": "same"})
        return {await anext(one) for one in heard}

    assert len(asyncio.run(all_of_them())) == 1


def test_an_answer_does_not_wait_for_the_one_before_to_be_confirmed():
    # asyncio switches that off for sockets that are said to be TCP, and for no others.
    with listen._bound("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        taken, _ = listening.accept()
        with taken:
            assert taken.proto == socket.IPPROTO_TCP
