"""Engines: storage and computation behind the engine protocol."""
