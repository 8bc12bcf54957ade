"""The task hook of one event loop: who creates each task, who cancels it, and how it ends.

Not imported before a monitor records. What is private of asyncio here has a test in
tests/backends/test_hook_drift.py.
"""

from __future__ import annotations

from .task_hook import TaskHook

__all__ = ["TaskHook"]
