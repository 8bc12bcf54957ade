"""The frozen values that every layer exchanges; imports the stdlib only.

They hold text and numbers, never tasks, frames or exceptions: a value that a client keeps must not
keep the application's objects alive. Any thread may read them.
"""

from .addresses import Address
from .ended import (
    EndedSortKey,
    Outcome,
    TerminatedPage,
    TerminatedStack,
    TerminatedTask,
)
from .insight import Why
from .run import (
    LoopPulse,
    LoopState,
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
    GroupKey,
    GroupPage,
    TaskGroup,
    TreeLine,
    TreeNode,
    TreePage,
)
from .tasks import (
    CancellationInfo,
    CancelOutcome,
    CancelResult,
    CreationStep,
    FrameInfo,
    ScopeCancelResult,
    SortKey,
    TaskInfo,
    TaskPage,
    TaskStack,
    TaskState,
    ThreadStack,
)

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
