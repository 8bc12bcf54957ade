"""The manual: its programs run, its sessions are as printed, and its claims are checked."""
