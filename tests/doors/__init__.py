"""Tests of `aiomonitor.doors`."""
