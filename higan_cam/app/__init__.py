"""A page for one's own pictures: where light could go, a lamp there, and its light up, down, warmer and cooler."""
