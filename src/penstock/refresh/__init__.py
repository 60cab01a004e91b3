"""Bringing tables up to date: sources into raw tables, raw tables into tables, tables to sinks."""
