"""Tests of `aiomonitor.launch`."""
