"""Connectors: one package or module for each kind of external system."""
