"""What SQL is, reads and does, found by parsing it: the only room that knows sqlglot."""

from penstock.plan.sql.text import GENERATORS, Origin, Reference, check_select, references

__all__ = ["GENERATORS", "Origin", "Reference", "check_select", "references"]
