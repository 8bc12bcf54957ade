"""Tests of `aiomonitor.dialogue`."""
