"""Runs a command until the address that it prints answers with a page, then ends it: a wait, as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request

_ADDRESS = re.compile(r"http://[0-9.]+:[0-9]+\S*")


def main(command: list[str]) -> int:
    """Run a command until it is served; a command that ends before has failed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            found = _ADDRESS.search(line) if " is at " in line else None
            if found:
                with urllib.request.urlopen(found[0]) as answer:
                    assert b"<script" in answer.read()
                os.killpg(process.pid, signal.SIGINT)
                break
        else:
            return process.wait() or 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
