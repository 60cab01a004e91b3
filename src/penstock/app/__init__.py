"""Wiring: the only place that names implementations; one function for each request."""
