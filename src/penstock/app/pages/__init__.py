"""Dashboards as they are shown: what a page asks, what its tiles hold, its filters, its text, and sites of them."""
