"""Coroutines that suspend in every way that Python has, each line marked with its function.

`pause()` makes what is awaited at the end: a future in a loop, a plain awaitable for the fake.
"""

from __future__ import annotations

import types
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Generator,
    )

    Pause = Callable[[], Awaitable[None]]
    Kind = Callable[[Pause], Coroutine[Any, Any, None]]


async def leaf(pause: Pause) -> None:
    await pause()  # at leaf


async def plain(pause: Pause) -> None:
    await leaf(pause)  # at plain


async def numbers(pause: Pause) -> AsyncGenerator[int, None]:
    await leaf(pause)  # at numbers
    yield 1


async def via_async_for(pause: Pause) -> None:
    async for _ in numbers(pause):  # at via_async_for
        pass


async def via_comprehension(pause: Pause) -> None:
    _ = {number async for number in numbers(pause)}  # at via_comprehension


async def via_anext(pause: Pause) -> None:
    await anext(numbers(pause))  # at via_anext


async def via_anext_default(pause: Pause) -> None:
    await anext(numbers(pause), None)  # at via_anext_default


async def via_asend(pause: Pause) -> None:
    await numbers(pause).asend(None)  # at via_asend


class Once:
    """An asynchronous iterator without a generator."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause

    def __aiter__(self) -> Once:
        return self

    async def __anext__(self) -> int:
        await leaf(self._pause)  # at __anext__
        return 1


async def via_iterator_default(pause: Pause) -> None:
    await anext(Once(pause), None)  # at via_iterator_default


async def stubborn_numbers(pause: Pause) -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        await leaf(pause)  # at stubborn_numbers


async def via_athrow(pause: Pause) -> None:
    generator = stubborn_numbers(pause)
    await anext(generator)
    await generator.athrow(ValueError())  # at via_athrow


async def via_aclose(pause: Pause) -> None:
    generator = stubborn_numbers(pause)
    await anext(generator)
    await generator.aclose()  # at via_aclose


class Door:
    """Suspends when it is entered or left."""

    def __init__(self, pause: Pause, where: str) -> None:
        self._pause = pause
        self._where = where

    async def __aenter__(self) -> None:
        if self._where == "enter":
            await leaf(self._pause)  # at __aenter__

    async def __aexit__(self, *exception: object) -> None:
        if self._where == "exit":
            await leaf(self._pause)  # at __aexit__


async def via_aenter(pause: Pause) -> None:
    async with Door(pause, "enter"):  # at via_aenter
        pass


async def via_aexit(pause: Pause) -> None:
    async with Door(pause, "exit"):  # at via_aexit
        pass


@asynccontextmanager
async def managed(pause: Pause) -> AsyncIterator[None]:
    await leaf(pause)  # at managed
    yield


async def via_manager(pause: Pause) -> None:
    async with managed(pause):  # at via_manager
        pass


@types.coroutine
def generator_based(pause: Pause) -> Generator[Any, Any, None]:
    yield from leaf(pause)  # at generator_based


async def via_generator_based(pause: Pause) -> None:
    await generator_based(pause)  # at via_generator_based


class Delegating:
    """An awaitable whose `__await__` is a generator."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause

    def __await__(self) -> Generator[Any, Any, None]:
        yield from leaf(self._pause).__await__()  # at __await__


async def via_await_method(pause: Pause) -> None:
    await Delegating(pause)  # at via_await_method


class Wrapping:
    """An awaitable whose `__await__` returns a coroutine's own."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause

    def __await__(self) -> Generator[Any, Any, None]:
        return leaf(self._pause).__await__()


async def via_wrapper(pause: Pause) -> None:
    await Wrapping(pause)  # at via_wrapper


CHAINS: dict[Kind, str] = {
    plain: "plain leaf",
    via_async_for: "via_async_for numbers leaf",
    via_anext: "via_anext numbers leaf",
    via_anext_default: "via_anext_default numbers leaf",
    via_asend: "via_asend numbers leaf",
    via_iterator_default: "via_iterator_default __anext__ leaf",
    via_athrow: "via_athrow stubborn_numbers leaf",
    via_aclose: "via_aclose stubborn_numbers leaf",
    via_aenter: "via_aenter __aenter__ leaf",
    via_aexit: "via_aexit __aexit__ leaf",
    via_manager: "via_manager __aenter__ managed leaf",
    via_generator_based: "via_generator_based generator_based leaf",
    via_await_method: "via_await_method __await__ leaf",
    via_wrapper: "via_wrapper leaf",
}
"""The functions of each kind's await chain, outermost first."""
