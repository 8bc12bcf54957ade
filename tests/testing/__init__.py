"""Tests of `aiomonitor.testing`."""
