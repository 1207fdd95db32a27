"""A page on which somebody labels a run's latents by hand: a picture, two keys, a file of labels."""
