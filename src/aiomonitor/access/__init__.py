"""Who may come in, and what is noted of what they do."""
