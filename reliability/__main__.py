"""Runs the parts and rewrites docs/reliability.md.

    python -m reliability [--quick] [--python PYTHON …] [PART …]

The figures are kept in docs/reliability.json, each under its part, its scale and its Python; a part
that is not run keeps those it has. With `--quick`, an aim that was missed is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .page import text
from .parts import AIMS, FULL, PARTS, QUICK, missed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"


def measure(part: str, python: str, arguments: Sequence[str]) -> dict[str, float]:
    """The figures of one part, from a process of its own with that Python."""
    command = [python, "-m", f"reliability.{PARTS[part]}", *arguments]
    print(f"$ {' '.join(command)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
            env={**os.environ, "AIOMONITOR_RUN_DIR": folder},
        )  # fmt: skip
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    print(figures, flush=True)
    return figures


def version(python: str) -> str:
    """Of that interpreter."""
    code = "import platform; print(platform.python_version())"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def keep(figures: Mapping[str, Any]) -> None:
    """Write them, and the page that is made of them."""
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(text(figures, AIMS, {"full": FULL, "quick": QUICK}, PARTS))


def main() -> int:
    """Run what is asked for; 1 if an aim was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small, in a minute or so")
    parser.add_argument("--python", action="append", help="instead of this one")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    scale = "quick" if given.quick else "full"
    kept: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    failures = []
    for part in given.parts or PARTS:
        for python in given.python or [sys.executable]:
            figures = measure(part, python, (QUICK if given.quick else FULL)[part])
            kept.setdefault(part, {}).setdefault(scale, {})[version(python)] = figures
            failures += [f"{part}, {version(python)}: {each}" for each in missed(part, figures)]
            keep(kept)  # now: the next part may take hours
    print("\n".join(failures) or "all aims were reached")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
