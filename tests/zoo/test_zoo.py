"""Each faulty specimen is named rightly, and each healthy one stays quiet."""

from __future__ import annotations

import pytest

from .harness import found_in, specimens


def test_the_zoo_is_large_enough() -> None:
    """As many as were asked for, at least."""
    faulty = [each for each in specimens().values() if each.is_faulty]
    assert len(faulty) >= 25
    assert len(specimens()) - len(faulty) >= 10


@pytest.mark.parametrize("name", specimens())
def test_specimen(name: str) -> None:
    """What is found is what is there."""
    specimen = specimens()[name]
    if lack := specimen.lacks():
        pytest.skip(f"needs {lack}")
    found = found_in(name)
    rules = {each["rule"] for each in found}
    told = "\n".join(sorted({f"{each['rule']}: {each['sentence']}" for each in found}))
    assert not specimen.is_faulty or rules & specimen.expects, f"missed; found: {told}"
    assert rules <= specimen.expects | specimen.allowed, told
