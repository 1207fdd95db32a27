"""A scorer of one's own label, from few of them."""
