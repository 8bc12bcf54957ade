"""A plugin for pytest: what hung, or was left behind, is in the report of the test."""
