"""Pages of what a student does alone: places, and light put there."""
