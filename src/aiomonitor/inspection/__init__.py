"""Looks at the whole run for what explains: who waits for whom, what is wrong, what is new."""
