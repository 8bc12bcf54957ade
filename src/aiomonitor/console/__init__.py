"""The Python console: code of a client, run in the monitored loop's thread.

Loaded when the first console is opened. Knows no runtime: a backend runs the code in its loop.
"""
