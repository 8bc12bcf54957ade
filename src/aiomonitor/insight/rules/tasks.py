"""Rules about tasks: how they were made, how they end, and how they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.insight.scene import rising
from aiomonitor.model.findings import Finding
from aiomonitor.render import duration, place

from .words import LOOKS, TOLD, at, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.insight.scene import Scene


def swallowed(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Tasks that went on after a cancellation."""
    for cancel in scene.cancels:
        if cancel.state == "swallowed" and cancel.seconds >= threshold:
            yield Finding(
                rule="swallowed cancellation",
                key=f"task {cancel.number}",
                severity="error",
                sentence=f"task {cancel.number} ({cancel.name}) was cancelled "
                f"{duration(cancel.seconds)} ago, and goes on{at(cancel.place)} as if nothing "
                "had been",
                remedy="raise CancelledError again where it is caught (or do not catch it); a bare "
                "`except:` catches it, too",
                value=cancel.seconds,
                threshold=threshold,
                count=1,
                tasks=(cancel.number,),
                place=cancel.place,
            )


def pending(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Tasks that take long to end after a cancellation."""
    for cancel in scene.cancels:
        if cancel.state != "swallowed" and cancel.seconds >= threshold:
            does = (
                "has not had its turn since"
                if cancel.state == "requested"
                else f"still cleans up{at(cancel.place)}"
            )
            yield Finding(
                rule="cancel pending",
                key=f"task {cancel.number}",
                severity="warning",
                sentence=f"task {cancel.number} ({cancel.name}) was cancelled "
                f"{duration(cancel.seconds)} ago, and {does}",
                remedy="wait with a timeout in `finally` and `except CancelledError`",
                value=cancel.seconds,
                threshold=threshold,
                count=1,
                tasks=(cancel.number,),
                place=cancel.place,
            )


TROUBLES = {
    "exception never retrieved": (
        "{tasks} failed and nobody asked for the result: {text}{at}",
        "await each task, or look at its exception in a done callback",
    ),
    "coroutine never awaited": (
        "the coroutine {coroutine} was called and never awaited{at}",
        "write `await` before the call, or make a task of it",
    ),
    "task destroyed": (
        "{tasks} of {coroutine} collected as garbage while waiting{at}",
        "keep a reference to each task that you create, in a set or a TaskGroup",
    ),
}


def troubles(scene: Scene, threshold: float, kind: str) -> Iterator[Finding]:
    """What Python itself complains of."""
    sentence, remedy = TROUBLES[kind]
    for trouble in scene.troubles:
        if trouble.kind == kind and trouble.count >= threshold:
            told = sentence.format(
                tasks=in_words(trouble.count),
                coroutine=trouble.coroutine or "?",
                text=trouble.text,
                at=at(trouble.place),
            )
            yield Finding(
                rule=kind,
                key=f"{trouble.coroutine} {place(trouble.place)}",
                severity="error",
                sentence=told + (f" ({trouble.count} times)" if trouble.count > 1 else ""),
                remedy=remedy,
                value=float(trouble.count),
                threshold=threshold,
                count=trouble.count,
                place=trouble.place,
            )


def unnoticed(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Tasks that failed long ago, which somebody keeps and nobody has asked."""
    for trouble in scene.troubles:
        if trouble.kind == "failure unnoticed" and trouble.seconds >= threshold:
            several = trouble.count > 1
            yield Finding(
                rule="failure unnoticed",
                key=f"{trouble.coroutine} {place(trouble.place)}",
                severity="error",
                sentence=f"{in_words(trouble.count)} of {trouble.coroutine} failed"
                f"{at(trouble.place)} {duration(trouble.seconds)} ago"
                f"{' and later' if several else ''}, and nobody has asked for the result: "
                f"{trouble.text}. {'They are' if several else 'It is'} kept, so Python does not "
                "complain either",
                remedy="await the task, use a TaskGroup, or look at its exception in a done "
                "callback; `where-terminated` shows where it failed",
                value=trouble.seconds,
                threshold=threshold,
                count=trouble.count,
                place=trouble.place,
            )


def loose(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Tasks that may be collected at any time."""
    for site in scene.sites:
        if site.loose and len(site.loose) >= threshold:
            yield Finding(
                rule="task without reference",
                key=site.key,
                severity="warning",
                sentence=f"{in_words(len(site.loose))} created{at(site.place)} "
                f"{'is' if len(site.loose) == 1 else 'are'} referred to by nobody: the garbage "
                "collector may end them at any time, amid their work",
                remedy="keep a reference to each task, in a set or a TaskGroup",
                value=float(len(site.loose)),
                threshold=threshold,
                count=len(site.loose),
                tasks=site.loose[:TOLD],
                place=site.place,
            )


def growth(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Creation sites whose tasks become more and more: the slope counts, not the level."""
    for site in scene.sites:
        grown = rising(site.series, LOOKS)
        if grown and grown >= threshold:
            seconds = site.series[-1][0] - site.series[-LOOKS][0]
            rate = grown / seconds if seconds > 0 else 0.0
            yield Finding(
                rule="task growth",
                key=site.key,
                severity="warning",
                sentence=f"the tasks created{at(site.place)} become more and more: by {grown} to "
                f"{site.series[-1][1]} in {duration(seconds)} ({rate:.1f}/s), at each of the last "
                f"{LOOKS} looks",
                remedy="what are they waiting for? `groups --by created_in`, then `why` one of "
                "them; end them with a timeout",
                value=float(grown),
                threshold=threshold,
                count=site.series[-1][1],
                place=site.place,
            )
