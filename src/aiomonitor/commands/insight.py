"""The commands that explain: who is under whom, and why a task does not go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from aiomonitor.errors import UsageError
from aiomonitor.model.words import GroupKey  # noqa: TC001 - commands' annotations are read when they run
from aiomonitor.utils import Parameter, alt_names

from .findings import FindingsCommands
from .health import HealthCommands
from .listing import (
    FilterOption,
    JsonOption,
    LimitOption,
    TaskArgument,
    as_json,
    row_limit,
    tasks_offered,
)
from .load import LoadCommands

if TYPE_CHECKING:
    from aiomonitor.model.shared import SharedPage
    from aiomonitor.render.tables import Column


class InsightCommands(FindingsCommands, HealthCommands, LoadCommands):
    """Commands that look at several tasks at once. Sync ones: they run in worker threads."""

    @alt_names("tr")
    def do_tree(
        self,
        task: Annotated[
            str, Parameter(metavar="TASK", help="Only what is under it.", complete=tasks_offered)
        ] = "",
        *,
        filter: FilterOption = "",
        by: Annotated[
            Literal["awaits", "creators"],
            Parameter(help="Who waits for whom, or who created whom (in trio: the nurseries)."),
        ] = "awaits",
        depth: Annotated[
            int, Parameter(metavar="N", help="Only so many levels down; 0 for all.")
        ] = 0,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """Show the live tasks as a tree of who waits for whom.

        Under a task are those that it waits for, and who has the lock that it waits for; a branch
        that comes back to itself is marked as a circle. With --by creators, a task is under the one
        that created it; in trio, under the one that has opened its nursery, with the nurseries and
        the cancel scopes in between: their deadlines, whether they are shielded, and who cancelled
        them. --filter is for that one.
        """
        if depth < 0:
            raise UsageError(f"tree: a depth of {depth} makes no sense: 0 shows all levels")
        rows = row_limit("tree", limit, json=json)
        if by == "awaits" and not filter and self._backend.scopes is None:
            self._write_await_tree(task, rows, depth or None, json=json)
            return
        forest = self._look_up(
            lambda top: self.forest(top or None, filter=filter, limit=rows, depth=depth or None),
            task,
        )
        if json:
            self._write(as_json(forest) + "\n")
            return
        from aiomonitor.render import scopes as render_scopes  # when somebody asks

        width = self._client.columns
        self._write_lines(render_scopes.tree_lines(forest, width, color=self._client.color))

    def _write_await_tree(
        self, task: str, limit: int | None, depth: int | None, *, json: bool
    ) -> None:
        tree = self._look_up(
            lambda top: self.await_tree(top or None, limit=limit, depth=depth), task
        )
        if json:
            self._write(as_json(tree) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        width = self._client.columns
        self._write_lines(render_insight.await_lines(tree, width, color=self._client.color))

    @alt_names("g")
    def do_groups(
        self,
        *,
        by: Annotated[GroupKey, Parameter(help="What the tasks of a group share.")] = "stack",
        filter: FilterOption = "",
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """Count the live tasks by what they have in common, the largest group first.

        By `stack`: the same functions await each other, and the innermost one stands at the same
        line. `functions` is coarser: wherever they stand. Or by coroutine, where they are, where
        they were created, or by state.
        """
        rows = row_limit("groups", limit, json=json)
        page = self.groups(by, filter=filter, limit=rows)
        if json:
            self._write(as_json(page) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        if by in ("stack", "functions"):
            for group in page.groups:
                self._write_lines(render_insight.stack_lines(group, color=self._client.color))
        elif page.groups:
            groups = map(render_insight.group_row, page.groups)
            self._write_table(render_insight.GROUP_COLUMNS, groups)
        self._write(render_insight.groups_summary(page) + "\n")

    @alt_names("lk")
    def do_locks(self, *, limit: LimitOption = -1, json: JsonOption = False) -> None:
        """List the locks, semaphores, conditions, events and barriers that tasks have or wait for.

        The holders of asyncio's own are those that are in an `async with` block of it.
        """
        page = self.locks(row_limit("locks", limit, json=json))
        self._write_shared(page, queues=False, json=json)

    @alt_names("qu")
    def do_queues(self, *, limit: LimitOption = -1, json: JsonOption = False) -> None:
        """List the queues and channels that tasks wait at, or have at hand, and who waits."""
        page = self.queues(row_limit("queues", limit, json=json))
        self._write_shared(page, queues=True, json=json)

    def _write_shared(self, page: SharedPage, *, queues: bool, json: bool) -> None:
        if json:
            self._write(as_json(page) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        columns: tuple[Column, ...] = render_insight.LOCK_COLUMNS
        row = render_insight.lock_row
        names = ("lock or its like", "locks and their like")
        if queues:
            columns, row = render_insight.QUEUE_COLUMNS, render_insight.queue_row
            names = ("queue", "queues")
        if page.objects:
            self._write_table(columns, map(row, page.objects))
        self._write(render_insight.shared_summary(page, *names) + "\n")

    @alt_names("y")
    def do_why(self, task: TaskArgument, *, json: JsonOption = False) -> None:
        """Tell why a task does not go on, in a sentence.

        Follows what it waits for, whom that waits for, and so on, to what holds everything up, or
        back to a task that was there before: a deadlock.
        """
        from aiomonitor import render  # when somebody asks

        why = self._look_up(self.why, task)
        self._write((as_json(why) if json else render.sentence(why)) + "\n")
