"""The version, once: the build, the command line and the journal read it here."""

__version__ = "0.1.0"
