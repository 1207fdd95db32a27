"""A network that learns from the samples of runs, and of a user's own masks, where the attribute answers."""
