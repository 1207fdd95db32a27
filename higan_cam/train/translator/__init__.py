"""A network that learns from pairs, lamp off and on, what light the lamp adds."""
