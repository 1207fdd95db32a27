"""Scorers that were learned from few labels: networks, files, and how sure one may be of what they say."""
