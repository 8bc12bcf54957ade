"""How this project is tested and checked: `python -m nox --list` tells the sessions.

Imports nothing but nox and the stdlib: it runs before anything else is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
"""What the package supports, oldest first."""

PYTHONS_VARIABLE = "AIOMONITOR_PYTHONS"
"""Names more folders of interpreters, which may be deep inside; `.python` is always one."""

PYTEST = ["pytest", "--numprocesses", "4", "--dist", "worksteal", "--reruns", "1", "-raR"]
"""Four at a time: most tests wait for a client or a loop, so that is quick on two cores, too. They
have real clients with real patience, so on a machine that others use, too, one that failed is tried
once more; the summary names it as RERUN."""

ZOO = "tests/zoo"
"""Applications that are run as a whole, each for the better part of a second."""

LONG = [ZOO, "tests/health/test_on_loops.py", "tests/launch"]
"""What blocks loops, for as long as it takes to be noticed, and programs that are run whole."""

CLIENTS = ["tests/clients", "tests/test_cli.py", "tests/test_demo.py", "tests/test_examples.py"]
"""Real clients of whole applications: most of the time that the tests take."""

BETWEEN = PYTHONS[1:-1]
"""Pythons that need no real clients, since what these meet is the same there as in the oldest and
the newest. What differs is how tasks are read, recorded and run: that is tested on all of them."""

WEB_TESTS = ["tests/webui/browser", "tests/webui_fuzz"]
"""What needs a browser, or a package that nothing else needs."""

PUBLIC_MODULES = ["errors", "model", "monitor", "queries", "commands", "utils"]
"""What the names of `import aiomonitor` are made of; the rest is nobody's but ours."""

PYPROJECT = nox.project.load_toml("pyproject.toml")

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint", "typing"]
# The versions that are there are tested, and the others reported: none is fetched unasked.
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False


def add_interpreters_to_path() -> None:
    """Let nox find supported interpreters that are somewhere else: pyenv's, and those we are told.

    They go first, because pyenv's shims are on the path for all versions and run only one.
    """
    roots = [Path(root) for root in os.environ.get(PYTHONS_VARIABLE, "").split(os.pathsep) if root]
    roots.append(Path(__file__).with_name(".python"))
    roots.extend(newest_of_pyenv())
    folders = [folder for root in roots for version in PYTHONS for folder in holding(root, version)]
    os.environ["PATH"] = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])


def holding(root: Path, version: str) -> list[Path]:
    """The folder in or under `root` that holds the interpreter; its library has the same name."""
    found = (path for path in sorted(root.rglob(f"python{version}")) if path.is_file())
    return [path.absolute().parent for path in found][:1]


def newest_of_pyenv() -> list[Path]:
    """The `bin` of the last release of each supported version that pyenv has."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return []
    root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
    versions = Path(root.stdout.strip()) / "versions"
    newest: list[Path] = []
    for version in PYTHONS:
        releases = {path.name.rpartition(".")[2]: path for path in versions.glob(f"{version}.*")}
        numbered = [number for number in releases if number.isdigit()]  # no 3.13.0rc1
        if numbered:
            newest.append(releases[max(numbered, key=int)] / "bin")
    return newest


def report_missing_interpreters(session: nox.Session) -> None:
    """Say what will not be tested, and what to do about it."""
    missing = [version for version in PYTHONS if shutil.which(f"python{version}") is None]
    if missing:
        session.warn(
            f"CPython {', '.join(missing)} is not there, so nothing is tested with it: install it, "
            f"or name the folder that holds it in {PYTHONS_VARIABLE}"
        )


add_interpreters_to_path()


def install(session: nox.Session, *packages: str, group: str) -> None:
    """Install packages and a dependency group of pyproject.toml."""
    session.install(*packages, *nox.project.dependency_groups(PYPROJECT, group))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, with each supported Python that is there (but for LONG and CLIENTS, see there);
    what follows `--` goes to pytest."""
    report_missing_interpreters(session)
    install(session, ".[trio,uvloop]", group="tests")
    elsewhere = LONG + (CLIENTS if session.python in BETWEEN else [])
    session.run(*PYTEST, *(f"--ignore={each}" for each in elsewhere), *session.posargs)


@nox.session(python=[PYTHONS[0], PYTHONS[-1]])
def tests_zoo(session: nox.Session) -> None:
    """The zoo of faulty and healthy applications, loops that are blocked, and programs that know of
    no monitor, with the oldest Python and the newest: how tasks are read on those in between, the
    tests of backends tell."""
    report_missing_interpreters(session)
    install(session, ".[trio,uvloop]", group="tests")
    session.run(*PYTEST, *LONG, *session.posargs)


@nox.session(python="3.13")
def tests_web(session: nox.Session) -> None:
    """The pages of the web UI in Chromium, and its API against its own OpenAPI document.

    One Python is enough: what they test is the browser's part, and the document. Pictures of all
    pages are left in `build/screenshots`. What follows `--` goes to pytest.
    """
    install(session, ".", group="web")
    two = ["--numprocesses", "2"]  # a browser has many processes of its own
    session.run(*PYTEST, *two, "-m", "browser or fuzz", *WEB_TESTS, *session.posargs)


@nox.session(python="3.13")
def tests_docs(session: nox.Session) -> None:
    """What the manual shows: each Python block runs, with the real frameworks, and each session is
    replayed. One Python is enough: they are examples of what other tests cover."""
    install(session, ".[trio,uvloop]", group="manual")
    peer = Path(session.create_tmp(), "peer")  # what the page on it is about
    session.install("--target", str(peer), "aiomonitor==0.7.1")
    environment = {"AIOMONITOR_PEER": str(peer)}
    tests = ["-m", "manual", "tests/manual"]
    session.run(*PYTEST, *tests, *session.posargs, env=environment)


