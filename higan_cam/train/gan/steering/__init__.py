"""What samples are made to follow, beside looking like pictures: two sources, or properties that are asked for."""
