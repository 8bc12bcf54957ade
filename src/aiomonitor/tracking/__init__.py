"""What is remembered of tasks: their numbers, who created whom, and how they ended."""
