"""The pages of the reference that are read from the package: Markdown, made with every build."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from typing import TYPE_CHECKING, Any

import click
from limits import limits

import aiomonitor
from aiomonitor import permissions
from aiomonitor.__main__ import main as program
from aiomonitor.insight.rules import RULES
from aiomonitor.webui.insight_api import registry  # with all endpoints
from aiomonitor.webui.openapi import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table, or nothing if it had no rows."""
    lines = [f"| {' | '.join(cell(each) for each in row)} |" for row in rows]
    if not lines:
        return ""
    rule = "|".join("---" for _ in head)
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *lines, "", ""])


def cell(text: str) -> str:
    """Text that is no end of a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def code(text: object) -> str:
    """Text as code, however many backticks are in it, and if it is empty."""
    if text == "":
        return '`""`'
    return f"`` {text} ``" if "`" in str(text) else f"`{text}`"


# --- commands -------------------------------------------------------------------------------------

_NEEDS = {
    "read": "",
    "act": ' It needs `permissions="act"` or more.',
    "exec": ' It needs `permissions="exec"`.',
}


def commands() -> str:
    """Every command of a terminal, from the registry."""
    monitor = aiomonitor.Monitor()
    names: dict[str, list[str]] = {}
    for name, command in monitor._command_names().items():  # noqa: SLF001 - the registry of commands
        names.setdefault(command, []).append(name)
    text = [_COMMANDS_INTRO]
    text += [_command(monitor, command, names[command]) for command in sorted(names)]
    return "\n".join(text)


_COMMANDS_INTRO = """# Commands

What a terminal (port 20101) and the command-line client's `-c` understand. This page is made
from the commands themselves; `help COMMAND` at the prompt shows the same.

- A name may be shortened as long as it stays unique, `-` and `_` are the same, an empty line
  repeats the last command, and a mistyped one is told what was meant.
- `TASK` is the number that `ps` shows, an `id()`, or a unique task name.
- Words are quoted as in a shell: `ps --filter 'my task'`.
- With `-c`, the exit status is 0 if the command succeeded, 1 if it failed, 2 if it was not
  understood, and 3 if no monitor answered.
"""


def _command(monitor: aiomonitor.Monitor, name: str, names: list[str]) -> str:
    method = getattr(monitor, f"do_{name}")
    command = monitor._click_command(method)  # noqa: SLF001 - as the monitor runs it
    shown = name.replace("_", "-")
    others = sorted((each for each in names if each != name), key=len)
    short = (
        f" Also {' or '.join(code(each.replace('_', '-')) for each in others)}." if others else ""
    )
    needs = _NEEDS[permissions.needed(monitor, method)]
    with click.Context(command, info_name=shown) as context:
        usage = " ".join([shown, *command.collect_usage_pieces(context)])
        first, _, rest = (command.help or "").partition("\n\n")
        return "\n".join(
            [
                f"## {shown} {{ #{shown} }}\n",
                f"`{usage}`{{ .usage }}\n",
                f"{paragraph(first)}{short}{needs}\n",
                *(f"{paragraph(each)}\n" for each in rest.split("\n\n") if each),
                parameters(command, context),
            ]
        )


def paragraph(text: str) -> str:
    """A paragraph of help, with what users type as code."""
    text = " ".join(text.split())
    return re.sub(r"(?<![`\w-])(--[a-z][a-z-]*)(?![^`]*`[^`]*$)", r"`\1`", text)


def parameters(command: click.Command, context: click.Context) -> str:
    """The options of a command, but for `--help`."""
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if (
            isinstance(parameter, click.Option)
            and record is not None
            and "--help" not in parameter.opts
        ):
            rows.append((code(record[0]), paragraph(record[1])))
    return table(("option", "what"), rows)


# --- the command line -----------------------------------------------------------------------------

_LINE_INTRO = """# Command line

`aiomonitor`, or `python -m aiomonitor`, is the client: a telnet client with everything that a
monitor's terminal offers, and for scripts one command and its exit status. Its subcommands
start what is to be monitored, and more. `python -m aiomonitor.cli` is the client as well. This
page is made from the program's own help.
"""


def command_line() -> str:
    """What can be given to our program."""
    return "\n".join([_LINE_INTRO, *_program(program, "aiomonitor", 2)])


def _program(command: click.Command, name: str, level: int) -> Iterable[str]:
    with click.Context(command, info_name=name) as context:
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        yield f"{'#' * level} {name}\n"
        yield f"`{usage}`{{ .usage }}\n"
        for each in (command.help or "").split("\n\n"):
            yield f"{paragraph(each)}\n"
        yield parameters(command, context)
        yield _epilog(command.epilog or "")
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                if found is not None:
                    yield from _program(found, f"{name} {inner}", level + 1)


def _epilog(text: str) -> str:
    """What follows the options, with its line breaks."""
    parts = [each.replace("\b\n", "").rstrip() for each in text.split("\n\n") if each.strip()]
    return "".join(f"```text\n{each}\n```\n\n" for each in parts)


# --- JSON -----------------------------------------------------------------------------------------

_HTTP_INTRO = """# JSON API

