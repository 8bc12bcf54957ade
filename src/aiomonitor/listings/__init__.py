"""All live tasks at once: pages, counts, groups and trees, at no cost to the application."""
