"""How good what a generator draws is, and what went wrong in its training."""
