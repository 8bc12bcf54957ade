"""Tests of `aiomonitor.tracking`."""
