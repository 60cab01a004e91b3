"""Who may ask what: hosts, origins, the key of state-changing calls, the token, sizes, and every answer's headers."""

import json
import stat

import pytest

from tests.unit.web.conftest import served, write

RUN = ("POST", "/api/v1/runs", b"{}")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "[::2]:1", "x@127.0.0.2"]
)
def test_a_name_that_is_not_this_machines_is_refused(host, kiosk):
    status, _, body = kiosk.raw("GET", "/api/v1/project", headers={"Host": host})
    assert status in (400, 403)
    assert b"csrf" not in body


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:99", "LOCALHOST:80"])
def test_this_machines_own_names_are_answered(host, kiosk):
    assert kiosk.raw("GET", "/api/v1/project", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Penstock-CSRF": "wrong"},
        {"X-Penstock-CSRF": "ü"},
        {"X-Penstock-CSRF": "right", "Origin": "http://evil.example"},
        {"X-Penstock-CSRF": "right", "Origin": "null"},
        {"X-Penstock-CSRF": "right", "Origin": "http://127.0.0.1:1"},
        {"X-Penstock-CSRF": "right", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_sites_page_changes_nothing(headers, kiosk):
    own = {name: kiosk.csrf if value == "right" else value for name, value in headers.items()}
    encoded = {name: value.encode() for name, value in own.items()}
    status, _, body = kiosk.raw(*RUN, headers={"Content-Type": "application/json", **encoded})
    assert (status, json.loads(body)["error"]["kind"]) == (403, "RefusedError")
    assert len(kiosk.get("/runs")[1]["runs"]) == 1


def test_our_own_page_may_ask(kiosk):
    port = kiosk.site.settings.port
    status, _ = kiosk.post("/sql", {"sql": "select 1"}, Origin=f"http://127.0.0.1:{port}", Host=f"127.0.0.1:{port}")
    assert status == 200


def test_a_form_of_another_site_is_no_json(kiosk):
    assert kiosk.post("/sql", {"sql": "select 1"}, **{"Content-Type": "text/plain"})[0] == 400


@pytest.mark.parametrize(
    "path", ["/", "/data/x", "/api/v1/project", "/api/v1/nope", "/api/v1/tables/nope", "/assets/nope.js"]
)
def test_every_answer_has_the_headers_that_keep_a_page_in_its_place(path, kiosk):
    _, headers, _ = kiosk.raw("GET", path)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] is None


def test_a_refusal_has_them_too(kiosk):
    _, headers, _ = kiosk.raw("GET", "/", headers={"Host": "evil.example"})
    assert "default-src 'self'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("sized", [True, False])
def test_more_than_a_megabyte_is_not_read(sized, kiosk):
    text = json.dumps({"sql": "select '" + "x" * 1_100_000 + "'"}).encode()
    body = text if sized else iter([text[at : at + 65_536] for at in range(0, len(text), 65_536)])
    own = {"X-Penstock-CSRF": kiosk.csrf, "Content-Type": "application/json"}  # parts without a length go in chunks
    try:
        status, _, answer = kiosk.raw("POST", "/api/v1/sql", body, own)
    except (BrokenPipeError, ConnectionResetError):
        assert kiosk.get("/project")[0] == 200  # it hung up while it was still sent to, as it may, and goes on
        return
    assert (status, json.loads(answer)["error"]["subject"]) == (413, "the request is too large")


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/assets/../../server.py",
        "/%2e%2e/server.py",
        "/assets/%2e%2e/%2e%2e/server.py",
        "/..%2fserver.py",
    ],
)
def test_no_path_leads_out_of_the_built_app(path, kiosk):
    status, _, body = kiosk.raw("GET", path)
    assert b"import" not in body[:2_000] or b"<html" in body
    assert b"root:" not in body
    assert status in (200, 404)


# ── listening elsewhere ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A shop that listens at every address of the machine."""
    with served(write(tmp_path_factory.mktemp("shared")), host="0.0.0.0") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/project", "/api/v1/events", "/api/v1/openapi.json", "/assets/x.js", "/?token=wrong"]
)
def test_whoever_has_no_token_sees_nothing(path, shared):
    status, _, body = shared.raw("GET", path)
    assert status == 401
    assert json.loads(body)["error"]["subject"] == "a token is needed"


def test_a_browser_without_the_token_is_shown_a_page_that_says_so(shared):
    status, headers, body = shared.raw("GET", "/data", headers={"Accept": "text/html,*/*"})
    assert (status, headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert b"<h1>a token is needed</h1><p>open the address that penstock serve printed</p>" in body
    _, headers, _ = shared.raw("GET", "/api/v1/project", headers={"Accept": "text/html"})
    assert headers["Content-Type"] == "application/json"


def test_what_a_browser_says_of_itself_is_escaped_in_the_page_that_refuses_it(kiosk):
    asked = {"Host": "<script>alert(1)</script>", "Accept": "text/html"}
    status, _, body = kiosk.raw("GET", "/", headers=asked)
    assert status in (400, 403)
    assert b"<script>" not in body


def test_the_token_in_the_address_becomes_a_cookie_and_goes_from_the_address(shared):
    token = shared.site.settings.token
    status, headers, _ = shared.raw("GET", f"/data?token={token}&q=a%20b")
    assert (status, headers["Location"]) == (303, "/data?q=a+b")
    cookie = headers["Set-Cookie"]
    assert token not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    own = {"Cookie": cookie.partition(";")[0]}
    assert shared.raw("GET", "/api/v1/project", headers=own)[0] == 200
    changing = {**own, "Content-Type": "application/json"}
    assert shared.raw("POST", "/api/v1/sql", b'{"sql": "select 1"}', changing)[0] == 403
    assert (
        shared.raw("POST", "/api/v1/sql", b'{"sql": "select 1"}', {**changing, "X-Penstock-CSRF": shared.csrf})[0]
        == 200
    )


def test_the_address_to_go_on_to_is_always_this_servers(shared):
    token = shared.site.settings.token
    _, headers, _ = shared.raw("GET", f"//evil.example/x?token={token}")
    assert headers["Location"] == "/evil.example/x"


def test_a_program_names_the_token_itself(shared):
    own = {"Authorization": f"Bearer {shared.site.settings.token}", "Content-Type": "application/json"}
    assert shared.raw("POST", "/api/v1/sql", b'{"sql": "select 1"}', own)[0] == 200
    assert shared.raw("GET", "/api/v1/project", headers={"Authorization": "Bearer wrong"})[0] == 401
    assert shared.raw("GET", "/api/v1/project", headers={"Authorization": "Bearer"})[0] == 401


def test_the_token_is_kept_where_only_its_owner_reads(shared):
    path = shared.site.app.state / "token"
    assert path.read_text().strip() == shared.site.settings.token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
