"""Tensors in and out of files, embedded weights by name, the zoo of checkpoints and how they are fetched."""
