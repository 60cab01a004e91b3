"""`make services`: installs what tests ask for and a machine may not have: Chromium, by the system's packages."""

import os
import shutil
import subprocess
import sys

from tests.services import BROWSERS


def main() -> int:
    """Install Chromium where there is none; says what to do where that cannot be done from here."""
    if any(map(shutil.which, BROWSERS)):
        print("a browser is here already")
        return 0
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        print("no browser is here; install Chromium: as root, apt-get install chromium", file=sys.stderr)
        return 1
    subprocess.run([apt, "update", "-qq"], check=True)
    return subprocess.run([apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
