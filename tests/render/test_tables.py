"""Which columns a table has; how they look is tested with what they show, in test_render."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.render.tables import Column, Layout

NAME = Column(title="NAME", at_least=4, at_most=20)
NOTE = Column(title="NOTE", at_least=4, at_most=20, drop=1, optional=True)
SITE = Column(title="SITE", at_least=4, at_most=20, drop=2, spare=True)


def titles(columns: list[Column], row: list[str], width: int) -> list[str]:
    return [column.title for _, column, _ in Layout.fit(columns, [row], width).columns]


def test_an_optional_column_without_contents() -> None:
    """It is left out where no row has anything in it, however wide the client is."""
    assert titles([NAME, NOTE], ["worker", ""], 80) == ["NAME"]
    assert titles([NAME, NOTE], ["worker", "x"], 80) == ["NAME", "NOTE"]
    assert titles([NAME, SITE], ["worker", ""], 80) == ["NAME", "SITE"]


def test_a_spare_column_leaves_before_others_suffer() -> None:
    """It goes where more than a tenth of the width would be missing; others are clipped then."""
    row = ["n" * 20, "s" * 20]
    assert titles([NAME, SITE], row, 40) == ["NAME", "SITE"]
    assert titles([NAME, SITE], row, 30) == ["NAME"]
    assert titles([NAME, Column(title="KEPT", at_least=4, at_most=20, drop=2)], row, 30) == [
        "NAME",
        "KEPT",
    ]


@given(st.lists(st.text(max_size=30), min_size=3, max_size=3), st.integers(4, 100))
def test_the_first_column_stays(row: list[str], width: int) -> None:
    """Whatever is left out, a table has its first column."""
    assert titles([NAME, NOTE, SITE], row, width)[0] == "NAME"
