"""What the web service needs of the monitor; imports nothing that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiomonitor.model import (
        CancelResult,
        Census,
        EndedSortKey,
        GroupKey,
        GroupPage,
        LoopPulse,
        Outcome,
        RunStatus,
        ScopeCancelResult,
        ScopeReach,
        SortKey,
        TaskPage,
        TaskStack,
        TerminatedPage,
        TerminatedStack,
        ThreadStack,
        TreePage,
        Why,
    )
    from aiomonitor.model.changes import Diff, Watch
    from aiomonitor.model.findings import Findings
    from aiomonitor.model.health import Health, Stall
    from aiomonitor.model.load import Profile, Top
    from aiomonitor.model.shared import AwaitTree, Deadlocks, SharedPage
    from aiomonitor.model.totals import Totals
    from aiomonitor.permissions import Permission


class Admission(Protocol):
    """What lets a browser in once."""

    def redeem(self, ticket: str) -> bool:
        """Whether it is valid; it is not any more afterwards."""
        ...


class Site(Protocol):
    """The monitor, as the pages see it: public queries, for worker threads."""

    @property
    def tickets(self) -> Admission:
        """The one-time links that were given out."""
        ...

    @property
    def host(self) -> str:
        """Where the services listen, as it was given."""
        ...

    @property
    def webui_port(self) -> int | None:
        """The real one."""
        ...

    @property
    def name(self) -> str:
        """The application's."""
        ...

    @property
    def permissions(self) -> Permission:
        """What clients may do."""
        ...

    @property
    def console_refusal(self) -> str:
        """Why there is no console, or an empty string."""
        ...

    def run_line(self, line: str) -> None:
        """Run a command line for the current client; in its worker thread."""
        ...

    def task_page(
        self, *, filter: str, sort: SortKey, reverse: bool, limit: int | None, offset: int
    ) -> TaskPage: ...

    def group_page(
        self,
        by: GroupKey,
        key: str,
        *,
        filter: str,
        sort: SortKey,
        reverse: bool,
        limit: int | None,
        offset: int,
    ) -> TaskPage: ...

    def terminated_page(
        self,
        *,
        filter: str,
        outcome: Outcome | None,
        sort: EndedSortKey,
        reverse: bool,
        limit: int | None,
        offset: int,
    ) -> TerminatedPage: ...

    def census(self) -> Census: ...

    def groups(self, by: GroupKey, *, filter: str, limit: int | None) -> GroupPage: ...

    def tree(self, parent: int, *, filter: str, limit: int | None, offset: int) -> TreePage: ...

    def status(self) -> RunStatus: ...

    def totals(self) -> Totals: ...

    def pulse(self, wait: float = 0.0) -> LoopPulse: ...

    def stack(self, task: int | str) -> TaskStack: ...

    def why(self, task: int | str) -> Why: ...

    def findings(self) -> Findings: ...

    def known_findings(self) -> Findings | None: ...

    def deadlocks(self) -> Deadlocks: ...

    def locks(self, limit: int | None = None) -> SharedPage: ...

    def queues(self, limit: int | None = None) -> SharedPage: ...

    def health(self) -> Health: ...

    def stalls(self, limit: int | None = None) -> tuple[Stall, ...]: ...

    def stall(self, number: int) -> Stall | None: ...

    def top(self, seconds: float, *, limit: int | None) -> Top: ...

    def profile(self, seconds: float) -> Profile: ...

    def collapsed(self, profile: Profile) -> str: ...

    def watch(self, task: int | str | None, *, filter: str) -> Watch: ...

    def await_tree(
        self, task: int | str | None, *, limit: int | None, depth: int | None
    ) -> AwaitTree: ...

    def mark(self, name: str) -> Diff: ...

    def diff(self, name: str, *, limit: int | None) -> Diff: ...

    def terminated_stack(self, task: int | str) -> TerminatedStack: ...

    def dumped(self, *, json: bool) -> str: ...

    def threads(self) -> tuple[ThreadStack, ...]: ...

    def cancel(self, task: int | str, timeout: float) -> CancelResult: ...

    def scope_reach(self, reference: int | str) -> ScopeReach: ...

    def cancel_scope(self, reference: int | str, timeout: float) -> ScopeCancelResult: ...
