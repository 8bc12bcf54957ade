"""What every specimen needs, imported once for all of them; threads are started in none of it."""

from __future__ import annotations

import contextlib
import importlib

from .harness import MODULES, specimens

for _name in sorted({name for specimen in specimens().values() for name in specimen.needs}):
    with contextlib.suppress(ImportError):
        importlib.import_module(MODULES.get(_name, _name))

for _name in ("diagnosis", "observer", "knots", "shared", "service", "backends._asyncio.clues"):
    importlib.import_module(f"aiomonitor.{_name}")
