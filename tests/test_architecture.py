"""The house's rules, read from the source: who imports whom, and who may know what.

Nothing of the package is imported here. An import that only type checkers see is free; one inside
of a function counts as any other, unless the rule says "at module level". A module that is named in
a string ("aiomonitor.commands.readiness", for `import_module`) counts as imported there.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "src" / "aiomonitor"
ROOT = "aiomonitor"

LENGTH = 320
"""Lines of a module: 300 are meant, and a docstring more is no reason to split one."""
LONGER = {"terminal.telnet": 400}
"""One state machine and the names of its protocol, which belong together."""

ABOUT_TASKS = ["about", "builtin", "console", "dump", "findings", "greeting", "health", "insight"]
ABOUT_TASKS += ["listing", "load", "readiness", "web"]
"""Commands that ask about the application; the rest of that room only runs commands."""

LEVELS = {
    **dict.fromkeys(["model", "errors", "permissions", "settings", "utils", "threads"], 0),
    **dict.fromkeys(["escapes", "failures", "naming", "pacing", "rundir", "version"], 0),
    **dict.fromkeys(["terminal.telnet", "terminal.lines", "terminal.protocol"], 0),
    "dialogue": 0,
    **dict.fromkeys(["access", "backends", "render", "doors"], 1),
    **dict.fromkeys([f"dialogue.{name}" for name in ("client", "output", "runner", "turns")], 1),
    **dict.fromkeys(["commands.registry", "commands.arguments", "commands.parameters"], 1),
    "commands.present": 1,
    **dict.fromkeys(["commands", "console", "health", "insight"], 2),
    **dict.fromkeys(["tracking", "listings", "inspection"], 2),
    **dict.fromkeys(["queries", "evidence"], 3),
    **{f"commands.{name}": 3 for name in ABOUT_TASKS},
    **dict.fromkeys(["crew", "monitor", "__init__"], 4),
    "terminal": 5,
    "webui": 5,
    **dict.fromkeys(["service", "own_loop"], 6),
    **dict.fromkeys(["cli", "launch", "testing"], 7),
    **dict.fromkeys(["demo", "demo_anyio", "demo_command", "__main__"], 8),
}
"""Imports go to the same level or a lower one. A package speaks for its unnamed modules."""

CLIMBS = {("monitor", "service"), ("__init__", "testing.plugin")}
"""The exceptions, which have to be inside of a function, or a name for pytest."""

SEES = {
    "terminal": {"terminal", "access", "errors", "escapes", "model", "render.tables", "dialogue"},
    "insight": {"insight", "model", "render", "pacing"},
    "console": {"console", "access", "dialogue", "errors", "render.tables", "threads"},
    "webui": {"webui", "errors", "model", "permissions", "queries", "__init__", "dialogue"}
    | {"access", "failures", "pacing"},
    "cli": {"cli", "terminal.telnet", "errors", "model", "version", "rundir", "render"}
    | {"escapes"},
    "demo": {"monitor", "errors", "utils"},
    "demo_anyio": {"monitor", "errors", "utils"},
}
"""Rooms that know nothing of the package but this."""

RESERVED = {
    "asyncio": r"backends\._asyncio(\.\w+)*|terminal\.(editor|keys)|own_loop|demo",
    "trio": r"backends\._trio(\.\w+)?",
    "prompt_toolkit": r"terminal\.(editor|keys|prompts|prompt_\w+)",
    "pygments": r"terminal\.prompts",
    "anyio": r"dialogue\.\w+|service|terminal\.\w+|cli(\.\w+)?|webui\.\w+|demo_anyio",
    "click": r"commands\.(arguments|parameters)|render\.tables|cli(\.\w+)?|__main__"
    r"|demo_command|launch\.(\w+_command|options)",
    "pytest": r"testing\.plugin",
    "quart": r"webui(\.\w+)?|service",
    "hypercorn": r"webui(\.\w+)?|service",
    "prometheus_client": r"webui\.metrics",
}
"""What is imported in some modules alone; "terminal" sees no runtime but through anyio."""

POSIX_ONLY = {"termios", "fcntl", "pwd", "resource", "tty", "pty", "grp", "readline", "curses"}


@dataclass(frozen=True)
class Import:
    """One module imports another; names within the package are without its name."""

    module: str
    target: str
    internal: bool
    lazy: bool
    line: int

    def __str__(self) -> str:
        target = f"{ROOT}.{self.target}" if self.internal else self.target
        where = " in a function" if self.lazy else ""
        return f"{ROOT}.{self.module}, line {self.line}, imports {target}{where}"


# --- reading --------------------------------------------------------------------------------------


@lru_cache
def modules() -> dict[str, Path]:
    """Every module of the package; a package's own is called as the package is."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path
    return found


