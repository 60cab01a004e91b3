"""Real servers for tests: one fixture a server, on a free local port, with its data in a temporary folder.

A test that needs one is marked `service`. A server starts at most once in a test run, gives each test a
fresh database, topic or prefix, is stopped by its process id, and shows its log when it fails to start.
Where a server cannot be had, its tests are skipped by name with the reason; REQUIRE_SERVICES=1 turns that
into a failure. No connector needs a server so far: files, logs, SQLite and HTTP are tested against real files
and a real HTTP server in the test's own process. The web app needs a browser, under one of the names below.
"""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
