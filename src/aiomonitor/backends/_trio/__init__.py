"""Watches trio runs, from any thread: the only room that knows trio.

Trio has no public way to list the tasks of a run from another thread, none to tell whether a task
is to be stepped, and none to see a task's scopes. What is private here has a test in
tests/backends/test_trio_drift.py.

An asyncio program may have imported trio, of any version, without a run of it: httpcore does. So
`run` is what is asked first, and the rest is imported for a run alone.
"""
