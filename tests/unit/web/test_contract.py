"""The API held to its own description by questions that nobody thinks of: no 5xx, and every answer as described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from penstock.web import openapi
from penstock.web.server import ROUTES
from tests.unit.web.conftest import served, write

HELD = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FILES = {
    "metrics/orders.toml": (
        'table = "raw.orders"\ntime = "day"\n\n[dimensions]\nshop = {}\n\n[metrics]\nrevenue = "sum(amount)"\n'
    ),
    "dashboards/sales.md": '---\ntitle = "Sales"\n---\n# Sales\n\n{{ kpi revenue }}\n',
}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("api"))
    write(folder, FILES)
    with served(folder) as client:
        yield client


# Names that are there, so that what stands behind them is asked for, and one that is not.
NAMES = {"tables": ["daily", "raw.orders", "nope"], "metrics": ["revenue", "nope"], "dashboards": ["sales", "nope"]}


def named():
    document = openapi.document(ROUTES)
    for path, ways in document["paths"].items():
        room = path.removeprefix(openapi.BASE + "/").partition("/")[0]
        for way in ways.values():
            for one in way["parameters"]:
                if one["in"] == "path" and one["name"] == "name":
                    one["schema"]["enum"] = NAMES[room]
    return document


# With these a question may be no HTTP any more: the server says so in its own words, before any of ours.
TRANSPORT = ("content-length", "transfer-encoding")
schema = schemathesis.openapi.from_dict(named()).exclude(path_regex="/events$")


@schema.parametrize()
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case, api):
    case.headers = {name: value for name, value in (case.headers or {}).items() if name.lower() not in TRANSPORT}
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{api.site.settings.port}", headers={"X-Penstock-CSRF": api.csrf}, checks=HELD
    )
