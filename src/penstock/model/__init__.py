"""The nouns of Penstock: frozen dataclasses, without input or output."""
