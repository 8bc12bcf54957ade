"""Which command a typed name means, and what TAB offers."""

from __future__ import annotations

from typing import Annotated

import pytest

from aiomonitor.commands import CommandInterpreter
from aiomonitor.commands.registry import split_incomplete
from aiomonitor.utils import Parameter, aliases_of, alt_names
from support import Desk, Seat


def broken(_: object, typed: str) -> list[str]:
    raise RuntimeError(typed)


class Shop(CommandInterpreter):
    """Commands with all kinds of names."""

    do_nothing_at_all = "no method, so no command"

    @alt_names("b purchase")
    def do_buy(self, thing: str = "", *, count: int = 1) -> None:
        """Buy something."""

    @alt_names("c-o")
    def do_check_out(self) -> None:
        """Pay."""

    def do_check_in(self) -> None:
        pass

    def do_check(self) -> None:
        pass

    def do_break(self, thing: Annotated[str, Parameter(complete=broken)] = "") -> None:
        pass


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    ("typed", "method"),
    [
        ("buy", "do_buy"),
        ("b", "do_buy"),
        ("purchase", "do_buy"),
        ("purch", "do_buy"),
        ("bu", "do_buy"),
        ("check_out", "do_check_out"),
        ("check-out", "do_check_out"),
        ("check-o", "do_check_out"),
        ("c_o", "do_check_out"),
        ("c-o", "do_check_out"),
        ("check", "do_check"),
        ("?", "do_help"),
        ("h", "do_help"),
    ],
)
def test_names(shop: Shop, typed: str, method: str) -> None:
    """Names, aliases and unique beginnings find the method; `-` and `_` are the same."""
    assert shop._getcmd(typed) == getattr(shop, method)


@pytest.mark.parametrize("typed", ["check-", "chec", "sell", "buyer", "nothing_at_all", "__init__"])
def test_no_such_name(shop: Shop, typed: str) -> None:
    """Ambiguous and unknown names, and what is no method, find nothing."""
    assert shop._getcmd(typed) is None


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("che", "'che' is ambiguous: check, check-in, check-out\n"),
        ("chekc-out", "unknown command 'chekc-out': did you mean 'check-out'"),
        ("buyy", "unknown command 'buyy': did you mean 'buy'?\n"),
        ("xyzzy", "unknown command 'xyzzy': 'help' lists what there is\n"),
    ],
)
def test_hints(shop: Shop, typed: str, answer: str) -> None:
    """What is not understood gets one line that says what would work, and the status 2."""
    seat = Seat(shop)
    text = seat.type(typed)
    assert text.startswith(answer)
    assert text.count("\n") == 1
    assert seat.run.status == 2


def test_an_alias_does_not_hide_a_command() -> None:
    """A command's own name goes before another one's alias."""

    class Two(CommandInterpreter):
        def do_a(self) -> None:
            pass

        @alt_names("a")
        def do_b(self) -> None:
            pass

        @alt_names("b")
        def do_0(self) -> None:
            pass

    two = Two()
    assert two._getcmd("a") == two.do_a
    assert two._getcmd("b") == two.do_b


def test_alt_names_add_up() -> None:
    """Several decorators, and several names in one, are all aliases."""

    @alt_names("a b")
    @alt_names("c")
    def do_it() -> None:
        pass

    assert aliases_of(do_it) == ("c", "a", "b")


def test_a_command_added_to_an_instance_is_found(shop: Shop) -> None:
    """An attribute that is set later counts, as with `cmd.Cmd`."""
    shop.do_late = lambda: None  # type: ignore[attr-defined]
    assert shop._getcmd("late") is not None


def offered(shop: CommandInterpreter, line: str) -> list[str]:
    return [each.text for each in shop.completions(line)]


def test_commands_are_completed(shop: Shop) -> None:
    """TAB at the first word offers commands and aliases, with what they do."""
    assert offered(shop, "che") == ["check", "check-in", "check-out"]
    assert offered(shop, "check_") == ["check-in", "check-out"]
    assert {"help", "?", "buy", "b"} <= set(offered(shop, ""))
    assert [each.help for each in shop.completions("purch")] == ["Buy something."]


def test_options_are_completed(shop: Shop) -> None:
    """TAB after a command offers its options, also after an alias or a beginning."""
    assert offered(shop, "buy --c") == ["--count"]
    assert offered(shop, "bu x --c") == ["--count"]


def test_nothing_is_offered_for_what_is_unknown(shop: Shop) -> None:
    """No command, no completions."""
    assert offered(shop, "sell ") == []
    assert offered(shop, "che ") == []


def test_a_broken_completer_offers_nothing(shop: Shop) -> None:
    """A completer that raises, or words that make no sense, cost no more than the offer."""
    assert offered(shop, "break x") == []
    assert offered(shop, "buy --count x --c") in ([], ["--count"])
    assert offered(shop, "buy --nope ") == []


def test_help_completes_commands() -> None:
    """TAB after `help` offers the commands that it can explain."""
    assert "where" in offered(Desk(), "help ")


@pytest.mark.parametrize(
    ("line", "words", "incomplete"),
    [
        ("", [], ""),
        ("  ", [], ""),
        ("a", [], "a"),
        ("a ", ["a"], ""),
        ("a b", ["a"], "b"),
        ("a 'b c", ["a"], "b c"),
        ("a 'b c ", ["a"], "b c "),
        ('a "b c" d', ["a", "b c"], "d"),
        ("a 'b' ", ["a", "b"], ""),
    ],
)
def test_where_the_cursor_is(line: str, words: list[str], incomplete: str) -> None:
    """The last word is the one to complete, also inside of a quote that is still open."""
    assert split_incomplete(line) == (words, incomplete)
