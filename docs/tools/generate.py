"""Writes the generated pages of the reference while mkdocs builds the site; a hook of mkdocs.

What they tell is read from the package itself, so it cannot be out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))

from references import PAGES

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that are written by hand."""
    for path, text in PAGES.items():
        files.append(File.generated(config, f"reference/{path}", content=text()))
    return files