What the web page shows is there for programs, under `/api/` of the web port (20102). A running
monitor describes it as OpenAPI 3.1 at `/openapi.json`; this page is made from the same
document.

- Listings take `filter`, `sort`, `reverse`, `limit`, and `cursor`: that of the answer before,
  for the next page.
- What changes something is a `POST` with the header `X-Aiomonitor: 1`, which no other site's
  form can send.
- With a token, send `Authorization: Bearer TOKEN`.
- Errors are problem details (RFC 9457): `type`, `title`, `status`, and in `detail` what was
  wrong.
- A field that a runtime does not have is left out, not made up.
"""


def http() -> str:
    """The endpoints and the documents that they answer with."""
    api = document(registry)
    parts = [_HTTP_INTRO, "## Endpoints\n"]
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            parts.append(_endpoint(path, method.upper(), operation))
    parts.append("## Documents\n")
    for name, schema in sorted(api["components"]["schemas"].items()):
        parts.append(_document(name, schema))
    return "\n".join(parts)


def _endpoint(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        (code(each["name"]), each["in"], described(each["schema"]), each["description"])
        for each in operation["parameters"]
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for name, schema in body.get("schema", {}).get("properties", {}).items():
        rows.append((code(name), "body", described(schema), schema.get("description", "")))
    told = " or ".join(
        described(answer["schema"]) if media == "application/json" else code(media)
        for media, answer in operation["responses"]["200"]["content"].items()
    )
    return "\n".join(
        [
            f"### {method} {path}\n",
            f"{operation['description']}\n",
            table(("parameter", "in", "type", "what"), rows),
            f"Answers with {told}.\n",
        ]
    )


def _document(name: str, schema: dict[str, Any]) -> str:
    rows = []
    for field, inner in schema.get("properties", {}).items():
        always = "" if field in schema.get("required", ()) else "may be left out"
        rows.append((code(field), described(inner), always))
    about = schema.get("description", "")
    kind = "" if rows else f"{described({**schema, 'description': ''})}\n"
    return "\n".join([f"### {name}\n", f"{about}\n", kind, table(("field", "type", ""), rows)])


def described(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(described(each) for each in schema[key])
    if "enum" in schema or "const" in schema:
        return " or ".join(code(each) for each in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {described(schema.get('items', {}))}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return f"{kind}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    told = [
        f"{words} {schema[key]}"
        for key, words in (
            ("minimum", "from"),
            ("maximum", "to"),
            ("maxLength", "at most"),
            ("default", "by default"),
        )
        if key in schema and schema[key] != ""
    ]
    return f" ({', '.join(told)})" if told else ""


# --- metrics --------------------------------------------------------------------------------------

_METRICS_INTRO = """# Metrics

`/metrics` of the web port (20102) is OpenMetrics 1.0, for Prometheus and whatever reads the
same; who accepts `text/plain` alone gets Prometheus' older format. [How to scrape
many](../howto/prometheus.md) has alerts and a dashboard. This page is made from an answer of a
running monitor.
"""


def metrics() -> str:
    """The families that a monitor exposes."""
    text = exposed()
    help_of = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    rows = []
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        sample = rf"^{name}(?:_total|_bucket|_count|_sum|_info)?\{{(.*?)\}}"
        found = re.findall(sample, text, re.MULTILINE)
        labels = dict.fromkeys(label for each in found for label in re.findall(r"(\w+)=", each))
        told = ", ".join(code(each) for each in labels)
        rows.append((code(name), kind, told, help_of.get(name, "")))
    return f"{_METRICS_INTRO}\n{table(('metric', 'type', 'labels', 'what'), rows)}"


def exposed() -> str:
    """What a monitor on a free port says at `/metrics`."""
    loop = asyncio.new_event_loop()
    try:
        with aiomonitor.start_monitor(loop, port=None, webui_port=0, console_port=None) as monitor:
            url = f"http://127.0.0.1:{monitor.webui_port}/metrics"
            with urllib.request.urlopen(url, timeout=30) as answer:
                text: str = answer.read().decode()
                return text
    finally:
        loop.close()


# --- rules and limits -----------------------------------------------------------------------------

_RULES_INTRO = """# Rules of findings

What [`findings`](commands.md#findings) looks for, on asking, and the monitor by itself: first
half a minute after the start, then for a hundredth of the time at most. A threshold can be
changed, `monitor.rule_thresholds["queue full"] = 60`, and [rules of your
own](../howto/commands.md#a-rule-of-your-own) can be added. How well the rules find planted
faults, and how quiet they are on healthy applications, is [measured](../zoo.md).

What is new goes into the log, once, as `aiomonitor.findings`; a client is told in its greeting, and
the overview page shows it. What is marked with a question mark, or "perhaps", is a suspicion.
"""


def rules() -> str:
    """The rules that come with the monitor."""
    rows = [
        (each.name, each.text, f"{each.threshold:g} {each.unit}" if each.unit else "", each.remedy)
        for each in RULES
    ]
    return f"{_RULES_INTRO}\n{table(('rule', 'finds that', 'from', 'remedy'), rows)}"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "command-line.md": command_line,
    "http.md": http,
    "metrics.md": metrics,
    "rules.md": rules,
    "limits.md": limits,
}
"""By their paths in the reference."""
