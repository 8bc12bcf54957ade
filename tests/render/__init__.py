"""Tests of `aiomonitor.render`."""
