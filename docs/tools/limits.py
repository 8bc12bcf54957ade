"""The named constants of the package that bound something, with values and reasons; stdlib only.

They are read from the source: a number in capitals, and the text right below it.
"""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = PROJECT / "src" / "aiomonitor"

SECTIONS = {
    "Terminal and console": (
        *("terminal", "console", "dialogue", "commands", "listings", "service", "cli"),
        *("doors", "access", "rundir"),
    ),
    "Web page and JSON": ("webui",),
    "What is recorded of tasks": (
        *("tracking", "backends/_asyncio", "backends/_trio", "backends/stacks"),
        *("backends/failures", "backends/life"),
    ),
    "What is looked at": ("backends", "inspection", "insight", "queries", "evidence", "threads"),
    "The loop's health": ("health",),
}
"""Modules and packages, by what they are about; a longer path goes before a shorter one."""

REST = "The rest"
LEFT_OUT = ("demo", "demo_anyio", "demo_command", "render")
"""What is about applications to explore, or about appearance."""

_INTRO = """# Limits

Whatever clients and the application do, the monitor's memory, threads and time are bounded.
Each bound is a constant with a name; this page is made from the source. What goes beyond one is
refused, shortened or counted, and said so: never silently lost.

Constants are for reading. What is meant to be changed is an argument of
[`start_monitor`](api.md) (`max_termination_history`), an attribute of a monitor
(`rule_thresholds`, `stall_threshold`), or an option of a command (`--limit`).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One constant."""

    module: str
    name: str
    value: str
    text: str


def limits() -> str:
    """The page."""
    found: dict[str, list[Limit]] = {section: [] for section in (*SECTIONS, REST)}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if module.partition("/")[0] not in LEFT_OUT:
            found[section_of(module)].extend(constants(path, module))
    parts = [_INTRO]
    for section, constants_found in found.items():
        if constants_found:
            parts.append(f"## {section}\n\n| constant | value | what |\n|---|---|---|")
            parts.extend(row(each) for each in constants_found)
            parts.append("")
    return "\n".join(parts)


def row(limit: Limit) -> str:
    """A line of the table."""
    module = limit.module.replace("/", ".").removesuffix(".__init__")
    text = limit.text.replace("|", "\\|")
    return f"| `{module}`<br>`{limit.name}` | {limit.value} | {text} |"


def section_of(module: str) -> str:
    """Where a module's constants are told."""
    for section, parts in SECTIONS.items():
        if module in parts:
            return section
    matching = [
        (len(part), section)
        for section, parts in SECTIONS.items()
        for part in parts
        if module.startswith(f"{part}/")
    ]
    return max(matching)[1] if matching else REST


def constants(path: Path, module: str) -> Iterator[Limit]:
    """The numbers of a module that have a name in capitals and a text."""
    body = ast.parse(path.read_text("utf-8")).body
    for statement, following in itertools.pairwise(body):
        name, value = assigned(statement)
        text = documentation(following)
        if name.isupper() and not name.startswith("_") and value and text:
            yield Limit(module=module, name=name, value=value, text=text)


def assigned(statement: ast.stmt) -> tuple[str, str]:
    """The name and the number that a statement gives it; empty if it is none."""
    if isinstance(statement, ast.Assign):
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return "", ""
    if not isinstance(target, ast.Name) or statement.value is None:
        return "", ""
    return target.id, number(statement.value)


def documentation(statement: ast.stmt) -> str:
    """The text that a string standing alone is."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return ""
    text = statement.value.value
    return " ".join(text.split()) if isinstance(text, str) else ""


def number(value: ast.expr) -> str:
    """A number, or some, as a person writes it; empty if it is something else."""
    if any(not isinstance(node, _PARTS) for node in ast.walk(value)):
        return ""
    result = eval(compile(ast.Expression(value), "limit", "eval"), {"__builtins__": {}})  # noqa: S307
    parts = result if isinstance(result, tuple) else (result,)
    if not parts or any(isinstance(each, (bool, str, bytes, type(None))) for each in parts):
        return ""
    return ", ".join(written(each) for each in parts)


_PARTS = (ast.Constant, ast.BinOp, ast.operator, ast.unaryop, ast.UnaryOp, ast.Tuple, ast.Load)


def written(amount: float) -> str:
    """Thousands apart, by a space that does not break."""
    return f"{amount:,}".replace(",", "\u202f")
