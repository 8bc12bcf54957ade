"""Tests of `aiomonitor.inspection`."""
