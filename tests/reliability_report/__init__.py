"""What writes the report on reliability: its verdicts, its page, and what finds its figures."""
