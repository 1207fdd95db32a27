"""Trainers on Ray Train: the embedded generator, the scorers, the inpainter; one loop for all."""