@nox.session(python="3.13")
def tests_workers(session: nox.Session) -> None:
    """Servers with several workers, each with a monitor; and the examples for frameworks. One
    Python is enough: what depends on it, forking, is among the other tests."""
    install(session, ".[uvloop]", group="workers")
    paths = ["tests/workers", "tests/test_examples.py"]
    session.run(*PYTEST, "--numprocesses", "2", "-m", "workers", *paths, *session.posargs)


@nox.session(python="3.13")
def docs(session: nox.Session) -> None:
    """Build the manual into `build/site`; what follows `--` goes to mkdocs (`-- serve`)."""
    install(session, ".[trio]", group="docs")
    quiet = {"NO_MKDOCS_2_WARNING": "1"}  # which is about other software than we ask for
    session.run("mkdocs", *(session.posargs or ["build", "--strict", "--quiet"]), env=quiet)
    if not session.posargs:
        session.run("python", "docs/tools/check_site.py", "build/site")


@nox.session(python="3.13")
def capture(session: nox.Session) -> None:
    """Write the captured sessions and the pictures of the manual anew."""
    install(session, ".[trio]", group="pictures")
    session.run("python", "docs/tools/capture.py")
    session.run("python", "docs/tools/pictures.py")


@nox.session(python="3.12")
def tests_benchmarks(session: nox.Session) -> None:
    """That the benchmarks run. They are no part of the package, so one Python is enough."""
    install(session, ".", group="tests")
    session.run(*PYTEST, "-m", "benchmark", "tests/test_benchmarks.py", *session.posargs)


@nox.session(python="3.13")
def tests_plugin(session: nox.Session) -> None:
    """The plugin for pytest, with others of pytest's, which the rest of the tests must not have:
    what it finds in runners of tests is the same on each Python, so one is enough."""
    install(session, ".[trio]", group="plugins")
    others = ("-p", "no:asyncio", "-p", "no:timeout")
    session.run(*PYTEST, *others, "-m", "plugin", "tests/testing", *session.posargs)


@nox.session(python="3.13")
def tests_fleet(session: nox.Session) -> None:
    """What `contrib/` has for Prometheus and Grafana: checked by `promtool`, and asked of a real
    server that scrapes five workers. One Python is enough: what they test is Prometheus' part."""
    install(session, ".[trio,uvloop]", group="tests")
    one = ["--numprocesses", "0"]  # all tests ask the same server
    session.run(*PYTEST, *one, "-m", "fleet", "tests/fleet", *session.posargs)


@nox.session(python="3.12")
def tests_reliability(session: nox.Session) -> None:
    """Faults, hostile input, load and a soak, a little of each: it fails if an aim of
    docs/reliability.md was missed, and rewrites that page. What follows `--` goes to it."""
    install(session, ".[trio,uvloop]", group="fuzz")
    session.run("python", "-m", "reliability", "--quick", *session.posargs)


@nox.session(python=PYTHONS[0], venv_backend="uv")
def tests_oldest(session: nox.Session) -> None:
    """All tests, with the oldest version of everything that pyproject.toml allows."""
    install(session, "--resolution=lowest-direct", ".[trio,uvloop]", group="tests")
    session.run("python", "-c", "import hypercorn.asyncio, quart, trio, uvloop")
    # These need no package but the stdlib, and ran on this Python in `tests`.
    alone = ["backends/test_hook_guest.py", "backends/test_hook_property.py", "tracking"]
    alone += ["backends/test_hook.py", "backends/test_drift.py", "backends/test_clues.py"]
    alone += ["insight", "commands/test_insight_commands.py", "listings", "rundir"]
    alone += [f"clients/test_{name}.py" for name in ("tracking", "blocked", "lifecycle")]
    left_out = [f"--ignore=tests/{path}" for path in (*alone, "console", "health", "launch", "zoo")]
    session.run(*PYTEST, *left_out, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and likely mistakes: ruff."""
    install(session, group="lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """The types: mypy on everything, pyright on the package and on what it makes public."""
    install(session, ".[trio,uvloop]", group="typing")
    session.run("mypy")
    session.run("pyright")
    verify_public_types(session)


def verify_public_types(session: nox.Session) -> None:
    """Fail if a type that users get to see is unknown or left to the type checker's guess."""
    command = ["pyright", "--verifytypes", "aiomonitor", "--ignoreexternal", "--outputjson"]
    report = session.run(*command, silent=True, success_codes=[0, 1])  # 1: any module at all
    symbols = json.loads(str(report))["typeCompleteness"]["symbols"]
    public = [symbol for symbol in symbols if is_public(symbol["name"])]
    vague = [symbol["name"] for symbol in public if not symbol["isTypeKnown"]]
    if vague or not public:
        session.error(f"types that are not fully known: {', '.join(vague) or 'none was found'}")
    session.log(f"the types of {len(public)} public names are known")


def is_public(name: str) -> bool:
    """Whether users get to see it; of the commands only what their room itself offers."""
    parts = name.split(".")
    inner = parts[1] == "commands" and Path("src", *parts[:3]).with_suffix(".py").exists()
    return parts[1] in PUBLIC_MODULES and not inner


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demonstration; what follows `--` goes to it (`-- --port 0`, `-- --backend trio`)."""
    session.install(".[trio]")
    session.run("python", "-m", "aiomonitor", "demo", *session.posargs)
