"""Watches how the loop keeps up, from a thread of its own; imports no runtime."""
