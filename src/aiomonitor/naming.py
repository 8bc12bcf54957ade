"""What a monitored application is called if it does not say so itself; stdlib only."""

from __future__ import annotations

import os
import re
import sys

LONGEST_NAME = 100
"""Characters: a name is a column of listings, and a label of metrics."""

_SUFFIXES = re.compile(r"\.(pyw?|pyz|exe)$", re.IGNORECASE)


def checked_name(name: object) -> str:
    """The name that was given, or for None the program's."""
    if name is None:
        return program_name()
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r}: give a string, or None for the program's name")
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise ValueError(
            f"name is {name[:LONGEST_NAME]!r}: give 1 to {LONGEST_NAME} printable characters"
        )
    return name


def program_name() -> str:
    """The script's name without `.py`; for `python -m package` the package's."""
    arguments = getattr(sys, "argv", None)  # where Python is embedded there may be none
    folder, name = os.path.split(arguments[0] if arguments else "")
    if name == "__main__.py":
        spec = getattr(sys.modules.get("__main__"), "__spec__", None)
        name = getattr(spec, "parent", None) or os.path.basename(folder)  # noqa: PTH119 - pathlib is slow to import
    name = _SUFFIXES.sub("", name)
    printable = "".join(each for each in name if each.isprintable())[:LONGEST_NAME]
    return "python" if printable in ("", "-", "-c", "-m") else printable
