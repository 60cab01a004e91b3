"""A small shop that is served, and a client that asks it as a page of its own does."""

import http.client
import json
from contextlib import contextmanager

import pytest

from penstock.app import requests
from penstock.web.listen import serving

FILES = {
    "penstock.toml": 'name = "kiosk"\n\n[connections]\nfiles = "files:data"\n',
    "sources/files.toml": (
        '[raw.orders]\nfrom = "files"\nread = "orders.csv"\nkey = "id"\nfresh = "1 hour"\n'
        'description = "Orders <b>as they come</b>"\nchecks = [{ check = "amount > 2", severity = "warn" }]\n\n'
        '[raw.shops]\nfrom = "files"\nread = "shops.csv"\nkey = "shop"\n'
    ),
    "tables/daily.sql": (
        '/* ---\nfresh = "1 day"\nkey = "day"\nowner = "ada@example.com"\ntags = ["nightly"]\n'
        'checks = ["orders > 0"]\n--- */\nselect day, count(*) as orders, sum(amount) as amount\n'
        "from raw.orders group by day\n"
    ),
    "tables/per_shop.sql": (
        "select shop, sum(amount) as amount\nfrom raw.orders join raw.shops using (shop)\ngroup by shop\n"
    ),
    "data/orders.csv": "id,day,shop,amount\n1,2026-01-01,a,1.5\n2,2026-01-01,b,2.5\n3,2026-01-02,a,4.0\n",
    "data/shops.csv": "shop,city\na,Ulm\nb,Bern\n",
}


def write(folder, files=FILES):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class Client:
    """Asks a server, with its own headers unless told otherwise."""

    def __init__(self, site, host="127.0.0.1"):
        self.site = site
        self.csrf = site.settings.csrf
        self._where = (host, site.settings.port)

    def raw(self, method, path, body=None, headers=()):
        """Status, headers and bytes."""
        con = http.client.HTTPConnection(*self._where, timeout=60)
        try:
            con.request(method, path, body, dict(headers))
            answer = con.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            con.close()

    def get(self, path, **headers):
        status, _, body = self.raw("GET", "/api/v1" + path, headers=headers)
        return status, json.loads(body)

    def send(self, method, path, body=None, **headers):
        own = {"X-Penstock-CSRF": self.csrf, "Content-Type": "application/json", **headers}
        sent = None if body is None else json.dumps(body).encode()
        status, _, answer = self.raw(method, "/api/v1" + path, sent, own)
        return status, json.loads(answer)

    def post(self, path, body=None, **headers):
        return self.send("POST", path, body, **headers)

    def sql(self, text, **more):
        return self.post("/sql", {"sql": text, **more})


@contextmanager
def served(folder, run=True, **more):
    with requests.open_project(folder) as app:
        if run:
            requests.run(app, command="penstock run")
        with serving(app, 0, **more) as made:
            yield Client(made.site)


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory):
    """A shop that ran once and is served, for tests that only look."""
    with served(write(tmp_path_factory.mktemp("kiosk"))) as client:
        yield client


@pytest.fixture
def own(tmp_path):
    """A shop of the test's own."""
    with served(write(tmp_path)) as client:
        yield client
