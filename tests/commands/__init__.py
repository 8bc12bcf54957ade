"""Tests of `aiomonitor.commands`."""
