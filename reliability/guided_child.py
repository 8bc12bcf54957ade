"""The process of one target under atheris, which ends it when the runs are done.

    python -m reliability.guided_child TARGET BREACHES [OPTION OF LIBFUZZER …] CORPUS

The code that is fuzzed is instrumented as it is imported. A breach is written down and the fuzzer
goes on; what hangs or needs too much memory ends the process with a status.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

from .parts import CONTROL

if TYPE_CHECKING:
    from .targets import Target

OURS = ("terminal", "dialogue", "access", "commands", "permissions", "render", "console")
"""Of the package, what a byte of a client can reach before a command runs."""
_KEYS = ("input.vt100_parser", "key_binding.bindings", "buffer")
FURTHER = {
    "keys": tuple(f"prompt_toolkit.{each}" for each in _KEYS),
    "commands": ("click.parser",),
}
"""Where keys and words branch, so that the fuzzer learns which of them there are. Not for all: to
instrument a module of prompt_toolkit takes three seconds."""


def instrumented(name: str) -> list[str]:
    """The modules, and the packages as a whole, whose coverage guides that target."""
    if name == CONTROL:
        return ["reliability.planted"]
    return [*(f"aiomonitor.{each}" for each in OURS), *FURTHER.get(name, ())]


def target(name: str) -> Target:
    """With coverage."""
    with atheris.instrument_imports(include=instrumented(name)):
        import aiomonitor.commands.arguments  # noqa: F401 - else loaded by the first command

        from .targets import TARGETS
    return TARGETS[name]()


def main(name: str, breaches: str, *options: str) -> None:
    """Does not return: libFuzzer ends the process."""
    logging.disable(logging.CRITICAL)
    driven = target(name)

    def run(data: bytes) -> None:
        try:
            driven.run(data)
        except Exception:
            with Path(breaches).open("a", encoding="utf-8") as file:
                file.write(f"{name}: {data!r}\n{traceback.format_exc()}\0")

    atheris.Setup([name, *options], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