@lru_cache
def tree(module: str) -> ast.Module:
    """The module's source, parsed."""
    return ast.parse(modules()[module].read_text("utf-8"))


def nodes(root: ast.AST, *, lazy: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes that run, and whether they do so inside of a function."""
    for node in ast.iter_child_nodes(root):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node, lazy
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from nodes(node, lazy=lazy or inside)


def targets(module: str, node: ast.AST) -> list[str]:
    """The full names of what a node imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Constant):
        return [str(node.value)] if is_ours(node.value) else []
    if not isinstance(node, ast.ImportFrom):
        return []
    source = ".".join(filter(None, [*base_of(module, node.level), node.module]))
    names = [f"{source}.{alias.name}" for alias in node.names]
    return [name if is_ours(name) else source for name in names]


def base_of(module: str, level: int) -> list[str]:
    """What so many leading dots mean in a module."""
    if not level:
        return []
    parts = [ROOT, *module.split(".")]
    is_package = modules()[module].name == "__init__.py" and module != "__init__"
    return parts[: len(parts) - level + is_package]


def is_ours(name: object) -> bool:
    """Whether it is the full name of a module of the package."""
    return isinstance(name, str) and name.removeprefix(f"{ROOT}.") in modules() and ROOT in name


@lru_cache
def imports() -> list[Import]:
    """Every import of every module."""
    return [
        Import(
            module=module,
            target=target.removeprefix(f"{ROOT}.").replace(ROOT, "__init__"),
            internal=target.split(".")[0] == ROOT,
            lazy=lazy or isinstance(node, ast.Constant),
            line=getattr(node, "lineno", 0),
        )
        for module in modules()
        for node, lazy in nodes(tree(module))
        for target in dict.fromkeys(targets(module, node))
    ]


# --- judging --------------------------------------------------------------------------------------


def within(module: str, rooms: Iterable[str]) -> str | None:
    """The one of these rooms, a module or a package, that the module is or is in."""
    names = [module, *(module[: dot.start()] for dot in re.finditer(r"\.", module))]
    return next((name for name in sorted(names, key=len, reverse=True) if name in rooms), None)


def level(module: str) -> int:
    """Where the module stands."""
    room = within(module, LEVELS)
    if room is None:
        pytest.fail(f"{ROOT}.{module} has no level: give it one in LEVELS of {Path(__file__).name}")
    return LEVELS[room]


def expect_none(breaches: Iterable[object], rule: str) -> None:
    """Fail with one line for each breach of the rule."""
    if lines := [f"{breach}: {rule}" for breach in breaches]:
        pytest.fail("\n".join(lines), pytrace=False)


def test_the_reader() -> None:
    """The reading itself works: it sees what is known to be there."""
    seen = {(found.module, found.target, found.lazy) for found in imports()}
    assert ("monitor", "service", True) in seen
    assert ("__init__", "monitor", False) in seen
    assert ("insight.why", "render", False) in seen
    assert ("terminal.telnet", "enum", False) in seen
    assert not any(target == "typing_extensions" for _, target, _ in seen)


@pytest.mark.parametrize("module", modules())
def test_levels(module: str) -> None:
    """Every module has its level."""
    assert level(module) >= 0


def test_upwards_only() -> None:
    """A module imports what stands below it, or beside it."""
    expect_none(
        (
            found
            for found in imports()
            if found.internal
            and level(found.target) > level(found.module)
            and not (found.lazy and (found.module, found.target) in CLIMBS)
        ),
        "it stands on a higher level",
    )


def test_the_bottom_needs_nothing() -> None:
    """What stands lowest imports the standard library and its like alone."""
    expect_none(
        (
            found
            for found in imports()
            if level(found.module) == 0 and not found.internal and not is_stdlib(found.target)
        ),
        "level 0 needs the standard library only",
    )


