"""Takes the manual's pictures of the web page anew: `python docs/tools/pictures.py [NAME ...]`.

Each is taken twice, light and dark, by the Chromium that is installed, driven by Playwright. They
are reduced to 128 colours, which nobody sees in pictures of text, and so become small.
"""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from blocks import DOCS
from capture import running
from PIL import Image
from playwright.sync_api import sync_playwright
from scenes import SCENES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
]
COLOURS = 128
PATIENCE = 30_000
"""Milliseconds for a page to show what is wanted."""

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A page of a scene's program, once it shows the text `until`, after clicks on `click`."""

    scene: str
    path: str
    until: str
    click: tuple[str, ...] = ()
    settle: float = 0
    """Seconds of life that the page should show: its curves begin when somebody looks."""
    height: int = 640


PICTURES = {
    "overview": Picture(scene="shop", path="/", until="deliveries", settle=90, height=720),
    "tutorial-insight": Picture(scene="warehouse", path="/insight", until="deadlock"),
    "tasks": Picture(scene="shop", path="/tasks", until="deliveries"),
    "health": Picture(scene="mended", path="/health", until="blocking call", settle=12, height=720),
    "waits": Picture(scene="shop", path="/waits", until="deliveries", height=560),
    "task": Picture(scene="warehouse", path="/tasks/count", until="take-back"),
}


def take(browser: Browser, picture: Picture, port: int, scheme: Scheme) -> bytes:
    """The picture, as PNG."""
    context = browser.new_context(
        viewport={"width": 1160, "height": picture.height},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"http://127.0.0.1:{port}{picture.path}")
    page.get_by_text(picture.until).first.wait_for()
    for name in picture.click:
        page.get_by_text(name, exact=True).first.click()
    page.wait_for_timeout(1000 * picture.settle + 1500)
    taken = page.screenshot()
    context.close()
    return taken


def reduced(data: bytes) -> bytes:
    """The same picture in fewer bytes."""
    output = io.BytesIO()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(output, "PNG", optimize=True)
    return output.getvalue()


def main(names: list[str]) -> None:
    """Take these pictures, or all."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("no browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        for name, picture in PICTURES.items():
            if names and name not in names:
                continue
            with running(SCENES[picture.scene]) as started:
                for scheme in SCHEMES:
                    data = take(browser, picture, started.ports[1] or 0, scheme)
                    path = DOCS / "images" / f"{name}-{scheme}.png"
                    path.write_bytes(reduced(data))
                    print(path.relative_to(DOCS.parent), path.stat().st_size)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
