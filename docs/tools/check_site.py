"""Fails if a page of the built site would load anything from another machine; stdlib only.

python docs/tools/check_site.py build/site
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that a browser loads something for by itself, and the attribute that says what."""
_FOREIGN = re.compile(r"(https?:)?//")
_IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


class Loads(HTMLParser):
    """What a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an address that is of another machine."""
        values = dict(attrs)
        if tag == "link" and values.get("rel") in ("canonical", "alternate", "next", "prev"):
            return  # names a page, loads nothing
        address = values.get(LOADING.get(tag, "")) or ""
        if _FOREIGN.match(address):
            self.found.append(address)


def foreign(site: Path) -> list[str]:
    """Each page or style sheet that loads something from elsewhere, and what."""
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            page = Loads()
            page.feed(path.read_text("utf-8"))
            found += [f"{path.relative_to(site)}: {address}" for address in page.found]
        elif path.suffix == ".css":
            addresses = _IN_STYLES.findall(path.read_text("utf-8"))
            found += [f"{path.relative_to(site)}: {address}" for address in addresses]
    return found


def main(site: Path) -> None:
    """Tell, and exit with 1 if there is anything."""
    pages = len(list(site.rglob("*.html")))
    found = foreign(site)
    if found or not pages:
        sys.exit("\n".join(["loaded from another machine:", *found]) if found else "no pages")
    print(f"{pages} pages load nothing from another machine")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
