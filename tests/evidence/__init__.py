"""Tests of `aiomonitor.evidence`."""
