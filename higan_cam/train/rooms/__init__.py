"""The embedded generator: distilled from the renderer of the rooms."""
