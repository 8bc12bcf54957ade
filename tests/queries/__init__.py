"""Tests of `aiomonitor.queries`."""
