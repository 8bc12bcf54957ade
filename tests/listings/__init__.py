"""Tests of `aiomonitor.listings`."""
