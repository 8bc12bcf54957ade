"""The package's version, for every layer; the one place where it is written."""

__version__ = "1.0.0a1"
