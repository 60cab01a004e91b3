"""What verbs write values as: the house's exact JSON."""

from penstock.base.exact import PLAIN, dumps, harmless, shape, value

__all__ = ["PLAIN", "dumps", "harmless", "shape", "value"]