@pytest.mark.parametrize("room", SEES)
def test_rooms_that_see_little(room: str) -> None:
    """User interfaces go through the public queries; the client is no part of the server."""
    expect_none(
        (
            found
            for found in imports()
            if found.internal
            and level(found.module) > 0
            and within(found.module, {room})
            and not within(found.target, SEES[room])
        ),
        f"{room} sees only {', '.join(sorted(SEES[room]))}",
    )


def test_the_demo_is_an_application() -> None:
    """Nothing but its subcommand knows the demonstration."""
    expect_none(
        (
            found
            for found in imports()
            if found.target in ("demo", "demo_anyio") and found.module != "demo_command"
        ),
        "only its subcommand may",
    )


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_modules(name: str) -> None:
    """Runtimes and libraries stay in the rooms that are for them."""
    expect_none(
        (
            found
            for found in imports()
            if found.target.split(".")[0] == name
            and not found.internal
            and not re.fullmatch(RESERVED[name], found.module)
        ),
        f"only these may: {RESERVED[name]}",
    )


def test_declared_dependencies() -> None:
    """Every library that is imported is one that pyproject.toml asks for itself."""
    text = (PROJECT / "pyproject.toml").read_text("utf-8")
    [block] = re.findall(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    declared = set(re.findall(r'^ *"([\w-]+)', block, re.MULTILINE))
    optional = {
        "trio",
        "outcome",
        "pytest",
    }  # imported where the application runs trio, which needs both
    expect_none(
        (
            found
            for found in imports()
            if not found.internal
            and not is_stdlib(found.target)
            and found.target.split(".")[0] not in declared | optional
        ),
        "no dependency in pyproject.toml, so it may not be there",
    )


def is_stdlib(name: str) -> bool:
    """Whether it comes with Python."""
    return name.split(".")[0] in sys.stdlib_module_names


def test_posix_only_modules() -> None:
    """What Windows has not is imported where it is used, never at module level."""
    expect_none(
        (found for found in imports() if found.target in POSIX_ONLY and not found.lazy),
        "not on Windows, so only inside of a function",
    )


def test_no_cycles() -> None:
    """At module level, no module comes to import itself."""
    graph = {
        module: {
            found.target
            for found in imports()
            if found.module == module and found.internal and not found.lazy
        }
        for module in modules()
    }
    before = None
    while before != graph:  # take off what imports nothing of the rest, or is imported by none
        before = graph
        imported = set().union(*graph.values())
        rest = {module for module in graph.keys() & imported if graph[module] & graph.keys()}
        graph = {module: graph[module] & rest for module in sorted(rest)}
    cyclic = (f"{ROOT}.{module} imports {', '.join(sorted(graph[module]))}" for module in graph)
    expect_none(cyclic, "a cycle of imports")


def test_private_attributes() -> None:
    """Private parts of what we import are known to backends alone."""
    expect_none(
        (
            f"{ROOT}.{module}, line {line}, uses {name}"
            for module in modules()
            if not within(module, {"backends"})
            for line, name in private_uses(module)
        ),
        "private attributes are for backends, with a test that fails when they move",
    )


def test_frames_of_threads() -> None:
    """They are asked for in one place, which knows how not to deadlock."""
    users = {module for module in modules() if "_current_frames" in modules()[module].read_text()}
    assert users == {"backends.tops"}


def private_uses(module: str) -> Iterator[tuple[int, str]]:
    """Private attributes of imported modules, and private names imported."""
    imported = {found.target for found in imports() if found.module == module}
    for node, _ in nodes(tree(module)):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if (owner := ast.unparse(node.value)) in imported:
                yield node.lineno, f"{owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            if any(map(is_private, parts)):
                yield node.lineno, ".".join(parts)


def is_private(name: str) -> bool:
    """Whether it is named as private."""
    return name.startswith("_") and not name.startswith("__")


def test_length() -> None:
    """A module past 300 lines has a second job, which belongs into another."""
    expect_none(
        (
            f"{ROOT}.{module} has {lines} lines"
            for module, path in modules().items()
            if (lines := len(path.read_text("utf-8").splitlines())) > LONGER.get(module, LENGTH)
        ),
        f"at most {LENGTH}",
    )
