"""The frozen values that every layer exchanges; imports the stdlib only.

They hold text and numbers, never tasks, frames or exceptions: a value that a client keeps must not
keep the application's objects alive. Any thread may read them.

They are loaded when somebody asks for them: 0.6 MB and 20 ms that an application does not pay for
while nobody looks into it. So what it imports has `model.TaskInfo`, and not `TaskInfo`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .addresses import Address
    from .ended import (
        Outcome,
        TerminatedPage,
        TerminatedStack,
        TerminatedTask,
    )
    from .insight import Why
    from .run import (
        LoopPulse,
        RunStatus,
        RunSummary,
    )
    from .scopes import (
        ScopeInfo,
        ScopeKind,
        ScopeReach,
        WaitInfo,
        WaitKind,
    )
    from .survey import (
        Census,
        Forest,
        GroupPage,
        TaskGroup,
        TreeLine,
        TreeNode,
        TreePage,
    )
    from .tasks import (
        CancellationInfo,
        CancelResult,
        CreationStep,
        FrameInfo,
        ScopeCancelResult,
        TaskInfo,
        TaskPage,
        TaskStack,
        TaskState,
        ThreadStack,
    )
    from .words import (
        CancelOutcome,
        EndedSortKey,
        GroupKey,
        LoopState,
        SortKey,
    )
else:

    def __getattr__(name: str) -> object:
        """One of `__all__`, from the first of the modules that has it; asked once for each."""
        for module in _MODULES if name in __all__ else ():
            content = vars(import_module(f"{__name__}.{module}"))
            if name in content:
                globals()[name] = content[name]
                return content[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_MODULES = ("words", "addresses", "scopes", "tasks", "run", "ended", "insight", "survey")
"""Those with what every look at tasks needs come first."""

__all__ = [
    "Address",
    "CancelOutcome",
    "CancelResult",
    "CancellationInfo",
    "Census",
    "CreationStep",
    "EndedSortKey",
    "Forest",
    "FrameInfo",
    "GroupKey",
    "GroupPage",
    "LoopPulse",
    "LoopState",
    "Outcome",
    "RunStatus",
    "RunSummary",
    "ScopeCancelResult",
    "ScopeInfo",
    "ScopeKind",
    "ScopeReach",
    "SortKey",
    "TaskGroup",
    "TaskInfo",
    "TaskPage",
    "TaskStack",
    "TaskState",
    "TerminatedPage",
    "TerminatedStack",
    "TerminatedTask",
    "ThreadStack",
    "TreeLine",
    "TreeNode",
    "TreePage",
    "WaitInfo",
    "WaitKind",
    "Why",
]
