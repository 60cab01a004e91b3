"""Stores: journals, and later registries and online stores."""
