"""The command-line client: a terminal for people, one command and its status for scripts.

It talks to a server and is no part of one: of the package it imports what needs the standard
library alone, and click and anyio beside it. Nothing POSIX-only is imported at module level, and
nothing at all here: help and completion shall be quick.
"""
