"""The documentation is held to its word: links lead somewhere, tables say what the code says, projects run.

A page carries marks that readers do not see: `<!-- file: PATH -->` makes a file of the block of code after it,
`<!-- run: COMMAND -->` is a command that must succeed, and one under `<!-- output: COMMAND -->` must print the block.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import penstock
from penstock.base import plugins

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / f"{n}.md" for n in ("README", "CHANGELOG", "CONTRIBUTING"))])
FENCED = re.compile(r"^( *)(`{3,}).*?^\1\2$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MARK = re.compile(r"<!-- (file|run|output): (.+?) -->(?:\n\n(`{3,})[a-z]*\n(.*?)^\3$)?", re.MULTILINE | re.DOTALL)
OPTIONS = re.compile(r"<!-- options: (\w+) (\w+) -->\n\n((?:\|.*\n)+)")
CONNECTORS = sorted(plugins.found("penstock.connectors"))


def named(page):
    return page.relative_to(ROOT).as_posix()


# ── links ───────────────────────────────────────────────────────────────────────────────────────────────


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_within_the_repository_leads_somewhere(page):
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_can_be_reached_from_the_index():
    reached, waiting = set(), [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.is_dir():
                reached.update(target.glob("*.md"))
            elif target.suffix == ".md" and target.is_file():
                waiting.append(target)
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages <= reached, [named(page) for page in pages - reached]


# ── what the code says, too ─────────────────────────────────────────────────────────────────────────────


def documented():
    """The options in the tables of the reference, by connector and part: name to what it takes."""
    found = {}
    for name in ("sources", "sinks"):
        text = (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")
        for kind, part, table in OPTIONS.findall(text):
            rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()[2:]]
            assert (kind, part) not in found
            found[kind, part] = {row[0].strip("`"): row[1] for row in rows}
    return found


def declared():
    """The same from the connectors themselves."""
    found = {}
    for kind in CONNECTORS:
        options = plugins.load("penstock.connectors", kind).options
        for part in ("connection", "source", "sink"):
            takes = getattr(options, part)
            if takes:
                found[kind, part] = {
                    o.name: " ".join(f"`{c}`" for c in o.choices) or o.type.replace("|", " or ") for o in takes
                }
    return found


def test_the_tables_of_options_are_those_of_the_connectors():
    assert documented() == declared()


@pytest.mark.parametrize("kind", CONNECTORS)
def test_every_connector_has_its_part_in_the_reference(kind):
    options = plugins.load("penstock.connectors", kind).options
    for part, page in (("source", "sources"), ("sink", "sinks")):
        if getattr(options, part) is not None:
            assert f"`{kind}`" in (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8")


def test_the_fault_points_that_are_listed_are_those_of_the_code():
    text = (ROOT / "docs" / "explanation" / "runs.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z.]+)` \|", text.partition("<!-- fault points -->")[2], re.MULTILINE)
    named_in_code = set()
    for file in Path(penstock.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "faults.point" and node.args:
                named_in_code.add(ast.literal_eval(node.args[0]))
    assert sorted(listed) == sorted(named_in_code)


SNIPPETS = [
    page
    for page in PAGES
    if "how-to" in page.parts or page.name in ("README.md", "project.md", "sources.md", "sinks.md")
]


@pytest.mark.parametrize("page", SNIPPETS, ids=named)
def test_every_snippet_of_toml_and_python_can_be_parsed(page):
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```(toml|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for language, snippet in found:
        if language == "toml":
            tomllib.loads(snippet)
        else:
            ast.parse(snippet)


# ── projects that run ───────────────────────────────────────────────────────────────────────────────────


class Orders(BaseHTTPRequestHandler):
    """The API of the how-to: two pages of orders, told apart by the cursor."""

    def do_GET(self):  # the name that the library calls
        first = "cursor=" not in self.path
        orders = [{"id": 1 if first else 2, "total": "10.00", "updated_at": "2024-05-01T10:00:00Z"}]
        known = self.headers["Authorization"] == "Bearer geheim123"
        answer = {"data": {"orders": orders if known else []}, "next": "b7f3" if first else None}
        body = str(answer).replace("'", '"').replace("None", "null").encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Say nothing."""


@contextmanager
def surroundings(page, folder):
    """The environment in which a page's commands run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PENSTOCK", "API_"))}
    # Installing a package is what puts its entry points on the path; so does this folder.
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), str(ROOT / "src"), env.get("PYTHONPATH")]))
    if page.name == "write-a-connector.md":
        info = folder / "penstock_shelf-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: penstock-shelf\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text("[penstock.connectors]\nshelf = penstock_shelf:CONNECTOR\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), Orders) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {**env, "API_URL": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()


def run(command, folder, env):
    """What a command prints; it must succeed."""
    words = shlex.split(command)
    module = {"penstock": ["-m", "penstock"], "pytest": ["-m", "pytest", "-q", "-p", "no:cacheprovider"], "python": []}
    done = subprocess.run(
        [sys.executable, *module[words[0]], *words[1:]],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def lines(text):
    return [line.rstrip() for line in text.rstrip().splitlines()]


PROJECTS = [page for page in PAGES if "<!-- run: " in page.read_text(encoding="utf-8")]


def test_the_readme_and_every_how_to_have_a_project_that_runs():
    assert {ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md")} == set(PROJECTS)


@pytest.mark.slow
@pytest.mark.parametrize("page", PROJECTS, ids=named)
def test_the_project_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path):
    with surroundings(page, tmp_path) as env:
        for what, words, _, block in MARK.findall(page.read_text(encoding="utf-8")):
            if what == "file":
                file = tmp_path / words
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block, encoding="utf-8")
            elif what == "run":
                run(words, tmp_path, env)
            else:
                assert lines(run(words, tmp_path, env)) == lines(block), words


def test_the_readme_names_the_test_command_that_the_gate_calls():
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\n```sh\nmake test\n```\n" in (ROOT / "README.md").read_text(encoding="utf-8")
