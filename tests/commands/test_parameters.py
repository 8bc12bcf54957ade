"""From annotations to conversions: every kind that a command may use."""

from __future__ import annotations

import decimal
import enum
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, Union

import click
import pytest

from aiomonitor.commands.arguments import build_command, options_help, usage
from aiomonitor.utils import Parameter

from .test_arguments import call, mapped, refusal

if TYPE_CHECKING:
    from fractions import Fraction  # commands often import names for their annotations alone


class Colour(enum.Enum):
    RED = 1
    DARK_RED = 2


@pytest.mark.parametrize(
    ("annotation", "word", "value"),
    [
        (int, "12", 12),
        (float, "1.5", 1.5),
        (str, "12", "12"),
        (bool, "yes", True),
        (bool, "off", False),
        (bytes, "é", "é".encode()),
        (Path, "a/b", Path("a/b")),
        (uuid.UUID, "0" * 31 + "1", uuid.UUID(int=1)),
        (Colour, "red", Colour.RED),
        (Colour, "Dark_Red", Colour.DARK_RED),
        (Literal["up", 5], "UP", "up"),
        (Literal["up", 5], "5", 5),
        (int | None, "3", 3),
        (Optional[float], "3", 3.0),  # noqa: UP045 - what users write
        (Colour | None, "red", Colour.RED),
        (int | str, "3", 3),
        (int | str, "x", "x"),
        (str | int, "3", 3),
        (Union[int, float, None], "1.5", 1.5),  # noqa: UP007 - what users write
        (Annotated[int, "a remark"], "3", 3),
        (Annotated[int, Parameter(help="how many")], "3", 3),
        (Annotated[int, click.IntRange(0, 9)], "3", 3),
        (Any, "x", "x"),
        (object, "x", "x"),
    ],
)
def test_conversions(annotation: Any, word: str, value: object) -> None:
    """A word becomes a value of the annotated type."""

    def probe(argument: Any) -> Any:
        return argument

    probe.__annotations__["argument"] = annotation
    result = call(probe, word)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("annotation", "word", "complaint"),
    [
        (int, "1.5", "not a valid integer"),
        (bool, "perhaps", "not a valid boolean"),
        (Colour, "blue", "'red'"),
        (Literal["up", "down"], "left", "'up', 'down'"),
        (int | float, "x", "not a valid float"),
        (Annotated[int, click.IntRange(0, 9)], "10", "0<=x<=9"),
    ],
)
def test_refusals(annotation: Any, word: str, complaint: str) -> None:
    """A word that does not fit is refused with what would."""

    def probe(argument: Any) -> Any:
        return argument

    probe.__annotations__["argument"] = annotation
    assert complaint in refusal(probe, word)


class Picky:
    def __init__(self, text: str) -> None:
        if text != "right":
            raise LookupError(f"{text} is wrong")


def test_classes_of_the_users_own() -> None:
    """A class is called with the word; what it raises is a refusal, whatever its type."""

    def probe(thing: Picky, amount: decimal.Decimal = decimal.Decimal(0)) -> tuple[object, ...]:
        return thing, amount

    assert call(probe, "right", "1.5")[1] == decimal.Decimal("1.5")
    assert "left" in refusal(probe, "left")
    assert "x" in refusal(probe, "right", "x")


def test_annotations_that_are_text() -> None:
    """Annotations are resolved under `from __future__ import annotations`, as in this module."""

    def probe(number: int, colour: Colour | None = None) -> tuple[object, ...]:
        return number, colour

    assert probe.__annotations__["number"] == "int"
    assert call(probe, "3", "red") == (3, Colour.RED)


def test_one_bad_annotation_spares_the_others() -> None:
    """A name that exists for type checkers only makes its parameter text, and no other."""

    def probe(amount: Fraction, number: int) -> tuple[object, ...]:
        return amount, number

    assert call(probe, "1.5", "3") == ("1.5", 3)


def test_no_annotation_means_text() -> None:
    """A parameter without annotation takes the word as it is."""

    def probe(argument, other="x"):  # type: ignore[no-untyped-def]
        return argument, other

    assert call(probe, "3") == ("3", "x")


def test_the_rest_is_converted_word_by_word() -> None:
    """`*args: int` takes any number of words."""

    def probe(*numbers: int) -> tuple[int, ...]:
        return numbers

    assert call(probe) == ()
    assert call(probe, "1", "2") == (1, 2)
    assert "'x' is not a valid integer" in refusal(probe, "1", "x")


def test_a_list_takes_the_rest() -> None:
    """A positional parameter that is a list takes all words that are left."""

    def probe(first: str, numbers: list[int]) -> tuple[object, ...]:
        return first, list(numbers)

    assert call(probe, "a", "1", "2") == ("a", [1, 2])


def test_a_list_option_may_be_repeated() -> None:
    """An option that is a list collects its values."""

    def probe(*, tag: list[int] = []) -> list[int]:  # noqa: B006 - what users write
        return list(tag)

    assert call(probe, "--tag", "1", "-t", "2") == [1, 2]
    assert call(probe) == []


def test_flags() -> None:
    """A bool option is a switch; one that is on by default gets a way to turn it off."""

    def probe(*, loud: bool = False, polite: bool = True) -> tuple[bool, bool]:
        return loud, polite

    assert call(probe) == (False, True)
    assert call(probe, "-l", "--no-polite") == (True, False)
    assert mapped(probe, "--polite")[0].value is True


def test_the_first_option_of_a_letter_gets_it() -> None:
    """Short flags are the options' first letters, as far as they are free; -h asks for help."""

    def probe(*, find: str = "", form: str = "", host: str = "") -> tuple[str, ...]:
        return find, form, host

    assert call(probe, "-f", "x", "--form", "y", "--host", "z") == ("x", "y", "z")
    assert "-h" not in options_help(build_command("probe", probe), 80).replace("--h", "")


def test_underscores_are_dashes_in_options() -> None:
    """An option is typed with dashes."""

    def probe(*, dry_run: bool = False) -> bool:
        return dry_run

    assert call(probe, "--dry-run") is True


def test_an_option_without_default_is_required() -> None:
    """A keyword-only parameter that has no default must be given."""

    def probe(*, target: str) -> str:
        return target

    assert call(probe, "-t", "x") == "x"
    assert "Missing option" in refusal(probe)


def test_an_optional_option() -> None:
    """`X | None = None` as an option is None until it is given."""

    def probe(*, limit: int | None = None) -> int | None:
        return limit

    assert call(probe) is None
    assert call(probe, "--limit", "0") == 0


def test_keyword_arguments_of_the_method_are_not_offered() -> None:
    """`**kwargs` is no parameter that one could type."""

    def probe(name: str, **more: str) -> tuple[object, ...]:
        return name, more

    assert call(probe, "a") == ("a", {})
    assert refusal(probe, "a", "b")


@pytest.mark.parametrize(
    ("default", "rest", "expected"),
    [(False, False, "TASK"), (True, False, "[TASK]"), (False, True, "[TASK]...")],
)
def test_names_in_the_usage(default: bool, rest: bool, expected: str) -> None:
    """A parameter is called what its `Parameter` says, with brackets where it may be left out."""

    def required(x: Annotated[str, Parameter(metavar="TASK")]) -> None: ...

    def optional(x: Annotated[str, Parameter(metavar="TASK")] = "") -> None: ...

    def many(*x: Annotated[str, Parameter(metavar="TASK")]) -> None: ...

    method = many if rest else optional if default else required
    assert usage(build_command("probe", method)) == f"[OPTIONS] {expected}"
