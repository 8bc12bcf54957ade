"""Writes the generated pages of the reference while mkdocs builds the site; a hook of mkdocs.

What they tell is read from the package itself, so it cannot be out of date. Reports that tests
write are in the navigation if they are there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))

from references import PAGES

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

REPORTS = {"Reliability": "reliability.md"}
"""By their titles: what a run of long tests writes, and a checkout need not have."""
SECTION = "Measured"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the reports that are there to the navigation."""
    navigation: list[dict[str, Any]] = config.nav or []
    [section] = [entry[SECTION] for entry in navigation if SECTION in entry]
    listed = [page for entry in section for page in entry.values()]
    for title, page in REPORTS.items():
        if page not in listed and Path(config.docs_dir, page).exists():
            section.append({title: page})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that are written by hand."""
    for path, text in PAGES.items():
        files.append(File.generated(config, f"reference/{path}", content=text()))
    return files
