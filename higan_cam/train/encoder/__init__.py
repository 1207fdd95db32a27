"""The encoder: picture to code of any generator, learned from the generator's own samples."""
