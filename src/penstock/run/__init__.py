"""Runs: when and what to bring up to date, recorded as it happens."""
