"""Monitors programs that do not know of it: `aiomonitor run`, and `aiomonitor attach`."""
