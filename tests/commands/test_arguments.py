"""From words to a command's arguments: what click parses, and how it reaches the method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click
import pytest

from aiomonitor.commands.arguments import (
    Keyword,
    build_command,
    map_arguments,
    options_help,
    suggest,
    usage,
)
from aiomonitor.dialogue import Suggestion
from aiomonitor.errors import HelpRequested, UsageError
from aiomonitor.utils import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable


def mapped(method: Callable[..., Any], *words: str) -> list[Any]:
    return list(map_arguments(build_command("probe", method), method, words))


def call(method: Callable[..., Any], *words: str) -> Any:
    """What the method returns when a user types these words."""
    arguments = mapped(method, *words)
    keywords = {each.name: each.value for each in arguments if isinstance(each, Keyword)}
    return method(*(each for each in arguments if not isinstance(each, Keyword)), **keywords)


def refusal(method: Callable[..., Any], *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        mapped(method, *words)
    return str(caught.value)


def plain(number: int, path: Path = Path("here"), *rest: float) -> tuple[object, ...]:
    return number, path, rest


def optional(name: str = "x", *, find: str = "", limit: int = 3) -> tuple[object, ...]:
    return name, find, limit


def test_positional_arguments_come_in_order_and_converted() -> None:
    """Words become the positional arguments, each of its annotated type."""
    assert mapped(plain, "7", "there", "1.5", "2") == [7, Path("there"), 1.5, 2.0]


def test_defaults_are_the_methods_own() -> None:
    """What was not typed is not passed, so the method's defaults apply."""
    assert mapped(plain, "7") == [7]
    assert call(plain, "7") == (7, Path("here"), ())


def test_options_come_last_as_keywords() -> None:
    """An option that was typed is passed by name, after the positional arguments."""
    assert mapped(optional, "--limit", "5", "y") == ["y", Keyword("limit", 5)]
    assert call(optional, "y", "-f", "ab", "-l5") == ("y", "ab", 5)


def test_words_after_two_dashes_are_no_options() -> None:
    """`--` ends the options, so that an argument may begin with a dash."""
    assert call(plain, "--", "-7") == (-7, Path("here"), ())


def test_an_empty_word_is_an_argument() -> None:
    """A pair of quotes is an argument of its own."""
    assert call(optional, "") == ("", "", 3)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "Missing argument 'NUMBER'"),
        (("seven",), "'seven' is not a valid integer"),
        (("7", "p", "x"), "'x' is not a valid float"),
        (("--nope", "7"), "No such option"),
    ],
)
def test_bad_words_are_refused_in_one_line(words: tuple[str, ...], complaint: str) -> None:
    """What cannot be parsed is refused with click's words on one line that names the command."""
    text = refusal(plain, *words)
    assert text.startswith("probe: ")
    assert complaint in text
    assert "\n" not in text


def test_too_many_words_are_refused() -> None:
    """More words than the method takes are refused, by name."""
    assert "unexpected extra argument (z)" in refusal(optional, "y", "z")


def test_an_option_without_its_value_is_refused() -> None:
    """An option at the end of the line asks for its value."""
    assert "requires an argument" in refusal(optional, "--limit")


def test_mistyped_options_are_corrected() -> None:
    """An unknown option is answered with the one that was probably meant."""
    assert "--limit" in refusal(optional, "--limti", "3")


def test_help_is_requested_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` hands its text over, since the application's own output is none of our business."""
    with pytest.raises(HelpRequested, match="--limit") as caught:
        mapped(optional, "--help")
    assert "--find" in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_a_command_may_use_the_names_of_the_help_option() -> None:
    """An option called `help` is the command's own; ours takes another name."""

    def probe(*, help: str = "") -> str:  # noqa: A002 - what users write
        return help

    assert call(probe, "--help", "me") == "me"
    with pytest.raises(HelpRequested):
        mapped(probe, "-h")


class Decorated:
    """Commands whose parameters click's own decorators describe."""

    @click.argument("name")
    @click.option("--count", "-c", default=3)
    def do_probe(self, name: str, count: int) -> tuple[str, int]:
        return name, count

    @click.option("--loud", is_flag=True)
    @click.argument("words", nargs=-1)
    def do_say(self, words: tuple[str, ...], loud: bool = False) -> tuple[object, ...]:
        return words, loud


def test_click_decorators_are_honoured() -> None:
    """A method decorated with click.option and click.argument is parsed as they say."""
    method = Decorated().do_probe
    assert call(method, "a", "-c", "5") == ("a", 5)
    assert call(Decorated().do_say, "--loud", "a", "b") == (("a", "b"), True)


def test_defaults_of_click_decorators_reach_the_method() -> None:
    """A default that only the decorator knows is passed on."""
    assert call(Decorated().do_probe, "a") == ("a", 3)


def test_a_decorated_method_can_be_parsed_again() -> None:
    """Building the command leaves the decorated method as it was."""
    for _ in range(2):
        assert call(Decorated().do_probe, "a") == ("a", 3)


def test_bad_words_for_a_decorated_method() -> None:
    """A decorated method's words are refused in the same one line."""
    assert refusal(Decorated().do_probe, "a", "-c", "x").startswith("probe: Invalid value")


def test_usage_names_the_arguments() -> None:
    """The usage line shows what is optional and what may be repeated."""
    assert usage(build_command("probe", plain)) == "[OPTIONS] NUMBER [PATH] [REST]..."


def test_options_help_is_a_table_that_fits() -> None:
    """The table of options explains each and is no wider than it may be."""

    def probe(*, kind: Annotated[str, Parameter(help="word " * 30, metavar="KIND")] = "") -> None:
        pass

    table = options_help(build_command("probe", probe), 60)
    assert "-k, --kind KIND" in table
    assert max(map(len, table.splitlines())) <= 60


def test_no_table_where_there_are_no_options() -> None:
    """A command without options has no table of them."""

    def probe(name: str) -> None:
        pass

    assert options_help(build_command("probe", probe), 80) == ""


def offered(method: Callable[..., Any], words: list[str], incomplete: str) -> list[str]:
    found = suggest(build_command("probe", method), "monitor", words, incomplete)
    return [each.text for each in found]


def test_options_are_suggested() -> None:
    """TAB after a dash offers the options that were not given yet."""
    assert {"--find", "--limit"} <= set(offered(optional, [], "--"))
    assert offered(optional, [], "--lim") == ["--limit"]


def test_choices_are_suggested() -> None:
    """TAB offers the values of a `Literal`."""

    def probe(way: Literal["up", "down"]) -> None:
        pass

    assert offered(probe, [], "") == ["up", "down"]
    assert offered(probe, [], "d") == ["down"]


def complete(monitor: object, typed: str) -> list[str | tuple[str, str]]:
    return [f"{monitor}-{typed}", ("b", "the second")]


def test_a_parameter_suggests_by_itself() -> None:
    """A parameter's own completer gets the monitor and the word, and may explain what it offers."""

    def probe(name: Annotated[str, Parameter(complete=complete)]) -> None:
        pass

    found = suggest(build_command("probe", probe), "monitor", [], "x")
    assert found == [Suggestion("monitor-x"), Suggestion("b", "the second")]


def test_paths_suggest_nothing() -> None:
    """click's request to complete file names is dropped: they would be another machine's."""

    def probe(path: Path) -> None:
        pass

    assert offered(probe, [], "") == []
