"""How much the monitor bears: load, faults, hostile input, and time. `python -m reliability` runs
all of it and rewrites docs/reliability.md; nothing of it is part of the package."""
