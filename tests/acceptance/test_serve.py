"""`penstock serve` as a process: it says where it is, answers, lets go of the warehouse, and ends well."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

from tests.unit.web.conftest import write

pytestmark = pytest.mark.slow


def penstock(*words, cwd, **more):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return [sys.executable, "-m", "penstock", *map(str, words)], {"cwd": cwd, "env": env, "text": True, **more}


def call(*words, cwd):
    command, how = penstock(*words, cwd=cwd)
    return subprocess.run(command, capture_output=True, check=False, **how)


@contextmanager
def serving(folder, *words):
    command, how = penstock("serve", "--json", *words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with subprocess.Popen(command, **how) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            if process.poll() is None:
                process.kill()


def get(address, path):
    with urllib.request.urlopen(address + path, timeout=30) as answer:
        return answer.read()


@pytest.fixture
def kiosk(tmp_path):
    write(tmp_path)
    assert call("run", cwd=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_told_to_end_and_lets_go_of_the_warehouse(sign, kiosk):
    with serving(kiosk, "--port", "0") as (process, said):
        address = said["serving"]["address"]
        assert json.loads(get(address, "/api/v1/project"))["name"] == "kiosk"
        assert b"<html" in get(address, "/data/daily")
        with urllib.request.urlopen(address + "/api/v1/events", timeout=30) as hears:
            assert hears.readline().startswith(b"retry")
            process.send_signal(sign)
            assert process.wait(20) == 0
        # Where ending takes longer than half a second, it says so.
        assert process.stderr.read() in ("", "stopping; Ctrl-C again stops at once\n")
    done = call("sql", "select count(*) as n from daily", "--json", cwd=kiosk)
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, [[2]])


def test_the_command_line_goes_on_while_it_serves(kiosk):
    with serving(kiosk, "--port", "0") as (_, said):
        assert call("status", cwd=kiosk).returncode == 0
        (kiosk / "data/orders.csv").write_text("id,day,shop,amount\n5,2026-03-01,a,1\n", encoding="utf-8")
        run = json.loads(call("run", "--json", cwd=kiosk).stdout)["run"]
        told = json.loads(get(said["serving"]["address"], "/api/v1/runs"))["runs"]
        assert told[0]["id"] == run["id"]
        assert told[0]["version"] == run["version"]


def test_a_second_one_says_who_serves_already(kiosk):
    with serving(kiosk, "--port", "0") as (process, _):
        done = call("serve", "--port", "0", cwd=kiosk)
        assert done.returncode != 0
        assert f"served already, by process {process.pid}" in done.stderr


def test_a_port_that_is_taken_is_said_to_be_and_without_one_the_next_is_taken(kiosk):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("serve", "--port", port, cwd=kiosk)
        assert done.returncode == 2
        assert f"cannot listen at 127.0.0.1:{port}" in done.stderr
        assert "choose another one with --port" in done.stderr


def test_an_address_that_is_not_this_machines_is_said_to_be_none(kiosk):
    done = call("serve", "--host", "192.0.2.1", cwd=kiosk)
    assert done.returncode == 2
    assert "cannot listen at 192.0.2.1" in done.stderr


def test_a_project_with_a_mistake_says_so_and_does_not_serve(kiosk):
    (kiosk / "tables/daily.sql").write_text("drop table daily", encoding="utf-8")
    done = call("serve", cwd=kiosk)
    assert done.returncode == 2
    assert "tables/daily.sql" in done.stderr


def test_the_demo_ends_serving_until_ctrl_c(tmp_path):
    command, how = penstock("demo", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with subprocess.Popen(command, **how) as process:
        address = next(line.split(" is at ")[1].strip() for line in process.stdout if " is at " in line)
        home = json.loads(get(address, "/api/v1/home"))
        assert home["headline"] == "1 check warns, 35 rows were rejected"
        assert json.loads(get(address, "/api/v1/tables"))["tables"]
        again = call("demo", "--tick", cwd=tmp_path)
        assert again.returncode == 0, again.stderr
        assert "day 1 was added" in again.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, process.stderr.read()
        assert process.stderr.read() in ("", "stopping; Ctrl-C again stops at once\n")  # said of what takes a while
