"""The terminal service, from bytes to sessions."""
